//! From a decoded push to a receipt: a bounded queue, what is new, what is refused, what is counted.
//!
//! [`decide`] is pure. The queue ends at the store's writer, which puts many pushes into one transaction
//! and answers only after it is on disk.

pub mod counters;
pub mod decide;
pub mod packing;
pub mod room;
pub mod witnesses;

use suar_wire::{AgentId, Push, SiteCode};

/// What a push added, handed to the live state after it is durable. Refused, known and quarantined
/// records are not in it.
pub use crate::live::Accepted;
pub use counters::{ConnectionFate, IngestCounters, RejectReason};
pub use room::{Room, RoomForRecords};
pub use witnesses::Witnesses;

/// A push whose sender is known.
#[derive(Debug)]
pub struct Submission {
    pub agent: AgentId,
    pub site: SiteCode,
    pub joined_ms: i64,
    pub received_ms: i64,
    pub push: Push,
}

/// How many pushes' records may wait for the live state; the writer waits when it is full, so that
/// counters never miss one.
pub const ACCEPTED_WAITING_MAX: usize = 1_024;
