//! `suar-agent check-self`, and how one program asks another to do it: does it start on this machine, can it read what
//! is here?

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use suar_wire::release::{Release, Version};
use tokio::process::Command;

use super::{own_version, target};
use crate::config::Config;
use crate::run;
use crate::spool::Beside;

/// Longest wait; an SD card may need seconds for a large spool.
const ANSWER_SECONDS_MAX: u64 = 60;

/// Reads everything that an agent needs, changes nothing, and says what it is.
pub fn check(config: &Config) -> anyhow::Result<String> {
    run::read_identity(&config.state)?;
    crate::identity::read_plan(&config.state)?;
    if let Some(spool) = Beside::open(&config.spool())? {
        spool.segments().try_for_each(|segment| segment.map(drop)).context("the spool")?;
    }
    Ok(Release { version: own_version(), target: target() }.comment())
}

/// Whether a program says that it is this version for this machine, and finds nothing wrong.
pub async fn passes(program: &Path, config_file: &Path, version: Version) -> io::Result<bool> {
    let mut command = Command::new(program);
    command.arg("check-self").arg("--config").arg(config_file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
    let Ok(output) = tokio::time::timeout(limit, command.output()).await else { return Ok(false) };
    let output = output?;
    let expected = Release { version, target: target() }.comment();
    Ok(output.status.success() && String::from_utf8_lossy(&output.stdout).trim_end() == expected)
}
