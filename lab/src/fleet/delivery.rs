//! How a fleet's records reach the store: in order as they are made, or late, in pieces and more than once.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use suar_collector::exposition::Own;
use suar_collector::ingest::{IngestCounters, Room, Submission};
use suar_collector::store::pack::Due;
use suar_collector::store::writer::{Job, Shared, Writer};
use suar_wire::{Plan, Push, Record};
use tokio::sync::oneshot;

use super::Written;
use super::life::Office;
use super::pc;
use crate::seed::Random;

/// Pushes in one commit: as many as the writer itself would take.
const GROUP: usize = 256;
/// Pushes between two packings: bounds the inbox.
const PUSHES_A_PACKING: usize = 8_192;
/// Records of a late piece.
const PIECE: usize = 700;

/// One office's pushes, in the order and at the moments in which they arrive.
#[derive(Debug)]
pub struct Sending<'a> {
    office: &'a Office,
    how: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    InOrder,
    /// Live first; the rest `late_ms` after the end, shuffled by this seed.
    Late {
        late_ms: i64,
        seed: u64,
    },
}

impl<'a> Sending<'a> {
    /// Each push when it is made.
    pub fn in_order(office: &'a Office) -> Self {
        Self { office, how: How::InOrder }
    }

    /// Of every push only the newest record comes when it is made. The rest comes `late_ms` after the last
    /// one, in shuffled pieces, each of them twice.
    pub fn late(office: &'a Office, late_ms: i64, seed: u64) -> Self {
        Self { office, how: How::Late { late_ms, seed } }
    }

    fn pushes(self, plan: &Plan) -> Box<dyn Iterator<Item = (Push, i64)> + 'a> {
        let plan = plan.clone();
        let office = self.office;
        let of = move |which| pc::pushes(office, which, &plan);
        match self.how {
            How::InOrder => Box::new((0..office.pcs.len()).flat_map(of)),
            How::Late { late_ms, seed } => {
                Box::new((0..office.pcs.len()).flat_map(move |which| late(of(which), late_ms, seed)))
            }
        }
    }
}

fn late(pushes: impl Iterator<Item = (Push, i64)>, late_ms: i64, seed: u64) -> Vec<(Push, i64)> {
    let mut sent: Vec<(Push, i64)> = Vec::new();
    let mut waiting: Vec<Record> = Vec::new();
    for (mut push, at_ms) in pushes {
        let live = push.records.pop();
        waiting.append(&mut push.records);
        push.records.extend(live);
        sent.push((push, at_ms));
    }
    let Some((last, last_ms)) = sent.last().cloned() else { return sent };
    let mut random = Random::from_seed(seed);
    shuffle(&mut waiting, &mut random);
    let mut pieces: Vec<Vec<Record>> =
        waiting.chunks(PIECE).flat_map(|piece| [piece.to_vec(), piece.to_vec()]).collect();
    shuffle(&mut pieces, &mut random);
    for (at, records) in (1..).zip(pieces) {
        // Sent by the machine that is on then, whose clock ran on.
        let later_ms = late_ms + at * 1_000;
        let mut push = Push { records, ..last.clone() };
        push.clock.boot_ms += later_ms.unsigned_abs();
        push.clock.wall_ms += later_ms;
        sent.push((push, last_ms + later_ms));
    }
    sent
}

fn shuffle<T>(list: &mut [T], random: &mut Random) {
    for at in (1..list.len()).rev() {
        list.swap(at, random.below(at as u64 + 1) as usize);
    }
}

/// Sends everything. Offices take turns, so that the store sees many agents at once and not one after the
/// other.
pub fn send<'a>(data: &Path, plan: &Plan, sendings: impl Iterator<Item = Sending<'a>>) -> Result<Written> {
    let shared = Shared {
        counters: Arc::new(IngestCounters::new(Own::new(0))),
        plan: plan.clone(),
        witnesses: Arc::default(),
        live: None,
    };
    let mut writer = Writer::open(data, shared)?;
    let mut sources: Vec<_> = sendings.map(|sending| (sending.office, sending.pushes(plan))).collect();
    let mut written = Written::default();
    let mut waiting = Vec::new();
    while !sources.is_empty() {
        let mut failed = Ok(());
        sources.retain_mut(|(office, pushes)| {
            let Some((push, received_ms)) = pushes.next() else { return false };
            written.records += push.records.len() as u64;
            match submission(office, push, received_ms) {
                Ok(submission) => waiting.push(submission),
                Err(error) => failed = Err(error),
            }
            true
        });
        failed?;
        while waiting.len() >= GROUP || (sources.is_empty() && !waiting.is_empty()) {
            let group: Vec<Submission> = waiting.drain(..waiting.len().min(GROUP)).collect();
            let before = written.pushes as usize / PUSHES_A_PACKING;
            written.pushes += group.len() as u64;
            commit(&mut writer, group)?;
            if written.pushes as usize / PUSHES_A_PACKING > before {
                pack(data, &mut writer)?;
            }
        }
    }
    pack(data, &mut writer)?;
    Ok(written)
}

fn submission(office: &Office, push: Push, received_ms: i64) -> Result<Submission> {
    Ok(Submission {
        agent: push.agent,
        site: office.site.parse()?,
        joined_ms: office.joined_s * 1_000,
        received_ms,
        push,
    })
}

fn commit(writer: &mut Writer, group: Vec<Submission>) -> Result<()> {
    let mut receipts = Vec::with_capacity(group.len());
    let jobs = group.into_iter().map(|submission| {
        let records = submission.push.records.len() as u64;
        let (answer, receipt) = oneshot::channel();
        receipts.push((receipt, records));
        Job::Push(Box::new(submission), Room::unbounded(), answer)
    });
    let jobs: Vec<Job> = jobs.collect();
    writer.commit(jobs);
    for (receipt, records) in receipts {
        let receipt = receipt.blocking_recv().context("the writer answers")??;
        let acknowledged: u64 = receipt.acknowledged.iter().map(|(first, last)| last - first + 1).sum();
        anyhow::ensure!(receipt.refused.is_empty() && acknowledged == records, "a receipt: {receipt:?}");
    }
    Ok(())
}

fn pack(data: &Path, writer: &mut Writer) -> Result<()> {
    suar_collector::store::pack::pack(data, Due::Everything, |rows| {
        let (answer, done) = oneshot::channel();
        writer.commit(vec![Job::Forget(rows, answer)]);
        match done.blocking_recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(suar_collector::store::StoreError::Damaged(error.to_string())),
            Err(_) => Err(suar_collector::store::StoreError::Damaged("the writer went away".to_owned())),
        }
    })?;
    Ok(())
}
