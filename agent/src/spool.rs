//! The spool: records on disk that the collector has not receipted. It keeps opaque bytes.
//!
//! # On disk
//!
//! ```text
//! lock                          held by the running agent
//! epoch                         8 random bytes in hexadecimal, made with the directory
//! acked                         what the collector has receipted (see `acked`)
//! 00000000000000000001.segment  64 KiB; the name is the first sequence it may hold
//! 00000000000000000733.segment  the newest: frames are added to it
//! 00000000000000000310.segment.damaged   set aside; the frames that can be read still count
//! ```
//!
//! A segment starts with `SUARSEG1` and the epoch, and goes on with frames and zeros:
//!
//! ```text
//! length of the payload   4 bytes, little-endian; 0: no frame from here on
//! CRC32C                  4 bytes, over epoch, length, sequence and payload
//! sequence                8 bytes
//! payload                 1 byte to 16 KiB
//! ```
//!
//! Segments are written full of zeros first, so that one durable record costs one small write in place. A
//! segment goes when all its records are receipted, or as the oldest when the bound is passed, which is
//! counted. The newest one never goes, so that its name and frames keep the sequence: a sequence is never
//! given twice in an epoch. Only durable records are shown to `peek`, for the same reason: a record that
//! was sent and then lost in a power cut would give its sequence to another one.
//!
//! # Trouble
//!
//! `append` only takes a record into memory; `sync` writes and makes durable. While the disk is full or
//! read-only, records wait in memory up to a bound. A directory that cannot be written when the agent
//! starts is left alone: the agent then works in memory with an epoch of its own, so that an office with
//! a worn-out card is still heard.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use suar_wire::{Epoch, IntervalSet, Sequence};

mod acked;
mod batch;
mod beside;
mod frame;
mod opening;
mod queue;
mod segment;
#[cfg(test)]
mod tests;
mod writing;

use acked::Acked;
use batch::Batch;
pub use beside::Beside;
use opening::{Found, Refused};
use queue::Queue;
pub use queue::{QUEUE_BYTES_MAX, QUEUE_RECORDS_MAX};
pub use segment::SEGMENT_BYTES;
use segment::{Active, Segment};

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
    /// Sequences that power cuts and damage cost, inclusive; to be told in `Dropped` records.
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
    /// Records that a bound has cost, to be told in one `Dropped` record; the next range comes with the
    /// next append.
    pub dropped: Option<(Sequence, Sequence)>,
}

#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("another suar-agent uses {}; stop it first", dir.display())]
    Locked { dir: PathBuf },
    #[error("cannot use {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("a payload has 1 to {PAYLOAD_BYTES_MAX} bytes, this one has {bytes}")]
    Payload { bytes: usize },
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Records that are not acknowledged, in memory or on disk.
    pub records_pending: u64,
    pub bytes_on_disk: u64,
    /// The bound of that.
    pub bytes_max: u64,
    pub oldest_pending: Option<Sequence>,
    /// Records that bounds have cost in this epoch.
    pub dropped_total: u64,
    /// Damaged segments found when the spool was opened.
    pub damaged_segments: u32,
    /// Records that are not on disk yet.
    pub in_memory: usize,
    /// What is wrong with the disk, if anything.
    pub trouble: Option<String>,
}

/// One directory, one process. All of it blocks: call it off the thread that times probes.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    options: Options,
    epoch: Epoch,
    next: Sequence,
    /// Oldest first; the last is the one that `active` writes to, when there is one.
    segments: Vec<Segment>,
    active: Option<Active>,
    queue: Queue,
    acked: Acked,
    /// Dropped and not told yet.
    untold: IntervalSet,
    damaged_segments: u32,
    trouble: Option<String>,
    /// `None`: the directory cannot be written, all work is in memory.
    lock: Option<File>,
}

impl Spool {
    /// Opens or makes the spool in `dir`. `fresh_epoch` is random, and used when a new epoch begins.
    pub fn open(dir: &Path, options: Options, fresh_epoch: Epoch) -> Result<(Self, Opened), SpoolError> {
        let mut spool = Self {
            dir: dir.to_owned(),
            options,
            epoch: fresh_epoch,
            next: 1,
            segments: Vec::new(),
            active: None,
            queue: Queue::default(),
            acked: Acked::default(),
            untold: IntervalSet::new(),
            damaged_segments: 0,
            trouble: None,
            lock: None,
        };
        match opening::open(dir, fresh_epoch) {
            Ok(Found { lock, epoch, segments, active, acked, next, opened, trouble }) => {
                spool.lock = Some(lock);
                (spool.epoch, spool.segments, spool.active) = (epoch, segments, active);
                (spool.acked, spool.next, spool.trouble) = (acked, next, trouble);
                spool.damaged_segments = opened.damaged_segments;
                Ok((spool, opened))
            }
            Err(Refused::Error(error)) => Err(error),
            Err(Refused::Disk(error)) => {
                spool.in_trouble(dir, &error);
                Ok((spool, Opened::default()))
            }
        }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The sequence that the next `append` will give.
    pub fn next_sequence(&self) -> Sequence {
        self.next
    }

    /// Takes a payload into memory; never touches the disk. It is durable, and seen by `peek`, after `sync`.
    pub fn append(&mut self, payload: &[u8]) -> Result<Appended, SpoolError> {
        if payload.is_empty() || payload.len() > PAYLOAD_BYTES_MAX {
            return Err(SpoolError::Payload { bytes: payload.len() });
        }
        let sequence = self.next;
        self.next += 1;
        if let Some(dropped) = self.queue.push(sequence, payload) {
            self.acked.dropped_total = self.acked.dropped_total.saturating_add(dropped.len() as u64);
            dropped.into_iter().for_each(|sequence| self.untold.insert(sequence));
        }
        let dropped = self.untold.ranges().first().copied();
        self.untold = self.untold.ranges().iter().skip(1).copied().collect();
        Ok(Appended { sequence, dropped })
    }

    /// Writes what was appended and makes it durable. Trouble is no error: records stay in memory, and
    /// [`Stats::trouble`] tells.
    pub fn sync(&mut self) {
        while self.lock.is_some() && self.queue.len() > 0 {
            if let Err((path, error)) = self.write_some() {
                return self.in_trouble(&path, &error);
            }
            if self.trouble.take().is_some() {
                tracing::info!(spool = %self.dir.display(), "the spool can be written again");
            }
        }
    }

    /// Durable records that are not acknowledged, ascending by sequence. Moves nothing. At least one record
    /// comes when there is any, even when it alone passes `bytes_max`.
    pub fn peek(
        &self,
        order: Order,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<(Sequence, Vec<u8>)>, SpoolError> {
        let mut batch = Batch::new(records_max, bytes_max);
        let mut unreadable = None;
        if self.lock.is_none() {
            let mut records: Vec<_> = self.queue.iter().collect();
            batch.take(order, &mut records);
        }
        let count = self.segments.len();
        for index in 0..count {
            let segment = match order {
                Order::OldestFirst => &self.segments[index],
                Order::NewestFirst => &self.segments[count - 1 - index],
            };
            if batch.is_full() {
                break;
            }
            if segment.is_acknowledged(&self.acked.ranges) {
                continue;
            }
            match segment.read(self.epoch) {
                Ok((bytes, scan)) => {
                    let wanted = |sequence| {
                        segment.present.contains(sequence) && !self.acked.ranges.contains(sequence)
                    };
                    let frames = scan.frames.iter().filter(|frame| wanted(frame.sequence));
                    let mut records: Vec<_> =
                        frames.map(|frame| (frame.sequence, &bytes[frame.payload.clone()])).collect();
                    batch.take(order, &mut records);
                }
                // One unreadable file must not hold up the others.
                Err(source) => unreadable = Some(SpoolError::File { path: segment.path.clone(), source }),
            }
        }
        match unreadable {
            Some(error) if batch.is_empty() => Err(error),
            _ => Ok(batch.ascending()),
        }
    }

    /// Marks records acknowledged and forgets segments that are so altogether. What is not durable yet is
    /// left alone, whatever the ranges say.
    pub fn commit(&mut self, ranges: &[(Sequence, Sequence)]) {
        if self.lock.is_none() {
            let acked: IntervalSet = ranges.iter().copied().collect();
            return self.queue.retain(|sequence| !acked.contains(sequence));
        }
        let durable = self.segments.iter().filter_map(Segment::last).max().unwrap_or(0);
        for &(first, last) in ranges {
            self.acked.ranges.insert_range(first, last.min(durable));
        }
        // The newest record and the newest name stay: they keep the sequence.
        let newest = self.segments.iter().rposition(|segment| !segment.present.is_empty()).unwrap_or(0);
        for index in (0..newest).rev() {
            if self.segments[index].is_acknowledged(&self.acked.ranges) {
                self.remove_segment(index);
            }
        }
        self.write_acked();
    }

    pub fn stats(&self) -> Stats {
        let acked = &self.acked.ranges;
        let pending = || self.segments.iter().flat_map(|segment| segment.pending(acked));
        let queued = self.queue.len();
        Stats {
            records_pending: pending().map(|(first, last)| last - first + 1).sum::<u64>() + queued as u64,
            bytes_on_disk: (self.segments.len() * SEGMENT_BYTES) as u64,
            bytes_max: self.options.bytes_max,
            oldest_pending: pending()
                .next()
                .map(|(first, _)| first)
                .or_else(|| Some(self.queue.iter().next()?.0)),
            dropped_total: self.acked.dropped_total,
            damaged_segments: self.damaged_segments,
            in_memory: queued,
            trouble: self.trouble.clone(),
        }
    }

    fn in_trouble(&mut self, path: &Path, error: &io::Error) {
        let trouble = format!("cannot write {}: {error}", path.display());
        if self.trouble.as_ref() != Some(&trouble) {
            tracing::error!(path = %path.display(), %error, "the spool cannot be written; records wait in memory");
        }
        self.trouble = Some(trouble);
    }
}
