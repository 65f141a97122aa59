//! A disk that is full or broken under the collector or under an agent, while it works: nothing is receipted that is
//! not there, no record is lost, and service resumes by itself when the disk does.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::disk::{Disk, Trouble};
use crate::programs::{Agent, Collector, free_address, wait_until};
use crate::pusher::{Answer, Pusher};

pub(super) const SITE: &str = "19.02.02.2009";
/// A disk stays in trouble until it has refused this often.
const FAILURES: u64 = 5;
const RECORDS_A_PUSH: u64 = 20;
const ANSWER_MAX: Duration = Duration::from_secs(20);
const RESUME_MAX: Duration = Duration::from_secs(60);

/// What was done to one program's disk, and what came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Account {
    pub of: &'static str,
    pub troubles: u64,
    /// Writes and barriers that the disk refused.
    pub refused_by_disk: u64,
    /// Pushes that were answered with "later" meanwhile.
    pub later: u64,
    pub receipted: u64,
    pub kept: u64,
}

/// What may happen to a disk. The collector has its pages in memory, so that reads matter to agents only.
fn troubles() -> [(&'static str, Trouble); 5] {
    // No file may grow.
    let full = Trouble { bytes_max: Some(0), ..Trouble::default() };
    let writes = Trouble { writes_fail: true, ..Trouble::default() };
    let syncs = Trouble { syncs_fail: true, ..Trouble::default() };
    let all = Trouble { writes_fail: true, ..syncs };
    let reads = Trouble { reads_fail: true, ..Trouble::default() };
    [
        ("there is no room", full),
        ("writes fail", writes),
        ("barriers fail", syncs),
        ("writes and barriers fail", all),
        ("reads fail", reads),
    ]
}

/// A collector that serves from a disk of ours, packs at once, and has one site to push for.
pub(super) fn on_disk(directory: &Path) -> Result<(Disk, Collector<'static>)> {
    let data = directory.join("collector-data");
    std::fs::create_dir(&data)?;
    let disk = Disk::mount(&data)?;
    let extra = "[store]\npack_seconds = 1\n[limits]\npushes_a_minute = 100000\n";
    let mut collector = Collector::init(None, directory, &free_address()?, extra)?;
    collector.add_site(SITE)?;
    collector.serve()?;
    Ok((disk, collector))
}

/// The collector's disk.
pub fn collector() -> Result<Account> {
    let directory = tempfile::tempdir()?;
    let (disk, mut collector) = on_disk(directory.path())?;
    let code = collector.join_code(SITE, &[])?.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut pusher = runtime.block_on(Pusher::join(&code, 1, 60))?;
    let mut account = Account { of: "collector", ..Account::default() };
    let mut push = |account: &mut Account| -> Result<()> {
        let records = pusher.next_events(RECORDS_A_PUSH);
        loop {
            match runtime.block_on(pusher.send(&records, ANSWER_MAX))?.answer {
                Answer::Receipt(_) => break,
                Answer::Later(_) => {
                    account.later += 1;
                    if disk.failures() >= account.refused_by_disk + FAILURES {
                        account.refused_by_disk = disk.failures();
                        disk.set_trouble(Trouble::default());
                    }
                }
            }
        }
        account.receipted = pusher.last_sequence();
        Ok(())
    };
    for (what, trouble) in troubles().into_iter().filter(|(_, trouble)| !trouble.reads_fail) {
        push(&mut account)?;
        disk.set_trouble(trouble);
        account.troubles += 1;
        let since = Instant::now();
        // Until the disk has refused often enough; then it is mended, and the same push goes through.
        let before = account.refused_by_disk;
        while account.refused_by_disk == before {
            push(&mut account).with_context(|| format!("the collector's disk: {what}"))?;
            ensure!(since.elapsed() < RESUME_MAX, "the disk refused {} times", disk.failures() - before);
        }
        ensure!(collector.get("/healthz")?.status == 200, "{what}: it does not live");
    }
    let log = collector.process().map(|process| process.log()).unwrap_or_default();
    ensure!(!log.contains("panicked"), "{log}");
    // What was full or broken for a moment is not damaged, and nobody is to be sent looking.
    ensure!(!log.contains("cannot read") && !log.contains("check-store"), "{log}");
    collector.stop()?;
    collector.administer(&["check-store"])?.ok().context("the store is not whole")?;
    let kept = collector.records()?;
    account.kept = kept.len() as u64;
    let distinct: BTreeSet<u64> = kept.iter().map(|kept| kept.record.sequence).collect();
    ensure!(distinct.len() == kept.len(), "kept twice");
    let lost: Vec<u64> =
        (1..=account.receipted).filter(|sequence| !distinct.contains(sequence)).take(5).collect();
    ensure!(lost.is_empty(), "receipted and not there: {lost:?}");
    Ok(account)
}

/// Slots of a second, and nothing leaves this machine.
const PLAN: &str = "[plan]\nslot_seconds = 1\npush_seconds = 1\ntargets = [\"127.0.0.1\", \"127.0.0.2\"]\n\
                    public_resolver = \"127.0.0.1\"\n";
/// Records that an agent must measure and send before its disk gets into trouble again, or while it is.
const MEASURED: u64 = 3;

/// The disk of a real agent that measures and pushes.
pub fn agent() -> Result<Account> {
    let directory = tempfile::tempdir()?;
    let mut collector = Collector::init(None, directory.path(), &free_address()?, PLAN)?;
    collector.add_site(SITE)?;
    collector.serve()?;
    let mut agent = Agent::new(None, directory.path(), "agent")?;
    std::fs::create_dir_all(agent.state())?;
    let disk = Disk::mount(&agent.state())?;
    agent.join(&collector.join_code(SITE, &[])?)?.ok()?;
    agent.run()?;
    let mut account = Account { of: "agent", ..Account::default() };
    for (what, trouble) in troubles() {
        wait_for_more(&collector, "a sound disk")?;
        let (before, spool) = (disk.failures(), spool_of(&agent).map_err(anyhow::Error::msg)?);
        disk.set_trouble(trouble);
        account.troubles += 1;
        wait_until(&format!("the agent to meet a disk on which {what}"), RESUME_MAX, || {
            let refused = disk.failures() - before;
            if refused >= FAILURES { Ok(()) } else { Err(format!("{refused} refusals")) }
        })?;
        wait_until(&format!("the agent to measure on while {what}"), RESUME_MAX, || {
            let now = spool_of(&agent)?;
            let is_held = if trouble.writes_fail || trouble.syncs_fail {
                now["trouble"].is_string() && number_of(&now, "in_memory") >= MEASURED
            } else if trouble.reads_fail {
                number_of(&now, "records_pending") >= number_of(&spool, "records_pending") + MEASURED
            } else {
                // What is written in place needs no room.
                true
            };
            if is_held { Ok(()) } else { Err(now.to_string()) }
        })?;
        disk.set_trouble(Trouble::default());
        account.refused_by_disk = disk.failures();
        wait_until(&format!("the agent to write again after {what}"), RESUME_MAX, || {
            let now = spool_of(&agent)?;
            let is_well = now["trouble"].is_null() && number_of(&now, "in_memory") == 0;
            if is_well { Ok(()) } else { Err(now.to_string()) }
        })?;
    }
    wait_for_more(&collector, "the last trouble")?;
    let log = agent.process().map(|process| process.log()).unwrap_or_default();
    ensure!(!log.contains("panicked"), "{log}");
    agent.stop()?;
    collector.stop()?;
    let kept = collector.records()?;
    let distinct: BTreeSet<_> = kept.iter().map(|kept| (kept.epoch, kept.record.sequence)).collect();
    account.kept = kept.len() as u64;
    ensure!(distinct.len() == kept.len(), "kept twice");
    // Every number from the first to the last, of one life: nothing lost, nothing begun anew.
    let whole = distinct.iter().map(|(_, sequence)| *sequence).eq(1..=account.kept);
    ensure!(whole, "kept: {distinct:?}");
    account.receipted = account.kept;
    Ok(account)
}

fn spool_of(agent: &Agent<'_>) -> Result<serde_json::Value, String> {
    Ok(agent.status().map_err(|error| format!("{error:#}"))?["spool"].clone())
}

fn number_of(spool: &serde_json::Value, field: &str) -> u64 {
    spool[field].as_u64().unwrap_or(0)
}

fn wait_for_more(collector: &Collector<'_>, after: &str) -> Result<()> {
    let kept = || collector.records().map(|kept| kept.len() as u64).map_err(|error| format!("{error:#}"));
    let before = kept().map_err(anyhow::Error::msg)?;
    wait_until(&format!("more records after {after}"), RESUME_MAX, || {
        let now = kept()?;
        if now >= before + MEASURED { Ok(()) } else { Err(format!("{before} before, {now} now")) }
    })
}
