//! The estimate over UDP: what arrived of paced rounds goes in, the next round or an estimate comes out.
//!
//! Pure: times are microseconds of the receiver's own clock. A round is sent somewhat faster than the line
//! is thought to be; what arrives then comes at the line's rate. One that was not fast enough is repeated
//! at twice the rate. Short steps look for the order of magnitude first: upwards from little where nothing is
//! known, else one that asks whether the prior still holds, so that a wrong one costs a step and not a round.

use serde::{Deserialize, Serialize};

use super::packets::DATA_BYTES;

/// A round that is to tell the rate.
pub const ROUND_US: u32 = 800_000;
/// A step that is to tell the order of magnitude.
pub const STEP_US: u32 = 200_000;
/// A step that is to tell whether the prior holds; longer where it would have too few packets.
const CHECK_US: u32 = 100_000;
const CHECK_PACKETS: u64 = 12;
/// A step that saw this share of the prior does not refute it.
const PRIOR_HOLDS: std::ops::RangeInclusive<f64> = 0.6..=1.6;
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
/// A line that has a queue fills it before it loses this much ...
const POLICED_LOSS_PERMILLE: u32 = 100;
/// ... and then packets are on their way for longer by more than this.
const POLICED_QUEUE_US: u64 = 10_000;
/// A round that took this much of its time was sent by a machine that had other things to do.
const HELD_UP_PERCENT: u64 = 115;
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
    /// How much longer than the fastest three quarters of the packets were on their way at most.
    pub queue_us: u64,
}

/// Arrivals of one round, in the order they came.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    at_us: Vec<u64>,
    /// Which packet each was.
    numbers: Vec<u32>,
    known: Vec<bool>,
    packet_us: f64,
}

impl Arrivals {
    /// For the packets of one round; others are not counted.
    pub fn expecting(round: Round, packet_bytes: u64) -> Self {
        let known = vec![false; round.packets(packet_bytes) as usize];
        Self { at_us: Vec::new(), numbers: Vec::new(), known, packet_us: round.packet_us(packet_bytes) }
    }

    /// A second copy is not counted.
    pub fn add(&mut self, at_us: u64, number: u32) {
        if let Some(known) = self.known.get_mut(number as usize)
            && !std::mem::replace(known, true)
        {
            self.at_us.push(at_us);
            self.numbers.push(number);
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
        Seen { number, packets: self.packets(), rate_bps, burst_bps, queue_us: self.queue_us() }
    }

    /// By the moments at which packets were due to leave: what three quarters of them waited at most, for the
    /// slowest met a sender or a receiver that was held up, perhaps.
    fn queue_us(&self) -> u64 {
        let way = |(at_us, number): (&u64, &u32)| *at_us as f64 - f64::from(*number) * self.packet_us;
        let mut ways: Vec<f64> = self.at_us.iter().zip(&self.numbers).map(way).collect();
        ways.sort_by(f64::total_cmp);
        let quartile = ways.get(ways.len() * 3 / 4);
        quartile.zip(ways.first()).map_or(0, |(quartile, fastest)| (quartile - fastest) as u64)
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
    fn packet_us(self, packet_bytes: u64) -> f64 {
        packet_bytes as f64 * 8e6 / self.rate_bps.max(1) as f64
    }

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
    const BEHIND_US_MAX: f64 = 25_000.0;

    pub fn new(round: Round, packet_bytes: u64) -> Self {
        let packet_us = round.packet_us(packet_bytes);
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
    /// Packets were lost and none had to wait: something throws them away by count, and treats other traffic
    /// in another way, perhaps.
    pub looks_policed: bool,
}

/// Which rounds a test sends.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    prior_bps: Option<u64>,
    rate_bps_max: u64,
    packet_bytes: u64,
    asked: Round,
    /// Rounds of full length so far.
    rounds: u8,
    is_step: bool,
}

impl Search {
    /// With the round to begin with.
    pub fn begin(prior_bps: Option<u64>, rate_bps_max: u64, packet_bytes: u64) -> (Self, Round) {
        let rate_bps = prior_bps.map_or(FIRST_STEP_BPS, |prior| times(prior, HEADROOM));
        let asked = Round { number: 0, rate_bps, elapsed_us: 0 };
        let mut search = Self { prior_bps, rate_bps_max, packet_bytes, asked, rounds: 0, is_step: true };
        search.asked = search.step(0, rate_bps);
        (search, search.asked)
    }

    /// What to do after a round: `sent` packets left in `elapsed_us`, and this was seen of them.
    pub fn after(&mut self, sent: u32, elapsed_us: u32, seen: Seen) -> Next {
        let lost = sent.saturating_sub(seen.packets);
        let loss = f64::from(lost) / f64::from(sent.max(1));
        self.rounds += u8::from(!self.is_step);
        // A busy machine sends more slowly than it was asked to.
        let sent_bps = u64::from(sent) as f64 * self.packet_bytes as f64 * 8e6 / f64::from(elapsed_us.max(1));
        let sent_bps = sent_bps.min(self.asked.rate_bps as f64);
        let rate = seen.rate_bps.map(|rate| rate as f64);
        // Of the few packets of a step, chance alone can lose a fifth.
        let loss_max = if self.is_step { 0.30 } else { 0.10 };
        let kept_up = rate.is_some_and(|rate| {
            rate >= 0.84 * sent_bps && rate >= 0.93 * sent_bps * (1.0 - loss) && loss < loss_max
        });
        let at_limit = self.asked.rate_bps >= self.rate_bps_max;
        // A sender that was held up neither filled the line evenly nor would if asked for more.
        let held_up = u64::from(elapsed_us) * 100 > u64::from(self.asked.elapsed_us) * HELD_UP_PERCENT;
        let climbs = kept_up && !at_limit && (self.is_step || !held_up);
        if self.is_step
            && let Some(rate_bps) = seen.rate_bps
        {
            let believed_bps = match self.prior_bps {
                None if climbs => return self.ask(self.asked.rate_bps.saturating_mul(2)),
                None => rate_bps,
                Some(prior_bps) => believed(prior_bps, if climbs { u64::MAX } else { rate_bps }),
            };
            self.is_step = false;
            return self.ask(times(believed_bps, HEADROOM));
        }
        if self.is_step && seen.packets > 0 && self.asked.rate_bps > RATE_BPS_MIN {
            // The line is far slower: what arrived within the step were too few.
            return self.ask(self.asked.rate_bps / 4);
        }
        if climbs && self.rounds < ROUNDS_MAX {
            return self.ask(self.asked.rate_bps.saturating_mul(2));
        }
        let loss_permille = (loss * 1_000.0).round() as u32;
        Next::Done(Estimate {
            rate_bps: seen.rate_bps.unwrap_or(0),
            converged: seen.rate_bps.is_some() && !kept_up && !held_up,
            burst_bps: seen.burst_bps,
            loss_permille,
            looks_policed: loss_permille >= POLICED_LOSS_PERMILLE && seen.queue_us < POLICED_QUEUE_US,
        })
    }

    fn ask(&mut self, rate_bps: u64) -> Next {
        let number = self.asked.number.wrapping_add(1);
        self.asked = if self.is_step {
            self.step(number, rate_bps)
        } else {
            Round { number, rate_bps: self.bounded(rate_bps), elapsed_us: ROUND_US }
        };
        Next::Round(self.asked)
    }

    fn step(&self, number: u8, rate_bps: u64) -> Round {
        let rate_bps = self.bounded(rate_bps);
        let least_us = CHECK_PACKETS * self.packet_bytes * 8_000_000 / rate_bps.max(1);
        let elapsed_us = match self.prior_bps {
            Some(_) => u32::try_from(least_us).unwrap_or(ROUND_US).clamp(CHECK_US, ROUND_US),
            None => STEP_US,
        };
        Round { number, rate_bps, elapsed_us }
    }

    fn bounded(&self, rate_bps: u64) -> u64 {
        rate_bps.clamp(RATE_BPS_MIN, self.rate_bps_max)
    }
}

/// What a step and the prior together say. A step that found more is believed only so far: a bucket of tokens
/// lets a short burst pass, and a round that was too slow is repeated faster.
fn believed(prior_bps: u64, step_bps: u64) -> u64 {
    let share = step_bps as f64 / prior_bps.max(1) as f64;
    if share < *PRIOR_HOLDS.start() {
        step_bps
    } else {
        step_bps.max(prior_bps).min(times(prior_bps, *PRIOR_HOLDS.end()))
    }
}

fn times(rate_bps: u64, factor: f64) -> u64 {
    (rate_bps as f64 * factor) as u64
}

#[cfg(test)]
#[path = "paced_tests.rs"]
mod tests;
