//! Counters of what came in, by reason. Plain numbers; the exposition gives them names.

use std::sync::atomic::{AtomicU64, Ordering};

use suar_wire::RefusalReason;

use crate::clock::SetAside;

/// Why a request of an agent was turned away as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    NoToken,
    UnknownToken,
    Revoked,
    /// The agent id in the body is not the token's.
    ForeignAgent,
    ContentType,
    TooLarge,
    /// Not zstd, not protobuf, truncated, or values that have no meaning.
    Malformed,
    Version,
    TooOften,
    QueueFull,
    /// The body did not arrive in time.
    TooSlow,
    /// Our trouble: disk full or worse.
    Store,
}

impl RejectReason {
    pub const ALL: [Self; 12] = [
        Self::NoToken,
        Self::UnknownToken,
        Self::Revoked,
        Self::ForeignAgent,
        Self::ContentType,
        Self::TooLarge,
        Self::Malformed,
        Self::Version,
        Self::TooOften,
        Self::QueueFull,
        Self::TooSlow,
        Self::Store,
    ];

    /// The stable word, in error answers and metric labels.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::UnknownToken => "unknown_token",
            Self::Revoked => "revoked",
            Self::ForeignAgent => "foreign_agent",
            Self::ContentType => "content_type",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Version => "version",
            Self::TooOften => "too_often",
            Self::QueueFull => "queue_full",
            Self::TooSlow => "too_slow",
            Self::Store => "store",
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub struct IngestCounters {
    pub pushes: Counter,
    pub body_bytes: Counter,
    pub unpacked_bytes: Counter,
    pub records_kept: Counter,
    /// Known already: success, and how much is sent twice.
    pub records_known: Counter,
    /// Transactions; pushes divided by this is how many share one write to disk.
    pub commits: Counter,
    pub joins: Counter,
    pub joins_refused: Counter,
    pub connections: Counter,
    /// Connections turned away at the bound, or whose handshake failed.
    pub connections_refused: Counter,
    pub handshakes_failed: Counter,
    rejected: [Counter; RejectReason::ALL.len()],
    refused: [Counter; RefusalReason::ALL.len()],
    set_aside: [Counter; SetAside::ALL.len()],
}

impl IngestCounters {
    pub fn rejected(&self, reason: RejectReason) -> &Counter {
        &self.rejected[place(&RejectReason::ALL, reason)]
    }

    pub fn refused(&self, reason: RefusalReason) -> &Counter {
        &self.refused[place(RefusalReason::ALL, reason)]
    }

    pub fn set_aside(&self, reason: SetAside) -> &Counter {
        &self.set_aside[place(&SetAside::ALL, reason)]
    }
}

fn place<T: PartialEq>(all: &[T], one: T) -> usize {
    all.iter().position(|other| *other == one).expect("ALL lists every variant")
}
