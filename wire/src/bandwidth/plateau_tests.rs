//! Synthetic counters whose rate is known.

use super::*;

const MBIT: f64 = 1e6;

/// A counter that grows at `rate_bps(t)`, in packets of 1500 bytes and acknowledgements of two, looked at
/// every 10 ms.
fn run(rtt_us: u64, rate_bps: impl Fn(u64) -> f64) -> (Estimate, u64) {
    let mut plateau = Plateau::new(rtt_us);
    let mut exact = 0.0;
    for at_us in (0..20_000_000).step_by(10_000) {
        exact += rate_bps(at_us) / 8.0 * 0.01;
        let bytes = (exact as u64 / 3_000) * 3_000;
        if let Step::Stop(estimate) = plateau.add(at_us, bytes, bytes) {
            return (estimate, bytes);
        }
    }
    panic!("the test did not end");
}

fn check(estimate: Estimate, expected_bps: f64, within: f64) {
    let off = (estimate.rate_bps as f64 / expected_bps - 1.0).abs();
    assert!(off <= within, "{estimate:?} is {:.1} % off {expected_bps}", off * 100.0);
}

#[test]
fn a_steady_line_is_known_after_one_window() {
    for rate in [0.5, 1.0, 2.0, 5.0, 20.0] {
        let (estimate, _) = run(40_000, |_| rate * MBIT);
        check(estimate, rate * MBIT, 0.03);
        assert!(estimate.converged && estimate.burst_bps.is_none(), "{rate}: {estimate:?}");
        assert!(estimate.elapsed_us < 1_300_000, "{rate}: {estimate:?}");
    }
}

#[test]
fn a_start_that_climbs_is_waited_for() {
    // Doubling each 0.3 s from a sixteenth of the line.
    let climb = |at_us: u64| (10.0 * MBIT / 16.0 * 2f64.powf(at_us as f64 / 300_000.0)).min(10.0 * MBIT);
    let (estimate, _) = run(300_000, climb);
    assert!(estimate.converged);
    check(estimate, 10.0 * MBIT, 0.03);
}

#[test]
fn what_never_settles_ends_within_its_bounds_and_says_so() {
    let saw = |at_us: u64| if (at_us / 200_000).is_multiple_of(2) { 8.0 * MBIT } else { 2.0 * MBIT };
    let (estimate, bytes) = run(40_000, saw);
    assert!(!estimate.converged);
    check(estimate, 5.0 * MBIT, 0.2);
    assert!(bytes as f64 * 8.0 < 3.2 * 5.0 * MBIT, "{bytes}");
}

#[test]
fn what_is_lost_or_was_spent_before_counts_against_the_bound() {
    let mut plateau = Plateau::new(40_000);
    let spent_before = 400_000;
    for at_us in (0..20_000_000_u64).step_by(10_000) {
        // 4 Mbit/s one time and 6 the other, and as much again is lost.
        let bytes = (at_us / 400_000) * 250_000 + (at_us % 400_000) / 2 * (1 + at_us % 400_000 / 200_000);
        let cost = spent_before + 2 * bytes;
        if let Step::Stop(estimate) = plateau.add(at_us, bytes, cost) {
            assert!(!estimate.converged, "{estimate:?}");
            let worth = estimate.rate_bps as f64 / 8.0 * WORTH_SECONDS_MAX;
            assert!((cost as f64) < worth * 1.2, "{cost} of {worth}");
            return;
        }
    }
    panic!("the test did not end");
}

#[test]
fn a_bucket_of_tokens_is_told_as_a_burst_and_not_as_the_rate() {
    let bucket = |at_us: u64| if at_us < 700_000 { 20.0 * MBIT } else { 4.0 * MBIT };
    let (estimate, _) = run(40_000, bucket);
    check(estimate, 4.0 * MBIT, 0.05);
    let burst = estimate.burst_bps.expect("a burst") as f64;
    assert!((burst / (20.0 * MBIT) - 1.0).abs() < 0.1, "{burst}");
}

#[test]
fn a_line_that_dies_ends_the_test_without_a_converged_rate() {
    let (estimate, _) = run(40_000, |at_us| if at_us < 500_000 { 5.0 * MBIT } else { 0.0 });
    assert!(!estimate.converged, "{estimate:?}");
    let (nothing, _) = run(40_000, |_| 0.0);
    assert_eq!((nothing.rate_bps, nothing.converged), (0, false));
}

#[test]
fn the_course_is_what_was_seen_in_steps() {
    let mut plateau = Plateau::new(40_000);
    for at in 0..50_u64 {
        plateau.add(at * 10_000, at * 12_500, 0);
    }
    let course = plateau.course();
    assert_eq!(course.len(), 5, "{course:?}");
    assert!(course.iter().all(|rate| (9_900_000..=10_100_000).contains(rate)), "{course:?}");
}
