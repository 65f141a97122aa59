//! The records of one peek, within its bounds. Pure.

use suar_wire::Sequence;

use super::Order;

/// Records that were taken for one push.
#[derive(Debug)]
pub struct Batch {
    records: Vec<(Sequence, Vec<u8>)>,
    bytes: usize,
    records_max: usize,
    bytes_max: usize,
    full: bool,
}

impl Batch {
    pub fn new(records_max: usize, bytes_max: usize) -> Self {
        Self { records: Vec::new(), bytes: 0, records_max, bytes_max, full: records_max == 0 }
    }

    pub fn is_full(&self) -> bool {
        self.full
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn ascending(mut self) -> Vec<(Sequence, Vec<u8>)> {
        self.records.sort_unstable_by_key(|(sequence, _)| *sequence);
        self.records
    }

    /// Takes from ascending records as many as fit, from the end that `order` names.
    pub fn take(&mut self, order: Order, records: &mut [(Sequence, &[u8])]) {
        if order == Order::NewestFirst {
            records.reverse();
        }
        for (sequence, payload) in records {
            let fits = self.records.len() < self.records_max && self.bytes + payload.len() <= self.bytes_max;
            if self.full || !(fits || self.records.is_empty()) {
                self.full = true;
                return;
            }
            self.bytes += payload.len();
            self.records.push((*sequence, payload.to_vec()));
        }
        self.full = self.full || self.records.len() >= self.records_max;
    }
}
