//! What is left of one agent's day once its records are summarised: states by second, and statistics in
//! half-hour blocks. Reports read nothing else, so a year of 400 sites fits in a second.

pub mod fields;
mod half_hours;

use suar_wire::Cause;
use suar_wire::bandwidth::{Direction, TestEnd};

pub use half_hours::{HalfHour, HalfHours, PackedRtt};

/// Seconds of a UTC day.
pub const DAY_S: i64 = 86_400;
pub const BLOCK_SECONDS: u32 = 1_800;
pub const BLOCKS_A_DAY: usize = 48;

/// Days since 1970-01-01, UTC.
pub type Day = i32;

/// What is known of one second of an agent's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Up,
    Down(Cause),
    Unobserved(Reason),
}

/// Why nobody looked. Never counted as down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nothing has explained the silence so far.
    NotYetKnown,
    /// The operating system was shut down in order.
    PoweredOff,
    /// No goodbye, and another boot after it.
    PowerLost,
    Asleep,
    /// The agent was stopped on purpose while the machine ran on.
    AgentStopped,
    /// No goodbye, and the same boot after it: killed or crashed.
    AgentDied,
    Paused,
    Starved,
    /// Measured, but the records were lost (spool bound, damaged segment).
    RecordsLost,
}

impl Reason {
    pub const ALL: [Self; 9] = [
        Self::NotYetKnown,
        Self::PoweredOff,
        Self::PowerLost,
        Self::Asleep,
        Self::AgentStopped,
        Self::AgentDied,
        Self::Paused,
        Self::Starved,
        Self::RecordsLost,
    ];

    /// The stable name, as in metric labels and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotYetKnown => "not_yet_known",
            Self::PoweredOff => "powered_off",
            Self::PowerLost => "power_lost",
            Self::Asleep => "asleep",
            Self::AgentStopped => "agent_stopped",
            Self::AgentDied => "agent_died",
            Self::Paused => "paused",
            Self::Starved => "starved",
            Self::RecordsLost => "records_lost",
        }
    }
}

/// A stretch of the day in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Second of the UTC day.
    pub start_s: u32,
    pub length_s: u32,
    pub state: State,
}

/// One agent's UTC day. Seconds that no run covers are `Unobserved(NotYetKnown)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DaySummary {
    /// Ascending, disjoint, within the day; neighbours differ in state or do not touch.
    pub runs: Vec<Run>,
    /// Widest slot of the day's rounds, seconds; 0 when nothing was measured. An outage needs two slots.
    pub slot_seconds: u32,
    /// Statistics of the half hours in which anything was measured, ascending by `block`.
    pub blocks: HalfHours,
    /// Bandwidth tests, ascending by moment, failed and skipped ones too.
    pub tests: Vec<Test>,
    /// Records by the quality of their repaired time.
    pub synced: u32,
    pub estimated: u32,
    pub bounded: u32,
}

/// What is kept of one bandwidth test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Test {
    /// Second of the UTC day.
    pub second: u32,
    pub direction: Direction,
    pub end: TestEnd,
    /// 0 where there is no rate.
    pub rate_bps: u64,
    pub bytes: u64,
}

/// ICMP statistics of all external targets in one half hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// 0 to 47.
    pub block: u8,
    pub sent: u32,
    pub lost: u32,
    pub late: u32,
    pub duplicates: u32,
    pub rtt: RttHistogram,
}

/// Counts of round trips in buckets of 1/32 of an octave: a quantile is right to 1.6 %.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RttHistogram {
    /// (bucket, count), ascending by bucket, no zero counts.
    pub buckets: Vec<(u16, u32)>,
}

impl RttHistogram {
    const STEPS: u32 = 32;

    /// Buckets below 32 us are 1 us wide, above that 1/32 of their octave.
    pub fn bucket_of(rtt_us: u32) -> u16 {
        if rtt_us < Self::STEPS {
            return rtt_us as u16;
        }
        let octave = rtt_us.ilog2() - Self::STEPS.ilog2();
        (octave * Self::STEPS + (rtt_us >> octave)) as u16
    }

    /// The middle of a bucket, microseconds.
    pub fn middle_us(bucket: u16) -> u32 {
        let bucket = u32::from(bucket);
        if bucket < 2 * Self::STEPS {
            return bucket;
        }
        let octave = bucket / Self::STEPS - 1;
        let low = u64::from(Self::STEPS + bucket % Self::STEPS) << octave;
        u32::try_from(low + (1 << octave) / 2).unwrap_or(u32::MAX)
    }

    pub fn add(&mut self, rtt_us: u32) {
        let bucket = Self::bucket_of(rtt_us);
        match self.buckets.binary_search_by_key(&bucket, |(known, _)| *known) {
            Ok(at) => self.buckets[at].1 = self.buckets[at].1.saturating_add(1),
            Err(at) => self.buckets.insert(at, (bucket, 1)),
        }
    }

    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Nearest-rank quantile in microseconds; `None` without samples. `per_mille` is 0 to 1000.
    pub fn quantile_us(&self, per_mille: u32) -> Option<u32> {
        let count = self.count();
        let rank = (count * u64::from(per_mille)).div_ceil(1000).max(1);
        let mut seen = 0;
        self.buckets.iter().find_map(|&(bucket, here)| {
            seen += u64::from(here);
            (seen >= rank).then(|| Self::middle_us(bucket))
        })
    }
}

/// Many histograms added up. It has a place for every bucket, because a report adds millions of them.
#[derive(Debug, Clone, Default)]
pub struct RttSum {
    counts: Vec<u32>,
}

impl RttSum {
    pub fn add(&mut self, rtt: PackedRtt<'_>) {
        for (bucket, count) in rtt.buckets() {
            let bucket = usize::from(bucket);
            if self.counts.len() <= bucket {
                self.counts.resize(bucket + 1, 0);
            }
            let sum = &mut self.counts[bucket];
            *sum = sum.saturating_add(count);
        }
    }

    pub fn histogram(&self) -> RttHistogram {
        let buckets = (0..).zip(&self.counts).filter(|(_, count)| **count > 0);
        RttHistogram { buckets: buckets.map(|(bucket, count)| (bucket, *count)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_histograms_is_the_histogram_of_all_values() {
        let (mut sum, mut all) = (RttSum::default(), RttHistogram::default());
        assert_eq!(sum.histogram(), all);
        for part in [vec![40_000, 41_000, 900], vec![], vec![3_000_000, 40_000], vec![u32::MAX, 0]] {
            let mut block = Block::default();
            part.iter().for_each(|rtt_us| block.rtt.add(*rtt_us));
            part.iter().for_each(|rtt_us| all.add(*rtt_us));
            HalfHours::from_iter([block]).iter().for_each(|half_hour| sum.add(half_hour.rtt));
        }
        assert_eq!(sum.histogram(), all);
    }

    #[test]
    fn a_bucket_is_never_further_than_its_promise_from_the_value() {
        for rtt_us in (0..5_000).chain((1..3_000_000).step_by(977)).chain([u32::MAX]) {
            let middle = f64::from(RttHistogram::middle_us(RttHistogram::bucket_of(rtt_us)));
            let off = (middle - f64::from(rtt_us)).abs();
            assert!(off <= f64::from(rtt_us) * 0.016, "{rtt_us} reads as {middle}");
        }
    }

    #[test]
    fn the_median_is_the_nearest_rank() {
        let mut histogram = RttHistogram::default();
        assert_eq!(histogram.quantile_us(500), None);
        for rtt in [10, 20, 30] {
            histogram.add(rtt);
        }
        assert_eq!(histogram.quantile_us(500), Some(20));
        assert_eq!(histogram.quantile_us(1000), Some(30));
    }
}
