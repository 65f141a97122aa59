//! Made-up quarters for the tests of reports: seeded, through the same judging as real ones.

use std::collections::BTreeMap;
use std::convert::Infallible;

use suar_wire::{AgentId, Cause, SiteCode};

use super::{Letter, Paper, Report};
use crate::assessment::{AgentAt, Assessment, Known, Request, Source, assess};
use crate::calendar::{Holidays, PeriodName};
use crate::coverage::Rules;
use crate::day::{Block, Day, DaySummary, Reason, RttHistogram, Run, State};
use crate::region::{Region, builtin};
use crate::registry::Site;
use crate::registry::fields::site_of_village;

/// 5 October 2026, 08:07 WIB.
pub(super) const MADE_AT_S: i64 = 1_791_162_420;
const DAY_S: u32 = 86_400;

pub(super) fn region() -> &'static Region {
    builtin("19").expect("built in")
}

pub(super) fn report<'a>(assessment: &'a Assessment, letter: &'a Letter, paper: Paper) -> Report<'a> {
    Report { assessment, before: None, region: region(), generated_at_s: MADE_AT_S, letter, paper }
}

/// The third quarter of 2026 of these offices; one in seven has no agent, one in eleven few days.
pub(super) fn quarter(sites: Vec<Site>, scope: Option<&str>) -> Assessment {
    let name = PeriodName::Quarter { year: 2026, quarter: 3 };
    assessed(&Fleet { sites, silent: false }, name, scope)
}

/// Registered offices, and not one record.
pub(super) fn empty_quarter(sites: Vec<Site>) -> Assessment {
    let name = PeriodName::Quarter { year: 2026, quarter: 3 };
    assessed(&Fleet { sites, silent: true }, name, None)
}

pub(super) fn month(sites: Vec<Site>) -> Assessment {
    assessed(&Fleet { sites, silent: false }, PeriodName::Month { year: 2026, month: 8 }, None)
}

fn assessed(fleet: &Fleet, name: PeriodName, scope: Option<&str>) -> Assessment {
    let (rules, holidays) = (Rules::default(), Holidays::national());
    let request = Request {
        region: region(),
        rules: &rules,
        holidays: &holidays,
        rules_at_s: None,
        name,
        scope,
        now_s: MADE_AT_S,
    };
    assess(fleet, request).expect("a scope and a period of the sample")
}

/// Offices of the first `count` villages, every one of the small islands' among them.
pub(super) fn sites(count: usize) -> Vec<Site> {
    let mut villages: Vec<_> = region().villages().iter().collect();
    // Villages off the two main islands come first, as the report is about islands.
    villages.sort_by_key(|village| (village.island_code.starts_with("19.00."), village.code.clone()));
    villages
        .iter()
        .take(count)
        .map(|village| site_of_village(&village.code, &village.code, region()).expect("a village's office"))
        .collect()
}

struct Fleet {
    sites: Vec<Site>,
    silent: bool,
}

impl Source for Fleet {
    type Error = Infallible;

    fn sites_at(&self, _: i64) -> Result<Vec<Known>, Infallible> {
        let known = |site: &Site| Known { site: site.clone(), existed: true, earlier: Vec::new() };
        Ok(self.sites.iter().map(known).collect())
    }

    fn agents(&self) -> Result<BTreeMap<SiteCode, Vec<AgentAt>>, Infallible> {
        let agent = |at: usize| AgentAt { agent: agent_id(at), joined_s: 0 };
        Ok(self
            .sites
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.silent && at % 7 != 6)
            .map(|(at, site)| (site.code.clone(), vec![agent(at)]))
            .collect())
    }

    fn days(&self, agent: AgentId, first: Day, last: Day) -> Result<BTreeMap<Day, DaySummary>, Infallible> {
        let at = (0..self.sites.len()).find(|at| agent_id(*at) == agent).expect("an agent of the sample");
        let first = if at % 11 == 5 { last - 9 } else { first };
        Ok((first..=last).map(|day| (day, summary(at, day))).collect())
    }
}

fn agent_id(at: usize) -> AgentId {
    let mut bytes = [0_u8; 16];
    bytes[..8].copy_from_slice(&(at as u64 + 1).to_be_bytes());
    AgentId(bytes)
}

/// Splitmix64: the same numbers on every machine.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A UTC day: up from 00:00, one outage on some days, a hole towards the evening.
fn summary(at: usize, day: Day) -> DaySummary {
    let seed = mixed(at as u64 * 100_003 + day.unsigned_abs() as u64);
    let badness = mixed(at as u64) % 100;
    let down_s = match badness {
        0..40 => u32::from(seed.is_multiple_of(40)) * 600,
        40..75 => u32::from(seed.is_multiple_of(4)) * (600 + (seed >> 8) as u32 % 1_800),
        _ => 1_200 + (seed >> 8) as u32 % 7_200,
    };
    let down_from_s = 3_600 + (seed >> 20) as u32 % 7_200;
    let cause = Cause::ALL[(seed >> 40) as usize % Cause::ALL.len()];
    let (reason, dark_from_s) =
        if at % 9 == 4 { (Reason::PowerLost, 14_400) } else { (Reason::PoweredOff, 28_800) };
    let mut runs = vec![Run { start_s: 0, length_s: down_from_s, state: State::Up }];
    if down_s > 0 {
        runs.push(Run { start_s: down_from_s, length_s: down_s, state: State::Down(cause) });
    }
    let up_again_s = down_from_s + down_s;
    let dark_from_s = dark_from_s.max(up_again_s + 60);
    runs.push(Run { start_s: up_again_s, length_s: dark_from_s - up_again_s, state: State::Up });
    runs.push(Run { start_s: dark_from_s, length_s: DAY_S - dark_from_s, state: State::Unobserved(reason) });
    let mut rtt = RttHistogram::default();
    (0..20).for_each(|n| rtt.add(30_000 + (mixed(seed + n) % 400_000) as u32 * (badness as u32 / 40)));
    let block = Block { block: 4, sent: 90, lost: (badness / 30) as u32, rtt, ..Block::default() };
    DaySummary {
        runs,
        slot_seconds: 60,
        blocks: [block].into_iter().collect(),
        synced: 480,
        estimated: 2,
        bounded: 1,
        tests: vec![],
    }
}
