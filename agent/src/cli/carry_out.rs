//! `suar-agent carry-out`: what the collector has not acknowledged as a sealed file, for an office whose link
//! stays away. Works beside a running agent; the agent keeps its records and sends them again later, which
//! the collector then knows already.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use suar_machine::output::{say, tell};
use suar_wire::carried;

use super::{EXIT_TROUBLE, words};
use crate::config::Config;
use crate::language::Language;
use crate::{carrying, files, rejoined, run};

pub fn execute(config: &Config, language: Language, file: &Path) -> ExitCode {
    match carry_out(config, language, file) {
        Ok(said) => {
            say!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell!("{}", words::cannot_carry(language, &error));
            ExitCode::from(EXIT_TROUBLE)
        }
    }
}

fn carry_out(config: &Config, language: Language, file: &Path) -> anyhow::Result<String> {
    let identity = run::read_identity(&config.state)?;
    let identity = rejoined::owner_before(&config.state, &identity).unwrap_or(identity);
    if would_replace(file) {
        bail!(words::would_replace(language, file));
    }
    let plan_version = run::read_plan(&config.state)?.version;
    let Some((bytes, records)) = carrying::sealed(&config.spool(), &identity, plan_version)? else {
        return Ok(words::nothing_to_carry(language));
    };
    let path = std::path::absolute(file).with_context(|| file.display().to_string())?;
    files::replace(&path, &bytes).with_context(|| file.display().to_string())?;
    Ok(words::carried_out(language, &identity, file, records))
}

/// An older file of the same kind is replaced; anything else was named by mistake.
fn would_replace(file: &Path) -> bool {
    let mut start = Vec::new();
    match std::fs::File::open(file).and_then(|file| file.take(16).read_to_end(&mut start)) {
        Ok(_) => !carried::is_carried(&start),
        Err(_) => file.exists(),
    }
}
