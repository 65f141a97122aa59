//! One simulated office: when its machine is on, when its link is down, and the records that follow.
//!
//! Pure: everything comes from a seed, so the same seed is the same quarter.

use std::net::IpAddr;

use serde::Serialize;
use suar_wire::push::Clock;
use suar_wire::record::{Ending, Round, SessionEnd, SessionStart};
use suar_wire::{
    AgentId, Body, BootId, Cause, Echo, EchoMethod, Epoch, Failure, Note, Outcome, Plan, Push, Record,
    SlotWidth, Stamp, Verdict,
};

use crate::seed::Random;

const DAY_S: i64 = 86_400;
/// Most records in one simulated push; the wire takes 2,000.
const RECORDS_A_PUSH: usize = 1_800;

/// How an office lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Habit {
    /// A small server that is never off.
    AlwaysOn,
    /// Switched on in the morning and off in the afternoon, in order.
    OfficeHours,
    /// The village's generator runs for half a day and then stops.
    HalfDayPower,
}

/// How good its link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    Good,
    Shaky,
    Bad,
}

impl Link {
    /// Outages a day, and how long one lasts on average, in seconds.
    fn outages(self) -> (f64, f64) {
        match self {
            Self::Good => (0.05, 600.0),
            Self::Shaky => (0.8, 1_500.0),
            Self::Bad => (3.0, 3_000.0),
        }
    }

    fn loss(self) -> f64 {
        match self {
            Self::Good => 0.001,
            Self::Shaky => 0.01,
            Self::Bad => 0.04,
        }
    }
}

/// A stretch of time, seconds since 1970, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stretch {
    pub from_s: i64,
    pub until_s: i64,
}

/// The truth about one office in the quarter.
#[derive(Debug, Clone, Serialize)]
pub struct Office {
    pub site: String,
    pub agent: AgentId,
    pub habit: Habit,
    pub link: Link,
    /// When the agent ran, ascending.
    pub on: Vec<Stretch>,
    /// When the link was down, on or not, ascending, with the cause.
    pub down: Vec<(Stretch, Cause)>,
    #[serde(skip)]
    base_rtt_us: u32,
    #[serde(skip)]
    random: Random,
}

impl Office {
    pub fn simulate(site: String, agent: AgentId, seed: u64, days: (i64, i64)) -> Self {
        let mut random = Random::from_seed(seed);
        let habit = match random.below(10) {
            0..=1 => Habit::AlwaysOn,
            2..=7 => Habit::OfficeHours,
            _ => Habit::HalfDayPower,
        };
        let link = match random.below(10) {
            0..=5 => Link::Good,
            6..=7 => Link::Shaky,
            _ => Link::Bad,
        };
        let base_rtt_us = if random.chance(0.15) { 580_000 } else { 15_000 + random.below(60_000) as u32 };
        let on = on(habit, days, &mut random);
        let down = down(link, days, &mut random);
        Self { site, agent, habit, link, on, down, base_rtt_us, random }
    }

    /// Everything the agent sends in the quarter, oldest first, as it would send it: after each day and at
    /// the end of each session.
    pub fn pushes(&self, plan: &Plan) -> impl Iterator<Item = Push> + use<> {
        let mut agent = Simulated::new(self.clone(), plan.clone());
        std::iter::from_fn(move || agent.next_push())
    }
}

/// When the machine is on. WIB is UTC+7.
fn on(habit: Habit, days: (i64, i64), random: &mut Random) -> Vec<Stretch> {
    if habit == Habit::AlwaysOn {
        return vec![Stretch { from_s: days.0 * DAY_S, until_s: days.1 * DAY_S }];
    }
    let mut on = Vec::new();
    for day in days.0..days.1 {
        // 1970-01-01 was a Thursday; the office is closed on Saturday and Sunday.
        let weekend = matches!((day + 3).rem_euclid(7), 5 | 6);
        let midnight_s = day * DAY_S;
        let (from_s, until_s) = match habit {
            Habit::OfficeHours if weekend => continue,
            // 07:40 to 16:10 WIB, give or take.
            Habit::OfficeHours => (midnight_s + 40 * 60, midnight_s + 9 * 3_600 + 600),
            // 06:00 to 18:00 WIB, which begins on the UTC day before.
            Habit::HalfDayPower | Habit::AlwaysOn => (midnight_s - 3_600, midnight_s + 11 * 3_600),
        };
        let from_s = (from_s + random.below(1_800) as i64).max(days.0 * DAY_S);
        on.push(Stretch { from_s, until_s: until_s + random.below(1_200) as i64 });
    }
    on
}

fn down(link: Link, days: (i64, i64), random: &mut Random) -> Vec<(Stretch, Cause)> {
    let (a_day, mean_s) = link.outages();
    let exponential = |random: &mut Random, mean: f64| -(1.0 - random.share()).ln() * mean;
    let mut down = Vec::new();
    let mut at_s = days.0 * DAY_S;
    loop {
        at_s += exponential(random, DAY_S as f64 / a_day) as i64;
        let until_s = at_s + 60 + exponential(random, mean_s) as i64;
        if until_s >= days.1 * DAY_S {
            return down;
        }
        let cause = match random.below(20) {
            0 => Cause::Gateway,
            1 => Cause::Dns,
            2 => Cause::CaptivePortal,
            _ => Cause::Internet,
        };
        down.push((Stretch { from_s: at_s, until_s }, cause));
        at_s = until_s + 60;
    }
}

/// The agent that lives through an office's quarter.
struct Simulated {
    office: Office,
    plan: Plan,
    width: SlotWidth,
    /// Where it is: which stretch, and the next slot in it; `None` before its session record.
    stretch: usize,
    slot: Option<i64>,
    sequence: u64,
    boot: BootId,
    last: Option<Stamp>,
    next_outage: usize,
}

impl Simulated {
    fn new(office: Office, plan: Plan) -> Self {
        let width = plan.slot_seconds;
        let boot = BootId([0; 16]);
        Self { office, plan, width, stretch: 0, slot: None, sequence: 0, boot, last: None, next_outage: 0 }
    }

    fn next_push(&mut self) -> Option<Push> {
        let stretch = *self.office.on.get(self.stretch)?;
        let width_s = i64::from(self.width.seconds());
        let mut records = Vec::new();
        let mut slot = match self.slot {
            Some(slot) => slot,
            None => {
                self.boot(stretch, &mut records);
                stretch.from_s.div_euclid(width_s) + 1
            }
        };
        let last_slot = stretch.until_s.div_euclid(width_s);
        let day_end = (slot * width_s).div_euclid(DAY_S).saturating_add(1) * DAY_S / width_s;
        let end = last_slot.min(day_end);
        while slot < end && records.len() < RECORDS_A_PUSH {
            let body = Body::Round(self.round(slot));
            self.record(slot * width_s * 1_000 + 7_000.min(width_s * 300), stretch, body, &mut records);
            slot += 1;
        }
        self.slot = Some(slot);
        if slot >= last_slot {
            if self.office.habit == Habit::OfficeHours {
                let end = Body::SessionEnd(SessionEnd { ending: Ending::OsShutdown });
                self.record(stretch.until_s * 1_000, stretch, end, &mut records);
            }
            self.stretch += 1;
            self.slot = None;
        }
        let stamp = self.last?;
        Some(Push {
            agent: self.office.agent,
            epoch: Epoch([1; 8]),
            plan_version: self.plan.version,
            clock: Clock {
                boot: stamp.boot,
                boot_ms: stamp.boot_ms,
                wall_ms: stamp.wall_ms,
                last_exchange_ms: Some(self.office.base_rtt_us / 1_000),
            },
            records,
        })
    }

    fn boot(&mut self, stretch: Stretch, records: &mut Vec<Record>) {
        let mut boot = [0; 16];
        boot[..8].copy_from_slice(&self.office.random.next_u64().to_be_bytes());
        self.boot = BootId(boot);
        let previous_ended = match (self.last, self.office.habit) {
            (None, _) => Ending::None,
            (Some(_), Habit::OfficeHours) => Ending::OsShutdown,
            (Some(_), Habit::HalfDayPower | Habit::AlwaysOn) => Ending::Abrupt,
        };
        let start = SessionStart {
            agent_version: "0.1.0".to_owned(),
            system: "linux x86_64".to_owned(),
            previous_ended,
            previous_last: self.last,
        };
        self.record(stretch.from_s * 1_000, stretch, Body::SessionStart(start), records);
    }

    fn record(&mut self, at_ms: i64, stretch: Stretch, body: Body, records: &mut Vec<Record>) {
        self.sequence += 1;
        // The machine was booted half a minute before the agent started.
        let boot_ms = (at_ms - stretch.from_s * 1_000 + 30_000).unsigned_abs();
        let stamp = Stamp { boot: self.boot, boot_ms, wall_ms: at_ms };
        self.last = Some(stamp);
        records.push(Record { sequence: self.sequence, stamp, body });
    }

    fn round(&mut self, slot: i64) -> Round {
        let width_s = i64::from(self.width.seconds());
        let at_s = slot * width_s;
        let outages = &self.office.down;
        while outages.get(self.next_outage).is_some_and(|(outage, _)| outage.until_s <= at_s) {
            self.next_outage += 1;
        }
        let cause = outages
            .get(self.next_outage)
            .filter(|(outage, _)| outage.from_s <= at_s)
            .map(|(_, cause)| *cause);
        let answered = matches!(cause, None | Some(Cause::Dns));
        let loss = self.office.link.loss();
        let base_rtt_us = self.office.base_rtt_us;
        let random = &mut self.office.random;
        let mut echo = |target: &IpAddr| {
            let arrives = answered && !random.chance(loss);
            let rtt_us = base_rtt_us + random.below(u64::from(base_rtt_us) / 4 + 500) as u32;
            Echo {
                target: *target,
                method: EchoMethod::Icmp,
                sent: 1,
                late: 0,
                duplicates: 0,
                error: None,
                rtt_us: if arrives { vec![rtt_us] } else { Vec::new() },
            }
        };
        let echoes: Vec<Echo> = self.plan.targets.iter().map(&mut echo).collect();
        // A round in which every echo was lost by chance is judged by its confirmation, which arrived.
        let ok = Outcome::Ok { elapsed_us: base_rtt_us + 2_000 };
        let failed = Outcome::Failed(Failure::Timeout);
        Round {
            slot: suar_wire::Slot { index: slot, width: self.width },
            verdict: cause.map_or(Verdict::Up, Verdict::Down),
            note: Note::None,
            gateway: if cause == Some(Cause::Gateway) { failed } else { Outcome::Ok { elapsed_us: 900 } },
            dns: if cause.is_none() { ok } else { failed },
            dns_public: if answered { ok } else { failed },
            online: Outcome::NotSent,
            collector: Outcome::NotSent,
            echoes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn offices() -> impl Iterator<Item = Office> {
        (0..30).map(|number| {
            Office::simulate(format!("S{number}"), AgentId([number; 16]), u64::from(number), (20_000, 20_014))
        })
    }

    #[test]
    fn an_office_writes_each_sequence_and_slot_once_and_only_while_it_is_on() {
        let plan = Plan { slot_seconds: SlotWidth::from_seconds(300).expect("a width"), ..Plan::standard() };
        for office in offices() {
            let records: Vec<Record> = office.pushes(&plan).flat_map(|push| push.records).collect();
            let sequences: Vec<u64> = records.iter().map(|record| record.sequence).collect();
            assert_eq!(sequences, (1..=records.len() as u64).collect::<Vec<_>>());
            let mut slots = BTreeSet::new();
            for record in &records {
                let Body::Round(round) = &record.body else { continue };
                assert!(slots.insert(round.slot.index), "slot {} twice", round.slot.index);
                let at_s = round.slot.start_s();
                let inside = |stretch: &Stretch| (stretch.from_s..stretch.until_s).contains(&at_s);
                assert!(office.on.iter().any(inside), "measured while off");
                let cause = office.down.iter().find(|(stretch, _)| inside(stretch)).map(|(_, cause)| *cause);
                assert_eq!(round.verdict.cause(), cause);
            }
            assert!(slots.len() > 500, "{} slots", slots.len());
        }
    }

    #[test]
    fn no_push_is_larger_than_the_wire_takes() {
        for office in offices() {
            for push in office.pushes(&Plan::standard()) {
                assert!(push.records.len() <= suar_wire::push::RECORDS_MAX);
                assert_eq!(Push::decode(&push.encode()).expect("it decodes"), push);
            }
        }
    }
}
