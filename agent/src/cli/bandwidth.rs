//! `suar-agent bandwidth`: tests the line now and draws how it went. The record is handed in to the running
//! agent.

use std::path::Path;
use std::process::ExitCode;

use suar_machine::output::{self, say, tell};
use suar_wire::bandwidth::{Bandwidth, Direction};

use super::{EXIT_DOWN, EXIT_TROUBLE, start_log, words};
use crate::bandwidth::handed_in::{self, HandedIn};
use crate::bandwidth::{Courtesy, Tested, Tester};
use crate::clock::Clocks;
use crate::config::Config;
use crate::language::Language;
use crate::meter::{Bytes, Meter};
use crate::run;
use crate::status::{self, Freshness};

pub async fn execute(
    config: &Config,
    language: Language,
    direction: Option<Direction>,
    json: bool,
) -> ExitCode {
    let directions = direction.as_ref().map_or(Direction::ALL, std::slice::from_ref);
    // Its own words are the answer; the log only speaks up when something is broken.
    start_log("error");
    match test(config, language, directions, json).await {
        Ok(code) => code,
        Err(error) => {
            tell!("{}", words::cannot_test(language, &error));
            ExitCode::from(EXIT_TROUBLE)
        }
    }
}

async fn test(
    config: &Config,
    language: Language,
    directions: &[Direction],
    json: bool,
) -> anyhow::Result<ExitCode> {
    let identity = run::read_identity(&config.state)?;
    let plan = run::read_plan(&config.state)?;
    let tester = Tester::new(config, &identity, &plan, &Meter::default());
    let Some(tester) = tester else { anyhow::bail!("{} is no address of a server", config.collector) };
    if !json {
        say!("{}", words::testing(language, &identity));
    }
    let mut kept = Ok(());
    let tell = |tested: &Tested| {
        if !json {
            output::write(format_args!("{}", words::tested(language, tested)));
        }
        kept = std::mem::replace(&mut kept, Ok(())).and(hand_in(
            &config.state,
            Some(&tested.record),
            tested.used,
        ));
    };
    let Some(all) = tester.run(&config.state, directions, Courtesy::Insists, tell).await? else {
        anyhow::bail!(words::test_under_way(language));
    };
    kept?;
    if json {
        say!("{}", serde_json::to_string(&all)?);
    } else {
        say!("{}", words::handed_in(language, agent_runs(config)));
    }
    let measured = all.iter().all(|tested| tested.record.end.is_measured());
    Ok(if measured { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DOWN) })
}

/// What a test found, where that is a record of ours, and what it cost: the running agent counts both.
pub(super) fn hand_in(state: &Path, record: Option<&Bandwidth>, used: Bytes) -> std::io::Result<()> {
    let Bytes { sent: sent_bytes, received: received_bytes } = used;
    let at = Clocks::system().now();
    handed_in::write(state, &HandedIn { at, record: record.cloned(), sent_bytes, received_bytes })
}

fn agent_runs(config: &Config) -> bool {
    let status = status::read(&config.runtime, &config.state).ok().flatten();
    status.is_some_and(|status| status.freshness(Clocks::system().now()) == Freshness::Running)
}
