//! The estimate over TCP: bytes by a kernel counter go in, "go on" or an estimate comes out.
//!
//! Pure: times are microseconds since the test began. A window of [`WINDOW_US_MIN`] or two round trips
//! slides over the counter; where its tenths are alike and its halves equal, the line is full and its rate
//! is that of the window.
//!
//! Counters move in steps (an acknowledgement tells of two packets, a thin line takes 24 ms for one), so
//! between two steps the bytes are taken to have come evenly.

use super::WORTH_SECONDS_MAX;

/// Shortest window.
pub const WINDOW_US_MIN: u64 = 800_000;
/// A window also lasts this many round trips.
const WINDOW_ROUND_TRIPS: u64 = 2;
/// From one look to the next.
const LOOK_EVERY_US: u64 = 50_000;
const BLOCKS: u64 = 10;
/// A window is flat when (largest tenth - smallest) / mean is at most this ...
const BLOCK_SPREAD_MAX: f64 = 0.30;
/// ... and its halves differ by at most this share of the mean.
const HALVES_DIFFER_MAX: f64 = 0.06;
/// Nothing is concluded from fewer bytes.
const BYTES_MIN: u64 = 40_000;
/// What was counted is never more than this many seconds' worth at the best rate, what the test costs never more than
/// [`WORTH_SECONDS_MAX`] ...
const COUNTED_SECONDS_MAX: f64 = 2.5;
/// ... nor does it take longer.
pub const ELAPSED_US_MAX: u64 = 8_000_000;
/// A counter that has stood still this long stands still.
const STILL_US: u64 = 250_000;
/// Times this the final rate, the first half second was a bucket of tokens.
const BURST_FACTOR: f64 = 1.25;
const BURST_US: u64 = 400_000;

/// Grain of the picture.
pub const COURSE_US: u64 = 100_000;
/// Most steps of it: the longest test's.
pub const COURSE_MAX: usize = (ELAPSED_US_MAX / COURSE_US) as usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    at_us: u64,
    bytes: u64,
}

/// What one test came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    pub rate_bps: u64,
    /// A flat window was seen; else the bounds came first.
    pub converged: bool,
    pub burst_bps: Option<u64>,
    /// From the first byte to the end of the window.
    pub elapsed_us: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    GoOn,
    Stop(Estimate),
}

#[derive(Debug, Clone)]
pub struct Plateau {
    window_us: u64,
    /// Moments at which the counter had moved, ascending; the first is where counting starts.
    points: Vec<Point>,
    newest: Point,
    next_look_us: u64,
    /// Best rate of any half of a window so far, bytes a microsecond: while a start climbs, a whole one knows too little.
    best: f64,
}

impl Plateau {
    pub fn new(rtt_us: u64) -> Self {
        Self {
            window_us: WINDOW_US_MIN.max(WINDOW_ROUND_TRIPS * rtt_us),
            points: Vec::new(),
            newest: Point { at_us: 0, bytes: 0 },
            next_look_us: 0,
            best: 0.0,
        }
    }

    /// What the line carries in this time, at the best rate that was seen.
    pub fn carried_in(&self, elapsed_us: u64) -> u64 {
        (self.best * elapsed_us as f64) as u64
    }

    /// Takes the counter as it was at a moment, and what the test has cost by then: what was sent and has not arrived
    /// too. Moments ascend, and so do counter and cost.
    pub fn add(&mut self, at_us: u64, bytes: u64, cost_bytes: u64) -> Step {
        self.newest = Point { at_us, bytes };
        if bytes > self.points.last().map_or(0, |last| last.bytes) {
            self.points.push(self.newest);
        }
        let Some(&start) = self.points.first() else {
            return if at_us >= ELAPSED_US_MAX {
                Step::Stop(self.estimate(at_us, false))
            } else {
                Step::GoOn
            };
        };
        if at_us < self.next_look_us {
            return Step::GoOn;
        }
        self.next_look_us = at_us + LOOK_EVERY_US;
        let end_us = self.end_us();
        let counted = bytes - start.bytes;
        let whole_window = end_us >= start.at_us + self.window_us;
        if end_us >= start.at_us + self.window_us / 2 {
            self.best = self.best.max(self.rate(end_us - self.window_us / 2, end_us));
        }
        if whole_window && counted >= BYTES_MIN && self.is_flat(end_us) {
            return Step::Stop(self.estimate(end_us, true));
        }
        let worth_s = |bytes: u64| bytes as f64 / (self.best * 1e6);
        let spent = whole_window
            && (worth_s(counted) > COUNTED_SECONDS_MAX || worth_s(cost_bytes) > WORTH_SECONDS_MAX);
        if spent || at_us - start.at_us >= ELAPSED_US_MAX {
            return Step::Stop(self.estimate(end_us, false));
        }
        Step::GoOn
    }

    /// The estimate so far, where a bound of the caller's ends the test.
    pub fn give_up(&self) -> Estimate {
        self.estimate(self.end_us(), false)
    }

    /// Bits a second for a picture, from the first byte on.
    pub fn course(&self) -> Vec<u64> {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else { return Vec::new() };
        let steps = (last.at_us - first.at_us).div_ceil(COURSE_US).min(COURSE_MAX as u64);
        (0..steps)
            .map(|step| {
                let from_us = first.at_us + step * COURSE_US;
                bits(self.rate(from_us, (from_us + COURSE_US).min(last.at_us)))
            })
            .collect()
    }

    /// Where the window ends: at the counter's last step, or now where that is long past.
    fn end_us(&self) -> u64 {
        let moved_us = self.points.last().map_or(self.newest.at_us, |last| last.at_us);
        if self.newest.at_us - moved_us > STILL_US { self.newest.at_us } else { moved_us }
    }

    fn is_flat(&self, end_us: u64) -> bool {
        let from_us = end_us - self.window_us;
        let mean = self.rate(from_us, end_us);
        if mean <= 0.0 {
            return false;
        }
        let edge = |block: u64| from_us + self.window_us * block / BLOCKS;
        let blocks = (0..BLOCKS).map(|block| self.rate(edge(block), edge(block + 1)));
        let (low, high) =
            blocks.fold((f64::MAX, 0.0_f64), |(low, high), rate| (low.min(rate), high.max(rate)));
        let middle_us = edge(BLOCKS / 2);
        let halves = self.rate(from_us, middle_us) - self.rate(middle_us, end_us);
        (high - low) / mean <= BLOCK_SPREAD_MAX && halves.abs() / mean <= HALVES_DIFFER_MAX
    }

    fn estimate(&self, end_us: u64, converged: bool) -> Estimate {
        let Some(start) = self.points.first() else {
            return Estimate { rate_bps: 0, converged: false, burst_bps: None, elapsed_us: 0 };
        };
        let from_us = end_us.saturating_sub(self.window_us).max(start.at_us);
        let mut rate = self.rate(from_us, end_us);
        if !converged {
            // Where a bound ends a start that still climbs, the later half is nearer.
            rate = rate.max(self.rate(from_us + (end_us - from_us) / 2, end_us));
        }
        let best_start = self.fastest_before(from_us);
        let burst_bps = best_start.filter(|burst| *burst > rate * BURST_FACTOR).map(bits);
        Estimate { rate_bps: bits(rate), converged, burst_bps, elapsed_us: end_us - start.at_us }
    }

    /// The best stretch of [`BURST_US`] that ends before the window begins.
    fn fastest_before(&self, until_us: u64) -> Option<f64> {
        let first_us = self.points.first()?.at_us;
        let ends = self.points.iter().map(|point| point.at_us);
        let within = ends.filter(|end_us| *end_us <= until_us && *end_us >= first_us + BURST_US);
        within.map(|end_us| self.rate(end_us - BURST_US, end_us)).max_by(f64::total_cmp)
    }

    /// Bytes a microsecond between two moments.
    fn rate(&self, from_us: u64, to_us: u64) -> f64 {
        if to_us <= from_us {
            return 0.0;
        }
        (self.bytes_at(to_us) - self.bytes_at(from_us)) / (to_us - from_us) as f64
    }

    fn bytes_at(&self, at_us: u64) -> f64 {
        let after = self.points.partition_point(|point| point.at_us <= at_us);
        match (after.checked_sub(1).map(|before| self.points[before]), self.points.get(after)) {
            (None, None) => 0.0,
            (None, Some(first)) => first.bytes as f64,
            (Some(last), None) => last.bytes as f64,
            (Some(before), Some(next)) => {
                let share = (at_us - before.at_us) as f64 / (next.at_us - before.at_us) as f64;
                before.bytes as f64 + share * (next.bytes - before.bytes) as f64
            }
        }
    }
}

fn bits(bytes_a_microsecond: f64) -> u64 {
    (bytes_a_microsecond * 8e6).round() as u64
}

#[cfg(test)]
#[path = "plateau_tests.rs"]
mod tests;
