//! When offices test: at random moments of their office hours, and no two offices that share an upstream at
//! once, or each would measure the other.
//!
//! Pure. A day is cut into lanes, each longer than a test; an office's tests are spread over its day and
//! take the free lane next to a random one. The same day comes out the same whoever asks.

use std::collections::{BTreeMap, BTreeSet};

use suar_wire::SiteCode;

use crate::calendar::Span;
use crate::day::{DAY_S, Day};

/// Longer than a test of both directions over the worst line.
const LANE_S: i64 = 180;

/// What an office needs for its moments.
#[derive(Debug, Clone)]
pub struct Office {
    pub code: SiteCode,
    /// Offices with the same one share what is behind their lines.
    pub upstream: String,
    /// Its office hours in the UTC day, ascending.
    pub open: Vec<Span>,
}

/// The seconds at which each office begins its tests, ascending; `offices` in any order.
pub fn moments(offices: &[Office], day: Day, tests_a_day: u32) -> BTreeMap<SiteCode, Vec<i64>> {
    let mut sorted: Vec<&Office> = offices.iter().collect();
    sorted.sort_by(|a, b| a.code.cmp(&b.code));
    let mut taken: BTreeSet<(&str, i64)> = BTreeSet::new();
    let mut moments = BTreeMap::new();
    for office in sorted {
        let lanes: Vec<i64> = lanes(&office.open, day);
        let tests = (tests_a_day as usize).min(lanes.len());
        let mut starts: Vec<i64> = (0..tests)
            .map(|test| {
                // Its own part of the day, so that morning and afternoon are both seen.
                let part = &lanes[lanes.len() * test / tests..lanes.len() * (test + 1) / tests];
                let random = seed(&format!("{} {day} {test}", office.code));
                let first = (random % part.len() as u64) as usize;
                let lane = (0..part.len())
                    .map(|step| part[(first + step) % part.len()])
                    .find(|lane| !taken.contains(&(office.upstream.as_str(), *lane)))
                    // More tests than lanes: two will meet.
                    .unwrap_or(part[first]);
                taken.insert((&office.upstream, lane));
                lane
            })
            .collect();
        starts.sort_unstable();
        moments.insert(office.code.clone(), starts);
    }
    moments
}

/// Starts of the lanes of a day that lie wholly in office hours.
fn lanes(open: &[Span], day: Day) -> Vec<i64> {
    let midnight_s = i64::from(day) * DAY_S;
    (0..DAY_S / LANE_S)
        .map(|lane| midnight_s + lane * LANE_S)
        .filter(|start| open.iter().any(|span| span.start_s <= *start && start + LANE_S <= span.end_s))
        .collect()
}

/// A number that looks random and is the same everywhere.
fn seed(text: &str) -> u64 {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let (head, _) = digest.as_ref().split_first_chunk::<8>().expect("a SHA-256 has 32 bytes");
    u64::from_le_bytes(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Day = 20_000;

    fn offices(count: usize, upstreams: usize) -> Vec<Office> {
        let midnight_s = i64::from(DAY) * DAY_S;
        (0..count)
            .map(|at| Office {
                code: format!("site{at}").parse().expect("a code"),
                upstream: format!("up{}", at % upstreams),
                open: vec![Span::new(midnight_s + 3_600, midnight_s + 9 * 3_600)],
            })
            .collect()
    }

    #[test]
    fn no_two_offices_of_one_upstream_test_at_once_and_all_test_in_their_hours() {
        let offices = offices(60, 2);
        let moments = moments(&offices, DAY, 4);
        let mut busy = BTreeSet::new();
        for office in &offices {
            let starts = &moments[&office.code];
            assert_eq!(starts.len(), 4);
            for start in starts {
                assert!(office.open[0].start_s <= *start && start + LANE_S <= office.open[0].end_s);
                assert!(busy.insert((office.upstream.clone(), *start)), "{office:?} meets another");
            }
            let quarters: BTreeSet<i64> =
                starts.iter().map(|start| (start - office.open[0].start_s) / 7_200).collect();
            assert_eq!(quarters.len(), 4, "spread over the day: {starts:?}");
        }
    }

    #[test]
    fn the_moments_are_the_same_for_whoever_asks_and_others_on_another_day() {
        let mut offices = offices(30, 1);
        let first = moments(&offices, DAY, 3);
        offices.reverse();
        assert_eq!(moments(&offices, DAY, 3), first);
        let shifted: Vec<Office> = offices
            .iter()
            .map(|office| Office {
                open: vec![Span::new(office.open[0].start_s + DAY_S, office.open[0].end_s + DAY_S)],
                ..office.clone()
            })
            .collect();
        let next = moments(&shifted, DAY + 1, 3);
        let same = first.iter().filter(|(code, starts)| next[*code][0] == starts[0] + DAY_S).count();
        assert!(same < 5, "{same} of 30 test at the same time each day");
    }

    #[test]
    fn an_office_that_is_closed_or_not_to_test_has_no_moments() {
        let mut offices = offices(1, 1);
        assert!(moments(&offices, DAY, 0).values().all(Vec::is_empty));
        offices[0].open.clear();
        assert!(moments(&offices, DAY, 4).values().all(Vec::is_empty));
    }
}
