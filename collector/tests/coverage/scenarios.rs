//! Each `*.toml` beside this file is one office (or one island of offices) and what must come of it.

use std::path::Path;

use serde::Deserialize;
use suar_collector::calendar::{Holidays, PeriodName, Span, TimeZone, day_of_date};
use suar_collector::coverage::{
    AgentDays, Earlier, Period, PeriodKind, Rules, SharedBy, SharedOutage, SiteCoverage, SiteInput,
    Throughput, judge_islands, judge_site, shared_outages,
};
use suar_collector::region::builtin;
use suar_collector::registry::{LinkKind, Site};

use crate::support::{self, Painted, local_s, state};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What the scenario shows, for people.
    shows: String,
    period: String,
    /// Local moment at which the period is cut.
    now: Option<String>,
    #[serde(default)]
    rules: Option<Rules>,
    #[serde(default)]
    holidays: Vec<jiff::civil::Date>,
    /// Lines of a file of special days: `date,scope,name,hours`.
    #[serde(default)]
    special_days: String,
    office: Vec<Office>,
    #[serde(default)]
    island: Vec<ExpectedIsland>,
    /// All of them, when any is listed.
    #[serde(default)]
    shared: Vec<ExpectedShared>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Office {
    #[serde(default = "village")]
    village: String,
    #[serde(default = "standard")]
    hours: String,
    power_hours: Option<String>,
    #[serde(default = "unknown")]
    link: LinkKind,
    #[serde(default)]
    provider: String,
    measured_from: Option<jiff::civil::Date>,
    download_kbps: Option<u64>,
    upload_kbps: Option<u64>,
    #[serde(default = "wib")]
    time_zone: TimeZone,
    /// What it was before, ascending.
    #[serde(default)]
    earlier: Vec<Before>,
    #[serde(default)]
    agent: Vec<Agent>,
    expect: Expected,
}

/// Other hours, another place, until a local moment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    until: String,
    hours: Option<String>,
    village: Option<String>,
    power_hours: Option<String>,
}

fn wib() -> TimeZone {
    TimeZone::Wib
}
fn village() -> String {
    "19.02.03.2001".to_owned()
}
fn standard() -> String {
    "standard".to_owned()
}
fn unknown() -> LinkKind {
    LinkKind::Unknown
}
fn minute() -> u32 {
    60
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agent {
    #[serde(default = "minute")]
    slot_seconds: u32,
    /// `from..to state`, local times; later ones paint over earlier ones. `days from..to HH:MM-HH:MM state`
    /// paints the same hours of every day.
    runs: Vec<String>,
    /// `at sent lost rtt_us`.
    #[serde(default)]
    echoes: Vec<String>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    standing: Option<String>,
    expected_s: Option<u64>,
    up_s: Option<u64>,
    down_s: Option<u64>,
    down: std::collections::BTreeMap<String, u64>,
    unobserved: std::collections::BTreeMap<String, u64>,
    /// `from..to cause seconds`, local times.
    outages: Option<Vec<String>>,
    mean_outage_s: Option<u64>,
    mtbf_s: Option<u64>,
    longest_outage_s: Option<u64>,
    days_expected: Option<u32>,
    days_observed: Option<u32>,
    days_needed: Option<u32>,
    without_power_s: Option<u64>,
    limited_by_power: Option<bool>,
    at_border: Option<bool>,
    /// Indicator and grade.
    grades: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedIsland {
    code: String,
    standing: String,
    sites: u32,
    monitored: u32,
    judged: u32,
    unreliable: u32,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct ExpectedShared {
    island: Option<String>,
    provider: Option<String>,
    /// `from..to`, local times in western Indonesia.
    span: String,
    cause: String,
    /// Numbers of the offices, in the order of the file.
    offices: Vec<usize>,
    of: usize,
}

#[test]
fn every_scenario_comes_out_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/coverage");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 20, "only {} scenarios in {}", files.len(), folder.display());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        play(&name, &scenario);
    }
}

fn play(name: &str, scenario: &Scenario) {
    let rules = scenario.rules.clone().unwrap_or_default();
    assert_eq!(rules.problems(), Vec::<String>::new(), "{name}");
    let period_name: PeriodName = scenario.period.parse().expect("a period");
    let now_s = scenario.now.as_ref().map_or(i64::MAX, |now| local_s(now, TimeZone::Wib));
    let window = period_name.until(now_s).expect("not in the future");
    let kind = if period_name.is_quarter() { PeriodKind::Quarter } else { PeriodKind::Other };
    let period = Period { window, kind };
    let holidays = Holidays::new(
        scenario
            .holidays
            .iter()
            .map(|date| suar_collector::calendar::Holiday {
                date: *date,
                name: "libur".to_owned(),
                scope: String::new(),
                hours: None,
            })
            .collect(),
    )
    .with(Holidays::parse(&scenario.special_days, name).unwrap_or_else(|error| panic!("{error}")));
    let mut sites: Vec<SiteCoverage> = Vec::new();
    for (number, office) in scenario.office.iter().enumerate() {
        let mut site = support::site(&format!("site-{number}"), &office.village, &office.hours);
        site.link = office.link;
        site.provider.clone_from(&office.provider);
        site.power_hours = office.power_hours.as_ref().map(|hours| hours.parse().expect("hours"));
        site.time_zone = office.time_zone;
        let earlier: Vec<Earlier> = office.earlier.iter().map(|before| before.of(&site)).collect();
        let agents: Vec<AgentDays> = office.agent.iter().map(|agent| paint(agent, &site)).collect();
        let from_s = office.measured_from.map(|date| site.time_zone.day_start_s(day_of_date(date)));
        let measured = Span::new(from_s.unwrap_or(window.start_s).max(window.start_s), window.end_s);
        let throughput = Throughput {
            download_bits: office.download_kbps.map(|kbps| kbps * 1_000),
            upload_bits: office.upload_kbps.map(|kbps| kbps * 1_000),
            ..Throughput::default()
        };
        let input = SiteInput {
            site: &site,
            earlier: &earlier,
            agents: &agents,
            measured,
            throughput: Some(throughput),
        };
        let coverage = judge_site(input, period, &rules, &holidays);
        let place = format!("{name} ({}), office {number}", scenario.shows);
        compare(&place, &coverage, &office.expect);
        sites.push(coverage);
    }
    if !scenario.shared.is_empty() {
        let found: Vec<ExpectedShared> = shared_outages(&sites).iter().map(ExpectedShared::of).collect();
        assert_eq!(found, scenario.shared, "{name}: shared outages");
    }
    for expected in &scenario.island {
        let region = builtin("19").expect("built in");
        let (islands, _) = judge_islands(region, &sites, &rules, |_| true);
        let island = islands.iter().find(|island| island.code == expected.code).expect("an island");
        let counts = island.counts;
        assert_eq!(island.standing.label(), expected.standing, "{name}");
        assert_eq!(
            [counts.sites, counts.monitored, counts.judged, counts.unreliable],
            [expected.sites, expected.monitored, expected.judged, expected.unreliable],
            "{name}: sites, monitored, judged, unreliable"
        );
    }
}

impl ExpectedShared {
    fn of(event: &SharedOutage) -> Self {
        let (island, provider) = match &event.by {
            SharedBy::Island(code) => (Some(code.clone()), None),
            SharedBy::Provider(name) => (None, Some(name.clone())),
        };
        let local = |s: i64| {
            let moment = jiff::Timestamp::from_second(s + TimeZone::Wib.offset_s()).expect("a moment");
            moment.strftime("%Y-%m-%dT%H:%M").to_string()
        };
        let number = |code: &str| code.strip_prefix("site-").and_then(|number| number.parse().ok());
        Self {
            island,
            provider,
            span: format!("{}..{}", local(event.start_s), local(event.end_s)),
            cause: event.cause.label().to_owned(),
            offices: event.sites.iter().filter_map(|code| number(code.as_str())).collect(),
            of: event.of_sites,
        }
    }
}

impl Before {
    fn of(&self, now: &Site) -> Earlier {
        let village = self.village.as_deref().unwrap_or(&now.village);
        let hours = self.hours.clone().unwrap_or_else(|| now.hours.to_string());
        let mut site = support::site(now.code.as_str(), village, &hours);
        site.time_zone = now.time_zone;
        site.power_hours = match &self.power_hours {
            Some(hours) => Some(hours.parse().expect("hours")),
            None => now.power_hours.clone(),
        };
        Earlier { until_s: local_s(&self.until, now.time_zone), site }
    }
}

fn paint(agent: &Agent, site: &Site) -> AgentDays {
    let mut painted = Painted::new(agent.slot_seconds);
    let zone = site.time_zone;
    for run in &agent.runs {
        let parts: Vec<&str> = run.split_whitespace().collect();
        match parts.as_slice() {
            [span, what] => {
                let (from, to) = span.split_once("..").expect("from..to");
                painted.paint(local_s(from, zone), local_s(to, zone), state(what));
            }
            ["days", span, hours, what] => {
                let (first, last) = span.split_once("..").expect("from..to");
                let day = |text: &str| day_of_date(text.parse().expect("a date"));
                let (from, to) = hours.split_once('-').expect("HH:MM-HH:MM");
                for day in day(first)..=day(last) {
                    let moment = |clock: &str| {
                        let (hour, minute) = clock.split_once(':').expect("HH:MM");
                        let number = |text: &str| text.parse::<i64>().expect("a number");
                        zone.day_start_s(day) + number(hour) * 3_600 + number(minute) * 60
                    };
                    painted.paint(moment(from), moment(to), state(what));
                }
            }
            _ => panic!("{run:?} is no run"),
        }
    }
    for echo in &agent.echoes {
        let parts: Vec<&str> = echo.split_whitespace().collect();
        let [at, sent, lost, rtt] = parts.as_slice() else { panic!("{echo:?} are no echoes") };
        let number = |text: &str| text.parse::<u32>().expect("a number");
        painted.echoes(local_s(at, zone), number(sent), number(lost), number(rtt));
    }
    painted.days()
}

fn compare(place: &str, coverage: &SiteCoverage, expected: &Expected) {
    fn same<T: PartialEq + std::fmt::Debug>(place: &str, what: &str, found: T, expected: &Option<T>) {
        if let Some(expected) = expected {
            assert_eq!(&found, expected, "{place}: {what}");
        }
    }
    let zone = coverage.site.time_zone;
    same(place, "expected_s", coverage.expected_s, &expected.expected_s);
    same(place, "up_s", coverage.up_s, &expected.up_s);
    same(place, "down_s", coverage.down_s, &expected.down_s);
    for (cause, seconds) in &expected.down {
        let found =
            coverage.down_by_cause.iter().find(|(known, _)| known.label() == cause).map_or(0, |(_, s)| *s);
        assert_eq!(found, *seconds, "{place}: down by {cause}");
    }
    for (reason, seconds) in &expected.unobserved {
        let by_reason = &coverage.unobserved_by_reason;
        let found = by_reason.iter().find(|(known, _)| known.label() == reason).map_or(0, |(_, s)| *s);
        assert_eq!(found, *seconds, "{place}: unobserved, {reason}");
    }
    if let Some(outages) = &expected.outages {
        let found: Vec<(i64, i64, &str, u64)> = coverage
            .outages
            .iter()
            .map(|outage| (outage.start_s, outage.end_s, outage.cause.label(), outage.seconds_down))
            .collect();
        let wanted: Vec<(i64, i64, &str, u64)> = outages
            .iter()
            .map(|text| {
                let parts: Vec<&str> = text.split_whitespace().collect();
                let [span, cause, seconds] = parts.as_slice() else { panic!("{text:?} is no outage") };
                let (from, to) = span.split_once("..").expect("from..to");
                (local_s(from, zone), local_s(to, zone), *cause, seconds.parse().expect("seconds"))
            })
            .collect();
        assert_eq!(found, wanted, "{place}: outages");
    }
    same(place, "mtbf_s", coverage.mtbf_s.unwrap_or(0), &expected.mtbf_s);
    same(place, "mean_outage_s", coverage.mean_outage_s.unwrap_or(0), &expected.mean_outage_s);
    same(place, "longest_outage_s", coverage.longest_outage_s.unwrap_or(0), &expected.longest_outage_s);
    same(place, "days_expected", coverage.days_expected, &expected.days_expected);
    same(place, "days_observed", coverage.days_observed, &expected.days_observed);
    same(place, "days_needed", coverage.days_needed, &expected.days_needed);
    same(place, "without_power_s", coverage.without_power_s, &expected.without_power_s);
    same(place, "limited_by_power", coverage.limited_by_power, &expected.limited_by_power);
    for (indicator, grade) in &expected.grades {
        let found = match indicator.as_str() {
            "availability" => coverage.indicators.availability,
            "download" => coverage.indicators.download,
            "upload" => coverage.indicators.upload,
            "rtt" => coverage.indicators.rtt,
            "loss" => coverage.indicators.loss,
            other => panic!("{other:?} is no indicator"),
        };
        assert_eq!(found.label(), grade, "{place}: grade of {indicator}");
    }
    same(place, "standing", coverage.standing.label().to_owned(), &expected.standing);
    same(place, "at_border", coverage.at_border, &expected.at_border);
}
