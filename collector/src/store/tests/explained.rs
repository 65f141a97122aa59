//! Holes and what explains them, from records in the store.

use suar_wire::record::{Dropped, Ending, Gap, GapReason, SessionStart};

use super::*;
use crate::day::{Reason, State};

fn session(sequence: u64, boot: BootId, second: i64, ended: Ending, last: Stamp) -> Record {
    let start = SessionStart {
        agent_version: "0.2.0".to_owned(),
        system: "linux test".to_owned(),
        previous_ended: ended,
        previous_last: Some(last),
    };
    other(sequence, boot, second, Body::SessionStart(start))
}

#[test]
fn a_session_record_that_comes_later_explains_a_hole_that_was_packed_long_ago() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0), round(2, 1)]);
    bench.pack();
    assert_eq!(bench.runs(DAY), [(0, 120, State::Up)]);
    let start = session(3, BOOT, 610, Ending::Abrupt, stamp(BOOT, 90));
    bench.push_at(700, BOOT, vec![start, round(4, 11)]);
    let died = State::Unobserved(Reason::AgentDied);
    assert_eq!(bench.runs(DAY), [(0, 120, State::Up), (120, 540, died), (660, 60, State::Up)]);
    let agent = bench.reader().agents().expect("agents").remove(0);
    assert_eq!((agent.version.as_str(), agent.last_seen_ms), ("0.2.0", Some(JOINED_MS + 3_600_000)));
}

#[test]
fn a_night_without_power_is_explained_on_both_days() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0)]);
    let morning = BootId([9; 16]);
    let last = stamp(BOOT, 30);
    bench.push_at(100_000, morning, vec![session(2, morning, 90_000, Ending::Abrupt, last)]);
    let lost = State::Unobserved(Reason::PowerLost);
    assert_eq!(bench.runs(DAY), [(0, 60, State::Up), (60, 86_340, lost)]);
    assert_eq!(bench.runs(DAY + 1), [(0, 3_600, lost)]);
    assert_eq!(bench.runs(DAY + 2), []);
}

#[test]
fn lost_records_are_a_hole_between_their_neighbours_even_when_those_arrive_later() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0)]);
    bench.push(vec![other(50, BOOT, 3_000, Body::Dropped(Dropped { first: 2, last: 9 }))]);
    // Newest first: what follows the loss comes at last.
    bench.push(vec![round(10, 9)]);
    let lost = State::Unobserved(Reason::RecordsLost);
    assert_eq!(bench.runs(DAY), [(0, 60, State::Up), (60, 480, lost), (540, 60, State::Up)]);
}

#[test]
fn a_backlog_of_a_boot_that_never_met_us_lies_before_the_boot_that_did() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0)]);
    let (dark, now) = (BootId([2; 16]), BootId([3; 16]));
    // A machine whose clock battery is dead: it believes to be in 1970.
    let mut lost = round(2, 10);
    lost.stamp = Stamp { boot: dark, boot_ms: 120_000, wall_ms: 120_000 };
    let mut found = round(3, 100);
    found.stamp = stamp(now, 6_030);
    let receipt = bench.push_at(7_000, now, vec![found, lost]);
    assert_eq!(receipt.refused, []);
    // Two minutes after the record in front of it at the earliest: that is where it is put.
    assert_eq!(bench.slots(), BTreeMap::from([(0, 1), (120, 2), (6_000, 3)]));
    let (_, summary) = bench.reader().day_summaries(AGENT, DAY, DAY).expect("a summary").remove(0);
    assert_eq!((summary.synced, summary.estimated, summary.bounded), (2, 0, 1));
}

#[test]
fn rounds_of_a_machine_an_hour_ahead_go_to_the_slots_they_were_really_in() {
    let bench = Bench::new();
    let mut records = vec![round(1, 5), round(2, 6)];
    for record in &mut records {
        record.stamp.wall_ms += 3_600_000;
        if let Body::Round(round) = &mut record.body {
            round.slot.index += 60;
        }
    }
    bench.push(records);
    assert_eq!(bench.slots(), BTreeMap::from([(300, 1), (360, 2)]));
}

#[test]
fn explanations_that_overlap_say_the_same_in_whatever_order_they_came() {
    let (asleep, died) = (State::Unobserved(Reason::Asleep), State::Unobserved(Reason::AgentDied));
    let slept = other(2, BOOT, 420, Body::Gap(Gap { reason: GapReason::Suspended, from_boot_ms: 240_000 }));
    let start = session(3, BOOT, 610, Ending::Abrupt, stamp(BOOT, 30));
    for records in [[slept.clone(), start.clone()], [start, slept]] {
        let bench = Bench::new();
        bench.push(vec![round(1, 0)]);
        for record in records {
            bench.push(vec![record]);
        }
        // The sleep is the shorter one and knows more of its part.
        let expected = [(0, 60, State::Up), (60, 180, died), (240, 180, asleep), (420, 240, died)];
        assert_eq!(bench.runs(DAY), expected);
    }
}
