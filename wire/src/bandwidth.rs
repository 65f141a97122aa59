//! Bandwidth tests: the record of one, what both sides say during it, and the two pure estimators.
//!
//! [`messages`] is the talk over the raw TLS stream, [`packets`] the datagrams of the paced method,
//! [`plateau`] the estimate over TCP, [`paced`] the one over UDP, [`Moments`] when tests are due.
//!
//! Rates are bits a second of whole IP packets as they arrived: what a provider sells, less what the line
//! lost.

pub mod messages;
pub mod paced;
pub mod packets;
pub mod plateau;

use serde::{Deserialize, Serialize};

use crate::outcome::coded;

/// A test spends at most what the line carries in this time, by what is known of it at that moment: a little less than
/// 0.3 of what ten seconds at the line's rate are.
pub const WORTH_SECONDS_MAX: f64 = 2.9;

coded! {
    Direction {
        /// From the collector to the office.
        Download = 1 "download",
        Upload = 2 "upload",
    }
}

coded! {
    /// How the rate was measured.
    Method {
        /// Four TCP connections, bytes by the collector's kernel counters.
        Tcp = 1 "tcp",
        /// Paced datagrams, counted where they arrive.
        Udp = 2 "udp",
        /// Four TCP connections, bytes as the collector's program saw them: its system has no better
        /// counters. With loss this is worth less.
        TcpByProgram = 3 "tcp_by_program",
    }
}

coded! {
    /// The congestion control of the sender.
    Congestion {
        Bbr = 1 "bbr",
        Cubic = 2 "cubic",
        Reno = 3 "reno",
        /// Another one, or the system does not say.
        Other = 4 "other",
    }
}

coded! {
    /// How a test ended. Below 10: with a rate; below 30: it was never begun; else it failed.
    TestEnd {
        /// The rate stands.
        Measured = 1 "measured",
        /// There is a rate, but the test's bounds came before it was steady.
        Unsteady = 2 "unsteady",
        SkippedLinkDown = 10 "skipped_link_down",
        /// It would have passed the data allowance.
        SkippedAllowance = 11 "skipped_allowance",
        SkippedMetered = 12 "skipped_metered",
        /// The office was using the line itself.
        SkippedCrossTraffic = 13 "skipped_cross_traffic",
        /// The collector was busy with other tests or at its own bounds.
        SkippedBusy = 14 "skipped_busy",
        SkippedPaused = 15 "skipped_paused",
        /// The collector does no tests, or is too old for them.
        SkippedNotOffered = 16 "skipped_not_offered",
        FailedUnreachable = 30 "failed_unreachable",
        /// The line died during the test.
        FailedBrokenOff = 31 "failed_broken_off",
        /// The datagrams of the test do not come through, and nothing else was left to try.
        FailedUdpBlocked = 32 "failed_udp_blocked",
        /// What answers does not keep to the protocol.
        FailedProtocol = 33 "failed_protocol",
    }
}

impl TestEnd {
    /// There is a rate.
    pub fn is_measured(self) -> bool {
        self.code() < 10
    }

    pub fn is_skipped(self) -> bool {
        (10..30).contains(&self.code())
    }

    pub fn is_failed(self) -> bool {
        self.code() >= 30
    }
}

/// One test of one direction, those that failed or were never begun too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bandwidth {
    pub direction: Direction,
    pub end: TestEnd,
    /// `None` when it was never begun.
    pub method: Option<Method>,
    pub congestion: Option<Congestion>,
    pub rate_bps: Option<u64>,
    /// Everything that the test sent and received, headers, handshakes and lost packets included.
    pub bytes: u64,
    /// From the first byte of the test to the last.
    pub elapsed_ms: u32,
    /// What was expected from earlier tests of this line.
    pub prior_bps: Option<u64>,
    /// What else went over the machine's interfaces in the test's direction just before it.
    pub cross_bps: Option<u64>,
    /// The rate at the start where it was clearly higher than later: a token bucket, not the line.
    pub burst_bps: Option<u64>,
    /// Datagrams of the test that did not arrive, in thousandths; paced method only.
    pub loss_permille: Option<u32>,
    /// Round trip just before the test and, by median, during it.
    pub idle_rtt_us: Option<u32>,
    pub loaded_rtt_us: Option<u32>,
}

impl Bandwidth {
    /// Nothing is faster on an island; a larger figure is nonsense from outside.
    pub const RATE_BPS_MAX: u64 = 100_000_000_000;

    /// A test that was never begun or came to nothing.
    pub fn without_rate(direction: Direction, end: TestEnd) -> Self {
        Self {
            direction,
            end,
            method: None,
            congestion: None,
            rate_bps: None,
            bytes: 0,
            elapsed_ms: 0,
            prior_bps: None,
            cross_bps: None,
            burst_bps: None,
            loss_permille: None,
            idle_rtt_us: None,
            loaded_rtt_us: None,
        }
    }

    /// Whether the record agrees with itself: a rate where and only where one was measured.
    pub fn is_possible(&self) -> bool {
        let rates = [self.rate_bps, self.prior_bps, self.cross_bps, self.burst_bps];
        self.rate_bps.is_some() == self.end.is_measured()
            && rates.into_iter().flatten().all(|rate| rate <= Self::RATE_BPS_MAX)
            && self.loss_permille.is_none_or(|loss| loss <= 1_000)
    }
}

/// When an agent is to test next, as the collector hands it out: no two sites of one upstream at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Moments {
    /// Milliseconds since 1970 by the collector's clock, ascending.
    pub starts_ms: Vec<i64>,
    /// Until when these are all; ask again then.
    pub until_ms: i64,
}

impl Moments {
    pub const STARTS_MAX: usize = 96;
}
