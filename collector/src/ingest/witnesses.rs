//! Is our clock to be believed? The agents that push say what theirs show. A collector that starts with a clock that
//! is years ahead would call every month old, and what is deleted is gone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use suar_wire::AgentId;

use crate::wall_clock::MS_A_DAY;

/// Clocks that are no more apart than this agree about what is old.
const AGREES_MS: u64 = MS_A_DAY.unsigned_abs();

/// What the clock of each agent showed with its newest push. An agent has a token, so there are no more of them
/// than joined.
#[derive(Debug, Default)]
pub struct Witnesses(Mutex<HashMap<AgentId, Shown>>);

#[derive(Debug, Clone, Copy)]
struct Shown {
    wall_ms: i64,
    /// By a clock of ours that nobody sets.
    heard_at: Instant,
}

/// How many clocks say about the same as ours, and how many do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    pub agree: usize,
    pub differ: usize,
}

impl Heard {
    /// A majority, because single offices have dead clock batteries. Nobody at all is none.
    pub fn is_believed(self) -> bool {
        self.agree > self.differ
    }
}

impl Witnesses {
    pub fn heard(&self, agent: AgentId, wall_ms: i64, heard_at: Instant) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(agent, Shown { wall_ms, heard_at });
    }

    /// Holds `now_ms` against every agent's clock as it has gone on since.
    pub fn judge(&self, now_ms: i64, now: Instant) -> Heard {
        let mut heard = Heard::default();
        for shown in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let since_ms = now.saturating_duration_since(shown.heard_at).as_millis();
            let by_agent_ms = shown.wall_ms.saturating_add(i64::try_from(since_ms).unwrap_or(i64::MAX));
            if by_agent_ms.abs_diff(now_ms) <= AGREES_MS {
                heard.agree += 1;
            } else {
                heard.differ += 1;
            }
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;
    const YEAR_MS: i64 = 365 * MS_A_DAY;

    #[test]
    fn a_clock_is_believed_by_the_majority_of_those_that_were_heard() {
        let (witnesses, now) = (Witnesses::default(), Instant::now());
        let hear = |agent: u8, wall_ms| witnesses.heard(AgentId([agent; 16]), wall_ms, now);
        assert!(!witnesses.judge(NOW_MS, now).is_believed(), "nobody was heard");
        hear(1, NOW_MS + 60_000);
        assert!(witnesses.judge(NOW_MS, now).is_believed());
        // 1970, and a dead battery that shows the same day.
        hear(2, 0);
        assert_eq!(witnesses.judge(NOW_MS, now), Heard { agree: 1, differ: 1 });
        hear(3, NOW_MS - 60_000);
        assert!(witnesses.judge(NOW_MS, now).is_believed());
        assert!(!witnesses.judge(NOW_MS + 5 * YEAR_MS, now).is_believed());
        hear(2, NOW_MS);
        assert_eq!(witnesses.judge(NOW_MS, now), Heard { agree: 3, differ: 0 });
    }

    #[test]
    fn clocks_go_on_after_they_were_heard_and_a_jump_of_ours_shows() {
        let (witnesses, began) = (Witnesses::default(), Instant::now());
        witnesses.heard(AgentId([1; 16]), NOW_MS, began);
        let days = |days: u32| Duration::from_secs(86_400) * days;
        assert!(witnesses.judge(NOW_MS + 40 * MS_A_DAY, began + days(40)).is_believed());
        assert!(!witnesses.judge(NOW_MS + 5 * YEAR_MS, began + days(1)).is_believed());
    }
}
