//! A day's summary as bytes. What sessions explain is not in it: that is laid over when it is read, so a
//! session record that arrives later changes no row. Field numbers are never used again.

use prost::Message;
use suar_wire::Verdict;

use super::StoreError;
use crate::day::{Block, DaySummary, RttHistogram, Run, State};

#[derive(Clone, PartialEq, Message)]
struct SummaryPb {
    /// Start (as the distance from the end of the run before), length, wire number of the verdict.
    #[prost(uint32, repeated, tag = "1")]
    runs: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    blocks: Vec<BlockPb>,
    #[prost(uint32, tag = "3")]
    synced: u32,
    #[prost(uint32, tag = "4")]
    estimated: u32,
    #[prost(uint32, tag = "5")]
    bounded: u32,
    #[prost(uint32, tag = "6")]
    slot_seconds: u32,
}

#[derive(Clone, PartialEq, Message)]
struct BlockPb {
    #[prost(uint32, tag = "1")]
    block: u32,
    #[prost(uint32, tag = "2")]
    sent: u32,
    #[prost(uint32, tag = "3")]
    lost: u32,
    #[prost(uint32, tag = "4")]
    late: u32,
    #[prost(uint32, tag = "5")]
    duplicates: u32,
    /// Bucket (as the distance from the one before), count.
    #[prost(uint32, repeated, tag = "6")]
    rtt: Vec<u32>,
}

pub fn encode(summary: &DaySummary) -> Vec<u8> {
    let mut pb = SummaryPb {
        synced: summary.synced,
        estimated: summary.estimated,
        bounded: summary.bounded,
        slot_seconds: summary.slot_seconds,
        ..SummaryPb::default()
    };
    let mut end_s = 0;
    for run in &summary.runs {
        let verdict = match run.state {
            State::Up => Verdict::Up,
            State::Down(cause) => Verdict::Down(cause),
            State::Unobserved(_) => continue,
        };
        pb.runs.extend([run.start_s.saturating_sub(end_s), run.length_s, verdict.code()]);
        end_s = run.start_s + run.length_s;
    }
    pb.blocks = summary.blocks.iter().map(encode_block).collect();
    pb.encode_to_vec()
}

fn encode_block(block: &Block) -> BlockPb {
    let mut before = 0;
    let mut rtt = Vec::with_capacity(block.rtt.buckets.len() * 2);
    for &(bucket, count) in &block.rtt.buckets {
        rtt.extend([u32::from(bucket) - before, count]);
        before = u32::from(bucket);
    }
    BlockPb {
        block: u32::from(block.block),
        sent: block.sent,
        lost: block.lost,
        late: block.late,
        duplicates: block.duplicates,
        rtt,
    }
}

pub fn decode(bytes: &[u8]) -> Result<DaySummary, StoreError> {
    let pb = SummaryPb::decode(bytes).map_err(|error| StoreError::Damaged(error.to_string()))?;
    decoded(&pb).ok_or_else(|| StoreError::Damaged("a summary's columns do not fit together".to_owned()))
}

fn decoded(pb: &SummaryPb) -> Option<DaySummary> {
    let mut summary = DaySummary {
        synced: pb.synced,
        estimated: pb.estimated,
        bounded: pb.bounded,
        slot_seconds: pb.slot_seconds,
        ..DaySummary::default()
    };
    let mut end_s = 0u32;
    for run in pb.runs.chunks(3) {
        let [distance_s, length_s, code] = run.try_into().ok()?;
        let state = match Verdict::from_code(code)? {
            Verdict::Up => State::Up,
            Verdict::Down(cause) => State::Down(cause),
        };
        let start_s = end_s.checked_add(distance_s)?;
        end_s = start_s.checked_add(length_s)?;
        summary.runs.push(Run { start_s, length_s, state });
    }
    summary.blocks = pb.blocks.iter().map(decoded_block).collect::<Option<_>>()?;
    Some(summary)
}

fn decoded_block(pb: &BlockPb) -> Option<Block> {
    let mut bucket = 0u32;
    let mut buckets = Vec::with_capacity(pb.rtt.len() / 2);
    for pair in pb.rtt.chunks(2) {
        let [distance, count] = pair.try_into().ok()?;
        bucket = bucket.checked_add(distance)?;
        buckets.push((u16::try_from(bucket).ok()?, count));
    }
    Some(Block {
        block: u8::try_from(pb.block).ok()?,
        sent: pb.sent,
        lost: pb.lost,
        late: pb.late,
        duplicates: pb.duplicates,
        rtt: RttHistogram { buckets },
    })
}
