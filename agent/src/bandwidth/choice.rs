//! Which method suits a line. Pure.
//!
//! Four TCP connections need no UDP port and measure what people use. They take several round trips to fill a
//! line, and lose time to each loss where the sender has no BBR: that is nearly every office's system. On a thin
//! line their handshakes and first windows alone are a good part of what a test may cost. So long and thin lines
//! and uploads are measured by paced datagrams, where these come through and are not treated in another way; and
//! so is a line of which nothing is known, for it may be thin.

use suar_wire::bandwidth::Direction;

use super::Finding;
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

/// By how much TCP must find more before datagrams are taken to be treated worse.
const WORSE_FACTOR: f64 = 1.25;

/// What stands where datagrams looked policed and TCP was asked too. Where TCP has no answer that stands, nobody knows
/// whether the datagrams' figure is the line's.
pub fn compared(paced: Finding, tcp: Option<Finding>, known: &mut Known) -> Finding {
    match tcp {
        Some(tcp) if tcp.rate_bps as f64 > paced.rate_bps as f64 * WORSE_FACTOR => {
            known.udp_failed();
            tcp
        }
        Some(tcp) if tcp.converged => {
            known.udp_was_right();
            paced
        }
        Some(_) | None => Finding { converged: false, ..paced },
    }
}

#[cfg(test)]
mod tests {
    use suar_wire::bandwidth::Method;

    use super::*;
    use crate::bandwidth::Course;

    fn finding(method: Method, rate_bps: u64, converged: bool) -> Finding {
        Finding {
            method,
            congestion: None,
            rate_bps,
            converged,
            burst_bps: None,
            loss_permille: None,
            looks_policed: method == Method::Udp,
            unseen_bytes: 0,
            course: Course::Nothing,
        }
    }

    #[test]
    fn datagrams_that_look_policed_stand_only_when_tcp_says_the_same() {
        let paced = || finding(Method::Udp, 1_000_000, true);
        let asked = |tcp: Option<(u64, bool)>| {
            let mut known = Known::default();
            let tcp = tcp.map(|(rate_bps, converged)| finding(Method::Tcp, rate_bps, converged));
            let found = compared(paced(), tcp, &mut known);
            (found.method, found.converged, known.udp_is_out(), known.must_compare())
        };
        assert_eq!(asked(Some((1_100_000, true))), (Method::Udp, true, false, false));
        assert_eq!(asked(Some((5_000_000, true))), (Method::Tcp, true, true, true));
        assert_eq!(asked(Some((5_000_000, false))), (Method::Tcp, false, true, true));
        assert_eq!(asked(Some((900_000, false))), (Method::Udp, false, false, true));
        assert_eq!(asked(None), (Method::Udp, false, false, true));
    }

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
