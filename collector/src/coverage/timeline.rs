//! One site's time line: its agents' days merged second by second.

use std::collections::BTreeMap;

use suar_wire::Cause;

use super::site::AgentDays;
use crate::calendar::Span;
use crate::day::{DAY_S, Day, DaySummary, Reason, State};

/// A stretch of UTC time in one merged state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub span: Span,
    pub state: State,
}

/// Whether session records say why nobody looked. Lost records do not: the agent looked, and what it saw
/// is gone.
pub fn explained(reason: Reason) -> bool {
    !matches!(reason, Reason::NotYetKnown | Reason::RecordsLost)
}

/// Covers the window without a gap: ascending, touching, neighbours differ.
///
/// A second is up when any agent saw it up, down when any looked and none saw it up, and unobserved
/// otherwise. The cause of a down second is the one most agents saw; where as many saw another, the one
/// further out (gateway before no network, internet before gateway), because an agent that got further
/// knows more about the link. The reason of an unobserved second is the best-known one.
pub fn merge(agents: &[AgentDays], window: Span) -> Vec<Segment> {
    let mut merged: Vec<Segment> = Vec::new();
    if window.is_empty() {
        return merged;
    }
    for day in window.start_s.div_euclid(DAY_S)..=(window.end_s - 1).div_euclid(DAY_S) {
        let midnight_s = day * DAY_S;
        let summaries: Vec<&DaySummary> = agents
            .iter()
            .filter_map(|agent| Day::try_from(day).ok().and_then(|day| agent.days.get(&day)))
            .collect();
        for (from, to, state) in merge_day(&summaries) {
            let span = Span::new(midnight_s + i64::from(from), midnight_s + i64::from(to));
            if let Some(span) = span.and(window) {
                push(&mut merged, Segment { span, state });
            }
        }
    }
    merged
}

fn push(segments: &mut Vec<Segment>, next: Segment) {
    match segments.last_mut() {
        Some(last) if last.state == next.state => last.span.end_s = next.span.end_s,
        _ => segments.push(next),
    }
}

/// (from, to, state) over the whole day.
fn merge_day(summaries: &[&DaySummary]) -> Vec<(u32, u32, State)> {
    let mut edges = vec![0, DAY_S as u32];
    for run in summaries.iter().flat_map(|summary| &summary.runs) {
        edges.push(run.start_s.min(DAY_S as u32));
        edges.push(run.start_s.saturating_add(run.length_s).min(DAY_S as u32));
    }
    edges.sort_unstable();
    edges.dedup();
    let mut next_run = vec![0; summaries.len()];
    let mut states = Vec::with_capacity(summaries.len());
    edges
        .windows(2)
        .map(|edge| {
            let (from, to) = (edge[0], edge[1]);
            states.clear();
            for (summary, next) in summaries.iter().zip(&mut next_run) {
                while summary
                    .runs
                    .get(*next)
                    .is_some_and(|run| run.start_s.saturating_add(run.length_s) <= from)
                {
                    *next += 1;
                }
                let here = summary.runs.get(*next).filter(|run| run.start_s <= from);
                states.push(here.map_or(State::Unobserved(Reason::NotYetKnown), |run| run.state));
            }
            (from, to, merge_states(&states))
        })
        .collect()
}

fn merge_states(states: &[State]) -> State {
    if states.contains(&State::Up) {
        return State::Up;
    }
    let mut causes: BTreeMap<Cause, u32> = BTreeMap::new();
    for state in states {
        if let State::Down(cause) = state {
            *causes.entry(*cause).or_default() += 1;
        }
    }
    // `max_by_key` keeps the last of equals, and causes are declared from the office outwards.
    if let Some((cause, _)) = causes.into_iter().max_by_key(|(_, seen)| *seen) {
        return State::Down(cause);
    }
    let reasons = states.iter().filter_map(|state| match state {
        State::Unobserved(reason) => Some(*reason),
        _ => None,
    });
    State::Unobserved(reasons.min_by_key(|reason| ignorance(*reason)).unwrap_or(Reason::NotYetKnown))
}

/// What says most about the office comes first: power, then the machine, then the agent.
fn ignorance(reason: Reason) -> u8 {
    match reason {
        Reason::PowerLost => 0,
        Reason::PoweredOff => 1,
        Reason::Asleep => 2,
        Reason::Paused => 3,
        Reason::AgentStopped => 4,
        Reason::Starved => 5,
        Reason::AgentDied => 6,
        Reason::RecordsLost => 7,
        Reason::NotYetKnown => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_beats_down_and_down_beats_not_looking() {
        let off = State::Unobserved(Reason::PoweredOff);
        assert_eq!(merge_states(&[off, State::Down(Cause::Dns), State::Up]), State::Up);
        assert_eq!(merge_states(&[off, State::Down(Cause::Dns)]), State::Down(Cause::Dns));
        assert_eq!(merge_states(&[State::Unobserved(Reason::NotYetKnown), off]), off);
        assert_eq!(merge_states(&[]), State::Unobserved(Reason::NotYetKnown));
    }

    #[test]
    fn the_cause_most_agents_saw_wins_and_the_one_further_out_a_tie() {
        let down = |cause| State::Down(cause);
        assert_eq!(
            merge_states(&[down(Cause::NoNetwork), down(Cause::NoNetwork), down(Cause::Internet)]),
            down(Cause::NoNetwork)
        );
        assert_eq!(merge_states(&[down(Cause::Internet), down(Cause::NoNetwork)]), down(Cause::Internet));
    }
}
