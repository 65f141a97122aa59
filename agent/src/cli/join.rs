//! `suar-agent join CODE`: identity and configuration, once in a machine's life.

use std::path::Path;
use std::process::ExitCode;

use suar_wire::join_code::JoinCode;

use super::check::{self, Sender};
use super::{EXIT_TROUBLE, JoinArgs, refuse, start_log, words};
use crate::config::{self, Config};
use crate::files;
use crate::joining::{self, Existing, JoinFailure};
use crate::language::Language;
use crate::rejoined;
use crate::service::{self, Started};
use crate::spool::Beside;

pub async fn execute(args: JoinArgs) -> ExitCode {
    start_log("warn");
    let file = &args.config.config;
    // Joining again keeps what somebody changed in the file.
    let mut config = if file.exists() {
        match config::read(file) {
            Ok(config) => config,
            Err(mistakes) => return refuse(&mistakes),
        }
    } else {
        Config::default()
    };
    config.language = args.lang.map_or(config.language, Language::from);
    let language = config.language;
    if let Some(state) = &args.state {
        let Ok(state) = std::path::absolute(state) else {
            eprintln!("{}", words::not_a_directory(language, state));
            return ExitCode::from(EXIT_TROUBLE);
        };
        // Two agents on one machine must not share the status file either.
        config.runtime = state.clone();
        config.state = state;
    }

    // Given in several pieces when it was typed with spaces.
    let code: JoinCode = match args.code.join(" ").parse() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", words::code_mistyped(language, &error));
            return ExitCode::from(EXIT_TROUBLE);
        }
    };
    config.collector.clone_from(&code.address);
    config.fingerprint = code.fingerprint;
    // Tried before the code is used up.
    if let Err(error) = prepare(file) {
        eprintln!("{}", words::cannot_write(language, file, &error));
        return ExitCode::from(EXIT_TROUBLE);
    }
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let joined = match joining::join(&code, &config.state, existing).await {
        Ok(joined) => joined,
        Err(JoinFailure::AlreadyJoined { site }) if site == code.site && file.exists() => {
            // What was asked for is so already: a script that installs twice must not fail.
            println!("{}", JoinFailure::AlreadyJoined { site }.message(language));
            return ExitCode::SUCCESS;
        }
        Err(failure) => {
            eprintln!("{}", failure.message(language));
            tracing::debug!("{:#}", anyhow::Error::from(failure));
            return ExitCode::from(EXIT_TROUBLE);
        }
    };
    config.update_key = joined.update_key.or(config.update_key);
    // Readable by everybody: `suar-agent status` is for whoever sits there, and the secrets are elsewhere.
    if let Err(error) = files::replace_for_everybody(file, config::render(&config).as_bytes()) {
        eprintln!("{}", words::cannot_write(language, file, &error));
        return ExitCode::from(EXIT_TROUBLE);
    }
    println!("{}", words::joined(language, &joined.identity, file));
    if let Some(before) = joined.before.filter(|_| something_waits(&config)) {
        let carried = rejoined::carried_file(&config.state, &before);
        println!("{}", words::left_from_before(language, &before, &carried));
    }
    // The service reads the default file; whoever named another one starts the agent in another way.
    let started = if *file == config::default_path() { service::start() } else { Started::NotInstalled };
    println!("{}", words::started(language, &started));
    if started == Started::Running {
        // What whoever stands there wants to know before leaving. That the line is down is no failure to join.
        let _ = check::execute(&config, language, Sender::StartedAgent).await;
    }
    ExitCode::SUCCESS
}

/// Records in the spool that are not receipted; a spool that cannot be read may have some.
fn something_waits(config: &Config) -> bool {
    let spool = Beside::open(&config.spool());
    spool.map_or(true, |spool| {
        spool.is_some_and(|spool| spool.segments().any(|part| part.map_or(true, |part| !part.is_empty())))
    })
}

fn prepare(file: &Path) -> std::io::Result<()> {
    let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) else {
        return Ok(());
    };
    files::make_directory(directory)?;
    let probe = directory.join(".suar-agent.probe");
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(probe)
}
