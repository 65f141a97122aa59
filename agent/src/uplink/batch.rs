//! From peeked payloads to a body, and from a receipt to what may be forgotten. Pure.

use suar_wire::push::{self, Clock, Push};
use suar_wire::{AgentId, Epoch, IntervalSet, Receipt, Record, Sequence, decode_record};

/// Records on their way, and those that can never be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    pub records: Vec<Record>,
    /// Payloads that this version cannot read: written by another one, or by a fault.
    pub unreadable: Vec<Sequence>,
}

/// Who sends, and from where in the agent's life.
#[derive(Debug, Clone, Copy)]
pub struct Sender {
    pub agent: AgentId,
    pub epoch: Epoch,
    pub plan_version: u32,
}

/// What a receipt settles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settled {
    /// Ranges to commit; never anything that was not sent.
    pub acknowledged: IntervalSet,
    pub refused: Vec<suar_wire::Refusal>,
}

impl Batch {
    pub fn read(peeked: Vec<(Sequence, Vec<u8>)>) -> Self {
        let mut batch = Self::default();
        for (sequence, payload) in peeked {
            match decode_record(&payload) {
                // The spool's number is the record's identity, whatever the payload says.
                Ok(record) => batch.records.push(Record { sequence, ..record }),
                Err(_) => batch.unreadable.push(sequence),
            }
        }
        batch
    }

    pub fn sequences(&self) -> IntervalSet {
        self.records.iter().map(|record| record.sequence).collect()
    }

    pub fn oldest(&self) -> Option<Sequence> {
        self.records.iter().map(|record| record.sequence).min()
    }

    /// The body, and whether it is zstd.
    pub fn body(&mut self, sender: Sender, clock: Clock) -> (Vec<u8>, bool) {
        let Sender { agent, epoch, plan_version } = sender;
        // Lent, not copied: a full batch is the largest thing in the agent's memory.
        let records = std::mem::take(&mut self.records);
        let push = Push { agent, epoch, plan_version, clock, records };
        let body = push.encode();
        self.records = push.records;
        push::compress(body)
    }

    /// What a receipt says about these records. It may name others, by fault or by malice: those are not
    /// its business.
    pub fn settle(&self, receipt: &Receipt) -> Settled {
        let sent = self.sequences();
        let refused: Vec<_> =
            receipt.refused.iter().copied().filter(|refusal| sent.contains(refusal.sequence)).collect();
        let named = receipt.acknowledged.iter().copied();
        // A refused record is not worth sending again either.
        let named: IntervalSet =
            named.chain(refused.iter().map(|refusal| (refusal.sequence, refusal.sequence))).collect();
        let acknowledged =
            self.records.iter().map(|record| record.sequence).filter(|sequence| named.contains(*sequence));
        Settled { acknowledged: acknowledged.collect(), refused }
    }
}

#[cfg(test)]
mod tests {
    use suar_wire::record::{ClockStep, Stamp};
    use suar_wire::{BootId, Refusal, RefusalReason, encode_record};

    use super::*;

    fn payload(sequence: Sequence) -> (Sequence, Vec<u8>) {
        let stamp = Stamp { boot: BootId([3; 16]), boot_ms: sequence * 1000, wall_ms: 5 };
        let body = suar_wire::Body::ClockStep(ClockStep { by_ms: 1 });
        (sequence, encode_record(&Record { sequence, stamp, body }))
    }

    #[test]
    fn a_payload_that_cannot_be_read_does_not_hold_up_the_others() {
        let batch = Batch::read(vec![payload(1), (2, b"rubbish".to_vec()), payload(3)]);
        assert_eq!((batch.sequences().ranges(), &batch.unreadable[..]), (&[(1, 1), (3, 3)][..], &[2][..]));
    }

    #[test]
    fn a_receipt_settles_only_what_was_sent() {
        let batch = Batch::read(vec![payload(4), payload(5), payload(7), payload(8)]);
        let receipt = |acknowledged: &[(u64, u64)], refused: &[u64]| Receipt {
            acknowledged: acknowledged.to_vec(),
            refused: refused
                .iter()
                .map(|sequence| Refusal { sequence: *sequence, reason: RefusalReason::SlotTaken })
                .collect(),
            server_ms: 0,
            plan_version: 1,
        };
        let settle = |receipt: &Receipt| {
            let settled = batch.settle(receipt);
            (settled.acknowledged.ranges().to_vec(), settled.refused.len())
        };
        assert_eq!(settle(&receipt(&[(0, u64::MAX)], &[])), (vec![(4, 5), (7, 8)], 0));
        assert_eq!(settle(&receipt(&[(5, 7), (100, 200)], &[1, 8])), (vec![(5, 5), (7, 8)], 1));
        assert_eq!(settle(&receipt(&[(9, 3)], &[])), (vec![], 0));
        assert_eq!(settle(&receipt(&[], &[])), (vec![], 0));
    }

    #[test]
    fn a_body_reads_back_as_the_push_it_was_made_from() {
        let mut batch = Batch::read((1..=50).map(payload).collect());
        let sender = Sender { agent: AgentId([1; 16]), epoch: Epoch([2; 8]), plan_version: 4 };
        let clock = Clock { boot: BootId([3; 16]), boot_ms: 1, wall_ms: 2, last_exchange_ms: Some(3) };
        let (body, packed) = batch.body(sender, clock);
        assert!(packed);
        let push = Push::decode(&push::decompress(&body).unwrap()).unwrap();
        assert_eq!((push.records, push.clock, push.epoch), (batch.records, clock, sender.epoch));
    }
}
