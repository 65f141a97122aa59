//! Stored records as bytes: the payload of an inbox row and, compressed, of a day's chunk.
//!
//! A protobuf message of parts. A part carries `suar_wire::columns` and beside it, for each record, the
//! epoch, the repaired time and its quality. A day has more than one part only when an agent went through
//! more boots than a dictionary holds. Field numbers are never used again for anything else.

use std::collections::{BTreeMap, HashSet};

use prost::Message;
use suar_wire::columns::{self, Columns, DICTIONARY_MAX};
use suar_wire::{AgentId, Body, Epoch, Sequence};

use super::{StoreError, StoredRecord};
use crate::clock::Quality;

/// Most records of one agent and day: every second has a round, and as many events again.
const RECORDS_A_DAY_MAX: usize = 2 * 86_400;
/// Most bytes of a day's chunk once unpacked.
const UNPACKED_BYTES_MAX: usize = 256 * 1024 * 1024;
const ZSTD_LEVEL: i32 = 6;
/// Nothing in a frame says more than four bytes for a block of 128 KiB.
const ZSTD_RATIO_MAX: usize = 128 * 1024 / 4;

#[derive(Clone, PartialEq, Message)]
struct ChunkPb {
    #[prost(message, repeated, tag = "1")]
    parts: Vec<PartPb>,
}

#[derive(Clone, PartialEq, Message)]
struct PartPb {
    #[prost(message, optional, tag = "1")]
    records: Option<Columns>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    epochs: Vec<Vec<u8>>,
    #[prost(uint32, repeated, tag = "3")]
    epoch: Vec<u32>,
    /// Repaired time minus wall clock, as differences: constant while both clocks are right.
    #[prost(sint64, repeated, tag = "4")]
    at_minus_wall_ms: Vec<i64>,
    #[prost(uint32, repeated, tag = "5")]
    quality: Vec<u32>,
}

pub fn encode(records: &[StoredRecord]) -> Vec<u8> {
    let mut chunk = ChunkPb::default();
    let mut rest = records;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(part_length(rest));
        chunk.parts.push(encode_part(part));
        rest = after;
    }
    chunk.encode_to_vec()
}

/// How many records from the front share dictionaries that are not too long.
fn part_length(records: &[StoredRecord]) -> usize {
    let (mut boots, mut targets, mut epochs) = (HashSet::new(), HashSet::new(), HashSet::new());
    for (at, stored) in records.iter().enumerate() {
        boots.insert(stored.record.stamp.boot);
        epochs.insert(stored.epoch);
        if let Body::Round(round) = &stored.record.body {
            targets.extend(round.echoes.iter().map(|echo| echo.target));
        }
        if [boots.len(), targets.len(), epochs.len()].iter().any(|length| *length > DICTIONARY_MAX) {
            // The first record alone always fits: it has one boot and at most 16 targets.
            return at.max(1);
        }
    }
    records.len()
}

fn encode_part(records: &[StoredRecord]) -> PartPb {
    let mut part = PartPb::default();
    let mut before = 0i64;
    for stored in records {
        let epoch = stored.epoch.0.to_vec();
        let index = part.epochs.iter().position(|known| *known == epoch).unwrap_or_else(|| {
            part.epochs.push(epoch);
            part.epochs.len() - 1
        });
        part.epoch.push(index as u32);
        let at_minus_wall = stored.at_ms.wrapping_sub(stored.record.stamp.wall_ms);
        part.at_minus_wall_ms.push(at_minus_wall.wrapping_sub(before));
        before = at_minus_wall;
        part.quality.push(stored.quality.code());
    }
    let records: Vec<_> = records.iter().map(|stored| stored.record.clone()).collect();
    part.records = Some(columns::encode(&records));
    part
}

pub fn decode(agent: AgentId, bytes: &[u8]) -> Result<Vec<StoredRecord>, StoreError> {
    let chunk = ChunkPb::decode(bytes).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let mut records = Vec::new();
    for part in &chunk.parts {
        decode_part(agent, part, &mut records)?;
    }
    Ok(records)
}

fn decode_part(agent: AgentId, part: &PartPb, into: &mut Vec<StoredRecord>) -> Result<(), StoreError> {
    let damaged = |what: &str| StoreError::Damaged(what.to_owned());
    let columns = part.records.as_ref().ok_or_else(|| damaged("a chunk without records"))?;
    let left = RECORDS_A_DAY_MAX.saturating_sub(into.len());
    let records = columns::decode(columns, left).map_err(|error| damaged(&error.to_string()))?;
    let lengths = [part.epoch.len(), part.at_minus_wall_ms.len(), part.quality.len()];
    if lengths.iter().any(|length| *length != records.len()) {
        return Err(damaged("the columns of a chunk differ in length"));
    }
    let mut before = 0i64;
    for (at, record) in records.into_iter().enumerate() {
        before = before.wrapping_add(part.at_minus_wall_ms[at]);
        let epoch = part.epochs.get(part.epoch[at] as usize).and_then(|bytes| Epoch::from_slice(bytes));
        into.push(StoredRecord {
            agent,
            epoch: epoch.ok_or_else(|| damaged("an epoch of a chunk is missing"))?,
            at_ms: before.wrapping_add(record.stamp.wall_ms),
            quality: Quality::from_code(part.quality[at]).ok_or_else(|| damaged("an unknown quality"))?,
            record,
        });
    }
    Ok(())
}

pub fn pack(records: &[StoredRecord]) -> Result<Vec<u8>, StoreError> {
    zstd::bulk::compress(&encode(records), ZSTD_LEVEL)
        .map_err(|cause| StoreError::File { what: "a chunk cannot be compressed".to_owned(), cause })
}

pub fn unpack(agent: AgentId, packed: &[u8]) -> Result<Vec<StoredRecord>, StoreError> {
    let bytes = zstd::bulk::decompress(packed, unpacked_bytes(packed)?)
        .map_err(|error| StoreError::Damaged(format!("a chunk cannot be unpacked: {error}")))?;
    decode(agent, &bytes)
}

/// zstd writes the size into the frame; memory is taken for that and not for the bound. A damaged size may be any, but
/// not more than so few bytes can stand for.
fn unpacked_bytes(packed: &[u8]) -> Result<usize, StoreError> {
    let possible = packed.len().saturating_mul(ZSTD_RATIO_MAX).min(UNPACKED_BYTES_MAX);
    match zstd::zstd_safe::get_frame_content_size(packed) {
        Ok(Some(bytes)) if bytes <= possible as u64 => Ok(bytes as usize),
        _ => Err(StoreError::Damaged("a chunk has no or an impossible size".to_owned())),
    }
}

/// Puts records together, each (epoch, sequence) once, in that order. The first that is given stays.
pub fn merge(parts: impl IntoIterator<Item = StoredRecord>) -> Vec<StoredRecord> {
    let mut merged: BTreeMap<(Epoch, Sequence), StoredRecord> = BTreeMap::new();
    for stored in parts {
        merged.entry((stored.epoch, stored.record.sequence)).or_insert(stored);
    }
    merged.into_values().collect()
}
