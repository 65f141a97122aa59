//! The same numbers by the slowest possible way: one second after the other, from the words of the design.

use std::collections::BTreeMap;

use proptest::prelude::*;
use suar_collector::calendar::{Holidays, Span, TimeZone, date_of_day};
use suar_collector::coverage::{
    AgentDays, Period, PeriodKind, Rules, SiteCoverage, SiteInput, Throughput, explained, judge_site,
};
use suar_collector::day::{DaySummary, Reason, Run, State};
use suar_wire::Cause;

use crate::support;

/// 2026-07-02, a Thursday; the window may reach into Friday with its pause and Saturday without hours.
const FIRST_DAY: i32 = 20_636;
const SLOT_S: u32 = 300;

fn any_state() -> impl Strategy<Value = State> {
    prop_oneof![
        4 => Just(State::Up),
        3 => proptest::sample::select(Cause::ALL.to_vec()).prop_map(State::Down),
        3 => proptest::sample::select(Reason::ALL.to_vec()).prop_map(State::Unobserved),
    ]
}

/// A day out of stretches of whole slots, with holes.
fn any_day() -> impl Strategy<Value = DaySummary> {
    proptest::collection::vec((0u32..30, 1u32..60, any_state()), 0..12).prop_map(|pieces| {
        let mut at = 0;
        let mut runs: Vec<Run> = Vec::new();
        for (hole, length, state) in pieces {
            let start_s = at + hole * SLOT_S;
            let length_s = (length * SLOT_S).min(86_400u32.saturating_sub(start_s));
            if length_s == 0 {
                break;
            }
            at = start_s + length_s;
            runs.push(Run { start_s, length_s, state });
        }
        DaySummary { runs, slot_seconds: SLOT_S, ..DaySummary::default() }
    })
}

fn any_agent() -> impl Strategy<Value = AgentDays> {
    proptest::collection::vec(any_day(), 3)
        .prop_map(|days| AgentDays { days: (FIRST_DAY..).zip(days).collect() })
}

/// What one agent says of a second.
fn state_at(agent: &AgentDays, second: i64) -> State {
    let day = (second.div_euclid(86_400)) as i32;
    let of_day = second.rem_euclid(86_400) as u32;
    agent
        .days
        .get(&day)
        .and_then(|summary| {
            summary.runs.iter().find(|run| (run.start_s..run.start_s + run.length_s).contains(&of_day))
        })
        .map_or(State::Unobserved(Reason::NotYetKnown), |run| run.state)
}

fn merged_at(agents: &[AgentDays], second: i64) -> State {
    let states: Vec<State> = agents.iter().map(|agent| state_at(agent, second)).collect();
    if states.contains(&State::Up) {
        return State::Up;
    }
    let mut best: Option<(usize, Cause)> = None;
    for cause in Cause::ALL {
        let seen = states.iter().filter(|state| **state == State::Down(cause)).count();
        if seen > 0 && best.is_none_or(|(most, _)| seen >= most) {
            best = Some((seen, cause));
        }
    }
    if let Some((_, cause)) = best {
        return State::Down(cause);
    }
    const BEST_KNOWN_FIRST: [Reason; 9] = [
        Reason::PowerLost,
        Reason::PoweredOff,
        Reason::Asleep,
        Reason::Paused,
        Reason::AgentStopped,
        Reason::Starved,
        Reason::AgentDied,
        Reason::RecordsLost,
        Reason::NotYetKnown,
    ];
    BEST_KNOWN_FIRST
        .into_iter()
        .map(State::Unobserved)
        .find(|reason| states.contains(reason))
        .unwrap_or(State::Unobserved(Reason::NotYetKnown))
}

/// The standard week in WIB, written down once more.
fn is_office_hour(second: i64) -> bool {
    let local = second + 7 * 3_600;
    let date = date_of_day(local.div_euclid(86_400));
    let minute = local.rem_euclid(86_400) / 60;
    match date.weekday() {
        jiff::civil::Weekday::Friday => (480..690).contains(&minute) || (780..960).contains(&minute),
        jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday => false,
        _ => (480..960).contains(&minute),
    }
}

#[derive(Debug, PartialEq, Default)]
struct Slow {
    expected_s: u64,
    up_s: u64,
    down_s: u64,
    down_by_cause: BTreeMap<Cause, u64>,
    unobserved_by_reason: BTreeMap<Reason, u64>,
    /// start, end, seconds down
    outages: Vec<(i64, i64, u64)>,
}

fn slow(agents: &[AgentDays], window: Span) -> Slow {
    let mut slow = Slow::default();
    let mut open: Vec<i64> = Vec::new();
    let close = |open: &mut Vec<i64>, outages: &mut Vec<(i64, i64, u64)>| {
        let inside = open.iter().filter(|second| is_office_hour(**second)).count() as u64;
        if open.len() as u32 >= 2 * SLOT_S && inside > 0 {
            outages.push((open[0], open[open.len() - 1] + 1, inside));
        }
        open.clear();
    };
    for second in window.start_s..window.end_s {
        let state = merged_at(agents, second);
        match state {
            State::Down(_) => open.push(second),
            State::Unobserved(reason) if explained(reason) => {}
            _ => close(&mut open, &mut slow.outages),
        }
        if !is_office_hour(second) {
            continue;
        }
        slow.expected_s += 1;
        match state {
            State::Up => slow.up_s += 1,
            State::Down(cause) => {
                slow.down_s += 1;
                *slow.down_by_cause.entry(cause).or_default() += 1;
            }
            State::Unobserved(reason) => *slow.unobserved_by_reason.entry(reason).or_default() += 1,
        }
    }
    close(&mut open, &mut slow.outages);
    slow
}

fn fast(coverage: &SiteCoverage) -> Slow {
    Slow {
        expected_s: coverage.expected_s,
        up_s: coverage.up_s,
        down_s: coverage.down_s,
        down_by_cause: coverage.down_by_cause.clone(),
        unobserved_by_reason: coverage.unobserved_by_reason.clone(),
        outages: coverage.outages.iter().map(|o| (o.start_s, o.end_s, o.seconds_down)).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn coverage_is_what_a_count_second_by_second_finds(
        agents in proptest::collection::vec(any_agent(), 1..4),
        start in 0i64..90_000,
        length in 1i64..100_000,
    ) {
        let start_s = i64::from(FIRST_DAY) * 86_400 + start;
        let window = Span::new(start_s, (start_s + length).min(i64::from(FIRST_DAY + 3) * 86_400));
        let site = support::site("a", "19.02.03.2001", "standard");
        prop_assert_eq!(site.time_zone, TimeZone::Wib);
        let input = SiteInput { site: &site, earlier: &[], agents: &agents, measured: window, throughput: Some(Throughput::default()) };
        let period = Period { window, kind: PeriodKind::Other };
        let coverage = judge_site(input, period, &Rules::default(), &Holidays::default());
        prop_assert_eq!(fast(&coverage), slow(&agents, window));
        prop_assert_eq!(coverage.expected_s, coverage.up_s + coverage.down_s + coverage.unobserved_s());
        let by_reason: u64 = coverage.unobserved_by_reason.values().sum();
        prop_assert_eq!(by_reason, coverage.unobserved_s());
    }
}
