//! Whether a test that is due may run: what it would cost, and whom it would disturb. Pure.
//!
//! A test that somebody asks for at the machine is not held back: who asks has reasons.

use suar_wire::bandwidth::{Direction, TestEnd};

use super::memory::Known;
use super::traffic::Cross;

/// Traffic of the machine itself, as a share of what the line is known to do, beside which nothing is measured.
const CROSS_SHARE_MAX: f64 = 0.20;
/// The same where nothing is known of the line.
const CROSS_BPS_MAX: u64 = 100_000;
/// What a test costs: seconds at the line's rate, and handshakes. Measured in the laboratory.
const COST_SECONDS: f64 = 2.0;
const COST_BYTES: u64 = 30_000;
/// What the first test of a line is taken to cost: at most so much, unless the line is faster than 5 Mbit/s.
const FIRST_COST_BYTES: u64 = 1_250_000;

/// What is known without looking at the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    pub link_is_up: bool,
    pub is_paused: bool,
    pub is_metered: bool,
    /// The month's allowance bears the test.
    pub may_spend: bool,
}

impl Circumstances {
    pub fn hindrance(self) -> Option<TestEnd> {
        let Self { link_is_up, is_paused, is_metered, may_spend } = self;
        if is_paused {
            Some(TestEnd::SkippedPaused)
        } else if !link_is_up {
            Some(TestEnd::SkippedLinkDown)
        } else if is_metered {
            Some(TestEnd::SkippedMetered)
        } else if !may_spend {
            Some(TestEnd::SkippedAllowance)
        } else {
            None
        }
    }
}

/// Somebody uses the line.
pub fn is_in_use(cross: Option<Cross>, direction: Direction, known: &Known) -> bool {
    let Some(cross) = cross else { return false };
    let bps_max = known.prior_bps().map_or(CROSS_BPS_MAX, |prior| (prior as f64 * CROSS_SHARE_MAX) as u64);
    cross.of(direction) > bps_max
}

/// About what a test of one direction costs.
pub fn expected_bytes(known: &Known) -> u64 {
    let of_rate = |prior: u64| (prior as f64 / 8.0 * COST_SECONDS) as u64 + COST_BYTES;
    known.prior_bps().map_or(FIRST_COST_BYTES, of_rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Circumstances =
        Circumstances { link_is_up: true, is_paused: false, is_metered: false, may_spend: true };

    #[test]
    fn each_hindrance_has_its_own_name() {
        assert_eq!(FREE.hindrance(), None);
        for (circumstances, expected) in [
            (Circumstances { link_is_up: false, ..FREE }, TestEnd::SkippedLinkDown),
            (Circumstances { is_paused: true, link_is_up: false, ..FREE }, TestEnd::SkippedPaused),
            (Circumstances { is_metered: true, may_spend: false, ..FREE }, TestEnd::SkippedMetered),
            (Circumstances { may_spend: false, ..FREE }, TestEnd::SkippedAllowance),
        ] {
            assert_eq!(circumstances.hindrance(), Some(expected));
        }
    }

    #[test]
    fn a_line_in_use_is_judged_by_what_it_is_known_to_do() {
        let cross = |download_bps| Some(Cross { download_bps, upload_bps: 0 });
        let mut known = Known::default();
        assert!(is_in_use(cross(100_001), Direction::Download, &known));
        assert!(!is_in_use(cross(100_001), Direction::Upload, &known));
        known.learn(2_000_000);
        assert!(!is_in_use(cross(400_000), Direction::Download, &known));
        assert!(is_in_use(cross(400_001), Direction::Download, &known));
        assert!(!is_in_use(None, Direction::Download, &known));
    }
}
