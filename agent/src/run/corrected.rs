//! The corrected clock: the machine's wall clock less what the collector says it is off. Pure.

use crate::clock::{Jump, Reading};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Corrected {
    /// Wall clock minus the collector's; nothing until the first exchange.
    offset_ms: Option<i64>,
}

impl Corrected {
    pub fn now_ms(&self, reading: Reading) -> i64 {
        reading.wall_ms.saturating_sub(self.offset_ms.unwrap_or(0))
    }

    /// Takes the offset of a fresh exchange. True when the corrected clock moved by more than a moment, so
    /// that what was appointed by it must be appointed anew.
    pub fn learn(&mut self, offset_ms: Option<i64>) -> bool {
        const MOMENT_MS: u64 = 1_000;
        let Some(fresh) = offset_ms else { return false };
        let before = self.offset_ms.replace(fresh).unwrap_or(0);
        before.abs_diff(fresh) > MOMENT_MS
    }

    /// When the wall clock is set, the offset moves with it and the corrected clock runs on. True when
    /// there was no offset to move, so that the corrected clock was set too.
    pub fn jumped(&mut self, jump: Jump) -> bool {
        match (jump, &mut self.offset_ms) {
            (Jump::WallStepped { by_ms }, Some(offset)) => {
                *offset = offset.saturating_add(by_ms);
                false
            }
            (Jump::WallStepped { .. }, None) => true,
            (Jump::Slept { .. }, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall_ms: i64) -> Reading {
        Reading { boot_ms: 0, awake_ms: 0, wall_ms }
    }

    #[test]
    fn a_set_wall_clock_does_not_move_the_corrected_one() {
        let mut clock = Corrected::default();
        assert_eq!(clock.now_ms(at(5_000)), 5_000);
        assert!(clock.learn(Some(-3_600_000)), "an hour behind");
        assert_eq!(clock.now_ms(at(5_000)), 3_605_000);
        assert!(!clock.jumped(Jump::WallStepped { by_ms: 3_600_000 }));
        assert_eq!(clock.now_ms(at(3_605_000)), 3_605_000);
        assert!(!clock.learn(Some(40)), "a few milliseconds are no reason to appoint anew");
    }

    #[test]
    fn without_an_exchange_the_wall_clock_is_all_there_is() {
        let mut clock = Corrected::default();
        assert!(!clock.learn(None));
        assert!(clock.jumped(Jump::WallStepped { by_ms: -9_000 }));
        assert!(!clock.jumped(Jump::Slept { from_boot_ms: 1 }));
    }
}
