//! `suar-agent status`: what the running agent wrote about itself, and whether it still runs.

use std::process::ExitCode;

use suar_machine::output::{self, say, tell};

use super::{EXIT_DOWN, EXIT_TROUBLE, words};
use crate::clock::Clocks;
use crate::config::Config;
use crate::language::Language;
use crate::pause;
use crate::status::{self, Freshness};

pub fn execute(config: &Config, language: Language, json: bool) -> ExitCode {
    let mut status = match status::read(&config.runtime, &config.state) {
        Ok(Some(status)) => status,
        Ok(None) => {
            tell!("{}", words::never_ran(language, &config.runtime));
            return ExitCode::from(EXIT_TROUBLE);
        }
        Err(error) => {
            tell!("{}", words::trouble(language, &error.into()));
            return ExitCode::from(EXIT_TROUBLE);
        }
    };
    let now = Clocks::system().now();
    // Asked of the file itself: a pause shows at once, not with the next round.
    let left_ms = pause::read(&config.state, now).ok().flatten();
    status.paused_until_ms = left_ms.map(|left_ms| now.wall_ms.saturating_add_unsigned(left_ms));
    let freshness = status.freshness(now);
    if json {
        let running = freshness == Freshness::Running;
        let mut value = serde_json::to_value(&status).expect("a status is plain JSON");
        // Judged now, not when the file was written.
        value["running"] = running.into();
        say!("{value:#}");
    } else {
        output::write(format_args!("{}", words::status(language, &status, freshness, now)));
    }
    match (freshness, status.verdict) {
        (Freshness::Running, Some(verdict)) if !verdict.is_up() => ExitCode::from(EXIT_DOWN),
        (Freshness::Running, _) => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_TROUBLE),
    }
}
