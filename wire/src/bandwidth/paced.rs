//! The estimate over UDP: what arrived of paced rounds goes in, the next round or an estimate comes out.
//!
//! Pure: times are microseconds of the receiver's own clock. A round is sent somewhat faster than the line
//! is thought to be; what arrives then comes at the line's rate. One that was not fast enough is repeated
//! faster. Short steps look for the order of magnitude first: upwards from little where nothing is
//! known, else one that asks whether the prior still holds, so that a wrong one costs a step and not a round.
//! [`Arrivals`] is what came of a round, [`Search`] decides, within [`super::WORTH_SECONDS_MAX`].

mod arrivals;
mod pacer;
mod search;

use serde::{Deserialize, Serialize};

use super::packets::DATA_BYTES;

pub use arrivals::Arrivals;
pub use pacer::Pacer;
pub use search::{Estimate, Next, Search};

/// A round that is to tell the rate.
pub const ROUND_US: u32 = 800_000;
/// A machine that leaves its program without a processor for longer neither fills a line nor sees one filled.
pub const LATE_US_MAX: u32 = 40_000;
/// IPv4 and UDP headers; IPv6 has 20 more.
const HEADER_BYTES: u64 = 28;
const HEADER_BYTES_V6: u64 = 48;

/// Bytes of a data packet as the line carries it.
pub fn packet_bytes(is_v6: bool) -> u64 {
    DATA_BYTES as u64 + if is_v6 { HEADER_BYTES_V6 } else { HEADER_BYTES }
}

/// What the receiver saw of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub number: u8,
    /// Distinct packets.
    pub packets: u32,
    /// `None` when too few arrived.
    pub rate_bps: Option<u64>,
    pub burst_bps: Option<u64>,
    /// The rate was still falling when the round ended: a bucket of tokens that had not run dry before, or a line that
    /// varies.
    #[serde(default)]
    pub still_falls: bool,
    /// How much longer than the fastest three quarters of the packets were on their way at most.
    pub queue_us: u64,
    /// The same of the last quarter's median: whether there is a queue when the round ends.
    #[serde(default)]
    pub end_queue_us: u64,
    /// By how much the way grew from the first quarter of the packets to the last: more came than the line took.
    #[serde(default)]
    pub growth_us: u64,
    /// How long the receiver's machine had other things to do at worst.
    #[serde(default)]
    pub late_us: u32,
    /// Packets that reached the receiver's machine and were thrown away there, because nobody read them in time.
    #[serde(default)]
    pub dropped: u32,
}

/// A round to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    pub number: u8,
    pub rate_bps: u64,
    pub elapsed_us: u32,
}

impl Round {
    fn packet_us(self, packet_bytes: u64) -> f64 {
        packet_bytes as f64 * 8e6 / self.rate_bps.max(1) as f64
    }

    pub fn packets(self, packet_bytes: u64) -> u32 {
        let bits = self.rate_bps.saturating_mul(u64::from(self.elapsed_us)) / 1_000_000;
        u32::try_from((bits / 8).div_ceil(packet_bytes)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
#[path = "paced_tests.rs"]
mod tests;
