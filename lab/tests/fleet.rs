//! What the simulated fleet did is what the store says of it.

use std::collections::BTreeMap;

use suar_collector::day::{DaySummary, State};
use suar_collector::store::{Reader, schema};
use suar_lab::dates::Quarter;
use suar_lab::fleet::Fleet;
use suar_lab::fleet::office::Office;
use suar_lab::seed::printed_seed;
use suar_wire::{Cause, SlotWidth};

const SLOT_S: i64 = 300;

/// Seconds up (`None`) and down by cause, counted from the truth: a slot counts for what was at its start.
fn true_seconds(office: &Office) -> BTreeMap<Option<Cause>, i64> {
    let mut seconds = BTreeMap::new();
    for on in &office.on {
        for slot in on.from_s.div_euclid(SLOT_S) + 1..on.until_s.div_euclid(SLOT_S) {
            let at_s = slot * SLOT_S;
            let outage = office.down.iter().find(|(down, _)| (down.from_s..down.until_s).contains(&at_s));
            *seconds.entry(outage.map(|(_, cause)| *cause)).or_insert(0) += SLOT_S;
        }
    }
    seconds
}

fn kept_seconds(days: impl IntoIterator<Item = DaySummary>) -> BTreeMap<Option<Cause>, i64> {
    let mut seconds = BTreeMap::new();
    for run in days.into_iter().flat_map(|day| day.runs) {
        let cause = match run.state {
            State::Up => None,
            State::Down(cause) => Some(cause),
            State::Unobserved(_) => continue,
        };
        *seconds.entry(cause).or_insert(0) += i64::from(run.length_s);
    }
    seconds
}

#[test]
fn a_simulated_quarter_is_kept_second_by_second() {
    let directory = tempfile::tempdir().expect("a directory");
    schema::create(directory.path()).expect("a store");
    let quarter: Quarter = "2026-Q2".parse().expect("a quarter");
    let slot = SlotWidth::from_seconds(SLOT_S as u32).expect("a slot width");
    let fleet = Fleet { sites: 6, quarter, slot, seed: printed_seed("fleet") };
    let (offices, written) = fleet.write(directory.path()).expect("it is written");
    let reader = Reader::open(directory.path()).expect("a store to read");
    let (first, after) = quarter.days();
    for office in &offices {
        let days = reader.day_summaries(office.agent, first as i32 - 1, after as i32).expect("summaries");
        assert_eq!(
            kept_seconds(days.into_iter().map(|(_, day)| day)),
            true_seconds(office),
            "{}: {:?}",
            office.site,
            office.habit
        );
    }
    assert!(written.records > 6 * 5_000, "{written:?}");
    assert_eq!(reader.counts().expect("counts").quarantined, 0);
}
