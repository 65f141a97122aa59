//! The corrected clock: the boot-time clock, set by what the collector says the time is. Pure.
//!
//! Nobody sets the boot-time clock, so a wall clock that is set does not move this one.

use crate::clock::{Jump, Reading};
use crate::uplink::ServerTime;
use crate::verdict::is_clock_wrong;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Corrected {
    /// What to add to the boot-time clock; nothing until the first exchange.
    ahead_ms: Option<i64>,
    /// How far it may be off, by the newest exchange.
    error_ms: u64,
}

impl Corrected {
    /// Until the first exchange the wall clock is all there is.
    pub fn now_ms(&self, reading: Reading) -> i64 {
        match self.ahead_ms {
            Some(ahead_ms) => boot_ms(reading).saturating_add(ahead_ms),
            None => reading.wall_ms,
        }
    }

    /// Whether the collector's clock stands behind it.
    pub fn is_confirmed(&self) -> bool {
        self.ahead_ms.is_some()
    }

    /// Takes what a fresh exchange says. One that took long proves little, and a clock that it does not
    /// prove wrong stays. True when the corrected clock moved by more than a moment, so that what was
    /// appointed by it must be appointed anew.
    pub fn learn(&mut self, reading: Reading, server: ServerTime) -> bool {
        const MOMENT_MS: u64 = 1_000;
        let before_ms = self.now_ms(reading).saturating_sub(boot_ms(reading));
        let apart_ms = before_ms.abs_diff(server.ahead_of_boot_ms);
        let is_proven_wrong = apart_ms > server.error_ms;
        self.ahead_ms = Some(if is_proven_wrong { server.ahead_of_boot_ms } else { before_ms });
        self.error_ms = if is_proven_wrong { server.error_ms } else { server.error_ms + apart_ms };
        is_proven_wrong && apart_ms > MOMENT_MS
    }

    /// Whether the wall clock is proven wrong by more than is harmless. Without an exchange nothing is proven.
    pub fn proves_wall_wrong(&self, reading: Reading) -> bool {
        let apart_ms = reading.wall_ms.saturating_sub(self.now_ms(reading));
        self.is_confirmed() && is_clock_wrong(apart_ms, self.error_ms)
    }

    /// True when there was no exchange yet, so that the corrected clock was set with the wall clock.
    pub fn jumped(&self, jump: Jump) -> bool {
        matches!(jump, Jump::WallStepped { .. }) && self.ahead_ms.is_none()
    }
}

fn boot_ms(reading: Reading) -> i64 {
    i64::try_from(reading.boot_ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn at(boot_ms: u64, wall_ms: i64) -> Reading {
        Reading { boot_ms, awake_ms: boot_ms, wall_ms }
    }

    fn server(ahead_of_boot_ms: i64, error_ms: u64) -> ServerTime {
        ServerTime { ahead_of_boot_ms, error_ms }
    }

    #[test]
    fn a_set_wall_clock_does_not_move_the_corrected_one() {
        let mut clock = Corrected::default();
        assert_eq!(clock.now_ms(at(100, 5_000)), 5_000);
        assert!(clock.learn(at(100, 5_000), server(HOUR_MS, 20)), "the wall clock was an hour behind");
        assert_eq!(clock.now_ms(at(100, 5_000)), HOUR_MS + 100);
        assert!(!clock.jumped(Jump::WallStepped { by_ms: HOUR_MS }));
        assert_eq!(clock.now_ms(at(200, 9_999_999)), HOUR_MS + 200);
        assert!(!clock.learn(at(200, 0), server(HOUR_MS + 60, 20)), "no reason to appoint anew");
        assert_eq!(clock.now_ms(at(200, 0)), HOUR_MS + 260);
    }

    #[test]
    fn a_slow_exchange_moves_no_clock_that_it_does_not_prove_wrong() {
        let mut clock = Corrected::default();
        assert!(!clock.learn(at(1_000, 50_000), server(50_500, 2_000)), "the wall clock may be right");
        assert_eq!(clock.now_ms(at(1_500, 0)), 50_500);
        assert!(clock.learn(at(1_500, 0), server(52_000, 2_000)), "three seconds off is proven");
        assert_eq!(clock.now_ms(at(1_500, 0)), 53_500);
    }

    #[test]
    fn a_wall_clock_is_wrong_when_it_is_minutes_off_and_that_is_proven() {
        const MINUTE_MS: i64 = 60_000;
        let wrong = |by_ms: i64, error_ms: u64| {
            let mut clock = Corrected::default();
            assert!(!clock.proves_wall_wrong(at(100, by_ms)), "nobody was asked yet");
            clock.learn(at(100, 100 + by_ms), server(0, error_ms));
            clock.proves_wall_wrong(at(200, 200 + by_ms))
        };
        assert!(!wrong(0, 20) && !wrong(4 * MINUTE_MS, 20) && !wrong(-4 * MINUTE_MS, 20));
        assert!(wrong(6 * MINUTE_MS, 20) && wrong(-6 * MINUTE_MS, 20) && wrong(20 * 365 * 24 * HOUR_MS, 20));
        assert!(!wrong(6 * MINUTE_MS, 2 * 60_000), "an exchange of minutes proves no minutes");
        // Set after the exchange, while nobody is reached.
        let mut clock = Corrected::default();
        clock.learn(at(100, 100), server(0, 20));
        assert!(clock.proves_wall_wrong(at(200, 200 + HOUR_MS)));
    }

    #[test]
    fn without_an_exchange_the_wall_clock_is_all_there_is() {
        let clock = Corrected::default();
        assert!(clock.jumped(Jump::WallStepped { by_ms: -9_000 }));
        assert!(!clock.jumped(Jump::Slept { from_boot_ms: 1 }));
    }
}
