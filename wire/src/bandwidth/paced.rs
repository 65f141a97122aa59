//! The estimate over UDP: what arrived of paced rounds goes in, the next round or an estimate comes out.
//!
//! Pure: times are microseconds of the receiver's own clock. A round is sent somewhat faster than the line
//! is thought to be; what arrives then comes at the line's rate. One that was not fast enough is repeated
//! at twice the rate. Without a prior, short steps look for the order of magnitude first.

use serde::{Deserialize, Serialize};

use super::packets::DATA_BYTES;

/// A round that is to tell the rate.
pub const ROUND_US: u32 = 800_000;
/// A step that is to tell the order of magnitude.
pub const STEP_US: u32 = 200_000;
/// The first step, where nothing is known.
pub const FIRST_STEP_BPS: u64 = 1_000_000;
/// Times the prior.
const HEADROOM: f64 = 1.4;
/// Rounds of full length in one test; steps do not count.
const ROUNDS_MAX: u8 = 4;
/// The first packets of a round meet an empty queue: this share of them says nothing of the line.
const SKIPPED_SHARE: usize = 10;
/// Nothing is concluded from fewer packets.
const PACKETS_MIN: usize = 8;
/// Slower than this nothing is sent, or a round would have too few packets.
pub const RATE_BPS_MIN: u64 = 200_000;
/// Times the final rate, the first third of a round was a bucket of tokens.
const BURST_FACTOR: f64 = 1.25;
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
}

/// Arrivals of one round, in the order they came.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    at_us: Vec<u64>,
    known: Vec<bool>,
}

impl Arrivals {
    /// For a round of at most so many packets; others are not counted.
    pub fn expecting(packets: u32) -> Self {
        Self { at_us: Vec::new(), known: vec![false; packets as usize] }
    }

    /// A second copy is not counted.
    pub fn add(&mut self, at_us: u64, number: u32) {
        if let Some(known) = self.known.get_mut(number as usize)
            && !std::mem::replace(known, true)
        {
            self.at_us.push(at_us);
        }
    }

    pub fn packets(&self) -> u32 {
        self.at_us.len() as u32
    }

    pub fn seen(&self, number: u8, packet_bytes: u64) -> Seen {
        let count = self.at_us.len();
        let skipped = &self.at_us[count / SKIPPED_SHARE..];
        let third = skipped.len() / 3;
        let late = rate_bps(&skipped[third..], packet_bytes);
        let early = rate_bps(&skipped[..third + usize::from(third > 0)], packet_bytes);
        let burst_bps = early.filter(|&early| {
            third >= PACKETS_MIN && late.is_some_and(|late| early as f64 > late as f64 * BURST_FACTOR)
        });
        // A bucket's first packets are not the line's rate.
        let rate_bps = if burst_bps.is_some() { late } else { rate_bps(skipped, packet_bytes) };
        Seen { number, packets: self.packets(), rate_bps, burst_bps }
    }
}

fn rate_bps(at_us: &[u64], packet_bytes: u64) -> Option<u64> {
    let (first, last) = (*at_us.first()?, *at_us.last()?);
    if at_us.len() < PACKETS_MIN || last <= first {
        return None;
    }
    let bits = (at_us.len() as u64 - 1) * packet_bytes * 8;
    Some(bits.saturating_mul(1_000_000) / (last - first))
}

/// A round to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    pub number: u8,
    pub rate_bps: u64,
    pub elapsed_us: u32,
}

impl Round {
    pub fn packets(self, packet_bytes: u64) -> u32 {
        let bits = self.rate_bps.saturating_mul(u64::from(self.elapsed_us)) / 1_000_000;
        u32::try_from((bits / 8).div_ceil(packet_bytes)).unwrap_or(u32::MAX)
    }
}

/// When the packets of a round are due. A sender that was held up goes on later instead of sending all at
/// once what it missed: that would fill queues, not measure a line.
#[derive(Debug, Clone, Copy)]
pub struct Pacer {
    total: u32,
    sent: u32,
    packet_us: f64,
    /// When the packet that is next was due.
    due_us: f64,
}

impl Pacer {
    /// A sender may be this much behind without going slower.
    const BEHIND_US_MAX: f64 = 10_000.0;

    pub fn new(round: Round, packet_bytes: u64) -> Self {
        let packet_us = packet_bytes as f64 * 8e6 / round.rate_bps.max(1) as f64;
        Self { total: round.packets(packet_bytes), sent: 0, packet_us, due_us: 0.0 }
    }

    /// The numbers of the packets that are to be sent at this moment of the round.
    pub fn take(&mut self, now_us: u64) -> std::ops::Range<u32> {
        let now_us = now_us as f64;
        self.due_us = self.due_us.max(now_us - Self::BEHIND_US_MAX - self.packet_us);
        let first = self.sent;
        while self.sent < self.total && self.due_us <= now_us {
            self.sent += 1;
            self.due_us += self.packet_us;
        }
        first..self.sent
    }

    pub fn is_done(&self) -> bool {
        self.sent >= self.total
    }

    pub fn sent(&self) -> u32 {
        self.sent
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Round(Round),
    Done(Estimate),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// 0 when nothing arrived.
    pub rate_bps: u64,
    /// The line was fuller than full; else it may be faster than this.
    pub converged: bool,
    pub burst_bps: Option<u64>,
    pub loss_permille: u32,
}

/// Which rounds a test sends.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    rate_bps_max: u64,
    packet_bytes: u64,
    asked: Round,
    rounds: u8,
}

impl Search {
    /// With the round to begin with.
    pub fn begin(prior_bps: Option<u64>, rate_bps_max: u64, packet_bytes: u64) -> (Self, Round) {
        let (rate_bps, elapsed_us) = match prior_bps {
            Some(prior) => ((prior as f64 * HEADROOM) as u64, ROUND_US),
            None => (FIRST_STEP_BPS, STEP_US),
        };
        let asked = Round { number: 0, rate_bps: rate_bps.clamp(RATE_BPS_MIN, rate_bps_max), elapsed_us };
        (Self { rate_bps_max, packet_bytes, asked, rounds: 0 }, asked)
    }

    /// What to do after a round: `sent` packets left in `elapsed_us`, and this was seen of them.
    pub fn after(&mut self, sent: u32, elapsed_us: u32, seen: Seen) -> Next {
        let lost = sent.saturating_sub(seen.packets);
        let loss = f64::from(lost) / f64::from(sent.max(1));
        let is_step = self.asked.elapsed_us < ROUND_US;
        self.rounds += u8::from(!is_step);
        // A busy machine sends more slowly than it was asked to.
        let sent_bps = u64::from(sent) as f64 * self.packet_bytes as f64 * 8e6 / f64::from(elapsed_us.max(1));
        let sent_bps = sent_bps.min(self.asked.rate_bps as f64);
        let rate = seen.rate_bps.map(|rate| rate as f64);
        let kept_up = rate.is_some_and(|rate| {
            rate >= 0.84 * sent_bps && rate >= 0.93 * sent_bps * (1.0 - loss) && loss < 0.10
        });
        let at_limit = self.asked.rate_bps >= self.rate_bps_max;
        if kept_up && !at_limit && (is_step || self.rounds < ROUNDS_MAX) {
            return self.ask(self.asked.rate_bps.saturating_mul(2), self.asked.elapsed_us);
        }
        if is_step && let Some(rate) = rate {
            return self.ask((rate * HEADROOM) as u64, ROUND_US);
        }
        Next::Done(Estimate {
            rate_bps: seen.rate_bps.unwrap_or(0),
            converged: seen.rate_bps.is_some() && !kept_up,
            burst_bps: seen.burst_bps,
            loss_permille: (loss * 1_000.0).round() as u32,
        })
    }

    fn ask(&mut self, rate_bps: u64, elapsed_us: u32) -> Next {
        let rate_bps = rate_bps.clamp(RATE_BPS_MIN, self.rate_bps_max);
        self.asked = Round { number: self.asked.number.wrapping_add(1), rate_bps, elapsed_us };
        Next::Round(self.asked)
    }
}

#[cfg(test)]
#[path = "paced_tests.rs"]
mod tests;
