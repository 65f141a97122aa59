//! What becomes of each record of a push: kept, known, refused or set aside. Pure.
//!
//! Two steps, because the days whose taken slots have to be known follow from the repaired times:
//! [`prepare`] repairs, [`Prepared::settle`] decides.

use std::collections::{BTreeMap, BTreeSet};

use suar_wire::slot::SECONDS_A_DAY;
use suar_wire::{
    AgentId, Body, Echo, Epoch, IntervalSet, Record, Refusal, RefusalReason, SEQUENCE_MAX, Sequence, Slot,
    Stamp,
};

use crate::clock::{BOOT_MS_MAX, Neighbours, Quality, Repair, Repaired, SetAside};
use crate::day::Day;
use crate::store::acks::Acks;
use crate::store::{StoredRecord, day_of};

/// A reply later than this is not a round trip of any path on earth, and agents give up at 3 s.
const RTT_US_MAX: u32 = 10_000_000;

/// Seconds that rounds cover, by day.
pub type Taken = BTreeMap<Day, IntervalSet>;

/// Records with repaired times, before anything is decided about slots.
#[derive(Debug)]
pub struct Prepared {
    agent: AgentId,
    epoch: Epoch,
    pub repair: Repair,
    fresh: Vec<(Record, Result<Repaired, SetAside>)>,
    /// Set aside before, and their time is right now.
    released: Vec<(Record, Repaired)>,
    refused: Vec<Refusal>,
    known: u64,
    acknowledged: IntervalSet,
}

/// What a push comes to.
#[derive(Debug, Default)]
pub struct Decision {
    pub kept: Vec<StoredRecord>,
    pub set_aside: Vec<(Record, SetAside)>,
    /// Sequences of records that were set aside before and are among the kept ones now.
    pub released: Vec<Sequence>,
    pub refused: Vec<Refusal>,
    pub known: u64,
    /// Everything in the push, as the receipt says it.
    pub acknowledged: Vec<(Sequence, Sequence)>,
}

/// Leaves out what is known and finds the time of the rest.
pub fn prepare(
    agent: AgentId,
    epoch: Epoch,
    mut records: Vec<Record>,
    acks: &Acks,
    repair: Repair,
) -> Prepared {
    records.sort_by_key(|record| record.sequence);
    let mut prepared = Prepared {
        agent,
        epoch,
        repair,
        fresh: Vec::new(),
        released: Vec::new(),
        refused: Vec::new(),
        known: 0,
        acknowledged: records.iter().map(|record| record.sequence).collect(),
    };
    let mut before: Option<Sequence> = None;
    let mut candidates = Vec::new();
    for record in records {
        let sequence = record.sequence;
        if sequence == 0 || sequence > SEQUENCE_MAX {
            prepared.refused.push(Refusal { sequence, reason: RefusalReason::BadSequence });
        } else if acks.contains(sequence) || before == Some(sequence) {
            prepared.known += 1;
        } else {
            candidates.push(record);
        }
        before = Some(sequence);
    }
    // Times that need no neighbours first: they bound the others.
    let mut sure: BTreeMap<Sequence, i64> = BTreeMap::new();
    for record in &candidates {
        if prepared.repair.anchors.contains_key(&record.stamp.boot)
            && let Ok(repaired) = prepared.repair.record(record, Neighbours::default())
        {
            sure.insert(record.sequence, repaired.at_ms);
        }
    }
    for record in candidates {
        let neighbours = nearest(acks.neighbours(record.sequence), &sure, record.sequence);
        let repaired = prepared.repair.record(&record, neighbours);
        if let Ok(Repaired { at_ms, quality: Quality::Bounded }) = repaired {
            prepared.repair.remember_bound(&record.stamp, at_ms);
        }
        prepared.fresh.push((record, repaired));
    }
    prepared
}

fn nearest(known: Neighbours, sure: &BTreeMap<Sequence, i64>, sequence: Sequence) -> Neighbours {
    let before = sure.range(..sequence).next_back().map(|(_, at_ms)| *at_ms);
    let after = sure.range(sequence.saturating_add(1)..).next().map(|(_, at_ms)| *at_ms);
    Neighbours {
        before_ms: known.before_ms.max(before),
        after_ms: match (known.after_ms, after) {
            (Some(known), Some(sure)) => Some(known.min(sure)),
            (known, sure) => known.or(sure),
        },
    }
}

impl Prepared {
    /// Judges records of this epoch again that were set aside while less was known of their clock.
    pub fn judge_again(&mut self, held: Vec<Record>) {
        let judge = |record: Record| {
            let repaired = self.repair.record(&record, Neighbours::default()).ok()?;
            Some((record, repaired))
        };
        self.released = held.into_iter().filter_map(judge).collect();
    }

    /// The days whose taken slots [`Prepared::settle`] needs.
    pub fn days(&self) -> BTreeSet<Day> {
        let fresh = self.fresh.iter().filter_map(|(record, repaired)| Some((record, repaired.ok()?)));
        let released = self.released.iter().map(|(record, repaired)| (record, *repaired));
        let rounds = fresh.chain(released).filter(|(record, _)| matches!(record.body, Body::Round(_)));
        let days = rounds.flat_map(|(_, repaired)| {
            // A repaired round may move into a neighbouring slot, and that into a neighbouring day.
            let day = day_of(repaired.at_ms);
            [day.saturating_sub(1), day, day.saturating_add(1)]
        });
        days.collect()
    }

    /// The boots whose clocks matter: those of the records and of the sessions before them.
    pub fn stamps_before(records: &[Record]) -> impl Iterator<Item = &Stamp> {
        records.iter().filter_map(|record| match &record.body {
            Body::SessionStart(start) => start.previous_last.as_ref(),
            _ => None,
        })
    }

    /// Decides about every record; `taken` and `acks` are brought up to date.
    pub fn settle(self, taken: &mut Taken, acks: &mut Acks) -> Decision {
        let mut decision = Decision {
            refused: self.refused,
            known: self.known,
            acknowledged: self.acknowledged.ranges().to_vec(),
            ..Decision::default()
        };
        let (agent, epoch) = (self.agent, self.epoch);
        let kept = |record, at_ms, quality| StoredRecord { agent, epoch, record, at_ms, quality };
        for (record, repaired) in self.fresh {
            let sequence = record.sequence;
            let refused = |reason| Refusal { sequence, reason };
            let repaired = match repaired {
                _ if !is_possible(&record) => {
                    decision.refused.push(refused(RefusalReason::Impossible));
                    acks.insert(sequence, None);
                    continue;
                }
                Err(reason) => {
                    decision.set_aside.push((record, reason));
                    acks.insert(sequence, None);
                    continue;
                }
                Ok(repaired) => repaired,
            };
            let at_ms = place(&record, repaired, taken);
            acks.insert(sequence, at_ms.or(Some(repaired.at_ms)));
            match at_ms {
                None => decision.refused.push(refused(RefusalReason::SlotTaken)),
                Some(at_ms) => decision.kept.push(kept(record, at_ms, repaired.quality)),
            }
        }
        for (record, repaired) in self.released {
            // One whose slot is taken stays where it is.
            if let Some(at_ms) = place(&record, repaired, taken) {
                decision.released.push(record.sequence);
                decision.kept.push(kept(record, at_ms, repaired.quality));
            }
        }
        decision
    }
}

/// When a record counts for; `None` for a round whose slot is taken.
fn place(record: &Record, repaired: Repaired, taken: &mut Taken) -> Option<i64> {
    match &record.body {
        Body::Round(round) => take_slot(round.slot, repaired.at_ms, taken),
        _ => Some(repaired.at_ms),
    }
}

/// Takes the slot of a round; `None` when another round of this agent has it. A round whose claim does
/// not stand may lie a breath beside the border of its slot: it then takes the free neighbour.
fn take_slot(claimed: Slot, at_ms: i64, taken: &mut Taken) -> Option<i64> {
    let width = claimed.width;
    let slot = width.slot_at(at_ms);
    let mut candidates = vec![at_ms];
    if slot != claimed {
        let quarter_ms = width.millis() / 4;
        if at_ms - slot.start_ms() < quarter_ms {
            candidates.push(slot.start_ms() - 1);
        } else if slot.end_ms() - at_ms <= quarter_ms {
            candidates.push(slot.end_ms());
        }
    }
    candidates.into_iter().find(|&at_ms| {
        let slot = width.slot_at(at_ms);
        let first = slot.start_s().rem_euclid(i64::from(SECONDS_A_DAY)) as u64;
        let last = first + u64::from(width.seconds()) - 1;
        let seconds = taken.entry(day_of(at_ms)).or_default();
        // After a change of plan widths overlap in part: only a slot without a free second is taken.
        let free = !seconds.missing_in(first, last).is_empty();
        seconds.insert_range(first, last);
        free
    })
}

fn is_possible(record: &Record) -> bool {
    let body = match &record.body {
        Body::Round(round) => round.echoes.iter().all(is_echo_possible),
        Body::Dropped(dropped) => {
            dropped.first > 0 && dropped.first <= dropped.last && dropped.last <= SEQUENCE_MAX
        }
        Body::Gap(gap) => gap.from_boot_ms <= record.stamp.boot_ms,
        Body::Bandwidth(test) => test.is_possible(),
        Body::Health(_)
        | Body::SessionStart(_)
        | Body::SessionEnd(_)
        | Body::ClockStep(_)
        | Body::PlanRefused(_)
        | Body::DataUse(_)
        | Body::Unknown(_) => true,
    };
    body && record.stamp.boot_ms <= BOOT_MS_MAX
}

fn is_echo_possible(echo: &Echo) -> bool {
    echo.sent <= Echo::SENT_MAX
        && echo.received() <= echo.sent
        && echo.rtt_us.iter().all(|rtt_us| *rtt_us <= RTT_US_MAX)
}
