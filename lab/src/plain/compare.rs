//! A JSON report held against what plain code found: every figure is one comparison.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use serde_json::Value;
use suar_wire::Cause;

use super::judge::{Judged, judge};
use super::shared::{Event, events};
use super::sure::Share;
use crate::dates::holidays;
use crate::fleet::Fleet;
use crate::fleet::life::Office;

const VILLAGES: &str = include_str!("../../../collector/region/19/babel-villages.csv");
const REASONS: [&str; 9] = [
    "not_yet_known",
    "powered_off",
    "power_lost",
    "asleep",
    "agent_stopped",
    "agent_died",
    "paused",
    "starved",
    "records_lost",
];

/// How many figures were compared, and those that differ.
#[derive(Debug, Default)]
pub struct Outcome {
    pub compared: u64,
    pub differences: Vec<String>,
}

impl Outcome {
    fn same(&mut self, place: &str, what: &str, reported: &Value, found: impl Into<Value>) {
        self.compared += 1;
        let found = found.into();
        // What stands behind a share is compared as whole numbers too; reading its decimals back costs a bit.
        let close = match (reported.as_f64(), found.as_f64()) {
            (Some(reported), Some(found)) if found.fract() != 0.0 => (reported - found).abs() < 1e-15,
            _ => false,
        };
        if *reported != found && !close {
            self.differences
                .push(format!("{place}, {what}: the report has {reported}, counting gives {found}"));
        }
    }

    /// The count, and the first differences.
    pub fn text(&self) -> String {
        let mut text = format!("{} comparisons, {} differences\n", self.compared, self.differences.len());
        for difference in self.differences.iter().take(40) {
            let _ = writeln!(text, "  {difference}");
        }
        text
    }
}

/// Compares every office, island, district and regency of a report with the fleet that it is about. Every
/// difference in every figure is told.
pub fn compare(report: &Value, fleet: &Fleet) -> Result<Outcome> {
    let (holidays, plan, is_quarter) = (holidays(), fleet.plan(), fleet.period.name.contains('Q'));
    let judge = |office: &Office| judge(office, &plan, fleet.window(), is_quarter, &holidays);
    let offices: Vec<Judged> = fleet.offices()?.iter().map(judge).collect();
    Ok(compare_with(report, &offices))
}

fn compare_with(report: &Value, offices: &[Judged]) -> Outcome {
    let mut outcome = Outcome::default();
    let none = Vec::new();
    let list = |key: &str| report[key].as_array().unwrap_or(&none);
    outcome.same("report", "offices", &list("sites").len().into(), offices.len());
    for found in offices {
        let reported = list("sites").iter().find(|site| site["site"] == found.site.as_str());
        office(&mut outcome, reported.unwrap_or(&Value::Null), found);
    }
    let islands = by_area(offices, |village| island_of(village).to_owned());
    shared(&mut outcome, list("shared_outages"), &events(&islands));
    let districts = by_area(offices, |village| village[..8].to_owned());
    let regencies = by_area(offices, |village| village[..5].to_owned());
    for (key, areas) in [("islands", islands), ("districts", districts), ("regencies", regencies)] {
        outcome.same("report", key, &list(key).len().into(), areas.len());
        for (code, found) in areas {
            let reported = list(key).iter().find(|area| area["code"] == code.as_str());
            let reported = reported.unwrap_or(&Value::Null);
            area(&mut outcome, &code, &reported["offices"], &found);
            if key == "islands" {
                outcome.same(&code, "standing", &reported["standing"], standing(&found));
            }
        }
    }
    outcome
}

fn office(outcome: &mut Outcome, reported: &Value, found: &Judged) {
    let place = found.site.as_str();
    let mut same = |what: &str, reported: &Value, found: Value| outcome.same(place, what, reported, found);
    let share =
        |(part, whole): Share| if whole == 0 { Value::Null } else { (part as f64 / whole as f64).into() };
    let seconds = |map: &BTreeMap<&str, u64>, key: &str| map.get(key).copied().unwrap_or(0);
    let zero = Value::from(0);
    let or_zero = |value: &Value| if value.is_null() { zero.clone() } else { value.clone() };
    same("standing", &reported["standing"], found.standing.into());
    same("at_border", &reported["at_border"], found.at_border.into());
    same("limited_by_power", &reported["limited_by_power"], found.limited_by_power.into());
    same("expected_s", &reported["expected_s"], found.expected_s.into());
    same("up_s", &reported["up_s"], found.up_s.into());
    same("down_s", &reported["down_s"], found.down_s().into());
    same("unobserved_s", &reported["unobserved_s"], (found.expected_s - found.seen_s()).into());
    same("without_power_s", &reported["without_power_s"], found.without_power_s.into());
    same("availability", &reported["availability"], share((found.up_s, found.seen_s())));
    same("observed", &reported["observed"], share((found.seen_s(), found.expected_s)));
    same("worst_case", &reported["worst_case"], share((found.up_s, found.expected_s)));
    for cause in Cause::ALL.map(Cause::label) {
        same(cause, &or_zero(&reported["down_by_cause_s"][cause]), seconds(&found.down, cause).into());
    }
    for reason in REASONS {
        let reported = or_zero(&reported["unobserved_by_reason_s"][reason]);
        same(reason, &reported, seconds(&found.holes, reason).into());
    }
    for (key, value) in
        [("expected", found.days_expected), ("observed", found.days_observed), ("needed", found.days_needed)]
    {
        same(&format!("days {key}"), &reported["days"][key], value.into());
    }
    let interval = &reported["availability_interval"];
    same("interval, low", &interval["low"], found.interval.map_or(Value::Null, |ends| share(ends.0)));
    same("interval, high", &interval["high"], found.interval.map_or(Value::Null, |ends| share(ends.1)));
    for (key, grade) in ["availability", "download", "upload", "rtt", "loss"].iter().zip(found.grades) {
        same(&format!("grade of {key}"), &reported["indicators"][key], grade.into());
    }
    for (direction, tests) in [("download", &found.download), ("upload", &found.upload)] {
        let median = super::judge::middle(tests);
        same(&format!("median {direction}"), &reported[format!("{direction}_bits")], median.into());
        let told = &reported["bandwidth_tests"][direction];
        same(&format!("{direction} tests"), told, tests.len().into());
    }
    let told = &reported["bandwidth_tests"]["without_rate"];
    same("tests without a rate", told, found.tests_without_rate.into());
    same("median round trip", &reported["rtt"]["median_us"], found.rtt_median_us.into());
    same("round trips", &reported["rtt"]["samples"], found.rtt_samples.into());
    same("echoes sent", &reported["loss"]["sent"], found.echoes_sent.into());
    same("echoes lost", &reported["loss"]["lost"], found.echoes_lost.into());
    let records =
        ["synced", "estimated", "bounded"].map(|key| reported["records"][key].as_u64().unwrap_or(0));
    same("records", &records.iter().sum::<u64>().into(), found.rounds.into());

    let none = Vec::new();
    let reported_outages = reported["outages"].as_array().unwrap_or(&none);
    same("outages", &reported_outages.len().into(), found.outages.len().into());
    for (reported, (start_s, end_s, cause, seconds)) in reported_outages.iter().zip(&found.outages) {
        let what = format!("outage at {start_s}");
        same(&what, &reported["start_s"], (*start_s).into());
        same(&what, &reported["end_s"], (*end_s).into());
        same(&what, &reported["cause"], (*cause).into());
        same(&what, &reported["seconds_down"], (*seconds).into());
    }
    let lengths: Vec<u64> = found.outages.iter().map(|(_, _, _, seconds)| *seconds).collect();
    let mean = lengths.iter().sum::<u64>().checked_div(lengths.len() as u64);
    same("mean outage", &reported["mean_outage_s"], mean.into());
    let between = found.up_s.checked_div(lengths.len() as u64);
    same("time up between outages", &reported["mtbf_s"], between.into());
    same("longest outage", &reported["longest_outage_s"], lengths.iter().max().copied().into());
}

fn shared(outcome: &mut Outcome, reported: &[Value], found: &[Event]) {
    outcome.same("report", "shared outages", &reported.len().into(), found.len());
    for (reported, found) in reported.iter().zip(found) {
        let what = format!("shared outage at {}", found.start_s);
        let mut same = |key: &str, found: Value| {
            outcome.same(reported["island"].as_str().unwrap_or(""), &what, &reported[key], found)
        };
        same("island", found.island.as_str().into());
        same("start_s", found.start_s.into());
        same("end_s", found.end_s.into());
        same("cause", found.cause.into());
        same("sites", found.offices.clone().into());
        same("of_sites", found.of_offices.into());
    }
}

fn by_area(offices: &[Judged], code: impl Fn(&str) -> String) -> BTreeMap<String, Vec<&Judged>> {
    let mut areas: BTreeMap<String, Vec<&Judged>> = BTreeMap::new();
    for office in offices {
        areas.entry(code(&office.village)).or_default().push(office);
    }
    areas
}

fn island_of(village: &str) -> &'static str {
    let row = VILLAGES.lines().find(|row| row.starts_with(&format!("{village},")));
    row.and_then(|row| row.split(',').nth(8)).expect("a village of the province")
}

fn area(outcome: &mut Outcome, code: &str, reported: &Value, offices: &[&Judged]) {
    let count = |of: &dyn Fn(&Judged) -> bool| offices.iter().filter(|office| of(office)).count();
    let is = |standing: &'static str| move |office: &Judged| office.standing == standing;
    for (key, found) in [
        ("sites", offices.len()),
        ("monitored", count(&|office| office.standing != "not_monitored")),
        ("judged", count(&Judged::is_judged)),
        ("reliable", count(&is("reliable"))),
        ("limited", count(&is("limited"))),
        ("unreliable", count(&is("unreliable"))),
        ("at_border", count(&|office| office.at_border)),
        ("limited_by_power", count(&|office| office.limited_by_power)),
    ] {
        outcome.same(code, key, &reported[key], found);
    }
}

fn standing(offices: &[&Judged]) -> &'static str {
    let count = |standing: &str| offices.iter().filter(|office| office.standing == standing).count();
    let (bad, good) = (count("unreliable"), count("reliable"));
    match offices.iter().filter(|office| office.is_judged()).count() {
        0 => "not_assessable",
        judged if 2 * bad >= judged && bad > 0 => "unreliable",
        judged if good == judged => "reliable",
        _ => "limited",
    }
}
