//! Records that are not on disk yet: one round's in good times, more while the disk is full or read-only.

use std::collections::VecDeque;

use suar_wire::Sequence;

/// Most records in memory: nearly three days of the standard profile.
pub const QUEUE_RECORDS_MAX: usize = 4096;
/// Most bytes of payloads in memory.
pub const QUEUE_BYTES_MAX: usize = 1024 * 1024;
/// When either is passed this share of the records goes, oldest first. Many at once, because each loss is
/// told in a record of its own, which needs room too.
const DROPPED_AT_ONCE: usize = QUEUE_RECORDS_MAX / 16;

#[derive(Debug, Default)]
pub struct Queue {
    records: VecDeque<(Sequence, Vec<u8>)>,
    bytes: usize,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Sequence, &[u8])> {
        self.records.iter().map(|(sequence, payload)| (*sequence, payload.as_slice()))
    }

    /// Takes a record; returns the sequences that had to go for it.
    pub fn push(&mut self, sequence: Sequence, payload: &[u8]) -> Option<Vec<Sequence>> {
        let full = self.records.len() >= QUEUE_RECORDS_MAX || self.bytes + payload.len() > QUEUE_BYTES_MAX;
        let dropped = full.then(|| {
            let count = DROPPED_AT_ONCE.min(self.records.len());
            (0..count).filter_map(|_| self.pop()).map(|(sequence, _)| sequence).collect()
        });
        self.records.push_back((sequence, payload.to_vec()));
        self.bytes += payload.len();
        dropped
    }

    pub fn pop(&mut self) -> Option<(Sequence, Vec<u8>)> {
        let (sequence, payload) = self.records.pop_front()?;
        self.bytes -= payload.len();
        Some((sequence, payload))
    }

    /// Forgets the oldest records, which are on disk now.
    pub fn forget(&mut self, count: usize) {
        for _ in 0..count {
            self.pop();
        }
    }

    /// Keeps what is wanted; for receipts when there is no disk.
    pub fn retain(&mut self, wanted: impl Fn(Sequence) -> bool) {
        self.records.retain(|(sequence, _)| wanted(*sequence));
        self.bytes = self.records.iter().map(|(_, payload)| payload.len()).sum();
    }
}
