//! Power cut at every moment: what the programs wrote is replayed up to each write and each barrier, with all
//! that no barrier holds surviving in whole, in part or not at all (see [`cut`]). What had been promised before
//! that moment must be there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use suar_agent::spool::{Options, Order, SEGMENT_BYTES, Spool};
use suar_collector::store::Reader;
use suar_collector::store::check::check;
use suar_wire::{AgentId, Epoch};

use super::disks::{SITE, on_disk};
use crate::disk::cut::{Survives, after};
use crate::disk::tree::Event;
use crate::disk::{Disk, cut};
use crate::programs::wait_until;
use crate::pusher::{Answer, Pusher};
use crate::seed::Random;

/// Ways in which each moment's disk is looked at, besides "everything" and "only what had to survive".
const DRAWN_A_MOMENT: u64 = 3;
/// Images are written here: memory, because nothing of it has to last.
const IMAGES: &str = "/dev/shm";

#[derive(Debug, Clone, Default, Serialize)]
pub struct Account {
    pub seed: u64,
    /// Writes, names and barriers in the trace.
    pub events: usize,
    pub barriers: usize,
    /// Disks that were looked at.
    pub disks: u64,
    /// Promised records that were looked for on them, and found.
    pub looked_for: u64,
}

impl Account {
    fn of(seed: u64, events: &[Event]) -> Self {
        let barriers = events.iter().filter(|event| matches!(event, Event::Synced { .. })).count();
        Self { seed, events: events.len(), barriers, ..Self::default() }
    }
}

/// The disks that a cut behind these moments may leave.
fn disks(moments: impl Iterator<Item = usize>, seed: u64) -> impl Iterator<Item = (usize, Survives)> {
    moments.flat_map(move |moment| {
        let mut random = Random::from_seed(seed ^ (moment as u64) << 20);
        let drawn = (0..DRAWN_A_MOMENT).map(move |_| Survives::Some(random.next_u64()));
        [Survives::Everything, Survives::WhatHadTo].into_iter().chain(drawn).map(move |way| (moment, way))
    })
}

/// Enough for a few segments, so that old ones are dropped.
const SPOOL_OPTIONS: Options = Options { bytes_max: 4 * SEGMENT_BYTES as u64 };
const SPOOL_EPOCH: Epoch = Epoch([9; 8]);

/// What the spool has said, and from which moment on that holds.
#[derive(Debug, Default)]
struct Promises {
    payloads: BTreeMap<u64, Vec<u8>>,
    durable_from: BTreeMap<u64, usize>,
    /// Receipted, or dropped for the bound: may be gone.
    free_from: BTreeMap<u64, usize>,
}

/// A life of a spool on a disk that traces it, and every power cut that could have ended it.
pub fn spool(steps: u32, seed: u64) -> Result<Account> {
    let directory = tempfile::tempdir()?;
    let disk = Disk::mount(directory.path())?;
    let promises = live(&disk, steps, &mut Random::from_seed(seed))?;
    let events = disk.events();
    let mut account = Account::of(seed, &events);
    for (moment, way) in disks(0..=events.len(), seed) {
        let image = tempfile::tempdir_in(IMAGES)?;
        after(&events, moment, way).write(image.path())?;
        account.looked_for += judge_spool(image.path(), &promises, moment)
            .with_context(|| format!("seed {seed}, power cut behind event {moment}, {way:?}"))?;
        account.disks += 1;
    }
    Ok(account)
}

fn live(disk: &Disk, steps: u32, random: &mut Random) -> Result<Promises> {
    let directory = disk.path().join("state").join("spool");
    let open = || Spool::open(&directory, SPOOL_OPTIONS, SPOOL_EPOCH).map(|(spool, _)| spool);
    let mut spool = open()?;
    let mut promises = Promises::default();
    for _ in 0..steps {
        let began = disk.moment();
        match random.below(8) {
            0..5 => {
                for _ in 0..=random.below(3) {
                    let bytes = if random.chance(0.2) { 9_000 } else { 300 };
                    let payload: Vec<u8> =
                        (0..=random.below(bytes)).map(|_| random.next_u64() as u8).collect();
                    promises.payloads.insert(spool.append(&payload)?.sequence, payload);
                }
                spool.sync();
            }
            5 | 6 => {
                let sequences: Vec<u64> = waiting(&spool)?.into_keys().collect();
                let some = sequences.into_iter().filter(|_| random.chance(0.6));
                let ranges: Vec<_> = some.map(|sequence| (sequence, sequence)).collect();
                for (sequence, _) in &ranges {
                    promises.free_from.entry(*sequence).or_insert(began);
                }
                spool.commit(&ranges);
            }
            _ => {
                drop(spool);
                spool = open()?;
            }
        }
        let (waiting, now) = (waiting(&spool)?, disk.moment());
        for sequence in waiting.keys() {
            promises.durable_from.entry(*sequence).or_insert(now);
        }
        // The oldest segment went for the bound.
        let gone: Vec<u64> =
            promises.durable_from.keys().filter(|s| !waiting.contains_key(s)).copied().collect();
        for sequence in gone {
            promises.free_from.entry(sequence).or_insert(began);
        }
    }
    Ok(promises)
}

fn waiting(spool: &Spool) -> Result<BTreeMap<u64, Vec<u8>>> {
    Ok(spool.peek(Order::OldestFirst, usize::MAX, usize::MAX)?.into_iter().collect())
}

/// Returns how many promised records were found.
fn judge_spool(directory: &Path, promises: &Promises, moment: usize) -> Result<u64> {
    let directory = directory.join("state").join("spool");
    let (mut spool, _) = Spool::open(&directory, SPOOL_OPTIONS, Epoch([1; 8]))?;
    let found = waiting(&spool)?;
    let held = |from: &BTreeMap<u64, usize>, sequence| from.get(sequence).is_some_and(|from| *from <= moment);
    let promised = promises
        .durable_from
        .keys()
        .filter(|sequence| held(&promises.durable_from, sequence) && !held(&promises.free_from, sequence));
    let mut looked_for = 0;
    for sequence in promised {
        ensure!(found.contains_key(sequence), "record {sequence} was durable and is gone");
        looked_for += 1;
    }
    for (sequence, payload) in &found {
        ensure!(promises.payloads.get(sequence) == Some(payload), "record {sequence} is another one");
    }
    let newest = promises.durable_from.keys().filter(|s| held(&promises.durable_from, s)).max();
    if let Some(newest) = newest {
        ensure!(spool.epoch() == SPOOL_EPOCH, "the epoch is another one");
        ensure!(spool.next_sequence() > *newest, "number {newest} would be given a second time");
    }
    let goes_on = spool.append(b"life goes on")?.sequence;
    spool.sync();
    ensure!(spool.stats().trouble.is_none(), "{:?}", spool.stats());
    ensure!(waiting(&spool)?.contains_key(&goes_on), "what comes after the cut is not kept");
    Ok(looked_for)
}

const PUSHERS: u64 = 3;
const RECORDS_A_PUSH_MAX: u64 = 30;
const ANSWER_MAX: Duration = Duration::from_secs(20);

const PACK_MAX: Duration = Duration::from_secs(60);

/// A receipt: from this moment on these records of an agent must be there.
type Receipts = Vec<(usize, AgentId, Epoch, u64)>;

/// A collector that serves from a disk that traces it, and power cuts at `cuts` random moments and behind every
/// receipt.
pub fn store(pushes: u64, cuts: u64, seed: u64) -> Result<Account> {
    let directory = tempfile::tempdir()?;
    let (disk, mut collector) = on_disk(directory.path())?;
    let code = collector.join_code(SITE, &["--uses", "10"])?;
    let serves_from = disk.moment();
    let receipts = push(&disk, &code, pushes, seed)?;
    let packs_from = disk.moment();
    let reader = Reader::open(disk.path())?;
    wait_until("all of it to be packed", PACK_MAX, || {
        let rows = reader.counts().map_err(|error| error.to_string())?.inbox_rows;
        if rows == 0 { Ok(()) } else { Err(format!("{rows} rows are fresh")) }
    })?;
    drop(reader);
    collector.stop()?;

    let events = disk.events();
    let mut account = Account::of(seed, &events);
    let mut random = Random::from_seed(!seed);
    let span = (events.len() - serves_from) as u64;
    let mut drawn: Vec<usize> = (0..cuts).map(|_| serves_from + random.below(span + 1) as usize).collect();
    // Packing moves every record from one file to another within a few writes.
    let span = (events.len() - packs_from) as u64;
    drawn.extend((0..cuts).map(|_| packs_from + random.below(span + 1) as usize));
    let moments: BTreeSet<usize> =
        drawn.into_iter().chain(receipts.iter().map(|receipt| receipt.0)).collect();
    for (moment, way) in disks(moments.into_iter(), seed) {
        let image = tempfile::tempdir_in(IMAGES)?;
        cut::after(&events, moment, way).write(image.path())?;
        account.looked_for += judge_store(image.path(), &receipts, moment)
            .with_context(|| format!("seed {seed}, power cut behind event {moment}, {way:?}"))?;
        account.disks += 1;
    }
    Ok(account)
}

fn push(disk: &Disk, code: &str, pushes: u64, seed: u64) -> Result<Receipts> {
    let code = code.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut random = Random::from_seed(seed);
    let back_seconds = pushes * RECORDS_A_PUSH_MAX / PUSHERS + 60;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut pushers = Vec::new();
        for _ in 0..PUSHERS {
            pushers.push(Pusher::join(&code, random.next_u64(), back_seconds.min(3_000)).await?);
        }
        let mut receipts = Receipts::new();
        for _ in 0..pushes {
            let pusher = &mut pushers[random.below(PUSHERS) as usize];
            let count = 1 + random.below(RECORDS_A_PUSH_MAX);
            let has_slots = pusher.last_sequence() + count < 3_000.min(back_seconds);
            let records = if has_slots { pusher.next(count) } else { pusher.next_events(count) };
            let sent = pusher.send(&records, ANSWER_MAX).await?;
            ensure!(matches!(sent.answer, Answer::Receipt(_)), "{:?}", sent.answer);
            receipts.push((disk.moment(), pusher.agent(), pusher.epoch(), pusher.last_sequence()));
        }
        Ok(receipts)
    })
}

fn judge_store(data: &Path, receipts: &Receipts, moment: usize) -> Result<u64> {
    let checked = check(data)?;
    ensure!(checked.problems.is_empty(), "the store is not whole: {:?}", checked.problems);
    let reader = Reader::open(data)?;
    let mut newest: BTreeMap<(AgentId, Epoch), u64> = BTreeMap::new();
    for (_, agent, epoch, last) in receipts.iter().filter(|receipt| receipt.0 <= moment) {
        newest.insert((*agent, *epoch), *last);
    }
    let mut looked_for = 0;
    for ((agent, epoch), last) in newest {
        let kept = reader.all_records(agent)?;
        let kept: BTreeSet<u64> =
            kept.iter().filter(|stored| stored.epoch == epoch).map(|stored| stored.record.sequence).collect();
        let lost: Vec<u64> = (1..=last).filter(|sequence| !kept.contains(sequence)).take(5).collect();
        ensure!(lost.is_empty(), "receipted and gone: records {lost:?} of {last} of agent {agent}");
        looked_for += last;
    }
    Ok(looked_for)
}
