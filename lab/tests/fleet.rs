//! What a report says of a simulated fleet is what plain code counts from its truth, in whatever way its
//! records arrived.

use std::path::Path;

use suar_collector::assessment::{Request, assess};
use suar_collector::calendar::Holidays;
use suar_collector::coverage::Rules;
use suar_collector::region::builtin;
use suar_collector::report::{Format, Language, Letter, Paper, Report};
use suar_collector::store::{Reader, schema};
use suar_lab::fleet::Fleet;
use suar_lab::fleet::delivery::{self, Sending};
use suar_lab::plain;
use suar_lab::seed::printed_seed;
use suar_wire::SlotWidth;

const DAY_MS: i64 = 86_400_000;

fn fleet(sites: usize, period: &str) -> Fleet {
    let slot = SlotWidth::from_seconds(300).expect("a slot width");
    let period = period.parse().expect("a period");
    Fleet { sites, period, slot, seed: printed_seed("fleet"), until_s: None }
}

/// The whole period's report as it is made long after its end.
fn report(data: &Path, fleet: &Fleet, format: Format) -> Vec<u8> {
    let region = builtin("19").expect("built in");
    let now_s = fleet.window().until_s + 400 * 86_400;
    let (rules, holidays) = (Rules::default(), Holidays::national());
    let request = Request {
        region,
        rules: &rules,
        holidays: &holidays,
        rules_at_s: None,
        name: fleet.period.name.parse().expect("the collector knows the period too"),
        scope: None,
        now_s,
    };
    let reader = Reader::open(data).expect("a store to read");
    let assessment = assess(&reader, request).unwrap_or_else(|error| panic!("{error}"));
    let letter = Letter::default();
    let report = Report {
        assessment: &assessment,
        before: None,
        region,
        generated_at_s: now_s,
        letter: &letter,
        paper: Paper::A4,
    };
    report.render(format, Language::Id).expect("it can be written")
}

fn assert_true(fleet: &Fleet, json: &[u8]) {
    let report = serde_json::from_slice(json).expect("a JSON report");
    let outcome = plain::compare(&report, fleet).expect("a comparison");
    assert!(outcome.differences.is_empty(), "{}", outcome.text());
    assert!(outcome.compared > 40 * fleet.sites as u64, "{} comparisons", outcome.compared);
}

/// A month of more offices is a step of its own, `lab/report.sh`.
#[test]
fn every_figure_of_a_simulated_quarter_equals_what_plain_code_counts() {
    let directory = tempfile::tempdir().expect("a directory");
    schema::create(directory.path()).expect("a store");
    let fleet = fleet(5, "2026-Q2");
    fleet.write(directory.path()).expect("it is written");
    assert_true(&fleet, &report(directory.path(), &fleet, Format::Json));
    let reader = Reader::open(directory.path()).expect("a store to read");
    assert_eq!(reader.counts().expect("counts").quarantined, 0);
}

#[test]
fn records_that_come_late_in_pieces_in_another_order_and_twice_give_the_same_report() {
    let fleet = fleet(8, "2026-05");
    let offices = fleet.offices().expect("a fleet");
    let [in_order, late] = [false, true].map(|late| {
        let directory = tempfile::tempdir().expect("a directory");
        schema::create(directory.path()).expect("a store");
        fleet.register(directory.path(), &offices).expect("registered");
        let sendings = offices.iter().map(|office| match late {
            false => Sending::in_order(office),
            true => Sending::late(office, 90 * DAY_MS, fleet.seed),
        });
        delivery::send(directory.path(), &fleet.plan(), sendings).expect("sent");
        directory
    });
    for format in [Format::Json, Format::Csv, Format::Xlsx, Format::Pdf] {
        let [in_order, late] = [&in_order, &late].map(|data| report(data.path(), &fleet, format));
        if in_order != late {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (in_order, late) = (text(&in_order), text(&late));
            let line = in_order.lines().zip(late.lines()).find(|(a, b)| a != b);
            panic!("{format:?} differs, first in order and late: {line:#?}");
        }
    }
}
