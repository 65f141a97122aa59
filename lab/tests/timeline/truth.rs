//! What was done to an office and when, and what therefore has to stand in each slot.

use std::collections::BTreeMap;

use suar_collector::day::{DaySummary, State};

/// Seconds since 1970 are slots here.
pub const SLOT_MS: i64 = 1_000;
/// A round over a good line is over, and its record on disk, within this.
const ROUND_MS: i64 = 100;

/// From one moment on the office is in another state; the moment is known to lie in `begin_ms..=end_ms`.
#[derive(Debug, Clone, Copy)]
struct Change {
    begin_ms: i64,
    end_ms: i64,
    to: State,
}

#[derive(Debug)]
pub struct Truth {
    /// When in each slot the agent looks.
    phase_ms: i64,
    changes: Vec<Change>,
}

impl Truth {
    pub fn new(phase_ms: i64) -> Self {
        Self { phase_ms, changes: Vec::new() }
    }

    pub fn change(&mut self, begin_ms: i64, end_ms: i64, to: State) {
        self.changes.push(Change { begin_ms, end_ms, to });
    }

    /// What was measured within this before the last change may have been lost by it.
    pub fn doubt_last(&mut self, before_ms: i64) {
        if let Some(change) = self.changes.last_mut() {
            change.begin_ms -= before_ms;
        }
    }

    /// What may stand in a slot: one state, or two when the change came just as the agent looked.
    pub fn of_slot(&self, slot: i64) -> Vec<State> {
        let look_ms = slot * SLOT_MS + self.phase_ms;
        let mut states = Vec::new();
        for change in &self.changes {
            if change.end_ms <= look_ms {
                states.clear();
            } else if change.begin_ms >= look_ms + ROUND_MS {
                break;
            }
            states.push(change.to);
        }
        states.dedup();
        states
    }

    /// The first and the last whole slot of which something is known, up to `until_ms`.
    pub fn slots(&self, until_ms: i64) -> std::ops::Range<i64> {
        let from_ms = self.changes.first().map_or(until_ms, |change| change.end_ms);
        from_ms.div_euclid(SLOT_MS) + 1..until_ms.div_euclid(SLOT_MS)
    }
}

/// A day's account by second since 1970; seconds of which it says nothing are missing.
pub fn by_second(day_start_s: i64, summary: &DaySummary) -> BTreeMap<i64, State> {
    let seconds = |start_s: u32, length_s: u32| i64::from(start_s)..i64::from(start_s + length_s);
    summary
        .runs
        .iter()
        .flat_map(|run| seconds(run.start_s, run.length_s).map(|second| (day_start_s + second, run.state)))
        .collect()
}
