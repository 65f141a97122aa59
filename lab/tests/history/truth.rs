//! A week of three offices with outages, holes and late data, and what plain slow code makes of it.

use std::collections::BTreeMap;

use suar_collector::registry::Site;
use suar_lab::seed::Random;
use suar_wire::outcome::EchoMethod;
use suar_wire::record::{Disk, Health, Round};
use suar_wire::{
    AgentId, Body, BootId, Cause, Echo, Note, Outcome, Record, SiteCode, SlotWidth, Stamp, Verdict,
};

pub const DAY_S: i64 = 86_400;
pub const DAYS: i64 = 7;
pub const HEALTH_S: i64 = 600;
/// Minutes before the week in which agents joined and machines booted.
const JOINED_BEFORE_S: i64 = 3_600;

/// One agent with everything it ever wrote.
pub struct Watched {
    pub agent: AgentId,
    pub site: usize,
    pub width_s: i64,
    pub rounds: Vec<Slot>,
    pub health: Vec<Look>,
}

#[derive(Clone)]
pub struct Slot {
    pub start_s: i64,
    /// When it reaches the collector: 0 in time, 1 late, 2 much later.
    pub wave: u8,
    pub verdict: Verdict,
    /// Target, method, packets sent, round trips.
    pub echoes: Vec<([u8; 4], EchoMethod, u8, Vec<u32>)>,
}

pub struct Look {
    pub at_s: i64,
    pub wave: u8,
    pub cpu_permille: u32,
    pub available_kib: u64,
    pub free_mib: [u64; 2],
}

pub struct Truth {
    pub start_s: i64,
    pub sites: Vec<Site>,
    pub agents: Vec<Watched>,
}

pub const MEMORY_KIB: u64 = 4_000_000;
pub const MOUNTS: [&str; 2] = ["/", "/data"];

impl Truth {
    pub fn new(start_s: i64, seed: u64) -> Self {
        let region = suar_collector::region::builtin("19").expect("built in");
        let site = |village: &str| {
            suar_collector::registry::fields::site_of_village(village, village, region).expect("a village")
        };
        let sites = vec![site("19.02.02.2009"), site("19.02.02.2010"), site("19.01.01.1001")];
        let mut random = Random::from_seed(seed);
        // Two agents at the first office; a slow one without ICMP at the second; a late one at the third.
        let agents = [(0, 120), (0, 120), (1, 300), (2, 60)];
        let agents = (1..)
            .zip(agents)
            .map(|(who, (site, width_s))| Watched::new(who, site, width_s, start_s, &mut random));
        Self { start_s, sites, agents: agents.collect() }
    }

    pub fn end_s(&self) -> i64 {
        self.start_s + DAYS * DAY_S
    }

    pub fn joined_ms(&self) -> i64 {
        (self.start_s - JOINED_BEFORE_S) * 1000
    }

    pub fn code(&self, site: usize) -> SiteCode {
        self.sites[site].code.clone()
    }
}

impl Watched {
    fn new(who: u8, site: usize, width_s: i64, start_s: i64, random: &mut Random) -> Self {
        let mut watched =
            Self { agent: AgentId([who; 16]), site, width_s, rounds: Vec::new(), health: Vec::new() };
        let wave_at = |at_s: i64| match (who, (at_s - start_s) / DAY_S) {
            (4, 2) | (1, 1) => 1,
            (4, 4) | (2, 3) => 2,
            _ => 0,
        };
        let (mut left, mut state) = (0, Some(Verdict::Up));
        for at in 0..DAYS * DAY_S / width_s {
            let start_s = start_s + at * width_s;
            if left == 0 {
                let up = state == Some(Verdict::Up);
                state = match random.below(10) {
                    0..2 => None,
                    2..8 if up => Some(Verdict::Down(Cause::ALL[random.below(5) as usize])),
                    _ => Some(Verdict::Up),
                };
                let longest = if state == Some(Verdict::Up) { 30_000 } else { 6_000 };
                left = 1 + random.below(longest / width_s as u64);
            }
            left -= 1;
            if (start_s % HEALTH_S) == 0 && state.is_some() {
                watched.health.push(Look {
                    at_s: start_s + 30,
                    wave: wave_at(start_s),
                    cpu_permille: random.below(1_001) as u32,
                    available_kib: random.below(MEMORY_KIB),
                    free_mib: [random.below(60_000), random.below(60_000)],
                });
            }
            if let Some(verdict) = state {
                let echoes = echoes(site, verdict, random);
                watched.rounds.push(Slot { start_s, wave: wave_at(start_s), verdict, echoes });
            }
        }
        watched
    }

    /// Its records in the order of sequence, with the wave that each comes in.
    pub fn records(&self, truth: &Truth) -> Vec<(u8, Record)> {
        let width = SlotWidth::from_seconds(self.width_s as u32).expect("a width");
        let boot_ms_at = |at_ms: i64| (at_ms - truth.joined_ms() + 60_000) as u64;
        let boot = BootId(self.agent.0);
        let rounds = self.rounds.iter().map(|slot| {
            let body = Body::Round(Round {
                slot: width.slot_at(slot.start_s * 1000),
                verdict: slot.verdict,
                note: Note::None,
                gateway: Outcome::Ok { elapsed_us: 500 },
                dns: Outcome::NotSent,
                dns_public: Outcome::NotSent,
                online: Outcome::NotSent,
                collector: Outcome::NotSent,
                echoes: slot.echoes.iter().map(echo).collect(),
            });
            (slot.start_s * 1000 + 20_000, slot.wave, body)
        });
        let health = self.health.iter().map(|look| {
            let disk = |at: usize| Disk {
                mount: MOUNTS[at].to_owned(),
                total_mib: 60_000,
                free_mib: look.free_mib[at],
                read_only: false,
            };
            let body = Body::Health(Box::new(Health {
                cpu_permille: Some(look.cpu_permille),
                memory_total_kib: Some(MEMORY_KIB),
                memory_available_kib: Some(look.available_kib),
                disks: vec![disk(0), disk(1)],
                ..Health::default()
            }));
            (look.at_s * 1000, look.wave, body)
        });
        let mut all: Vec<_> = rounds.chain(health).collect();
        all.sort_by_key(|(at_ms, _, _)| *at_ms);
        let record = |(sequence, (at_ms, wave, body))| {
            let stamp = Stamp { boot, boot_ms: boot_ms_at(at_ms), wall_ms: at_ms };
            (wave, Record { sequence, stamp, body })
        };
        (1..).zip(all).map(record).collect()
    }

    /// Its clock at a moment, as a push says it.
    pub fn clock(&self, truth: &Truth, at_ms: i64) -> suar_wire::push::Clock {
        suar_wire::push::Clock {
            boot: BootId(self.agent.0),
            boot_ms: (at_ms - truth.joined_ms() + 60_000) as u64,
            wall_ms: at_ms,
            last_exchange_ms: Some(40),
        }
    }
}

fn echoes(site: usize, verdict: Verdict, random: &mut Random) -> Vec<([u8; 4], EchoMethod, u8, Vec<u32>)> {
    let method = if site == 1 { EchoMethod::TcpConnect } else { EchoMethod::Icmp };
    let mut one = |target| {
        let sent = 1 + random.below(2) as u8;
        let answered = if verdict.is_up() { (0..sent).filter(|_| !random.chance(0.1)).count() } else { 0 };
        let rtts = (0..answered).map(|_| 20_000 + random.below(600_000) as u32).collect();
        (target, method, sent, rtts)
    };
    vec![one([1, 1, 1, 1]), one([9, 9, 9, 9])]
}

fn echo((target, method, sent, rtt_us): &([u8; 4], EchoMethod, u8, Vec<u32>)) -> Echo {
    let (target, rtt_us) = ((*target).into(), rtt_us.clone());
    Echo { target, method: *method, sent: *sent, late: 0, duplicates: 0, error: None, rtt_us }
}

pub type Labels = BTreeMap<String, String>;

/// A series as PromQL sees it: times in milliseconds, `None` where it ends.
#[derive(Debug, Clone, Default)]
pub struct Series {
    pub labels: Labels,
    pub points: Vec<(i64, Option<f64>)>,
}

/// What has arrived by a wave, second by second.
pub struct Plain<'a> {
    truth: &'a Truth,
    wave: u8,
}

impl<'a> Plain<'a> {
    pub fn new(truth: &'a Truth, wave: u8) -> Self {
        Self { truth, wave }
    }

    fn labels(&self, site: usize, more: &[(&str, &str)]) -> Labels {
        let site = &self.truth.sites[site];
        let place = [
            ("site", site.code.as_str()),
            ("village", &site.village),
            ("regency", &site.village[..5]),
            ("island", &site.island),
        ];
        place.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn agents(&self, site: usize) -> impl Iterator<Item = &'a Watched> {
        self.truth.agents.iter().filter(move |agent| agent.site == site)
    }

    fn slots(&self, agent: &'a Watched) -> impl Iterator<Item = &'a Slot> {
        let wave = self.wave;
        agent.rounds.iter().filter(move |slot| slot.wave <= wave)
    }

    /// What the site's agents together say of each second of the week.
    pub fn seconds(&self, site: usize) -> Vec<Option<Verdict>> {
        let mut by_agent = Vec::new();
        for agent in self.agents(site) {
            let mut seconds = vec![None; (DAYS * DAY_S) as usize];
            for slot in self.slots(agent) {
                let from = (slot.start_s - self.truth.start_s) as usize;
                seconds[from..from + agent.width_s as usize].fill(Some(slot.verdict));
            }
            by_agent.push(seconds);
        }
        (0..(DAYS * DAY_S) as usize)
            .map(|second| {
                let here: Vec<Verdict> = by_agent.iter().filter_map(|seconds| seconds[second]).collect();
                if here.contains(&Verdict::Up) {
                    return Some(Verdict::Up);
                }
                let votes =
                    |cause: &Cause| here.iter().filter(|verdict| verdict.cause() == Some(*cause)).count();
                let most = Cause::ALL.iter().rev().max_by_key(|cause| (votes(cause), **cause))?;
                (votes(most) > 0).then_some(Verdict::Down(*most))
            })
            .collect()
    }

    fn newest_s(&self, site: usize) -> i64 {
        let ends =
            self.agents(site).flat_map(|agent| self.slots(agent).map(|slot| slot.start_s + agent.width_s));
        ends.max().unwrap_or(i64::MIN)
    }

    /// Samples of the seconds for which `value` has one.
    fn stepped(&self, site: usize, more: &[(&str, &str)], value: impl Fn(Verdict) -> Option<f64>) -> Series {
        let seconds = self.seconds(site);
        let mut starts = vec![false; seconds.len() + 1];
        for agent in self.agents(site) {
            self.slots(agent).for_each(|slot| starts[(slot.start_s - self.truth.start_s) as usize] = true);
        }
        let newest = self.newest_s(site) - self.truth.start_s;
        let mut points = Vec::new();
        let at = |second: usize| (self.truth.start_s + second as i64) * 1000;
        // One second more than there are, so that what lasts to the end can end.
        for (second, now) in seconds.iter().copied().chain([None]).enumerate() {
            let before = second.checked_sub(1).and_then(|before| seconds[before]);
            match (before.and_then(&value), now.and_then(&value)) {
                (_, Some(value)) if starts[second] || now != before => points.push((at(second), Some(value))),
                (Some(_), None) if (second as i64) < newest => points.push((at(second), None)),
                _ => {}
            }
        }
        Series { labels: self.labels(site, more), points }
    }

    pub fn up(&self) -> Vec<Series> {
        (0..self.truth.sites.len())
            .map(|site| self.stepped(site, &[], |verdict| Some(if verdict.is_up() { 1.0 } else { 0.0 })))
            .collect()
    }

    pub fn down_cause(&self) -> Vec<Series> {
        let mut all = Vec::new();
        for site in 0..self.truth.sites.len() {
            for cause in Cause::ALL {
                let value = |verdict: Verdict| (verdict.cause() == Some(cause)).then_some(1.0);
                all.push(self.stepped(site, &[("cause", cause.label())], value));
            }
        }
        all.retain(|series| !series.points.is_empty());
        all
    }

    /// One value for each slot and target of the method, from (sent, round trips) of all agents; losses are
    /// counted while a link is up.
    fn targets(
        &self,
        method: EchoMethod,
        only_up: bool,
        value: impl Fn(u32, &[u32]) -> Option<f64>,
    ) -> Vec<Series> {
        let mut all = Vec::new();
        for site in 0..self.truth.sites.len() {
            for target in [[1, 1, 1, 1], [9, 9, 9, 9]] {
                let mut slots: BTreeMap<i64, (i64, u32, Vec<u32>)> = BTreeMap::new();
                for agent in self.agents(site) {
                    for slot in self.slots(agent).filter(|slot| !only_up || slot.verdict.is_up()) {
                        for (_, _, sent, rtts) in
                            slot.echoes.iter().filter(|echo| echo.0 == target && echo.1 == method)
                        {
                            let entry = slots.entry(slot.start_s).or_default();
                            entry.0 = slot.start_s + agent.width_s;
                            entry.1 += u32::from(*sent);
                            entry.2.extend(rtts);
                        }
                    }
                }
                let mut points: Vec<(i64, Option<f64>)> = Vec::new();
                let mut until = None;
                for (start_s, (end_s, sent, rtts)) in slots {
                    let Some(value) = value(sent, &rtts) else { continue };
                    if let Some(until) = until.filter(|until| *until < start_s) {
                        points.push((until * 1000, None));
                    }
                    points.push((start_s * 1000, Some(value)));
                    until = Some(end_s);
                }
                if let Some(until) = until.filter(|until| *until < self.newest_s(site)) {
                    points.push((until * 1000, None));
                }
                let target = target.map(|byte| byte.to_string()).join(".");
                all.push(Series { labels: self.labels(site, &[("target", &target)]), points });
            }
        }
        all.retain(|series| !series.points.is_empty());
        all
    }

    pub fn rtt(&self, method: EchoMethod) -> Vec<Series> {
        self.targets(method, false, |_, rtts| rtts.iter().min().map(|rtt_us| f64::from(*rtt_us) / 1e6))
    }

    pub fn loss(&self) -> Vec<Series> {
        self.targets(EchoMethod::Icmp, true, |sent, rtts| {
            Some(f64::from(sent - rtts.len() as u32) / f64::from(sent))
        })
    }

    pub fn device(&self, more: Option<usize>, value: impl Fn(&Look) -> f64) -> Vec<Series> {
        let series = |agent: &Watched| {
            let name = agent.agent.to_string();
            let mut labels = vec![("agent", name.as_str())];
            labels.extend(more.map(|mount| ("mount", MOUNTS[mount])));
            let looks = agent.health.iter().filter(|look| look.wave <= self.wave);
            Series {
                labels: self.labels(agent.site, &labels),
                points: looks.map(|look| (look.at_s * 1000, Some(value(look)))).collect(),
            }
        };
        self.truth.agents.iter().map(series).collect()
    }

    /// One value for each hour of the week, at its end, from its first second (in the week) and the site.
    fn hours(
        &self,
        more: &[(&str, &str)],
        value: impl Fn(usize, usize, &[Option<Verdict>]) -> Option<f64>,
    ) -> Vec<Series> {
        (0..self.truth.sites.len())
            .map(|site| {
                let seconds = self.seconds(site);
                let points = (0..(DAYS * 24) as usize).filter_map(|hour| {
                    let value = value(site, hour, &seconds[hour * 3_600..][..3_600])?;
                    Some(((self.truth.start_s + (hour as i64 + 1) * 3_600) * 1000, Some(value)))
                });
                Series { points: points.collect(), labels: self.labels(site, more) }
            })
            .collect()
    }

    pub fn hourly_availability(&self) -> Vec<Series> {
        self.hours(&[], |_, _, hour| {
            let seen = hour.iter().flatten().count();
            let up = hour.iter().flatten().filter(|verdict| verdict.is_up()).count();
            (seen > 0).then(|| up as f64 / seen as f64)
        })
    }

    pub fn hourly_observed(&self) -> Vec<Series> {
        self.hours(&[], |_, _, hour| Some(hour.iter().flatten().count() as f64 / 3_600.0))
    }

    /// Seconds in office hours: Monday to Thursday 8 to 16, Friday 8 to 11:30 and 13 to 16, at UTC+7,
    /// without the nation's holidays.
    pub fn hourly_office(&self, state: &str) -> Vec<Series> {
        let holidays = suar_collector::calendar::Holidays::national();
        let mut all = self.hours(&[("state", state)], |site, hour, seconds| {
            let mut count = 0;
            let mut expected = 0;
            for (second, verdict) in seconds.iter().enumerate() {
                let local_s = self.truth.start_s + (hour * 3_600 + second) as i64 + 7 * 3_600;
                let (day, of_day) = (local_s.div_euclid(DAY_S), local_s.rem_euclid(DAY_S));
                let weekday = (day + 3).rem_euclid(7);
                let date = suar_collector::calendar::date_of_day(day);
                let open = match weekday {
                    0..=3 => (8 * 3_600..16 * 3_600).contains(&of_day),
                    4 => {
                        (8 * 3_600..11 * 3_600 + 1_800).contains(&of_day)
                            || (13 * 3_600..16 * 3_600).contains(&of_day)
                    }
                    _ => false,
                };
                if !open || holidays.is_free(date, &self.truth.sites[site].village) {
                    continue;
                }
                expected += 1;
                count += i64::from(match state {
                    "up" => *verdict == Some(Verdict::Up),
                    "down" => verdict.is_some_and(|verdict| !verdict.is_up()),
                    _ => verdict.is_none(),
                });
            }
            (expected > 0).then_some(count as f64)
        });
        all.retain(|series| !series.points.is_empty());
        all
    }

    /// (sent, all round trips) over ICMP of an hour's slots that were up.
    fn pings(&self, site: usize, hour: usize) -> (u32, Vec<u32>) {
        let from_s = self.truth.start_s + hour as i64 * 3_600;
        let (mut sent, mut all) = (0, Vec::new());
        for slot in self.agents(site).flat_map(|agent| self.slots(agent)) {
            if (from_s..from_s + 3_600).contains(&slot.start_s) && slot.verdict.is_up() {
                for echo in slot.echoes.iter().filter(|echo| echo.1 == EchoMethod::Icmp) {
                    sent += u32::from(echo.2);
                    all.extend(&echo.3);
                }
            }
        }
        all.sort_unstable();
        (sent, all)
    }

    pub fn hourly_rtt(&self) -> Vec<Series> {
        let mut all = self.hours(&[], |site, hour, _| {
            let (_, all) = self.pings(site, hour);
            let rank = all.len().div_ceil(2).max(1);
            all.get(rank - 1).map(|rtt_us| f64::from(*rtt_us) / 1e6)
        });
        all.retain(|series| !series.points.is_empty());
        all
    }

    pub fn hourly_loss(&self) -> Vec<Series> {
        let mut all = self.hours(&[], |site, hour, _| {
            let (sent, all) = self.pings(site, hour);
            (sent > 0).then(|| f64::from(sent - all.len() as u32) / f64::from(sent))
        });
        all.retain(|series| !series.points.is_empty());
        all
    }
}
