//! `suar-agent bandwidth --ndt7`: the world's common yardstick, for whoever can pay for it. What it costs is told, and
//! asked for, before anything is sent; what it found is printed and goes nowhere.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use suar_machine::output::{self, say, tell};
use suar_wire::bandwidth::Direction;

use super::bandwidth::hand_in;
use super::{EXIT_DOWN, EXIT_TROUBLE, start_log, words};
use crate::bandwidth::ndt7::{self, Address, Cost, End, Found, Server};
use crate::config::Config;
use crate::language::Language;
use crate::meter::Meter;

/// What the command line says of it.
#[derive(Debug)]
pub struct Asked<'a> {
    pub url: &'a str,
    pub ca: Option<&'a PathBuf>,
    pub direction: Option<Direction>,
    /// Nobody needs to be asked.
    pub yes: bool,
    pub json: bool,
}

pub async fn execute(config: &Config, language: Language, asked: &Asked<'_>) -> ExitCode {
    start_log("error");
    match prepare(config, language, asked) {
        Ok((server, costs)) => test(&config.state, language, &server, &costs, asked.json).await,
        Err(why) => {
            tell!("{why}");
            ExitCode::from(EXIT_TROUBLE)
        }
    }
}

/// Everything that can be known before a byte is sent. The error is what the person is told.
fn prepare(config: &Config, language: Language, asked: &Asked<'_>) -> Result<(Server, Vec<Cost>), String> {
    let no_address = |why| words::ndt7_no_address(language, why);
    let address = Address::parse(asked.url).map_err(no_address)?;
    let directions = address.directions(asked.direction).map_err(no_address)?;
    let ca = asked.ca.map(PathBuf::as_path);
    let trust = ndt7::trust(ca);
    let trust = trust.map_err(|why| words::ndt7_no_trust(language, ca.unwrap_or(Path::new("")), &why))?;
    let costs = ndt7::costs(&config.state, &directions);
    let told = words::ndt7_costs(language, &address.authority, &costs);
    // Programs read stdout, and whoever started one has to know too.
    if asked.json {
        output::write_beside(format_args!("{told}"));
    } else {
        output::write(format_args!("{told}"));
    }
    if !asked.yes && !agreed(language)? {
        return Err(words::ndt7_not_agreed(language));
    }
    Ok((Server { address, trust }, costs))
}

/// Asks whoever sits there.
fn agreed(language: Language) -> Result<bool, String> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(words::ndt7_nobody_to_ask(language));
    }
    // To stderr: the answer of the command may go to a file.
    output::write_beside(format_args!("{} ", words::ndt7_ask(language)));
    let mut answer = String::new();
    // What cannot be read is no yes.
    let _ = input.read_line(&mut answer);
    Ok(words::is_yes(&answer))
}

async fn test(state: &Path, language: Language, server: &Server, costs: &[Cost], json: bool) -> ExitCode {
    let trouble = |error: &anyhow::Error| {
        tell!("{}", words::cannot_test(language, error));
        ExitCode::from(EXIT_TROUBLE)
    };
    let _lock = match ndt7::lock(state) {
        Ok(Some(lock)) => lock,
        Ok(None) => return trouble(&anyhow::anyhow!(words::test_under_way(language))),
        Err(error) => return trouble(&error.into()),
    };
    let mut all: Vec<Found> = Vec::new();
    for cost in costs {
        let (found, used) = ndt7::run(server, *cost, &Meter::default()).await;
        // What it cost is the office's data too.
        let kept = hand_in(state, None, used);
        match found {
            Ok(found) => {
                if !json {
                    output::write(format_args!("{}", words::ndt7_found(language, &found)));
                }
                all.push(found);
            }
            Err(refused) => {
                tell!("{}", words::ndt7_refused(language, &server.address.authority, &refused));
                return ExitCode::from(EXIT_DOWN);
            }
        }
        if let Err(error) = kept {
            return trouble(&error.into());
        }
    }
    if json {
        match serde_json::to_string(&all) {
            Ok(text) => say!("{text}"),
            Err(error) => return trouble(&error.into()),
        }
    } else {
        say!("{}", words::ndt7_explained(language));
    }
    let complete = all.iter().all(|found| matches!(found.end, End::Complete | End::Bound));
    if complete { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DOWN) }
}
