//! Days that could not be packed, and when they are tried again. A damaged day stays damaged until a person
//! mends it, so each failure doubles the wait: it is said at once, and then ever more seldom.

use std::collections::HashMap;

use suar_wire::AgentId;

use crate::day::Day;
use crate::wall_clock::MS_A_DAY;

const WAIT_MS_MIN: i64 = 60_000;
const WAIT_MS_MAX: i64 = MS_A_DAY;

#[derive(Debug, Default)]
pub struct Unreadable(HashMap<(AgentId, Day), Wait>);

#[derive(Debug, Clone, Copy)]
struct Wait {
    since_ms: i64,
    wait_ms: i64,
}

impl Unreadable {
    /// Whether it is too early to try this day again. A clock that was set back is no reason to wait.
    pub fn waits(&self, agent: AgentId, day: Day, now_ms: i64) -> bool {
        let waits = |wait: &Wait| (0..wait.wait_ms).contains(&now_ms.saturating_sub(wait.since_ms));
        self.0.get(&(agent, day)).is_some_and(waits)
    }

    pub fn failed(&mut self, agent: AgentId, day: Day, now_ms: i64) {
        let before_ms = self.0.get(&(agent, day)).map_or(WAIT_MS_MIN / 2, |wait| wait.wait_ms);
        let wait_ms = before_ms.saturating_mul(2).min(WAIT_MS_MAX);
        self.0.insert((agent, day), Wait { since_ms: now_ms, wait_ms });
    }

    pub fn packed(&mut self, agent: AgentId, day: Day) {
        self.0.remove(&(agent, day));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_stays_damaged_is_tried_a_dozen_times_on_the_first_day_and_then_daily() {
        const AGENT: AgentId = AgentId([1; 16]);
        let mut unreadable = Unreadable::default();
        let mut tries = Vec::new();
        for minute in 0..10 * 1_440 {
            let now_ms = minute * 60_000;
            if !unreadable.waits(AGENT, 7, now_ms) {
                unreadable.failed(AGENT, 7, now_ms);
                tries.push(minute);
            }
        }
        let first_day = tries.iter().filter(|minute| **minute < 1_440).count();
        assert_eq!((&tries[..5], first_day), (&[0, 1, 3, 7, 15][..], 11));
        assert_eq!(tries.len(), 11 + 9, "{tries:?}");
        assert!(!unreadable.waits(AGENT, 8, 0), "other days do not wait");
        assert!(!unreadable.waits(AGENT, 7, 0), "the clock was set back");
        unreadable.packed(AGENT, 7);
        assert!(!unreadable.waits(AGENT, 7, 10 * MS_A_DAY));
    }
}
