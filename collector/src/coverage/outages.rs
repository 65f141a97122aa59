//! Outages: runs of two or more down slots.
//!
//! They are found on the whole time line, nights too, so that one which lasts from Monday to Tuesday is
//! one. A hole that the session records explain neither splits nor lengthens an outage: its length is the
//! time that was seen down in office hours, nothing that was guessed. Outages wholly outside office hours
//! are not listed.

use std::collections::BTreeMap;

use suar_wire::Cause;

use super::timeline::{Segment, explained};
use crate::calendar::Span;
use crate::day::State;

/// One outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// First and last moment that was seen down, seconds since 1970; may lie outside office hours.
    pub start_s: i64,
    pub end_s: i64,
    /// The cause of most of its time; where two have the same, the one further out.
    pub cause: Cause,
    /// Seen down in office hours, seconds.
    pub seconds_down: u64,
}

/// `slot_seconds_at` gives the width of a slot at a moment; `expected` are the office hours.
pub(super) fn find(
    segments: &[Segment],
    expected: &[Span],
    slot_seconds_at: impl Fn(i64) -> u32,
) -> Vec<Outage> {
    let mut outages = Vec::new();
    let mut open: Vec<Segment> = Vec::new();
    let mut close = |open: &mut Vec<Segment>| {
        outages.extend(outage(open, expected, &slot_seconds_at));
        open.clear();
    };
    for segment in segments {
        match segment.state {
            State::Down(_) => open.push(*segment),
            State::Unobserved(reason) if explained(reason) => {}
            State::Unobserved(_) | State::Up => close(&mut open),
        }
    }
    close(&mut open);
    outages
}

fn outage(down: &[Segment], expected: &[Span], slot_seconds_at: impl Fn(i64) -> u32) -> Option<Outage> {
    let (first, last) = (down.first()?, down.last()?);
    let total: u64 = down.iter().map(|segment| segment.span.seconds()).sum();
    let two_slots = 2 * u64::from(slot_seconds_at(first.span.start_s).max(1));
    let seconds_down = down.iter().map(|segment| seconds_within(segment.span, expected)).sum();
    if total < two_slots || seconds_down == 0 {
        return None;
    }
    let mut causes: BTreeMap<Cause, u64> = BTreeMap::new();
    for segment in down {
        if let State::Down(cause) = segment.state {
            *causes.entry(cause).or_default() += segment.span.seconds();
        }
    }
    let (cause, _) = causes.into_iter().max_by_key(|(_, seconds)| *seconds)?;
    Some(Outage { start_s: first.span.start_s, end_s: last.span.end_s, cause, seconds_down })
}

/// `expected` is ascending and disjoint.
pub(super) fn seconds_within(span: Span, expected: &[Span]) -> u64 {
    let first = expected.partition_point(|open| open.end_s <= span.start_s);
    expected[first..]
        .iter()
        .take_while(|open| open.start_s < span.end_s)
        .filter_map(|open| open.and(span))
        .map(Span::seconds)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Reason;

    fn find_in(states: &[(i64, State)], expected: &[Span]) -> Vec<(i64, i64, u64)> {
        let mut at = 0;
        let segments: Vec<Segment> = states
            .iter()
            .map(|(seconds, state)| {
                at += seconds;
                Segment { span: Span::new(at - seconds, at), state: *state }
            })
            .collect();
        find(&segments, expected, |_| 60).iter().map(|o| (o.start_s, o.end_s, o.seconds_down)).collect()
    }

    const DOWN: State = State::Down(Cause::Internet);
    const OFF: State = State::Unobserved(Reason::PoweredOff);
    const UNKNOWN: State = State::Unobserved(Reason::NotYetKnown);

    #[test]
    fn one_down_slot_is_no_outage_and_two_are() {
        let day = [Span::new(0, 86_400)];
        assert_eq!(find_in(&[(60, State::Up), (60, DOWN), (60, State::Up)], &day), []);
        assert_eq!(find_in(&[(60, State::Up), (120, DOWN), (60, State::Up)], &day), [(60, 180, 120)]);
    }

    #[test]
    fn an_explained_hole_neither_splits_nor_lengthens_an_outage() {
        let day = [Span::new(0, 86_400)];
        assert_eq!(find_in(&[(120, DOWN), (600, OFF), (60, DOWN)], &day), [(0, 780, 180)]);
        assert_eq!(
            find_in(&[(120, DOWN), (600, UNKNOWN), (120, DOWN)], &day),
            [(0, 120, 120), (720, 840, 120)]
        );
        assert_eq!(find_in(&[(120, DOWN), (600, OFF)], &day), [(0, 120, 120)]);
    }

    #[test]
    fn only_what_touches_office_hours_is_listed_and_only_their_seconds_count() {
        let hours = [Span::new(600, 1_200)];
        assert_eq!(find_in(&[(540, DOWN), (660, State::Up)], &hours), []);
        assert_eq!(find_in(&[(300, State::Up), (600, DOWN)], &hours), [(300, 900, 300)]);
    }
}
