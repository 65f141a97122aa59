//! What several tests of coverage and reports share: days written as text, and sites.

#![allow(dead_code, reason = "each test binary uses its part of it")]

use std::collections::BTreeMap;

use suar_collector::calendar::{OfficeHours, TimeZone, day_of_date};
use suar_collector::coverage::AgentDays;
use suar_collector::day::{Block, Day, DaySummary, Reason, Run, State};
use suar_collector::region::builtin;
use suar_collector::registry::{Site, fields};
use suar_wire::Cause;

pub fn site(code: &str, village: &str, hours: &str) -> Site {
    let region = builtin("19").expect("built in");
    let hours: OfficeHours = hours.parse().expect("valid hours");
    Site { hours, ..fields::site_of_village(code, village, region).expect("a known village") }
}

/// `up`, a cause's label, or a reason's label.
pub fn state(text: &str) -> State {
    let cause = Cause::ALL.into_iter().find(|cause| cause.label() == text).map(State::Down);
    let reason = Reason::ALL.into_iter().find(|reason| reason.label() == text).map(State::Unobserved);
    let up = (text == "up").then_some(State::Up);
    up.or(cause).or(reason).unwrap_or_else(|| panic!("{text:?} is no state"))
}

/// Seconds since 1970 of a local moment like `2026-07-01T08:00` or, with seconds, `2026-07-01T08:00:30`.
pub fn local_s(text: &str, zone: TimeZone) -> i64 {
    let at: jiff::civil::DateTime = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let time = at.time();
    zone.day_start_s(day_of_date(at.date()))
        + i64::from(time.hour()) * 3_600
        + i64::from(time.minute()) * 60
        + i64::from(time.second())
}

/// Stretches of time in one state, later ones over earlier ones, as the days of one agent.
#[derive(Debug, Clone, Default)]
pub struct Painted {
    seconds: BTreeMap<Day, Vec<Option<State>>>,
    pub slot_seconds: u32,
    blocks: BTreeMap<Day, Vec<Block>>,
}

impl Painted {
    pub fn new(slot_seconds: u32) -> Self {
        Self { slot_seconds, ..Self::default() }
    }

    pub fn paint(&mut self, from_s: i64, to_s: i64, state: State) {
        let mut start_s = from_s;
        while start_s < to_s {
            let day = start_s.div_euclid(86_400);
            let end_s = to_s.min((day + 1) * 86_400);
            let of_day =
                self.seconds.entry(Day::try_from(day).expect("a day")).or_insert_with(|| vec![None; 86_400]);
            of_day[(start_s - day * 86_400) as usize..(end_s - day * 86_400) as usize].fill(Some(state));
            start_s = end_s;
        }
    }

    /// Echoes of one half hour: `lost` of `sent`, every reply after `rtt_us`.
    pub fn echoes(&mut self, at_s: i64, sent: u32, lost: u32, rtt_us: u32) {
        let day = Day::try_from(at_s.div_euclid(86_400)).expect("a day");
        let number = u8::try_from(at_s.rem_euclid(86_400) / 1_800).expect("under 48");
        let mut block = Block { block: number, sent, lost, ..Block::default() };
        (lost..sent).for_each(|_| block.rtt.add(rtt_us));
        self.blocks.entry(day).or_default().push(block);
    }

    pub fn days(&self) -> AgentDays {
        let days = self
            .seconds
            .iter()
            .map(|(day, seconds)| {
                let blocks = self.blocks.get(day).into_iter().flatten().cloned().collect();
                let runs = runs(seconds);
                let rounds = runs.iter().filter(|run| !matches!(run.state, State::Unobserved(_)));
                let synced = rounds.map(|run| run.length_s / self.slot_seconds.max(1)).sum();
                let slot_seconds = self.slot_seconds;
                (*day, DaySummary { runs, slot_seconds, blocks, synced, ..DaySummary::default() })
            })
            .collect();
        AgentDays { days }
    }
}

fn runs(seconds: &[Option<State>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (second, state) in (0u32..).zip(seconds) {
        let Some(state) = *state else { continue };
        match runs.last_mut() {
            Some(last) if last.state == state && last.start_s + last.length_s == second => last.length_s += 1,
            _ => runs.push(Run { start_s: second, length_s: 1, state }),
        }
    }
    runs
}
