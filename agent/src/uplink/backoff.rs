//! When to push next. Pure: randomness is an argument, a number from 0 up to 1.

use std::time::Duration;

use super::PushFailure;

/// Longest wait of the first push after a start: a province's power comes back at one moment.
pub const FIRST_SECONDS_MAX: f64 = 30.0;
/// The first wait after a failure is up to this long; it doubles with every failure.
pub const BACKOFF_SECONDS_BASE: f64 = 5.0;
/// The longest, unless pushes themselves are rarer: who saves data must not spend it on vain attempts.
pub const BACKOFF_SECONDS_MAX: f64 = 600.0;
/// After a refused token somebody has to act, so asking often helps nobody.
pub const UNAUTHORIZED_SECONDS: f64 = 900.0;
/// Most that a collector's `Retry-After` is followed.
pub const RETRY_AFTER_SECONDS_MAX: u64 = 3600;
/// Backlog batches come at least this far apart, so that a thin link keeps room for the office.
pub const BACKLOG_SECONDS: f64 = 1.0;
/// Pushes that a state change asks for come at least this far apart.
pub const WAKE_SECONDS_MIN: f64 = 5.0;
/// Share by which the time between pushes varies, to either side.
const JITTER: f64 = 0.1;

pub fn first(push_seconds: u32, random: f64) -> Duration {
    seconds((f64::from(push_seconds) / 4.0).min(FIRST_SECONDS_MAX) * random)
}

pub fn between(push_seconds: u32, random: f64) -> Duration {
    seconds(f64::from(push_seconds) * (1.0 + JITTER * (2.0 * random - 1.0)))
}

/// Shortest time from one push to the next that a state change asks for.
pub fn wake_gap(push_seconds: u32) -> Duration {
    seconds(f64::from(push_seconds).min(WAKE_SECONDS_MIN))
}

/// The wait after this many failures in a row, the last of which is given.
///
/// Never more than two pushes' time, so that an agent with a fast plan is back as fast as its plan is.
pub fn after_failure(failure: &PushFailure, failures: u32, push_seconds: u32, random: f64) -> Duration {
    match failure {
        PushFailure::Unauthorized { .. } => seconds(UNAUTHORIZED_SECONDS * (1.0 + JITTER * random)),
        // Everybody was told the same number, so nobody comes exactly then.
        PushFailure::Later { after_s: Some(after_s), .. } => {
            seconds((*after_s).min(RETRY_AFTER_SECONDS_MAX) as f64 * (1.0 + JITTER * random))
        }
        _ => {
            let doublings = failures.saturating_sub(1).min(20);
            let doubled = BACKOFF_SECONDS_BASE * f64::from(1u32 << doublings);
            let push = f64::from(push_seconds);
            let most = (2.0 * push).clamp(BACKOFF_SECONDS_BASE, push.max(BACKOFF_SECONDS_MAX));
            seconds(doubled.min(most) * random)
        }
    }
}

/// Whether a state change may cut the wait after this failure short: a link that came back should be used,
/// a collector that asked for patience should have it.
pub fn may_wake(failure: &PushFailure) -> bool {
    matches!(failure, PushFailure::Unreachable(_) | PushFailure::WrongCertificate | PushFailure::Answer(_))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unreachable() -> PushFailure {
        PushFailure::Unreachable("no route".to_owned())
    }

    #[test]
    fn the_wait_doubles_up_to_its_bound() {
        let most = |failures| after_failure(&unreachable(), failures, 300, 1.0).as_secs();
        assert_eq!([1, 2, 3, 7, 8, 9, u32::MAX].map(most), [5, 10, 20, 320, 600, 600, 600]);
        let most_of_a_fast_plan = |failures| after_failure(&unreachable(), failures, 10, 1.0).as_secs();
        assert_eq!([1, 2, 3, 9].map(most_of_a_fast_plan), [5, 10, 20, 20]);
        let most_of_a_slow_plan = |failures| after_failure(&unreachable(), failures, 3_600, 1.0).as_secs();
        assert_eq!([1, 9, 20].map(most_of_a_slow_plan), [5, 1_280, 3_600]);
    }

    #[test]
    fn a_refused_token_waits_a_quarter_of_an_hour_however_often() {
        let wait = |failures| {
            after_failure(&PushFailure::Unauthorized { status: 401 }, failures, 300, 0.0).as_secs()
        };
        assert_eq!([1, 50].map(wait), [900, 900]);
    }

    #[test]
    fn retry_after_is_honoured_and_bounded() {
        let wait =
            |after_s| after_failure(&PushFailure::Later { status: 429, after_s }, 1, 300, 0.0).as_secs();
        assert_eq!([Some(0), Some(7), Some(u64::MAX)].map(wait), [0, 7, 3600]);
    }

    #[test]
    fn a_state_change_does_not_cut_short_what_the_collector_asked_for() {
        assert!(may_wake(&unreachable()));
        assert!(!may_wake(&PushFailure::Later { status: 429, after_s: Some(60) }));
        assert!(!may_wake(&PushFailure::Unauthorized { status: 403 }));
    }

    proptest! {
        #[test]
        fn every_wait_stays_inside_its_bounds(push_seconds in 1u32..86_400, failures in 1u32..1000, random in 0.0f64..1.0) {
            let push = f64::from(push_seconds);
            prop_assert!(first(push_seconds, random).as_secs_f64() <= (push / 4.0).min(30.0));
            let between = between(push_seconds, random).as_secs_f64();
            prop_assert!((push * 0.9 - 1e-6..=push * 1.1 + 1e-6).contains(&between));
            prop_assert!(wake_gap(push_seconds).as_secs_f64() <= push.min(5.0));
            let wait = after_failure(&unreachable(), failures, push_seconds, random).as_secs_f64();
            prop_assert!(wait <= push.max(600.0));
        }
    }
}
