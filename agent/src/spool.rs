//! The spool: records that the collector has not receipted. (first form: in memory only)

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use suar_wire::{Epoch, IntervalSet, Sequence};

/// Most bytes of one payload.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Most bytes of segments on disk; the oldest are dropped first, and counted.
    pub bytes_max: u64,
}

/// What was found in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// The newest payload on disk, acknowledged or not.
    pub last: Option<Vec<u8>>,
    /// Segments that were found damaged now.
    pub damaged_segments: u32,
    /// Sequences that damage cost, inclusive; to be told in `Dropped` records.
    pub lost: Vec<(Sequence, Sequence)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    NewestFirst,
    OldestFirst,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub sequence: Sequence,
    /// Records that a bound has cost since the last append, to be told in one `Dropped` record.
    pub dropped: Option<(Sequence, Sequence)>,
}

#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("another suar-agent uses {}; stop it first", dir.display())]
    Locked { dir: PathBuf },
    #[error("cannot use the spool {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("a payload has 1 to {PAYLOAD_BYTES_MAX} bytes, this one has {bytes}")]
    Payload { bytes: usize },
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Records that are not acknowledged, in memory or on disk.
    pub records_pending: u64,
    pub bytes_on_disk: u64,
    pub oldest_pending: Option<Sequence>,
    /// Records that bounds have cost in this epoch.
    pub dropped_total: u64,
    /// Damaged segments found since the start.
    pub damaged_segments: u32,
    /// Records that are not on disk yet.
    pub in_memory: usize,
    /// What is wrong with the disk, if anything.
    pub trouble: Option<String>,
}

#[derive(Debug)]
pub struct Spool {
    epoch: Epoch,
    next: Sequence,
    queue: VecDeque<(Sequence, Vec<u8>)>,
    acked: IntervalSet,
}

impl Spool {
    /// Opens or makes the spool in `dir`. `fresh_epoch` is random and is used when there is none yet.
    pub fn open(_dir: &Path, _options: Options, fresh_epoch: Epoch) -> Result<(Self, Opened), SpoolError> {
        let spool = Self { epoch: fresh_epoch, next: 1, queue: VecDeque::new(), acked: IntervalSet::new() };
        Ok((spool, Opened::default()))
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The sequence that the next `append` will give.
    pub fn next_sequence(&self) -> Sequence {
        self.next
    }

    /// Takes a payload into memory; never touches the disk. Durable, and seen by `peek`, after `sync`.
    pub fn append(&mut self, payload: &[u8]) -> Result<Appended, SpoolError> {
        if payload.is_empty() || payload.len() > PAYLOAD_BYTES_MAX {
            return Err(SpoolError::Payload { bytes: payload.len() });
        }
        let sequence = self.next;
        self.next += 1;
        self.queue.push_back((sequence, payload.to_vec()));
        Ok(Appended { sequence, dropped: None })
    }

    /// Writes what was appended and makes it durable; blocks for as long as the disk takes, so not for the
    /// thread that times probes. Trouble is no error: records stay in memory and [`Stats::trouble`] tells.
    pub fn sync(&mut self) {}

    /// Durable records that are not acknowledged, ascending by sequence. Moves nothing. At least one record
    /// comes when there is any, even when it alone passes `bytes_max`.
    pub fn peek(
        &self,
        order: Order,
        records_max: usize,
        _bytes_max: usize,
    ) -> Result<Vec<(Sequence, Vec<u8>)>, SpoolError> {
        let pending = self.queue.iter().filter(|(sequence, _)| !self.acked.contains(*sequence)).cloned();
        let mut found: Vec<_> = match order {
            Order::NewestFirst => pending.rev().take(records_max).collect(),
            Order::OldestFirst => pending.take(records_max).collect(),
        };
        found.sort_by_key(|(sequence, _)| *sequence);
        Ok(found)
    }

    /// Marks records acknowledged. What is not durable yet is left alone.
    pub fn commit(&mut self, ranges: &[(Sequence, Sequence)]) {
        for &(first, last) in ranges {
            self.acked.insert_range(first, last.min(self.next - 1));
        }
    }

    pub fn stats(&self) -> Stats {
        Stats { records_pending: self.queue.len() as u64, ..Stats::default() }
    }
}
