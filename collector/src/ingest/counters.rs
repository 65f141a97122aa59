//! Counters of what came in, by reason. Plain numbers; the exposition gives them names.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use suar_wire::RefusalReason;

use crate::clock::SetAside;
use crate::exposition::Own;

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

/// What became of a connection. Each is counted once, when that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionFate {
    /// It asked for something.
    Served,
    /// Turned away at the bound.
    Full,
    HandshakeFailed,
    HandshakeTooSlow,
    /// It came, and went or was cut without a request.
    NoRequest,
}

impl ConnectionFate {
    pub const ALL: [Self; 5] =
        [Self::Served, Self::Full, Self::HandshakeFailed, Self::HandshakeTooSlow, Self::NoRequest];

    pub fn label(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Full => "full",
            Self::HandshakeFailed => "handshake_failed",
            Self::HandshakeTooSlow => "handshake_too_slow",
            Self::NoRequest => "no_request",
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

/// What was counted since the collector started. The exposition's own counters are fed from here, so that
/// nothing is counted in two places.
#[derive(Debug)]
pub struct IngestCounters {
    own: Own,
    pub records_kept: Counter,
    /// Known already: success, and how much is sent twice.
    pub records_known: Counter,
    /// Transactions; pushes divided by this is how many share one write to disk.
    pub commits: Counter,
    pub pushes: Counter,
    connections: [Counter; ConnectionFate::ALL.len()],
    rejected: [Counter; RejectReason::ALL.len()],
    refused: [Counter; RefusalReason::ALL.len()],
    set_aside: [Counter; SetAside::ALL.len()],
}

impl IngestCounters {
    pub fn new(own: Own) -> Self {
        // Counters begin at zero and not with their first event, which `increase` would miss.
        for reason in RefusalReason::ALL {
            own.records_refused(reason.label(), 0);
        }
        for reason in SetAside::ALL {
            own.records_quarantined(reason.label(), 0);
        }
        Self {
            own,
            records_kept: Counter::default(),
            records_known: Counter::default(),
            commits: Counter::default(),
            pushes: Counter::default(),
            connections: Default::default(),
            rejected: Default::default(),
            refused: Default::default(),
            set_aside: Default::default(),
        }
    }

    pub fn own(&self) -> &Own {
        &self.own
    }

    /// A push got its receipt.
    pub fn answered(&self) {
        self.pushes.add(1);
        self.own.push_answered(200, "ok");
    }

    /// A push was turned away as a whole.
    pub fn rejected(&self, status: u16, reason: RejectReason) {
        self.rejected[place(&RejectReason::ALL, reason)].add(1);
        self.own.push_answered(status, reason.label());
    }

    pub fn rejections(&self, reason: RejectReason) -> u64 {
        self.rejected[place(&RejectReason::ALL, reason)].get()
    }

    pub fn kept(&self, kept: u64, known: u64) {
        self.records_kept.add(kept);
        self.records_known.add(known);
    }

    pub fn refused(&self, reason: RefusalReason) {
        self.refused[place(RefusalReason::ALL, reason)].add(1);
        self.own.records_refused(reason.label(), 1);
    }

    pub fn refusals(&self, reason: RefusalReason) -> u64 {
        self.refused[place(RefusalReason::ALL, reason)].get()
    }

    pub fn set_aside(&self, reason: SetAside) {
        self.set_aside[place(&SetAside::ALL, reason)].add(1);
        self.own.records_quarantined(reason.label(), 1);
    }

    pub fn set_asides(&self, reason: SetAside) -> u64 {
        self.set_aside[place(&SetAside::ALL, reason)].get()
    }

    /// A join was answered. `reason` is `ok`, a refusal's label, or why the request was none.
    pub fn join_answered(&self, status: u16, reason: &'static str) {
        self.own.join_answered(status, reason);
    }

    pub fn connection(&self, fate: ConnectionFate) {
        self.connections[place(&ConnectionFate::ALL, fate)].add(1);
        self.own.connection_ended(fate.label());
    }

    pub fn connections(&self, fate: ConnectionFate) -> u64 {
        self.connections[place(&ConnectionFate::ALL, fate)].get()
    }

    /// A group is on the disk.
    pub fn committed(&self, now_ms: i64, elapsed: Duration) {
        self.commits.add(1);
        self.own.committed(now_ms, elapsed);
    }
}

fn place<T: PartialEq>(all: &[T], one: T) -> usize {
    all.iter().position(|other| *other == one).expect("ALL lists every variant")
}
