//! A disk that is full or broken under the collector, while it works: nothing is receipted that is not there, and
//! service resumes by itself when the disk does.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::disk::{Disk, Trouble};
use crate::programs::{Collector, free_address};
use crate::pusher::{Answer, Pusher};

pub(super) const SITE: &str = "19.02.02.2009";
/// What is left to a disk that is called full: not even a page.
const LEFT_BYTES: u64 = 1_000;
/// A disk stays in trouble until it has refused this often.
const FAILURES: u64 = 5;
const RECORDS_A_PUSH: u64 = 20;
const ANSWER_MAX: Duration = Duration::from_secs(20);
const RESUME_MAX: Duration = Duration::from_secs(60);

/// What was done to one program's disk, and what came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Account {
    pub troubles: u64,
    /// Writes and barriers that the disk refused.
    pub refused_by_disk: u64,
    /// Pushes that were answered with "later" meanwhile.
    pub later: u64,
    pub receipted: u64,
    pub kept: u64,
}

fn troubles(disk: &Disk) -> [(&'static str, Trouble); 4] {
    let full = Trouble { bytes_max: Some(disk.used_bytes() + LEFT_BYTES), ..Trouble::default() };
    let writes = Trouble { writes_fail: true, ..Trouble::default() };
    let syncs = Trouble { syncs_fail: true, ..Trouble::default() };
    let all = Trouble { writes_fail: true, ..syncs };
    [("full", full), ("writes fail", writes), ("barriers fail", syncs), ("everything fails", all)]
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
    let mut account = Account::default();
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
    for number in 0..4 {
        push(&mut account)?;
        let (what, trouble) = troubles(&disk)[number];
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
