//! A simulated week of a few offices in which known things happen, as Prometheus would have scraped it.
//!
//! Minute by minute, records go into the collector's own live state and its own page is rendered from that;
//! only the network and the store are left out. What comes out are series for `promtool test rules`, and the
//! alerts that the known things should cause.

mod happenings;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use suar_collector::calendar::{Holidays, PeriodName};
use suar_collector::coverage::{Counts, IslandCoverage, IslandStanding, SharedBy, SharedOutage, Standing};
use suar_collector::exposition::{Format, IslandGrade, Own, Places, Scene, SiteGrade, Standings, render};
use suar_collector::live::{Accepted, Hours, Live, Timed};
use suar_collector::region::builtin;
use suar_collector::registry::Site;
use suar_collector::registry::fields::site_of_village;
use suar_wire::outcome::EchoMethod;
use suar_wire::record::{Disk, Health, Round};
use suar_wire::{
    AgentId, Body, BootId, Cause, DataUse, Echo, Month, Note, Outcome, PlanFault, PlanRefused, Purpose,
    Record, SlotWidth, Stamp, Step, Use, Verdict,
};

use happenings::Office;
pub use happenings::{Expected, expected};

pub const MINUTES: i64 = 7 * 24 * 60;
/// Monday 2026-09-21, 00:00 in western Indonesia.
const START_MS: i64 = 1_789_923_600_000;
const MINUTE_MS: i64 = 60_000;
/// The standard plan's.
const PUSH_MINUTES: i64 = 5;
const MIB: u64 = 1024 * 1024;
const DISK_MIB: u64 = 100_000;

/// What a week comes to.
#[derive(Debug, Serialize)]
pub struct Week {
    pub minutes: i64,
    /// When it begins, seconds since 1970.
    pub start_s: i64,
    /// The values of each series in promtool's own notation.
    pub series: BTreeMap<String, String>,
    pub expected: Vec<Expected>,
}

/// Lives through the week. Families that `wanted` does not name are left out.
pub fn live_through(wanted: &BTreeSet<String>) -> Result<Week> {
    let region = builtin("19").context("province 19 is built in")?;
    let offices: Vec<Office> = happenings::offices();
    let site = |office: &Office| {
        let site = site_of_village(office.village, office.village, region)?;
        Ok(Site { allowance_mib: office.allowance_mib(), ..site })
    };
    let sites: Vec<_> =
        offices.iter().map(site).collect::<Result<_, String>>().map_err(anyhow::Error::msg)?;
    let (places, holidays) = (Places::of(&sites, region), Holidays::default());
    let own = Own::new(START_MS - 86_400_000);
    let mut live = Live::new(PUSH_MINUTES as u32 * 60);
    let mut waiting: Vec<Vec<Timed>> = vec![Vec::new(); offices.len()];
    let mut shown = Shown::default();
    for minute in 0..MINUTES {
        let now_ms = START_MS + minute * MINUTE_MS;
        for (number, office) in (0..).zip(&offices) {
            let queue = &mut waiting[number as usize];
            queue.extend(office.verdict(minute).map(|verdict| round(now_ms - 30_000, verdict)));
            if office.refuses_plan_at(minute) {
                queue.push(Timed { at_ms: now_ms, record: record(Body::PlanRefused(refusal())) });
            }
            let due = minute % PUSH_MINUTES == number % PUSH_MINUTES;
            if !due || queue.is_empty() || !office.reaches_us(minute) || happenings::collector_is_away(minute)
            {
                continue;
            }
            let told =
                [Body::Health(Box::new(health(office, minute))), Body::DataUse(data_use(office, minute))];
            queue.extend(told.map(|body| Timed { at_ms: now_ms, record: record(body) }));
            let accepted = Accepted {
                site: office.village.parse()?,
                agent: AgentId([number as u8 + 1; 16]),
                plan_version: 1,
                plan_is_right: office.has_right_plan(minute),
                clock_offset_ms: Some(office.clock_offset_ms(minute)),
                carried: false,
                records: std::mem::take(queue),
            };
            live.apply(&accepted, now_ms, |site, at_ms| {
                places.site(site).map_or(Hours::Off, |place| place.hours_at(at_ms, &holidays))
            });
            own.push_answered(200, "ok");
            own.committed(now_ms, Duration::from_millis(4));
        }
        if happenings::collector_refuses(minute) {
            own.push_answered(503, "store");
        }
        own.write_waits(0, happenings::copy_lag(minute) * 60);
        own.disk(happenings::collector_disk_mib(minute) * MIB, DISK_MIB * MIB);
        if happenings::collector_is_away(minute) {
            shown.missing(minute);
            continue;
        }
        let open = (places.sites.iter()).filter(|place| place.hours_at(now_ms, &holidays) == Hours::Office);
        let open = open.map(|place| place.code().clone()).collect();
        let standings = standings(&offices, &places, minute);
        let scene = Scene {
            now_ms,
            places: &places,
            holidays: &holidays,
            live: &live,
            open: &open,
            standings: Some(&standings),
            own: Some(&own),
        };
        let page = String::from_utf8(render(&scene, Format::Prometheus, false))?;
        shown.page(minute, &page, wanted);
    }
    Ok(Week { minutes: MINUTES, start_s: START_MS / 1000, series: shown.in_notation(), expected: expected() })
}

fn record(body: Body) -> Record {
    Record { sequence: 1, stamp: Stamp { boot: BootId([1; 16]), boot_ms: 0, wall_ms: 0 }, body }
}

fn round(at_ms: i64, verdict: Verdict) -> Timed {
    let echo = Echo {
        target: [1, 1, 1, 1].into(),
        method: EchoMethod::Icmp,
        sent: 1,
        late: 0,
        duplicates: 0,
        error: None,
        rtt_us: if verdict.is_up() { vec![40_000] } else { Vec::new() },
    };
    let round = Round {
        slot: SlotWidth::STANDARD.slot_at(at_ms),
        verdict,
        note: Note::None,
        gateway: Outcome::NotSent,
        dns: Outcome::NotSent,
        dns_public: Outcome::NotSent,
        online: Outcome::NotSent,
        collector: Outcome::NotSent,
        echoes: vec![echo],
    };
    Timed { at_ms, record: record(Body::Round(round)) }
}

fn health(office: &Office, minute: i64) -> Health {
    let disk = |mount: &str, free_mib, read_only| Disk {
        mount: mount.to_owned(),
        total_mib: 60_000,
        free_mib,
        read_only,
    };
    Health {
        disks: vec![
            disk("/", office.disk_free_mib(minute), false),
            disk("/data", 40_000, office.data_is_read_only(minute)),
        ],
        spool_bytes: office.spool_mib(minute) * MIB,
        spool_bytes_max: Some(office.spool_bound_mib() * MIB),
        spool_dropped: office.spool_dropped(minute),
        ..Health::default()
    }
}

fn refusal() -> PlanRefused {
    PlanRefused::new(2, PlanFault::Mistakes, "a target is no address")
}

fn data_use(office: &Office, minute: i64) -> DataUse {
    let sent = office.data_mib(minute) * MIB;
    DataUse {
        month: Month::at(START_MS + minute * MINUTE_MS, 7 * 60),
        used: vec![Use { purpose: Purpose::Push, sent, received: 0 }],
        allowance_bytes: office.allowance_mib().map(|mib| u64::from(mib) * MIB),
        step: Step::Full,
        metered: None,
    }
}

fn standings(offices: &[Office], places: &Places, minute: i64) -> Standings {
    let unreliable =
        |village: &str| happenings::unreliable_since(village).is_some_and(|since| minute >= since);
    let grade = |office: &Office| SiteGrade {
        standing: if unreliable(office.village) { Standing::Unreliable } else { Standing::Reliable },
        availability: Some(0.99),
        observed: Some(0.8),
        worst_case: Some(0.79),
        at_border: false,
        limited_by_power: happenings::lacks_power_since(office.village).is_some_and(|since| minute >= since),
    };
    let island = |code: &str| {
        let mut on = places.sites.iter().filter(|place| place.site.island == code);
        let bad = on.any(|place| unreliable(place.code().as_str()));
        let coverage = IslandCoverage {
            code: code.to_owned(),
            name: String::new(),
            usual_names: Vec::new(),
            populated: true,
            counts: Counts::default(),
            standing: if bad { IslandStanding::Unreliable } else { IslandStanding::Reliable },
        };
        IslandGrade { coverage, availability: Some(0.99) }
    };
    let now_ms = START_MS + minute * MINUTE_MS;
    Standings {
        computed_ms: now_ms,
        quarter: PeriodName::quarter_at(now_ms / 1000),
        sites: (places.sites.iter().map(|place| place.code().clone()))
            .filter_map(|code| {
                let office = offices.iter().find(|office| office.village == code.as_str())?;
                Some((code, grade(office)))
            })
            .collect(),
        islands: (places.islands.iter()).map(|place| (place.code.clone(), island(&place.code))).collect(),
        outside: Vec::new(),
        shared: shared_outage(places, minute).into_iter().collect(),
    }
}

fn shared_outage(places: &Places, minute: i64) -> Option<SharedOutage> {
    let (fallen, villages) = happenings::fallen_together(minute)?;
    let on = |village: &&str| places.sites.iter().find(|place| place.code().as_str() == *village);
    let fell: Vec<_> = villages.iter().filter_map(on).collect();
    let second = |minute: i64| (START_MS + minute * MINUTE_MS) / 1000;
    Some(SharedOutage {
        by: SharedBy::Island(fell.first()?.site.island.clone()),
        start_s: second(fallen.start),
        end_s: second(fallen.end),
        cause: Cause::Internet,
        of_sites: fell.len(),
        sites: fell.into_iter().map(|place| place.code().clone()).collect(),
    })
}

/// Every series with its value in each minute, runs of equal ones together.
#[derive(Debug, Default)]
struct Shown {
    series: BTreeMap<String, Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// A value, or that there is none, and for how many minutes.
    runs: Vec<(Option<String>, i64)>,
    minutes: i64,
}

impl Shown {
    fn page(&mut self, minute: i64, page: &str, wanted: &BTreeSet<String>) {
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let name = series.split('{').next().unwrap_or(series);
            if wanted.contains(name) {
                // What is scraped has the labels of its job.
                let series = match series.split_once('{') {
                    Some((name, labels)) => format!("{name}{{job=\"suar\",instance=\"collector\",{labels}"),
                    None => format!("{series}{{job=\"suar\",instance=\"collector\"}}"),
                };
                self.tell(minute, &series, value);
            }
        }
        self.tell(minute, UP, "1");
    }

    /// The collector did not answer.
    fn missing(&mut self, minute: i64) {
        self.tell(minute, UP, "0");
    }

    fn tell(&mut self, minute: i64, series: &str, value: &str) {
        let Told { runs, minutes } = self.series.entry(series.to_owned()).or_default();
        if *minutes < minute {
            runs.push((None, minute - *minutes));
        }
        *minutes = minute + 1;
        match runs.last_mut() {
            Some((Some(last), count)) if last == value => *count += 1,
            _ => runs.push((Some(value.to_owned()), 1)),
        }
    }

    /// A series that is missing in a scrape ends there: Prometheus marks it as stale.
    fn in_notation(self) -> BTreeMap<String, String> {
        let written = |(series, Told { runs, minutes }): (String, Told)| {
            let mut text: Vec<String> = Vec::new();
            for (value, count) in runs {
                match value {
                    Some(value) if count == 1 => text.push(value),
                    Some(value) => text.push(format!("{value}x{}", count - 1)),
                    None if text.is_empty() => text.push(format!("_x{count}")),
                    None if count == 1 => text.push("stale".to_owned()),
                    None => text.push(format!("stale _x{}", count - 1)),
                }
            }
            if minutes < MINUTES {
                text.push("stale".to_owned());
            }
            (series, text.join(" "))
        };
        self.series.into_iter().map(written).collect()
    }
}

const UP: &str = "up{job=\"suar\",instance=\"collector\"}";
