//! A province comes back: many agents with a long backlog return within a minute, while other offices go on.
//!
//! Agents behave as the real uplink does: the newest records first, then the oldest ones at one batch a second,
//! patience where it is asked for. Offices that were never away push a round every few seconds; how old their
//! newest round is on `/metrics` is looked at all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use suar_wire::push::RECORDS_MAX;
use suar_wire::{SiteCode, Slot, SlotWidth};

use crate::enrolled::join;
use crate::programs::{Collector, free_address, http_client};
use crate::pusher::{Answer, Pusher};
use crate::seed::Random;
use crate::world::wall_ms;

/// Offices that were never away, and how often they push.
const WATCHED: usize = 10;
const WATCHED_EVERY: Duration = Duration::from_secs(2);
/// As the agent's uplink does it.
const BACKLOG_PAUSE: Duration = Duration::from_secs(1);
const LIVE_EVERY: Duration = Duration::from_secs(300);
const JITTER: f64 = 0.1;
const ANSWER_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Lines of the curve that are printed at most.
const LINES_MAX: usize = 40;

#[derive(Debug, Clone, Copy)]
pub struct Returns {
    pub agents: usize,
    pub days: u64,
    /// They come back spread over this time.
    pub within_seconds: f64,
    pub seed: u64,
    pub resident_kib_max: u64,
    /// What is measured must be seen within this, all the while. `None` where the machine is busy or the programs
    /// are not built for speed: then it is only told.
    pub seen_seconds_max: Option<f64>,
}

/// One look at the collector.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Look {
    pub second: f64,
    pub agents_back: u64,
    pub records_left: u64,
    /// The oldest newest round of an office that was never away, seconds.
    pub seen_seconds: f64,
    pub resident_kib: u64,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct Account {
    pub seed: u64,
    pub agents: usize,
    pub records: u64,
    pub pushes: u64,
    /// Answers that asked for patience.
    pub later: u64,
    pub seconds: f64,
    pub records_a_second: f64,
    pub seen_seconds_most: f64,
    pub resident_kib_most: u64,
    #[serde(skip)]
    pub curve: Vec<Look>,
}

#[derive(Debug, Default)]
struct Progress {
    back: AtomicU64,
    left: AtomicU64,
    pushes: AtomicU64,
    later: AtomicU64,
}

pub fn run(returns: &Returns) -> Result<Account> {
    let directory = tempfile::tempdir()?;
    let address = free_address()?;
    let extra = "[limits]\npushes_a_minute = 1000\nconnections = 4000\n";
    let mut collector = Collector::init(None, directory.path(), &address, extra)?;
    let mut random = Random::from_seed(returns.seed);
    let joined_ms = wall_ms() - (returns.days as i64 + 1) * 86_400_000;
    let away = join(&collector.data(), 0..returns.agents, joined_ms, &mut random)?;
    let watched = join(&collector.data(), returns.agents..returns.agents + WATCHED, joined_ms, &mut random)?;
    collector.serve()?;
    let pid = collector.process().map(|process| process.pid()).context("it serves")?;

    let width = SlotWidth::STANDARD;
    let first = width.slot_at(wall_ms() - returns.days as i64 * 86_400_000);
    let backlog = returns.days * 86_400 / u64::from(width.seconds());
    let progress = Arc::new(Progress::default());
    progress.left.store(backlog * returns.agents as u64, Ordering::Relaxed);
    let fingerprint = collector.fingerprint()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for answer in away {
        let pusher = Pusher::joined(http_client(fingerprint)?, &address, answer, random.next_u64(), first);
        let (after, seed) = (random.share() * returns.within_seconds, random.next_u64());
        let progress = Arc::clone(&progress);
        tasks.spawn_on(
            async move {
                tokio::time::sleep(Duration::from_secs_f64(after)).await;
                come_back(pusher, first, backlog, &progress, Random::from_seed(seed)).await
            },
            runtime.handle(),
        );
    }
    let sites: Vec<SiteCode> = watched.iter().map(|answer| answer.site.clone()).collect();
    for answer in watched {
        let second = SlotWidth::from_seconds(1).context("a second divides a day")?;
        let now = second.slot_at(wall_ms());
        let pusher = Pusher::joined(http_client(fingerprint)?, &address, answer, random.next_u64(), now);
        runtime.spawn(go_on(pusher));
    }
    let mut account = Account { seed: returns.seed, agents: returns.agents, ..Account::default() };
    account.records = backlog * returns.agents as u64;
    let mut failed = Ok(());
    while !tasks.is_empty() {
        std::thread::sleep(LOOK_EVERY);
        while let Some(ended) = tasks.try_join_next() {
            failed = failed.and(ended?);
        }
        let second = started.elapsed().as_secs_f64();
        account.curve.push(look(&collector, pid, &sites, &progress, second)?);
    }
    failed?;
    account.seconds = started.elapsed().as_secs_f64();
    account.records_a_second = account.records as f64 / account.seconds;
    account.pushes = progress.pushes.load(Ordering::Relaxed);
    account.later = progress.later.load(Ordering::Relaxed);
    // The first rounds of the watched ones need a moment to be there at all.
    let seen = account.curve.iter().skip(3).map(|look| look.seen_seconds);
    account.seen_seconds_most = seen.fold(0.0, f64::max);
    account.resident_kib_most = account.curve.iter().map(|look| look.resident_kib).max().unwrap_or(0);
    drop(runtime);
    collector.stop()?;
    print_curve(&account.curve);
    ensure!(
        returns.seen_seconds_max.is_none_or(|most| account.seen_seconds_most <= most),
        "a live round was {} s old before it was seen",
        account.seen_seconds_most
    );
    ensure!(
        account.resident_kib_most <= returns.resident_kib_max,
        "{} KiB resident",
        account.resident_kib_most
    );
    Ok(account)
}

/// The newest records first, then the oldest, as the agent's uplink sends them.
async fn come_back(
    pusher: Pusher,
    first: Slot,
    backlog: u64,
    progress: &Progress,
    mut random: Random,
) -> Result<()> {
    progress.back.fetch_add(1, Ordering::Relaxed);
    // Numbers that wait; the records are made when they are sent, or a thousand agents would fill the memory.
    let (mut oldest, mut newest) = (1, backlog);
    let mut live_due = Instant::now();
    while oldest <= newest {
        let count = (newest - oldest + 1).min(RECORDS_MAX as u64);
        let is_live = Instant::now() >= live_due;
        let from = if is_live { newest + 1 - count } else { oldest };
        let slot = Slot { index: first.index + from as i64, ..first };
        let batch = pusher.rounds(from, slot, count);
        loop {
            match pusher.send(&batch, ANSWER_MAX).await?.answer {
                Answer::Receipt(receipt) => {
                    ensure!(receipt.refused.is_empty(), "refused: {:?}", receipt.refused);
                    break;
                }
                Answer::Later(asked) => {
                    progress.later.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(asked.mul_f64(1.0 + JITTER * random.share())).await;
                }
            }
        }
        progress.pushes.fetch_add(1, Ordering::Relaxed);
        progress.left.fetch_sub(count, Ordering::Relaxed);
        if is_live {
            newest -= count;
            live_due = Instant::now() + LIVE_EVERY;
        } else {
            oldest += count;
        }
        tokio::time::sleep(BACKLOG_PAUSE).await;
    }
    Ok(())
}

/// An office that was never away: a round now and then, again when it got no receipt.
async fn go_on(mut pusher: Pusher) {
    loop {
        pusher.be_at(wall_ms());
        let records = pusher.next(1);
        while !matches!(
            pusher.send(&records, ANSWER_MAX).await.map(|sent| sent.answer),
            Ok(Answer::Receipt(_))
        ) {
            tokio::time::sleep(WATCHED_EVERY).await;
        }
        tokio::time::sleep(WATCHED_EVERY).await;
    }
}

fn look(
    collector: &Collector<'_>,
    pid: u32,
    sites: &[SiteCode],
    progress: &Progress,
    second: f64,
) -> Result<Look> {
    let page = collector.get("/metrics")?.text();
    let now = wall_ms() as f64 / 1_000.0;
    let age = |site: &SiteCode| {
        let start = format!("suar_site_last_measured_timestamp_seconds{{site=\"{site}\"}} ");
        let at = page.lines().find_map(|line| line.strip_prefix(&start)?.parse::<f64>().ok());
        at.map_or(f64::from(u32::MAX), |at| now - at)
    };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    Ok(Look {
        second,
        agents_back: progress.back.load(Ordering::Relaxed),
        records_left: progress.left.load(Ordering::Relaxed),
        seen_seconds: sites.iter().map(age).fold(0.0, f64::max),
        resident_kib: resident.and_then(|text| text.trim().parse().ok()).context("VmRSS")?,
    })
}

fn print_curve(curve: &[Look]) {
    println!("{:>8} {:>8} {:>12} {:>12} {:>12}", "second", "back", "left", "seen after s", "resident KiB");
    for look in curve.iter().step_by(curve.len().div_ceil(LINES_MAX).max(1)) {
        println!(
            "{:>8.0} {:>8} {:>12} {:>12.1} {:>12}",
            look.second, look.agents_back, look.records_left, look.seen_seconds, look.resident_kib
        );
    }
}
