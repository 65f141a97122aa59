//! What it costs to take the values of a country's offices: the collector, and beside it Debian's VictoriaMetrics and
//! Prometheus by remote write. One after the other, each alone on the machine, at the same rate.
//!
//! The same: the rounds, how many come in a request, how many requests a second, one connection for many offices, what is
//! counted of the process and of the block device. Not the same: a push carries whole rounds with their verdict, the
//! numbers of late and double replies and a clock, is checked for each of these, goes over TLS and is packed with zstd;
//! a request of remote write carries ten samples a round, plainly, packed with snappy. A push is answered when it is on
//! disk; whether a receiver has done as much is looked at on a disk that notes barriers.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use suar_wire::SlotWidth;
use suar_wire::joining::JoinAnswer;

use super::footprint::Account;
use super::written::{Device, bytes_in, flush, written_by};
use crate::disk::Disk;
use crate::disk::tree::Event;
use crate::enrolled;
use crate::load::nearest_rank_ms;
use crate::pusher::{Answer, Pusher};
use crate::samples::{Series, write};
use crate::seed::Random;
use crate::takers::{Kind, Taker};
use crate::world::wall_ms;

/// Connections; the offices share them.
const WORKERS: usize = 128;
/// As many rounds as an agent makes in five minutes.
const RECORDS_A_PUSH: u64 = 5;
/// Slots are of a second and begin so long ago that no push reaches the future.
const BACK_MS: i64 = 50 * 60_000;
const JOINED_BEFORE_MS: i64 = 2 * 3_600_000;
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Requests whose barriers are looked for, one after the other.
const LOOKED_AT: usize = 20;

#[derive(Debug, Clone, Copy)]
pub struct Beside {
    pub seconds: u64,
    pub pushes_a_second: f64,
    pub offices: usize,
}

/// What one of them made of it.
#[derive(Debug, Clone, Serialize)]
pub struct Taken {
    pub name: &'static str,
    pub pushes: usize,
    pub seconds: f64,
    pub pushes_a_second: f64,
    pub body_bytes_a_push: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub core_percent: f64,
    pub resident_kib: u64,
    pub resident_peak_kib: u64,
    /// What the kernel says that the process made dirty.
    pub process_written_bytes: u64,
    /// What went to the block device below, from anybody.
    pub device: Option<Device>,
    pub stored_bytes: u64,
    /// Requests one by one on a disk that notes barriers: how many, and before how many answers there was one.
    pub looked_at: usize,
    pub answered_behind_a_barrier: Option<usize>,
}

/// `directory` lies on the disk that is to be written to.
pub fn beside(beside: &Beside, directory: &Path) -> Result<Vec<Taken>> {
    ensure!(beside.offices > 0 && beside.pushes_a_second > 0.0, "some office has to push");
    let each = beside.pushes_a_second * beside.seconds as f64 / beside.offices as f64;
    let rounds = (each + 2.0) * RECORDS_A_PUSH as f64;
    ensure!(
        rounds < BACK_MS as f64 / 1_000.0,
        "{rounds} rounds an office reach the future: take more offices"
    );
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let own = tempfile::tempdir_in(directory)?;
        let mut taken = take(beside, kind, own.path())?;
        taken.stored_bytes = bytes_in(own.path())?;
        taken.answered_behind_a_barrier = match barriers(kind) {
            Ok(behind) => Some(behind),
            Err(error) => {
                eprintln!("{} on a disk that notes barriers: {error:#}", kind.name());
                None
            }
        };
        eprintln!("{taken:?}");
        all.push(taken);
    }
    Ok(all)
}

fn start(kind: Kind, directory: &Path, offices: usize) -> Result<(Taker, Vec<JoinAnswer>)> {
    let config = "[limits]\npushes_a_minute = 1000000\n[plan]\nslot_seconds = 1\n";
    Taker::start(kind, directory, (config, "{}"), |data| {
        let joined_ms = wall_ms() - JOINED_BEFORE_MS;
        enrolled::join_in_memory(data, offices, joined_ms, &mut Random::from_seed(1))
    })
}

/// Offices in as many shares as there are connections.
fn shares(taker: &Taker, joined: Vec<JoinAnswer>) -> Result<Vec<Vec<Office>>> {
    let first = SlotWidth::from_seconds(1).context("a second divides a day")?.slot_at(wall_ms() - BACK_MS);
    let workers = WORKERS.min(joined.len());
    let mut random = Random::from_seed(2);
    let clients = (0..workers).map(|_| taker.client()).collect::<Result<Vec<_>>>()?;
    let mut shares: Vec<Vec<Office>> = (0..workers).map(|_| Vec::new()).collect();
    for (number, answer) in joined.into_iter().enumerate() {
        let (client, address) = (clients[number % workers].clone(), taker.address().to_owned());
        let series = Series::of(&answer);
        let pusher = Pusher::joined(client.clone(), &address, answer, random.next_u64(), first);
        let by_remote_write = matches!(taker, Taker::Receiver(_)).then_some((client, address, series));
        shares[number % workers].push(Office { pusher, by_remote_write });
    }
    Ok(shares)
}

/// One that tells its rounds, as pushes or by remote write.
struct Office {
    pusher: Pusher,
    by_remote_write: Option<(reqwest::Client, String, Series)>,
}

impl Office {
    /// Returns how many bytes the body had.
    async fn tell(&mut self) -> Result<u64> {
        let records = self.pusher.next(RECORDS_A_PUSH);
        if let Some((client, address, series)) = &self.by_remote_write {
            return write(client, address, series.samples(&records), ANSWER_MAX).await;
        }
        let sent = self.pusher.send(&records, ANSWER_MAX).await?;
        match sent.answer {
            Answer::Receipt(receipt) => ensure!(receipt.refused.is_empty(), "refused: {:?}", receipt.refused),
            Answer::Later(asked) => anyhow::bail!("asked to come {} s later", asked.as_secs()),
        }
        Ok(sent.body_bytes)
    }
}

fn take(beside: &Beside, kind: Kind, directory: &Path) -> Result<Taken> {
    let (mut taker, joined) = start(kind, directory, beside.offices)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let shares = shares(&taker, joined)?;
    // Every series is there before anything is counted, as in a fleet that runs.
    let shares = runtime.block_on(all(shares, be_heard))?;
    flush(directory)?;
    let before = (Account::of(taker.process()?)?, written_by(taker.process()?)?, Device::below(directory));
    let started = Instant::now();
    let pace = Duration::from_secs_f64(shares.len() as f64 / beside.pushes_a_second);
    let until = started + Duration::from_secs(beside.seconds);
    let told = runtime.block_on(all(shares, move |offices| tell_on(offices, pace, until)))?;
    let seconds = started.elapsed().as_secs_f64();
    let (after, written) = (Account::of(taker.process()?)?, written_by(taker.process()?)?);
    // What the kernel has not written yet was made in this time too.
    flush(directory)?;
    let device = before.2.zip(Device::below(directory)).map(|(before, after)| after.since(before));
    let mut waits_us: Vec<u64> = told.iter().flatten().map(|(us, _)| *us).collect();
    waits_us.sort_unstable();
    let body_bytes: u64 = told.iter().flatten().map(|(_, bytes)| bytes).sum();
    let pushes = waits_us.len();
    Ok(Taken {
        name: kind.name(),
        pushes,
        seconds,
        pushes_a_second: pushes as f64 / seconds,
        body_bytes_a_push: body_bytes / pushes.max(1) as u64,
        p50_ms: nearest_rank_ms(&waits_us, 50),
        p99_ms: nearest_rank_ms(&waits_us, 99),
        core_percent: (after.processor_ms - before.0.processor_ms) as f64 / 10.0 / seconds,
        resident_kib: after.resident_kib,
        resident_peak_kib: after.resident_peak_kib,
        process_written_bytes: written - before.1,
        device,
        stored_bytes: 0,
        looked_at: LOOKED_AT,
        answered_behind_a_barrier: None,
    })
}

/// All shares at once.
async fn all<T, F>(shares: Vec<Vec<Office>>, act: impl Fn(Vec<Office>) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let mut tasks = tokio::task::JoinSet::new();
    for share in shares {
        tasks.spawn(act(share));
    }
    let mut done = Vec::new();
    while let Some(one) = tasks.join_next().await {
        done.push(one??);
    }
    Ok(done)
}

async fn be_heard(mut offices: Vec<Office>) -> Result<Vec<Office>> {
    for office in &mut offices {
        office.tell().await?;
    }
    Ok(offices)
}

/// One office after the other at a pace; one that is late does not slow the next ones. Returns how long the answers
/// took and how long the bodies were.
async fn tell_on(mut offices: Vec<Office>, pace: Duration, until: Instant) -> Result<Vec<(u64, u64)>> {
    let mut ticks = tokio::time::interval(pace);
    let mut told = Vec::new();
    loop {
        for office in &mut offices {
            ticks.tick().await;
            if Instant::now() >= until {
                return Ok(told);
            }
            let begun = Instant::now();
            let bytes = office.tell().await?;
            told.push((begun.elapsed().as_micros() as u64, bytes));
        }
    }
}

/// Before how many answers there was a barrier, of those that were looked at.
fn barriers(kind: Kind) -> Result<usize> {
    let directory = tempfile::tempdir()?;
    // Its log is on that disk too, but nobody asks for barriers in logs.
    let disk = Disk::mount(directory.path())?;
    let (taker, joined) = start(kind, disk.path(), 1)?;
    let mut office = shares(&taker, joined)?.into_iter().flatten().next().context("one office")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut behind = 0;
    for _ in 0..LOOKED_AT {
        let before = disk.moment();
        runtime.block_on(office.tell())?;
        let events = disk.events();
        behind += usize::from(events[before..].iter().any(|event| matches!(event, Event::Synced { .. })));
    }
    Ok(behind)
}
