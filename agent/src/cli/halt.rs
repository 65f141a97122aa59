//! `suar-agent pause LENGTH` and `suar-agent resume`: the link is needed for something else for a while.

use std::path::Path;
use std::process::ExitCode;

use suar_machine::output::{say, tell};

use super::{EXIT_TROUBLE, words};
use crate::clock::Clocks;
use crate::config::Config;
use crate::language::Language;
use crate::pause::{self, Pause};

pub fn pause(config: &Config, language: Language, seconds: u64) -> ExitCode {
    match pause::write(&config.state, &Pause { from: Clocks::system().now(), seconds }) {
        Ok(()) => {
            say!("{}", words::paused(language, seconds));
            ExitCode::SUCCESS
        }
        Err(error) => refused(language, &config.state, &error),
    }
}

pub fn resume(config: &Config, language: Language) -> ExitCode {
    match pause::remove(&config.state) {
        Ok(was_paused) => {
            say!("{}", words::resumed(language, was_paused));
            ExitCode::SUCCESS
        }
        Err(error) => refused(language, &config.state, &error),
    }
}

fn refused(language: Language, state: &Path, error: &std::io::Error) -> ExitCode {
    tell!("{}", words::cannot_write(language, state, error));
    ExitCode::from(EXIT_TROUBLE)
}
