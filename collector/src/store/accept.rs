//! One push inside the writer's transaction: what is known is read, the pure decision is made, what it
//! came to is written.

use std::collections::HashMap;

use prost::Message;
use rusqlite::{Connection, OptionalExtension, params};
use suar_wire::{AgentId, Body, BootId, IntervalSet, SlotWidth, Stamp};

use super::acks::Acks;
use super::{StoreError, StoredRecord, chunk, data_use, outbox, quarantine};
use crate::clock::{Anchor, Neighbours, Quality, Repair};
use crate::day::Day;
use crate::ingest::Submission;
use crate::ingest::decide::{self, Decision, Prepared, Taken};
use crate::summary::explain::explained_by;

/// How a push came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// As it was sent: an anchor for the agent's clock, and a sign that the agent is heard.
    Sent,
    /// By hand, long after it was made: neither. Taken as an anchor, three imports of one file would look
    /// like a clock that was set.
    Carried,
}

/// Puts a push into the store. `width` is the slot width of the plan, for agents that sent no round.
pub fn accept(
    connection: &Connection,
    submission: Submission,
    width: SlotWidth,
    arrival: Arrival,
) -> Result<Decision, StoreError> {
    let Submission { agent, joined_ms, received_ms, push, .. } = submission;
    let boot = push.clock.boot;
    let (mut anchors, bounds) = load_anchors(connection, agent, &push.records, boot)?;
    let mut held = Vec::new();
    if arrival == Arrival::Sent {
        let now = Anchor::of(&push.clock, received_ms);
        let best = anchors.get(&boot).map_or(now, |known| known.with(now));
        let before = anchors.insert(boot, best);
        save_anchor(connection, agent, boot, best, Quality::Synced)?;
        if best.moved_from(before) {
            held = quarantine::held(connection, agent, push.epoch, boot)?;
        }
    }

    let sequences = push.records.iter().map(|record| record.sequence);
    let sequences = sequences.filter(|sequence| (1..=suar_wire::SEQUENCE_MAX).contains(sequence));
    let (first, last) = sequences.fold((u64::MAX, 0), |(low, high), s| (low.min(s), high.max(s)));
    let known =
        if first <= last { Acks::load(connection, agent, push.epoch, first, last)? } else { Acks::default() };

    let mut repair = Repair::new(joined_ms, received_ms, anchors, &push.records);
    let known_bounds = bounds.clone();
    repair.bounds = bounds;
    let width = push.records.iter().filter_map(width_of).max().unwrap_or(width);
    let mut prepared = decide::prepare(agent, push.epoch, push.records, &known, repair);
    prepared.judge_again(held);
    let loaded = load_taken(connection, agent, prepared.days())?;
    let (mut acks, mut taken) = (known.clone(), loaded.clone());
    let repair = prepared.repair.clone();
    let mut decision = prepared.settle(&mut taken, &mut acks);

    acks.save(connection, agent, push.epoch, &known)?;
    for (boot, offset_ms) in repair.bounds.iter().filter(|(boot, _)| !known_bounds.contains_key(boot)) {
        let anchor = Anchor { upper_ms: *offset_ms, half_ms: 0, boot_ms: 0, late: 0, seen: 0 };
        save_anchor(connection, agent, *boot, anchor, Quality::Bounded)?;
    }
    for (day, seconds) in taken.iter().filter(|(day, seconds)| loaded.get(day) != Some(seconds)) {
        save_taken(connection, agent, *day, seconds)?;
    }
    keep(connection, agent, received_ms, &decision.kept)?;
    quarantine::release(connection, agent, push.epoch, &decision.released)?;
    let over = quarantine::keep(connection, agent, push.epoch, received_ms, &mut decision.set_aside)?;
    decision.refused.extend(over);
    for stored in &decision.kept {
        let before = known.neighbours(stored.record.sequence).before_ms;
        let time_of = |stamp: &Stamp| time_of_last(&repair, stamp, before, stored.at_ms);
        if let Some(explanation) = explained_by(stored, width, time_of) {
            connection
                .prepare_cached(
                    "INSERT INTO explanation (agent, from_s, to_s, reason) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    agent.0,
                    explanation.from_s,
                    explanation.to_s,
                    explanation.reason.label()
                ])?;
        }
        if let Body::DataUse(told) = &stored.record.body {
            data_use::keep(connection, agent, stored.at_ms, told)?;
        }
        if let Body::Dropped(dropped) = &stored.record.body {
            connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO lost (agent, epoch, first, last) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![agent.0, push.epoch.0, dropped.first as i64, dropped.last as i64])?;
        }
    }
    note_program(connection, agent, &decision.kept)?;
    if arrival == Arrival::Sent {
        note_seen(connection, agent, received_ms)?;
    }
    Ok(decision)
}

/// When the session before was last heard. Without a clock, its newest record that is known has to do.
fn time_of_last(repair: &Repair, stamp: &Stamp, before_ms: Option<i64>, started_ms: i64) -> i64 {
    let repaired = repair.stamp(stamp, Neighbours { before_ms: None, after_ms: Some(started_ms) });
    match repaired.quality {
        Quality::Synced | Quality::Estimated => repaired.at_ms,
        Quality::Bounded => before_ms.unwrap_or(started_ms),
    }
}

fn width_of(record: &suar_wire::Record) -> Option<SlotWidth> {
    match &record.body {
        Body::Round(round) => Some(round.slot.width),
        _ => None,
    }
}

type Bounds = HashMap<BootId, i64>;

fn load_anchors(
    connection: &Connection,
    agent: AgentId,
    records: &[suar_wire::Record],
    now: BootId,
) -> Result<(HashMap<BootId, Anchor>, Bounds), StoreError> {
    let (mut anchors, mut bounds) = (HashMap::new(), Bounds::new());
    let mut boots: Vec<BootId> = records.iter().map(|record| record.stamp.boot).collect();
    boots.extend(Prepared::stamps_before(records).map(|stamp| stamp.boot));
    boots.push(now);
    boots.sort();
    boots.dedup();
    let mut select = connection.prepare_cached(
        "SELECT upper_ms, half_ms, boot_ms, late, seen, quality FROM anchor WHERE agent = ?1 AND boot = ?2",
    )?;
    for boot in boots {
        let found = select
            .query_row(params![agent.0, boot.0], |row| {
                let anchor = Anchor {
                    upper_ms: row.get(0)?,
                    half_ms: row.get(1)?,
                    boot_ms: row.get(2)?,
                    late: row.get(3)?,
                    seen: row.get(4)?,
                };
                Ok((anchor, row.get::<_, u32>(5)?))
            })
            .optional()?;
        match found {
            Some((anchor, quality)) if Quality::from_code(quality) == Some(Quality::Bounded) => {
                bounds.insert(boot, anchor.upper_ms);
            }
            Some((anchor, _)) => {
                anchors.insert(boot, anchor);
            }
            None => {}
        }
    }
    Ok((anchors, bounds))
}

fn save_anchor(
    connection: &Connection,
    agent: AgentId,
    boot: BootId,
    anchor: Anchor,
    quality: Quality,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO anchor (agent, boot, upper_ms, half_ms, boot_ms, late, seen, quality)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            agent.0,
            boot.0,
            anchor.upper_ms,
            anchor.half_ms,
            anchor.boot_ms,
            anchor.late,
            anchor.seen,
            quality.code()
        ])?;
    Ok(())
}

/// Seconds of a day as first, last, first, last, ...
#[derive(Clone, PartialEq, Message)]
struct RangesPb {
    #[prost(uint32, repeated, tag = "1")]
    ends: Vec<u32>,
}

fn load_taken(
    connection: &Connection,
    agent: AgentId,
    days: impl IntoIterator<Item = Day>,
) -> Result<Taken, StoreError> {
    let mut select = connection.prepare_cached("SELECT ranges FROM taken WHERE agent = ?1 AND day = ?2")?;
    let mut taken = Taken::new();
    for day in days {
        let bytes: Option<Vec<u8>> = select.query_row(params![agent.0, day], |row| row.get(0)).optional()?;
        let Some(bytes) = bytes else { continue };
        let ranges = RangesPb::decode(bytes.as_slice())
            .map_err(|error| StoreError::Damaged(format!("taken slots: {error}")))?;
        let pairs = ranges.ends.chunks_exact(2).map(|pair| (u64::from(pair[0]), u64::from(pair[1])));
        taken.insert(day, pairs.collect());
    }
    Ok(taken)
}

fn save_taken(
    connection: &Connection,
    agent: AgentId,
    day: Day,
    seconds: &IntervalSet,
) -> Result<(), StoreError> {
    let ends = seconds.ranges().iter().flat_map(|&(first, last)| [first as u32, last as u32]).collect();
    connection
        .prepare_cached("INSERT OR REPLACE INTO taken (agent, day, ranges) VALUES (?1, ?2, ?3)")?
        .execute(params![agent.0, day, RangesPb { ends }.encode_to_vec()])?;
    Ok(())
}

/// One inbox row for each day, so that a reader finds what is fresh of a day.
fn keep(
    connection: &Connection,
    agent: AgentId,
    received_ms: i64,
    kept: &[StoredRecord],
) -> Result<(), StoreError> {
    let mut days: std::collections::BTreeMap<Day, Vec<StoredRecord>> = std::collections::BTreeMap::new();
    for stored in kept {
        days.entry(stored.day()).or_default().push(stored.clone());
    }
    let mut insert = connection
        .prepare_cached("INSERT INTO inbox (agent, day, received_ms, bytes) VALUES (?1, ?2, ?3, ?4)")?;
    for (day, records) in days {
        insert.execute(params![agent.0, day, received_ms, chunk::encode(&records)])?;
        outbox::note(connection, agent, received_ms, &records)?;
    }
    Ok(())
}

fn note_seen(connection: &Connection, agent: AgentId, received_ms: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE agent SET last_seen_ms = max(coalesce(last_seen_ms, 0), ?2) WHERE id = ?1")?
        .execute(params![agent.0, received_ms])?;
    Ok(())
}

fn note_program(connection: &Connection, agent: AgentId, kept: &[StoredRecord]) -> Result<(), StoreError> {
    let newest = kept.iter().rev().find_map(|stored| match &stored.record.body {
        Body::SessionStart(start) => Some(start),
        _ => None,
    });
    if let Some(start) = newest {
        connection
            .prepare_cached("UPDATE agent SET version = ?2, system = ?3 WHERE id = ?1")?
            .execute(params![agent.0, start.agent_version, start.system])?;
    }
    Ok(())
}
