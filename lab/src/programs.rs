//! The real programs as real processes: started in a namespace, watched, stopped, killed, with their
//! output in files that are shown when a test fails.

mod agent;
mod client;
mod collector;
mod machine;
mod process;
pub mod prometheus;
mod receiver;
mod talk;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub use agent::{Agent, JOINS_MAX};
pub use client::{Answer, Client, http_client};
pub use collector::{Collector, Kept, free_address, rounds_of};
pub use machine::Machine;
pub use process::{Finished, Process, fed, figure, finish};
pub use receiver::Receiver;
pub use talk::TlsTalk;

/// How often a state that is waited for is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Looks again and again until `look` finds what is waited for, and says what was last seen when it
/// does not come in time.
pub fn wait_until<T>(
    what: &str,
    at_most: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(seen) if started.elapsed() >= at_most => {
                bail!("waited {} s for {what}; last seen: {seen}", at_most.as_secs())
            }
            Err(_) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

/// One of our programs, as `cargo build --workspace` left it beside the running test.
pub fn program(name: &str) -> Result<PathBuf> {
    let running = std::env::current_exe().context("where this program is")?;
    let found =
        running.ancestors().skip(1).take(2).map(|directory| directory.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "{name} is not built (looked beside {}); run `cargo build --workspace` first",
            running.display()
        )
    })
}

/// A tool from PATH, or from where `lab/tools.sh` unpacks what must not be installed.
pub fn tool(name: &str) -> Result<PathBuf> {
    let unpacked = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/lab-tools");
    let path = std::env::var_os("PATH").unwrap_or_default();
    [unpacked.join("usr/bin"), unpacked.join("python/bin")]
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("{name} is missing; lab/check.sh fetches it"))
}
