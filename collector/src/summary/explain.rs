//! Why nobody looked: what session, gap and loss records say about the holes of a day.

use suar_wire::record::{Ending, GapReason};
use suar_wire::slot::SECONDS_A_DAY;
use suar_wire::{Body, SlotWidth, Stamp};

use crate::day::{Day, DaySummary, Reason, Run, State};
use crate::store::StoredRecord;

/// A stretch of time in which an agent did not look, seconds since 1970, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    pub from_s: i64,
    pub to_s: i64,
    #[serde(serialize_with = "label")]
    pub reason: Reason,
}

fn label<S: serde::Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.label())
}

impl Explanation {
    /// Widened to whole slots: the slot in which a session ended or began often has no round either.
    /// Only holes are filled, so that widening never hides a measurement.
    pub fn between(from_ms: i64, to_ms: i64, width: SlotWidth, reason: Reason) -> Option<Self> {
        let from_s = width.slot_at(from_ms).start_s();
        let to_s = width.slot_at(to_ms.saturating_sub(1)).end_ms() / 1000;
        (from_ms < to_ms).then_some(Self { from_s, to_s, reason })
    }
}

/// What a record explains. `time_of` repairs another stamp of the same agent.
pub fn explained_by(
    stored: &StoredRecord,
    width: SlotWidth,
    time_of: impl Fn(&Stamp) -> i64,
) -> Option<Explanation> {
    match &stored.record.body {
        Body::SessionStart(start) => {
            let last = start.previous_last?;
            let same_boot = last.boot == stored.record.stamp.boot;
            let reason = match (start.previous_ended, same_boot) {
                (Ending::None, _) => return None,
                (Ending::Clean, true) => Reason::AgentStopped,
                // A stop that a boot follows is how most systems shut a service down.
                (Ending::Clean, false) | (Ending::OsShutdown, _) => Reason::PoweredOff,
                (Ending::Abrupt, true) => Reason::AgentDied,
                (Ending::Abrupt, false) => Reason::PowerLost,
            };
            Explanation::between(time_of(&last), stored.at_ms, width, reason)
        }
        Body::Gap(gap) => {
            let reason = match gap.reason {
                GapReason::Suspended => Reason::Asleep,
                GapReason::Paused => Reason::Paused,
                GapReason::Starved => Reason::Starved,
            };
            let length_ms = stored.record.stamp.boot_ms.saturating_sub(gap.from_boot_ms);
            let length_ms = i64::try_from(length_ms).unwrap_or(i64::MAX);
            Explanation::between(stored.at_ms.saturating_sub(length_ms), stored.at_ms, width, reason)
        }
        Body::Round(_)
        | Body::Health(_)
        | Body::SessionEnd(_)
        | Body::Dropped(_)
        | Body::ClockStep(_)
        | Body::Bandwidth(_)
        | Body::PlanRefused(_)
        | Body::DataUse(_)
        | Body::Unknown(_) => None,
    }
}

/// Fills the holes of a day. Where explanations overlap the one that comes first stays.
pub fn explain(day: Day, summary: &mut DaySummary, explanation: &Explanation) {
    let day_start_s = i64::from(day) * i64::from(SECONDS_A_DAY);
    let second = |at_s: i64| (at_s - day_start_s).clamp(0, i64::from(SECONDS_A_DAY)) as u32;
    let (from_s, to_s) = (second(explanation.from_s), second(explanation.to_s));
    if from_s < to_s {
        fill(&mut summary.runs, from_s, to_s, State::Unobserved(explanation.reason));
    }
}

/// Puts `state` where no run is between `from_s` and `to_s`; equal neighbours melt.
fn fill(runs: &mut Vec<Run>, from_s: u32, to_s: u32, state: State) {
    let mut filled: Vec<Run> = Vec::with_capacity(runs.len() + 1);
    let mut push = |run: Run| match filled.last_mut() {
        _ if run.length_s == 0 => {}
        Some(last) if last.state == run.state && last.start_s + last.length_s == run.start_s => {
            last.length_s += run.length_s;
        }
        _ => filled.push(run),
    };
    let mut next_s = from_s;
    for run in runs.iter() {
        let hole_end_s = run.start_s.min(to_s);
        if next_s < hole_end_s {
            push(Run { start_s: next_s, length_s: hole_end_s - next_s, state });
        }
        next_s = next_s.max(run.start_s + run.length_s);
        push(*run);
    }
    if next_s < to_s {
        push(Run { start_s: next_s, length_s: to_s - next_s, state });
    }
    *runs = filled;
}
