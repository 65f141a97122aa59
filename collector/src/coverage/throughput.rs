//! What an office's bandwidth tests come to: medians, and of how many tests.

use suar_wire::bandwidth::{Direction, TestEnd};

use super::outages::seconds_within;
use super::site::AgentDays;
use crate::calendar::Span;
use crate::day::DAY_S;

/// Medians of the tests in office hours that saw the line full and steady, bits a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throughput {
    pub download_bits: Option<u64>,
    pub upload_bits: Option<u64>,
    /// Tests the medians are of.
    pub download_tests: u32,
    pub upload_tests: u32,
    /// Tests in office hours, of both directions, that were unsteady, skipped or failed.
    pub without_rate: u32,
}

impl Throughput {
    /// Of all agents of an office; `expected` are its office hours in the measured part.
    pub fn of(agents: &[AgentDays], expected: &[Span]) -> Self {
        let (mut download, mut upload, mut without_rate) = (Vec::new(), Vec::new(), 0);
        for (day, summary) in agents.iter().flat_map(|agent| &agent.days) {
            for test in &summary.tests {
                let at_s = i64::from(*day) * DAY_S + i64::from(test.second);
                if seconds_within(Span::new(at_s, at_s + 1), expected) == 0 {
                    continue;
                }
                match (test.end, test.direction) {
                    (TestEnd::Measured, Direction::Download) => download.push(test.rate_bps),
                    (TestEnd::Measured, Direction::Upload) => upload.push(test.rate_bps),
                    _ => without_rate += 1,
                }
            }
        }
        let count = |rates: &[u64]| u32::try_from(rates.len()).unwrap_or(u32::MAX);
        Self {
            download_tests: count(&download),
            upload_tests: count(&upload),
            download_bits: median(download),
            upload_bits: median(upload),
            without_rate,
        }
    }
}

/// Nearest rank; of an even number the lower of the two in the middle.
fn median(mut rates: Vec<u64>) -> Option<u64> {
    rates.sort_unstable();
    rates.get(rates.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::{DaySummary, Test};

    fn agent(tests: &[(u32, TestEnd, u64)]) -> AgentDays {
        let tests = tests
            .iter()
            .map(|&(second, end, rate_bps)| Test {
                second,
                direction: Direction::Download,
                end,
                rate_bps,
                bytes: 1,
            })
            .collect();
        AgentDays { days: [(0, DaySummary { tests, ..DaySummary::default() })].into() }
    }

    #[test]
    fn the_median_is_of_steady_tests_in_office_hours_of_all_agents() {
        let agents = [
            agent(&[(10, TestEnd::Measured, 5), (20, TestEnd::Measured, 1), (99, TestEnd::Measured, 1_000)]),
            agent(&[(30, TestEnd::Measured, 3), (40, TestEnd::Unsteady, 9), (41, TestEnd::SkippedPaused, 0)]),
        ];
        let throughput = Throughput::of(&agents, &[Span::new(0, 50)]);
        assert_eq!((throughput.download_bits, throughput.download_tests), (Some(3), 3));
        assert_eq!((throughput.upload_bits, throughput.upload_tests), (None, 0));
        assert_eq!(throughput.without_rate, 2);
    }
}
