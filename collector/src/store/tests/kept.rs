//! Kept once, durably, whatever happens in between.

use proptest::prelude::*;
use suar_wire::record::ClockStep;
use suar_wire::{Refusal, RefusalReason};

use super::*;
use crate::clock::SetAside;
use crate::day::State;

#[test]
fn a_receipt_that_was_lost_costs_a_second_push_and_no_second_record() {
    let bench = Bench::new();
    let first = bench.push(vec![round(1, 0), round(2, 1)]);
    assert_eq!(first.acknowledged, [(1, 2)]);
    assert_eq!(Some(first.plan_version), bench.plan().map(|plan| plan.version));
    let again = bench.push(vec![round(1, 0), round(2, 1), round(3, 2)]);
    assert_eq!((again.acknowledged, again.refused), (vec![(1, 3)], vec![]));
    assert_eq!(bench.slots(), BTreeMap::from([(0, 1), (60, 2), (120, 3)]));
    assert_eq!((bench.counters.records_kept.get(), bench.counters.records_known.get()), (3, 2));
    bench.pack();
    bench.push(vec![round(1, 0), round(3, 2)]);
    assert_eq!(bench.slots(), BTreeMap::from([(0, 1), (60, 2), (120, 3)]));
}

#[test]
fn a_crash_between_the_month_and_the_inbox_loses_nothing_and_doubles_nothing() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0), down(2, 1)]);
    let before = (bench.slots(), bench.runs(DAY));
    for _ in 0..3 {
        // The month is on disk; the process dies before it forgets the inbox.
        let died = pack::pack(bench.dir.path(), Due::Everything, |_| Err(StoreError::Busy));
        assert!(died.is_err());
        assert_eq!(bench.reader().counts().expect("counts").inbox_rows, 1);
        assert_eq!((bench.slots(), bench.runs(DAY)), before);
    }
    bench.push(vec![round(3, 2)]);
    assert_eq!(bench.pack(), 2);
    assert_eq!(bench.reader().counts().expect("counts").inbox_rows, 0);
    assert_eq!(bench.slots(), BTreeMap::from([(0, 1), (60, 2), (120, 3)]));
    let down = State::Down(Cause::Internet);
    assert_eq!(bench.runs(DAY), [(0, 60, State::Up), (60, 60, down), (120, 60, State::Up)]);
}

#[test]
fn a_summary_is_never_older_than_the_last_receipt() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0)]);
    bench.pack();
    bench.push(vec![round(2, 1)]);
    assert_eq!(bench.runs(DAY), [(0, 120, State::Up)]);
    let (_, summary) = bench.reader().day_summaries(AGENT, DAY, DAY).expect("a summary").remove(0);
    let sent: Vec<_> = summary.blocks.iter().map(|block| block.sent).collect();
    assert_eq!((summary.synced, summary.slot_seconds, sent), (2, 60, vec![2]));
}

#[test]
fn a_second_round_for_a_taken_slot_is_refused_and_acknowledged() {
    let bench = Bench::new();
    bench.push(vec![round(1, 5)]);
    let receipt = bench.push(vec![down(2, 5), round(3, 6)]);
    assert_eq!(receipt.acknowledged, [(2, 3)]);
    assert_eq!(receipt.refused, [Refusal { sequence: 2, reason: RefusalReason::SlotTaken }]);
    assert_eq!(bench.counters.refusals(RefusalReason::SlotTaken), 1);
    assert_eq!(bench.runs(DAY), [(300, 120, State::Up)]);
}

#[test]
fn sequences_and_values_that_cannot_be_are_refused_alone() {
    let bench = Bench::new();
    let mut impossible = round(2, 1);
    if let Body::Round(round) = &mut impossible.body {
        round.echoes[0].rtt_us = vec![u32::MAX];
    }
    let receipt = bench.push(vec![round(0, 0), impossible, round(3, 2), round(u64::MAX, 3)]);
    let mut refused: Vec<_> = receipt.refused.iter().map(|r| (r.sequence, r.reason)).collect();
    refused.sort();
    assert_eq!(
        refused,
        [
            (0, RefusalReason::BadSequence),
            (2, RefusalReason::Impossible),
            (u64::MAX, RefusalReason::BadSequence)
        ]
    );
    assert_eq!(receipt.acknowledged, [(0, 0), (2, 3), (u64::MAX, u64::MAX)]);
    assert_eq!(bench.slots(), BTreeMap::from([(120, 3)]));
}

#[test]
fn a_kind_of_a_later_version_is_kept_as_it_came_through_inbox_and_chunk() {
    let bench = Bench::new();
    // Field 1000, one byte: no version has written it yet.
    let body = r#"{"kind":"unknown","message":[194,62,1,7]}"#;
    let later = other(1, BOOT, 60, serde_json::from_str(body).expect("unknown to this version"));
    let receipt = bench.push(vec![later.clone(), round(2, 2)]);
    assert_eq!((receipt.acknowledged, receipt.refused), (vec![(1, 2)], vec![]));
    let kept = || bench.reader().all_records(AGENT).expect("records");
    assert_eq!(kept()[0].record, later);
    bench.pack();
    assert_eq!(kept()[0].record, later);
}

#[test]
fn what_lies_in_the_future_or_before_joining_is_set_aside_and_reaches_no_number() {
    let bench = Bench::new();
    let future = other(1, BOOT, 40_000, Body::ClockStep(ClockStep { by_ms: 1 }));
    let receipt = bench.push(vec![future, round(2, 0)]);
    assert_eq!((receipt.acknowledged, receipt.refused), (vec![(1, 2)], vec![]));
    assert_eq!(bench.slots(), BTreeMap::from([(0, 2)]));
    let set_aside = bench.reader().quarantined().expect("a list");
    assert_eq!((set_aside[0].sequence, set_aside[0].reason.as_str()), (1, "future"));
    assert_eq!(bench.counters.set_asides(SetAside::Future), 1);
}

#[test]
fn one_commit_holds_many_pushes_and_an_answer_means_that_others_can_see_it() {
    let bench = Bench::new();
    let (jobs, answers): (Vec<_>, Vec<_>) =
        (0..20).map(|n| job(3_600, BOOT, vec![round(n + 1, n as i64)])).unzip();
    bench.writer().commit(jobs);
    for answer in answers {
        answer.blocking_recv().expect("an answer").expect("a receipt");
    }
    assert_eq!(bench.counters.commits.get(), 1);
    assert_eq!(bench.slots().len(), 20);
}

#[test]
fn a_commit_that_fails_acknowledges_nobody() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    // A deferred foreign key that is broken fails only the commit, like a disk that fills up there.
    writer.break_commits();
    let (job, answer) = job(3_600, BOOT, vec![round(1, 0)]);
    writer.commit(vec![job]);
    assert!(answer.blocking_recv().expect("an answer").is_err());
    assert_eq!(bench.slots(), BTreeMap::new());
    assert_eq!(bench.counters.pushes.get(), 0);
    drop(writer);
    assert_eq!(bench.push(vec![round(1, 0)]).acknowledged, [(1, 1)]);
}

#[test]
fn a_full_disk_is_said_and_the_next_push_after_it_is_kept() {
    let bench = Bench::new();
    let mut writer = bench.writer();
    writer.bound_pages();
    let records: Vec<Record> = (0..1_400).map(|n| round(n + 1, n as i64)).collect();
    let (full, answer) = job(86_000, BOOT, records.clone());
    writer.commit(vec![full]);
    let error = answer.blocking_recv().expect("an answer").expect_err("no room");
    assert!(matches!(*error, StoreError::DiskFull), "{error}");
    drop(writer);
    assert_eq!(bench.push_at(86_000, BOOT, records).acknowledged, [(1, 1_400)]);
    assert_eq!(bench.slots().len(), 1_400);
}

#[test]
fn an_agent_that_boots_hundreds_of_times_a_day_is_kept_whole() {
    let bench = Bench::new();
    for part in 0..4u64 {
        let records = (part * 200..(part + 1) * 200).map(|n| {
            let mut record = round(n + 1, n as i64);
            let boot = (u128::from(n) + 1_000).to_be_bytes();
            record.stamp.boot = BootId(boot);
            record
        });
        bench.push_at(50_000, BOOT, records.collect());
        bench.pack();
    }
    assert_eq!(bench.slots().len(), 800);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Any order of pushes, any overlap, packed at any time: the store equals a plain set.
    #[test]
    fn any_order_of_pushes_and_packings_equals_a_plain_set(
        pushes in prop::collection::vec((prop::collection::btree_set(1u64..40, 1..12), any::<bool>()), 1..10),
    ) {
        let bench = Bench::new();
        let mut plain = BTreeMap::new();
        for (sequences, packs) in pushes {
            let mut records: Vec<Record> = sequences.iter().map(|&n| round(n, n as i64)).collect();
            records.reverse();
            let receipt = bench.push(records);
            let acknowledged: Vec<u64> =
                receipt.acknowledged.iter().flat_map(|&(first, last)| first..=last).collect();
            prop_assert_eq!(acknowledged, sequences.iter().copied().collect::<Vec<_>>());
            plain.extend(sequences.iter().map(|&n| (n as i64 * 60, n)));
            if packs {
                bench.pack();
            }
            prop_assert_eq!(bench.slots(), plain.clone());
        }
        let up: u32 = bench.runs(DAY).iter().map(|(_, length_s, _)| length_s).sum();
        prop_assert_eq!(up as usize, plain.len() * 60);
    }
}
