//! What waits for the receiver of remote write: noted with the records, apart by age, forgotten one by one.

use super::*;
use crate::store::outbox::{LIVE_MS, Lane, Outbox, Waiting};

/// Slots from the morning to just before noon, when the push of [`mixed`] comes.
const OLD: u64 = 100;
const NOON_S: i64 = 12 * 3_600;

fn receiver(bench: &Bench, on: bool) -> usize {
    Admin::open(bench.dir.path()).expect("it opens").switch_remote_write(on).expect("it is switched")
}

fn outbox(bench: &Bench) -> Outbox {
    Outbox::open(bench.dir.path()).expect("it opens")
}

/// One push at noon of `OLD` rounds of the morning and the ten newest.
fn mixed(bench: &Bench) {
    let old = (0..OLD).map(|at| round(1 + at, at as i64));
    let live = (0..10).map(|at| round(1 + OLD + at, NOON_S / 60 - 11 + at as i64));
    bench.push_at(NOON_S, BOOT, old.chain(live).collect());
}

fn sequences(rows: &[Waiting]) -> Vec<u64> {
    let mut all: Vec<u64> =
        rows.iter().flat_map(|row| &row.records).map(|stored| stored.record.sequence).collect();
    all.sort_unstable();
    all
}

#[test]
fn nothing_is_noted_while_there_is_no_receiver() {
    let bench = Bench::new();
    mixed(&bench);
    assert_eq!(outbox(&bench).bytes().expect("a size"), 0);
    assert_eq!(outbox(&bench).waiting_since_ms().expect("a time"), None);
}

#[test]
fn old_and_live_records_of_one_push_wait_apart_and_age_while_they_wait() {
    let bench = Bench::new();
    receiver(&bench, true);
    mixed(&bench);
    bench.pack();
    let noon_ms = JOINED_MS + NOON_S * 1000;
    let now = |lane, now_ms| sequences(&outbox(&bench).next(lane, now_ms).expect("rows"));
    assert_eq!(now(Lane::Live, noon_ms), (OLD + 1..=OLD + 10).collect::<Vec<_>>());
    assert_eq!(now(Lane::Old, noon_ms), (1..=OLD).collect::<Vec<_>>());
    assert_eq!(now(Lane::Live, noon_ms + LIVE_MS), [0; 0]);
    assert_eq!(now(Lane::Old, noon_ms + LIVE_MS), (1..=OLD + 10).collect::<Vec<_>>());
    assert_eq!(outbox(&bench).waiting_since_ms().expect("a time"), Some(noon_ms));
}

#[test]
fn what_is_known_already_is_not_noted_again_and_what_is_settled_is_gone() {
    let bench = Bench::new();
    receiver(&bench, true);
    mixed(&bench);
    let bytes = outbox(&bench).bytes().expect("a size");
    mixed(&bench);
    assert_eq!(outbox(&bench).bytes().expect("a size"), bytes);

    let mut open = outbox(&bench);
    let old = open.next(Lane::Old, JOINED_MS + NOON_S * 1000).expect("rows");
    open.forget(&old).expect("it is forgotten");
    let left = open.bytes().expect("a size");
    assert!((1..bytes).contains(&left), "{left} of {bytes}");
    assert_eq!(outbox(&bench).bytes().expect("a size"), left, "counted anew it is the same");
    assert_eq!(sequences(&open.first().expect("rows")), (OLD + 1..=OLD + 10).collect::<Vec<_>>());
    // New since it was counted.
    bench.push_at(NOON_S + 60, BOOT, vec![round(500, NOON_S / 60)]);
    open.forget(&open.first().expect("rows")).expect("it is forgotten");
    assert_eq!(open.bytes().expect("a size"), 0);
}

#[test]
fn without_a_receiver_what_waited_is_forgotten() {
    let bench = Bench::new();
    receiver(&bench, true);
    mixed(&bench);
    assert_eq!(receiver(&bench, true), 0);
    assert_eq!(receiver(&bench, false), 2);
    mixed(&bench);
    assert_eq!(outbox(&bench).bytes().expect("a size"), 0);
    assert_eq!(bench.reader().all_records(AGENT).expect("records").len(), OLD as usize + 10);
}

#[test]
fn a_request_is_bounded_and_a_row_that_cannot_be_read_holds_nobody_up() {
    let bench = Bench::new();
    receiver(&bench, true);
    for at in 0..300 {
        bench.push_at(20_000 + at, BOOT, vec![round(1 + at as u64, at)]);
    }
    let rows = outbox(&bench).next(Lane::Old, i64::MAX).expect("rows");
    assert_eq!(rows.len(), 128);
    let connection = schema::open(bench.dir.path()).expect("it opens");
    connection.execute("UPDATE outbox SET bytes = x'ff' WHERE id = ?1", [rows[0].id]).expect("damaged");
    let again = outbox(&bench).next(Lane::Old, i64::MAX).expect("rows");
    assert_eq!((again.len(), again[0].records.len(), again[1].records.len()), (128, 0, 1));
}
