//! Which method suits a line. Pure.
//!
//! Four TCP connections need no UDP port and measure what people use. They take several round trips to fill a
//! line, and lose time to each loss where the sender has no BBR: that is nearly every office's system. On a thin
//! line their handshakes and first windows alone are a good part of what a test may cost. So long and thin lines
//! and uploads are measured by paced datagrams, where these come through and are not treated in another way; and
//! so is a line of which nothing is known, for it may be thin.

use suar_wire::bandwidth::Direction;

use super::memory::Known;

/// From here on TCP cannot fill a line within a test's bounds.
const LONG_RTT_US: u32 = 250_000;

/// Up to here TCP costs more than datagrams: 0.16 of ten seconds at 2 Mbit/s, 0.3 at 0.5 (measured).
const THIN_BPS: u64 = 2_500_000;

pub fn is_by_udp(direction: Direction, rtt_us: u32, known: &Known) -> bool {
    let may_be_thin = known.prior_bps().is_none_or(|prior_bps| prior_bps <= THIN_BPS);
    let suits_tcp = direction == Direction::Download && rtt_us < LONG_RTT_US && !may_be_thin;
    !known.udp_is_out() && (!suits_tcp || known.tcp_is_out())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(rate_bps: u64) -> Known {
        let mut known = Known::default();
        known.learn(rate_bps);
        known
    }

    #[test]
    fn long_and_thin_lines_and_uploads_go_by_datagrams_unless_these_fail() {
        let fast = known(10_000_000);
        assert!(!is_by_udp(Direction::Download, 249_999, &fast));
        assert!(is_by_udp(Direction::Download, 250_000, &fast));
        assert!(is_by_udp(Direction::Upload, 20_000, &fast));
        assert!(is_by_udp(Direction::Download, 20_000, &known(500_000)));
        assert!(is_by_udp(Direction::Download, 20_000, &Known::default()));
        let mut blocked = known(500_000);
        blocked.udp_failed();
        assert!(!is_by_udp(Direction::Download, 600_000, &blocked));
        assert!(!is_by_udp(Direction::Upload, 600_000, &blocked));
        let mut lossy = known(10_000_000);
        lossy.tcp_was_unsteady();
        assert!(is_by_udp(Direction::Download, 20_000, &lossy));
    }
}
