//! Which rounds a test sends, and what they come to.

use super::{LATE_US_MAX, ROUND_US, Round, Seen};
use crate::bandwidth::WORTH_SECONDS_MAX;
use crate::bandwidth::messages::Sent;

/// A step that is to tell the order of magnitude; it is half as long where it has many packets.
const STEP_US: u32 = 200_000;
const FAST_BPS: u64 = 8_000_000;
/// A step that is to tell whether the prior holds.
const CHECK_US: u32 = 100_000;
/// A step lasts longer where it would have fewer packets.
const STEP_PACKETS_MIN: u64 = 12;
/// A step that saw this share of the prior does not refute it.
const PRIOR_HOLDS: std::ops::RangeInclusive<f64> = 0.6..=1.6;
/// The first step, where nothing is known.
const FIRST_STEP_BPS: u64 = 1_000_000;
/// Times what is believed.
const HEADROOM: f64 = 1.4;
/// Times the last round, where that did not fill the line.
const CLIMB: f64 = 1.6;
/// Rounds of full length in one test; steps do not count.
const ROUNDS_MAX: u8 = 4;
/// Steps and rounds that are sent again because a machine was busy.
const REPEATS_MAX: u8 = 2;
/// What is not rounds, of what a test may spend: handshakes, words, echoes. Some of it is spent before.
const OTHER_BYTES: u64 = 10_000;
/// A round for which less time is left tells nothing.
const ROUND_US_MIN: u32 = 400_000;
/// Slower than this nothing is sent, or a round would have too few packets.
const RATE_BPS_MIN: u64 = 200_000;
/// A way that grew by this much, or by the time of some packets, shows a queue that fills.
const GROWTH_US_MIN: f64 = 15_000.0;
const GROWTH_PACKETS_MIN: f64 = 2.0;
/// A line that has a queue fills it before it loses this much ...
const POLICED_LOSS_PERMILLE: u32 = 100;
/// ... and then packets are on their way for longer by more than this.
const POLICED_QUEUE_US: u64 = 10_000;
/// Where a round began faster than it ended and so much of it was lost, nobody knows whether the line's bucket ran dry or
/// somebody throws datagrams away.
const BURST_LOSS_PERMILLE: u32 = 500;
/// A round that took this much of its time was sent by a machine that had other things to do.
const HELD_UP_PERCENT: u64 = 115;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Round(Round),
    Done(Estimate),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// 0 when nothing arrived.
    pub rate_bps: u64,
    /// The line was fuller than full, and both machines had time for it; else it may be faster than this.
    pub converged: bool,
    pub burst_bps: Option<u64>,
    pub loss_permille: u32,
    /// Packets were lost and none had to wait: something throws them away by count, and treats other traffic
    /// in another way, perhaps.
    pub looks_policed: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Search {
    prior_bps: Option<u64>,
    rate_bps_max: u64,
    packet_bytes: u64,
    asked: Round,
    /// Rounds of full length so far.
    rounds: u8,
    repeats: u8,
    is_step: bool,
    /// The fastest step that did not fill the line.
    kept_bps: u64,
    /// What the line is taken to do, for the bound.
    believed_bps: u64,
    spent_bytes: u64,
    /// Of a round that is repeated because a machine was busy.
    doubted: Option<Estimate>,
}

impl Search {
    /// With the round to begin with. `spent_bytes`: what the test has cost before.
    pub fn begin(
        prior_bps: Option<u64>,
        rate_bps_max: u64,
        packet_bytes: u64,
        spent_bytes: u64,
    ) -> (Self, Round) {
        let rate_bps = prior_bps.map_or(FIRST_STEP_BPS, |prior| times(prior, HEADROOM));
        let asked = Round { number: 0, rate_bps, elapsed_us: 0 };
        let mut search = Self {
            prior_bps,
            rate_bps_max,
            packet_bytes,
            asked,
            rounds: 0,
            repeats: 0,
            is_step: true,
            kept_bps: 0,
            believed_bps: prior_bps.unwrap_or(0),
            spent_bytes: OTHER_BYTES.saturating_add(spent_bytes),
            doubted: None,
        };
        search.asked = search.step(0, rate_bps);
        (search, search.asked)
    }

    /// What to do after a round that was sent so, and of which this was seen.
    pub fn after(&mut self, sent: Sent, seen: Seen) -> Next {
        self.spent_bytes += u64::from(sent.packets) * self.packet_bytes;
        self.rounds += u8::from(!self.is_step);
        let loss = loss(sent, seen);
        let held_up =
            self.held_up(sent) || seen.late_us > LATE_US_MAX || seen.dropped > 0 || seen.still_falls;
        let kept_up = self.kept_up(sent, seen, loss);
        if self.is_step {
            self.after_step(seen, kept_up, held_up).unwrap_or_else(|| self.done(seen, loss, kept_up, held_up))
        } else {
            self.after_round(seen, loss, kept_up, held_up)
        }
    }

    /// `None`: nothing can be asked any more.
    fn after_step(&mut self, seen: Seen, kept_up: bool, held_up: bool) -> Option<Next> {
        let asked_bps = self.asked.rate_bps;
        // A step is cheap, and what follows rests on it.
        if held_up && !kept_up && self.may_repeat() {
            return self.ask(asked_bps);
        }
        let climbs = kept_up && asked_bps < self.rate_bps_max;
        let Some(rate_bps) = seen.rate_bps else {
            // The line is far slower: what arrived within the step were too few.
            if seen.packets == 0 || asked_bps <= RATE_BPS_MIN {
                return None;
            }
            self.prior_bps = None;
            return self.ask(asked_bps / 4);
        };
        // What was read late comes in clumps, and nothing comes faster than it was sent.
        let rate_bps = rate_bps.min(asked_bps);
        if kept_up {
            self.kept_bps = self.kept_bps.max(rate_bps);
        }
        self.believed_bps = match self.prior_bps {
            None if climbs => {
                self.believed_bps = self.kept_bps;
                return self.ask(asked_bps.saturating_mul(2));
            }
            None => rate_bps.max(self.kept_bps),
            Some(prior_bps) => believed(prior_bps, if climbs { u64::MAX } else { rate_bps }),
        };
        self.is_step = false;
        self.ask(times(self.believed_bps, HEADROOM))
    }

    fn after_round(&mut self, seen: Seen, loss: f64, kept_up: bool, held_up: bool) -> Next {
        let estimate = self.estimate(seen, loss, kept_up, held_up);
        let asked_bps = self.asked.rate_bps;
        let may_more = self.rounds < ROUNDS_MAX;
        if held_up {
            // A busy machine makes figures too low; a bucket made what was believed too high.
            self.believed_bps = match seen.still_falls {
                true => estimate.rate_bps,
                false => self.believed_bps.max(estimate.rate_bps),
            };
            if may_more
                && self.may_repeat()
                && let Some(next) = self.ask(asked_bps)
            {
                self.doubted = Some(estimate);
                return next;
            }
        } else {
            self.believed_bps = estimate.rate_bps;
            if kept_up
                && may_more
                && asked_bps < self.rate_bps_max
                && let Some(next) = self.ask(times(asked_bps, CLIMB))
            {
                return next;
            }
        }
        self.done(seen, loss, kept_up, held_up)
    }

    fn done(&self, seen: Seen, loss: f64, kept_up: bool, held_up: bool) -> Next {
        let estimate = self.estimate(seen, loss, kept_up, held_up);
        // A busy machine mostly loses packets: of two figures that are both in doubt the higher is nearer.
        let better = self.doubted.filter(|doubted| held_up && doubted.rate_bps > estimate.rate_bps);
        Next::Done(better.unwrap_or(estimate))
    }

    fn estimate(&self, seen: Seen, loss: f64, kept_up: bool, held_up: bool) -> Estimate {
        let loss_permille = (loss * 1_000.0).round() as u32;
        let has_no_queue = loss_permille >= POLICED_LOSS_PERMILLE && seen.end_queue_us < POLICED_QUEUE_US;
        let falls_by_much = loss_permille >= BURST_LOSS_PERMILLE && seen.burst_bps.is_some();
        Estimate {
            rate_bps: seen.rate_bps.unwrap_or(0),
            converged: !self.is_step && seen.rate_bps.is_some() && !kept_up && !held_up && !falls_by_much,
            burst_bps: seen.burst_bps,
            loss_permille,
            looks_policed: has_no_queue,
        }
    }

    /// A sender that was held up neither filled the line evenly nor would if asked for more.
    fn held_up(&self, sent: Sent) -> bool {
        u64::from(sent.elapsed_us) * 100 > u64::from(self.asked.elapsed_us) * HELD_UP_PERCENT
            || sent.late_us > LATE_US_MAX
    }

    /// Whether the line could take more.
    fn kept_up(&self, sent: Sent, seen: Seen, loss: f64) -> bool {
        let Some(rate) = seen.rate_bps.map(|rate| rate as f64) else { return false };
        // A busy machine sends more slowly than it was asked to.
        let elapsed_us = f64::from(sent.elapsed_us.max(1));
        let sent_bps = f64::from(sent.packets) * self.packet_bytes as f64 * 8e6 / elapsed_us;
        let sent_bps = sent_bps.min(self.asked.rate_bps as f64);
        let growth_us_min = GROWTH_US_MIN.max(GROWTH_PACKETS_MIN * self.asked.packet_us(self.packet_bytes));
        let fills_a_queue = seen.growth_us as f64 >= growth_us_min;
        // Of few packets chance alone can lose a fifth. Where none had to wait, that is likely; where they had to,
        // the line lost them because it was full.
        let has_queue = seen.queue_us >= POLICED_QUEUE_US;
        let (loss_max, share_min) = match (self.is_step, has_queue) {
            (true, _) => (0.30, 0.84),
            (false, true) => (0.10, 0.84),
            (false, false) => (0.20, 0.0),
        };
        !fills_a_queue
            && loss < loss_max
            && rate >= share_min * sent_bps
            && rate >= 0.93 * sent_bps * (1.0 - loss)
    }

    fn may_repeat(&mut self) -> bool {
        self.repeats += 1;
        self.repeats <= REPEATS_MAX
    }

    /// The next step or round; `None` where the bound leaves no room for it.
    fn ask(&mut self, rate_bps: u64) -> Option<Next> {
        let number = self.asked.number.wrapping_add(1);
        self.asked = if self.is_step {
            self.step(number, rate_bps)
        } else {
            let rate_bps = self.bounded(rate_bps);
            let elapsed_us = self.left_us(rate_bps).min(ROUND_US);
            if elapsed_us < ROUND_US_MIN {
                return None;
            }
            Round { number, rate_bps, elapsed_us }
        };
        Some(Next::Round(self.asked))
    }

    fn step(&self, number: u8, rate_bps: u64) -> Round {
        let rate_bps = self.bounded(rate_bps);
        let least_us = STEP_PACKETS_MIN * self.packet_bytes * 8_000_000 / rate_bps.max(1);
        let usual_us = match self.prior_bps {
            Some(_) => CHECK_US,
            None if rate_bps >= FAST_BPS => STEP_US / 2,
            None => STEP_US,
        };
        let least_us = u32::try_from(least_us).unwrap_or(ROUND_US);
        Round { number, rate_bps, elapsed_us: least_us.clamp(usual_us, ROUND_US) }
    }

    /// For how long the bound lets packets be sent at this rate.
    fn left_us(&self, rate_bps: u64) -> u32 {
        let worth = self.believed_bps as f64 / 8.0 * WORTH_SECONDS_MAX;
        let left = (worth - self.spent_bytes as f64).max(0.0);
        (left * 8e6 / rate_bps.max(1) as f64) as u32
    }

    fn bounded(&self, rate_bps: u64) -> u64 {
        rate_bps.clamp(RATE_BPS_MIN, self.rate_bps_max)
    }
}

fn loss(sent: Sent, seen: Seen) -> f64 {
    let lost = sent.packets.saturating_sub(seen.packets);
    f64::from(lost) / f64::from(sent.packets.max(1))
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
