//! Which faults, how many of them, and what is printed.

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use super::{disks, kills, power, returns};
use crate::netns::can_run_here;
use crate::seed::printed_seed;
use crate::takers::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Both programs killed at random moments, a hostile line between them.
    Kills,
    /// Power cut under the agent's spool at every write and barrier.
    PowerSpool,
    /// Power cut under the collector's store.
    PowerStore,
    /// A disk that is full or broken under the collector, and under an agent.
    Disks,
    /// Many agents with a long backlog return within a minute.
    Returns,
}

impl Part {
    const ALL: [Self; 5] = [Self::PowerSpool, Self::PowerStore, Self::Disks, Self::Kills, Self::Returns];
}

/// Runs the parts, all of them even when one fails, and prints what was done and what came of it.
pub fn run(only: &[Part], long: bool) -> Result<()> {
    if !can_run_here("the fault suite") {
        return Ok(());
    }
    let seed = printed_seed("faults");
    let parts = if only.is_empty() { &Part::ALL } else { only };
    let mut failed = Vec::new();
    for part in parts {
        let started = Instant::now();
        match run_part(*part, long, seed) {
            Ok(()) => println!("{part:?}: passed in {} s", started.elapsed().as_secs()),
            Err(error) => {
                println!("{part:?}: FAILED: {error:#}");
                failed.push(format!("{part:?}"));
            }
        }
    }
    anyhow::ensure!(failed.is_empty(), "failed with seed {seed}: {}", failed.join(", "));
    Ok(())
}

fn run_part(part: Part, long: bool, seed: u64) -> Result<()> {
    let choose = |short, long_form| if long { long_form } else { short };
    match part {
        Part::Kills => {
            let times = choose(12, 200);
            print(part, &kills::run(&kills::Kills { agents: times, collector: times, seed })?)
        }
        Part::PowerSpool => print(part, &power::spool(choose(40, 600), seed)?),
        Part::PowerStore => {
            print(part, &power::store(u64::from(choose(15, 300)), u64::from(choose(40, 2_000)), seed)?)
        }
        Part::Returns => {
            let (agents, days, within_seconds) = if long { (1_000, 30, 60.0) } else { (20, 2, 5.0) };
            let resident_kib_max = if long { 400 * 1024 } else { 200 * 1024 };
            let seen_seconds_max = long.then_some(10.0);
            let into = Kind::Collector;
            let returns = returns::Returns {
                into,
                agents,
                days,
                within_seconds,
                seed,
                resident_kib_max,
                seen_seconds_max,
            };
            print(part, &returns::run(&returns)?)
        }
        Part::Disks => print(part, &disks::collector()?).and_then(|()| print(part, &disks::agent()?)),
    }
}

fn print(part: Part, account: &impl Serialize) -> Result<()> {
    let serde_json::Value::Object(fields) = serde_json::to_value(account)? else { return Ok(()) };
    for (field, value) in fields {
        println!("{:<24} {field:<20} {value:>12}", format!("{part:?}"));
    }
    Ok(())
}
