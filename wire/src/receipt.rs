//! The collector's answer to a push. It goes out only when every acknowledged record is durable.

use prost::Message;
use serde::{Deserialize, Serialize};

use crate::identity::Sequence;
use crate::outcome::coded;

coded! {
    /// Why one record was refused for good. The agent commits past it and logs it.
    RefusalReason {
        /// A second round for a slot that already has one from this agent.
        SlotTaken = 1 "slot_taken",
        /// Values that cannot be.
        Impossible = 2 "impossible",
        /// Sequence 0, or above any an agent could have written.
        BadSequence = 3 "bad_sequence",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub sequence: Sequence,
    pub reason: RefusalReason,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Inclusive ranges that are durable now, refused ones included: the agent may forget them.
    pub acknowledged: Vec<(Sequence, Sequence)>,
    pub refused: Vec<Refusal>,
    /// The collector's clock when it answered, milliseconds since 1970.
    pub server_ms: i64,
    /// Version of the plan the agent should have; fetch `GET /v1/plan` when it differs.
    pub plan_version: u32,
}

#[derive(Clone, PartialEq, Message)]
struct ReceiptPb {
    /// First, last, first, last, ...
    #[prost(uint64, repeated, tag = "1")]
    acknowledged: Vec<u64>,
    /// Sequence, reason, sequence, reason, ...
    #[prost(uint64, repeated, tag = "2")]
    refused: Vec<u64>,
    #[prost(sint64, tag = "3")]
    server_ms: i64,
    #[prost(uint32, tag = "4")]
    plan_version: u32,
}

impl Receipt {
    pub fn encode(&self) -> Vec<u8> {
        ReceiptPb {
            acknowledged: self.acknowledged.iter().flat_map(|&(first, last)| [first, last]).collect(),
            refused: self
                .refused
                .iter()
                .flat_map(|refusal| [refusal.sequence, u64::from(refusal.reason.code())])
                .collect(),
            server_ms: self.server_ms,
            plan_version: self.plan_version,
        }
        .encode_to_vec()
    }

    /// `None` when the bytes are no receipt; an unknown reason of a newer collector reads as impossible.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let receipt = ReceiptPb::decode(bytes).ok()?;
        let pairs = |numbers: &[u64]| -> Option<Vec<(u64, u64)>> {
            numbers
                .len()
                .is_multiple_of(2)
                .then(|| numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
        };
        Some(Self {
            acknowledged: pairs(&receipt.acknowledged)?,
            refused: pairs(&receipt.refused)?
                .into_iter()
                .map(|(sequence, code)| Refusal {
                    sequence,
                    reason: u32::try_from(code)
                        .ok()
                        .and_then(RefusalReason::from_code)
                        .unwrap_or(RefusalReason::Impossible),
                })
                .collect(),
            server_ms: receipt.server_ms,
            plan_version: receipt.plan_version,
        })
    }
}
