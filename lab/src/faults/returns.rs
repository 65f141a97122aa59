//! A province comes back: many agents with a long backlog return within a minute, while other offices go on.
//!
//! Agents behave as the real uplink does: the newest records first, then the oldest ones at one batch a second,
//! patience where it is asked for. Offices that were never away push a round every few seconds; how old their
//! newest round is where people look is looked at all the while.
//!
//! Beside it the same values go by remote write to VictoriaMetrics or Prometheus, from senders that do what vmagent
//! does: its queue on disk is first in, first out, sent in blocks of ten thousand samples as fast as they are taken. So
//! what a returning office measures now comes behind all that it measured before. Prometheus is told to take samples
//! out of order, which it does not by itself. vmagent itself is not run a thousand times: they would not fit here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use suar_wire::joining::JoinAnswer;
use suar_wire::push::RECORDS_MAX;
use suar_wire::{SiteCode, Slot, SlotWidth};

use crate::enrolled::join;
use crate::load::nearest_rank_ms;
use crate::programs::prometheus::{get_plain, percent_encoded};
use crate::pusher::{Answer, Pusher, Sent};
use crate::samples::{Series, write};
use crate::seed::Random;
use crate::takers::{Kind, Taker};
use crate::world::wall_ms;

/// Offices that were never away, and how often they push.
const WATCHED: usize = 10;
const WATCHED_EVERY: Duration = Duration::from_secs(2);
/// As the agent's uplink does it.
const BACKLOG_PAUSE: Duration = Duration::from_secs(1);
const LIVE_EVERY: Duration = Duration::from_secs(300);
const JITTER: f64 = 0.1;
const ANSWER_MAX: Duration = Duration::from_secs(120);
const STOP_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Rounds in a block of vmagent's: each is ten samples.
const ROUNDS_A_BLOCK: u64 = 1_000;
/// Seconds where a round is not shown at all, or nobody answers.
const NOT_SEEN: f64 = u32::MAX as f64;
/// What a sender waits after a failure.
const FAILED_PAUSE: Duration = Duration::from_secs(1);
/// Pushes in a row without any answer.
const UNANSWERED_MAX: u32 = 20;
/// Prometheus with what it needs to take a backlog at all.
const OUT_OF_ORDER: &str = "storage:\n  tsdb:\n    out_of_order_time_window: 40d\n";
/// Lines of the curve that are printed at most.
const LINES_MAX: usize = 40;

#[derive(Debug, Clone, Copy)]
pub struct Returns {
    pub into: Kind,
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
    pub into: &'static str,
    pub seed: u64,
    pub agents: usize,
    pub records: u64,
    pub pushes: u64,
    /// Answers that asked for patience, or none.
    pub later: u64,
    pub seconds: f64,
    pub records_a_second: f64,
    pub seen_seconds_most: f64,
    /// From an office's return until its newest round was taken.
    pub newest_after_p50_seconds: f64,
    pub newest_after_most_seconds: f64,
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
    newest_after_us: std::sync::Mutex<Vec<u64>>,
}

impl Progress {
    fn newest_taken(&self, after: Duration) {
        let mut all = self.newest_after_us.lock().expect("nobody panics with it");
        all.push(after.as_micros() as u64);
    }
}

pub fn run(returns: &Returns) -> Result<Account> {
    let directory = tempfile::tempdir()?;
    let mut random = Random::from_seed(returns.seed);
    let joined_ms = wall_ms() - (returns.days as i64 + 1) * 86_400_000;
    let collector = "[limits]\npushes_a_minute = 1000\nconnections = 4000\n";
    let (mut taker, (away, watched)) =
        Taker::start(returns.into, directory.path(), (collector, OUT_OF_ORDER), |data| {
            let away = join(data, 0..returns.agents, joined_ms, &mut random)?;
            let watched = returns.agents..returns.agents + WATCHED;
            Ok((away, join(data, watched, joined_ms, &mut random)?))
        })?;

    let width = SlotWidth::STANDARD;
    let first = width.slot_at(wall_ms() - returns.days as i64 * 86_400_000);
    let backlog = returns.days * 86_400 / u64::from(width.seconds());
    let progress = Arc::new(Progress::default());
    progress.left.store(backlog * returns.agents as u64, Ordering::Relaxed);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    let office = |answer: JoinAnswer, epoch, first| -> Result<Office> {
        let (client, address) = (taker.client()?, taker.address().to_owned());
        let series = Series::of(&answer);
        let pusher = Pusher::joined(client.clone(), &address, answer, epoch, first);
        let by_remote_write = matches!(taker, Taker::Receiver(_)).then_some((client, address, series));
        Ok(Office { pusher, by_remote_write })
    };
    for answer in away {
        let office = office(answer, random.next_u64(), first)?;
        let (after, seed) = (random.share() * returns.within_seconds, random.next_u64());
        let progress = Arc::clone(&progress);
        tasks.spawn_on(
            async move {
                tokio::time::sleep(Duration::from_secs_f64(after)).await;
                office.come_back(first, backlog, &progress, Random::from_seed(seed)).await
            },
            runtime.handle(),
        );
    }
    let (sites, series) = (watched.iter().map(|answer| answer.site.clone()), watched.iter().map(Series::of));
    let eyes = Eyes { sites: sites.collect(), series: series.collect() };
    for answer in watched {
        let second = SlotWidth::from_seconds(1).context("a second divides a day")?;
        runtime.spawn(office(answer, random.next_u64(), second.slot_at(wall_ms()))?.go_on());
    }
    let into = returns.into.name();
    let mut account = Account { into, seed: returns.seed, agents: returns.agents, ..Account::default() };
    account.records = backlog * returns.agents as u64;
    let mut failed = Ok(());
    while !tasks.is_empty() {
        std::thread::sleep(LOOK_EVERY);
        while let Some(ended) = tasks.try_join_next() {
            failed = failed.and(ended?);
        }
        let second = started.elapsed().as_secs_f64();
        account.curve.push(eyes.look(&mut taker, &progress, second)?);
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
    let mut newest_us = progress.newest_after_us.lock().expect("nobody panics with it").clone();
    newest_us.sort_unstable();
    account.newest_after_p50_seconds = nearest_rank_ms(&newest_us, 50) / 1_000.0;
    account.newest_after_most_seconds = nearest_rank_ms(&newest_us, 100) / 1_000.0;
    drop(runtime);
    let ended = taker.process()?.terminate(STOP_MAX)?;
    ensure!(ended.success(), "{into} ended with {ended}");
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

struct Office {
    pusher: Pusher,
    by_remote_write: Option<(reqwest::Client, String, Series)>,
}

impl Office {
    async fn come_back(self, first: Slot, backlog: u64, progress: &Progress, random: Random) -> Result<()> {
        progress.back.fetch_add(1, Ordering::Relaxed);
        match &self.by_remote_write {
            None => push_backlog(&self.pusher, first, backlog, progress, random).await,
            Some(to) => write_backlog(&self.pusher, to, first, backlog, progress).await,
        }
    }

    /// An office that was never away: a round now and then, again when it was not taken.
    async fn go_on(mut self) {
        loop {
            self.pusher.be_at(wall_ms());
            let records = self.pusher.next(1);
            loop {
                let taken = match &self.by_remote_write {
                    Some((client, address, series)) => {
                        write(client, address, series.samples(&records), ANSWER_MAX).await.is_ok()
                    }
                    None => {
                        let sent = self.pusher.send(&records, ANSWER_MAX).await;
                        matches!(sent.map(|sent| sent.answer), Ok(Answer::Receipt(_)))
                    }
                };
                if taken {
                    break;
                }
                tokio::time::sleep(WATCHED_EVERY).await;
            }
            tokio::time::sleep(WATCHED_EVERY).await;
        }
    }
}

/// The newest records first, then the oldest, as the agent's uplink sends them.
async fn push_backlog(
    pusher: &Pusher,
    first: Slot,
    backlog: u64,
    progress: &Progress,
    mut random: Random,
) -> Result<()> {
    let returned = Instant::now();
    // Numbers that wait; the records are made when they are sent, or a thousand agents would fill the memory.
    let (mut oldest, mut newest) = (1, backlog);
    let mut live_due = Instant::now();
    while oldest <= newest {
        let count = (newest - oldest + 1).min(RECORDS_MAX as u64);
        let is_live = Instant::now() >= live_due;
        let from = if is_live { newest + 1 - count } else { oldest };
        let slot = Slot { index: first.index + from as i64, ..first };
        let batch = pusher.rounds(from, slot, count);
        let mut unanswered = 0;
        loop {
            let asked = match pusher.send(&batch, ANSWER_MAX).await {
                Ok(Sent { answer: Answer::Receipt(receipt), .. }) => {
                    ensure!(receipt.refused.is_empty(), "refused: {:?}", receipt.refused);
                    break;
                }
                Ok(Sent { answer: Answer::Later(asked), .. }) => asked,
                // The connection may have been idle so long that the collector closed it just now. An agent sends again.
                Err(error) => {
                    unanswered += 1;
                    ensure!(unanswered < UNANSWERED_MAX, "no answer, again and again: {error:#}");
                    FAILED_PAUSE
                }
            };
            progress.later.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(asked.mul_f64(1.0 + JITTER * random.share())).await;
        }
        progress.pushes.fetch_add(1, Ordering::Relaxed);
        progress.left.fetch_sub(count, Ordering::Relaxed);
        if is_live {
            if newest == backlog {
                progress.newest_taken(returned.elapsed());
            }
            newest -= count;
            live_due = Instant::now() + LIVE_EVERY;
        } else {
            oldest += count;
        }
        tokio::time::sleep(BACKLOG_PAUSE).await;
    }
    Ok(())
}

/// The oldest first and without a pause, as vmagent empties its queue.
async fn write_backlog(
    pusher: &Pusher,
    (client, address, series): &(reqwest::Client, String, Series),
    first: Slot,
    backlog: u64,
    progress: &Progress,
) -> Result<()> {
    let returned = Instant::now();
    let mut oldest = 1;
    while oldest <= backlog {
        let count = (backlog - oldest + 1).min(ROUNDS_A_BLOCK);
        let slot = Slot { index: first.index + oldest as i64, ..first };
        let block = pusher.rounds(oldest, slot, count);
        while let Err(error) = write(client, address, series.samples(&block), ANSWER_MAX).await {
            if progress.later.fetch_add(1, Ordering::Relaxed) == 0 {
                eprintln!("the first block that was not taken: {error:#}");
            }
            tokio::time::sleep(FAILED_PAUSE).await;
        }
        progress.pushes.fetch_add(1, Ordering::Relaxed);
        progress.left.fetch_sub(count, Ordering::Relaxed);
        oldest += count;
    }
    progress.newest_taken(returned.elapsed());
    Ok(())
}

/// Who looks whether the offices that were never away are seen.
struct Eyes {
    sites: Vec<SiteCode>,
    series: Vec<Series>,
}

impl Eyes {
    fn look(&self, taker: &mut Taker, progress: &Progress, second: f64) -> Result<Look> {
        let seen_seconds = match taker {
            Taker::Collector(collector) => self.on_page(&collector.get("/metrics")?.text()),
            Taker::Receiver(receiver) => self.by_query(&receiver.address).unwrap_or(NOT_SEEN),
        };
        Ok(Look {
            second,
            agents_back: progress.back.load(Ordering::Relaxed),
            records_left: progress.left.load(Ordering::Relaxed),
            seen_seconds,
            resident_kib: taker.process()?.resident_kib()?,
        })
    }

    /// Of the oldest newest round on the page for Prometheus.
    fn on_page(&self, page: &str) -> f64 {
        let now = wall_ms() as f64 / 1_000.0;
        let age = |site: &SiteCode| {
            let start = format!("suar_site_last_measured_timestamp_seconds{{site=\"{site}\"}} ");
            let at = page.lines().find_map(|line| line.strip_prefix(&start)?.parse::<f64>().ok());
            at.map_or(NOT_SEEN, |at| now - at)
        };
        self.sites.iter().map(age).fold(0.0, f64::max)
    }

    /// The same by a query.
    fn by_query(&self, address: &str) -> Result<f64> {
        let one = self.series.iter().map(|series| format!("timestamp({})", series.up()));
        let query = percent_encoded(&one.collect::<Vec<_>>().join(" or "));
        let answer = get_plain(address, &format!("/api/v1/query?query={query}"))?;
        let answer: serde_json::Value = serde_json::from_str(&answer).with_context(|| answer.clone())?;
        let now = wall_ms() as f64 / 1_000.0;
        let found = answer["data"]["result"].as_array().context("a result")?;
        let at = |series: &serde_json::Value| series["value"][1].as_str()?.parse::<f64>().ok();
        let ages: Vec<f64> = found.iter().filter_map(at).map(|at| now - at).collect();
        let all = ages.len() == self.series.len();
        Ok(if all { ages.into_iter().fold(0.0, f64::max) } else { NOT_SEEN })
    }
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
