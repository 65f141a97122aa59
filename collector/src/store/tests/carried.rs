//! Files that were carried out: once or ten times the same, all or nothing, and no clock is moved by them.

use suar_wire::carried::{Head, Key, Packing};
use suar_wire::record::ClockStep;
use tokio::sync::mpsc;

use super::*;
use crate::store::import::{ImportError, Imported, Revoked, import};
use crate::store::writer::ToLive;

/// Long after the records.
const IMPORTED_MS: i64 = JOINED_MS + 40 * 86_400_000;

fn file_with(token_hash: [u8; 32], agent: AgentId, parts: Vec<Vec<Record>>) -> Vec<u8> {
    let made = stamp(BOOT, 7_200);
    let mut packing = Packing::new(Head { agent, epoch: EPOCH, made }).expect("it begins");
    for records in parts {
        let clock =
            Clock { boot: BOOT, boot_ms: made.boot_ms, wall_ms: made.wall_ms, last_exchange_ms: None };
        packing.add(&Push { agent, epoch: EPOCH, plan_version: 1, clock, records }).expect("it fits");
    }
    packing.seal(&Key::of(&token_hash)).expect("a file")
}

fn file(parts: Vec<Vec<Record>>) -> Vec<u8> {
    file_with([AGENT.0[0]; 32], AGENT, parts)
}

impl Bench {
    fn import(&self, file: &[u8]) -> Result<Imported, ImportError> {
        self.import_of(file, Revoked::Refuse)
    }

    fn import_of(&self, file: &[u8], revoked: Revoked) -> Result<Imported, ImportError> {
        import(self.dir.path(), file, IMPORTED_MS, SlotWidth::STANDARD, revoked).map(|(_, imported)| imported)
    }
}

#[test]
fn ten_imports_before_and_after_the_push_come_to_the_same_as_one() {
    let bench = Bench::new();
    let carried = file(vec![vec![round(1, 0), round(2, 1)], vec![down(3, 2)]]);
    assert_eq!(bench.import(&carried).expect("taken"), Imported { new: 3, ..Imported::default() });
    let once = (bench.slots(), bench.runs(DAY));
    assert_eq!(once.0, BTreeMap::from([(0, 1), (60, 2), (120, 3)]));
    for _ in 0..9 {
        assert_eq!(bench.import(&carried).expect("taken"), Imported { known: 3, ..Imported::default() });
        bench.pack();
        assert_eq!((bench.slots(), bench.runs(DAY)), once);
    }
    // The agent's own push comes later: everything is known, and the eleventh import too.
    assert_eq!(bench.push(vec![round(1, 0), round(2, 1), down(3, 2)]).acknowledged, [(1, 3)]);
    assert_eq!(bench.import(&carried).expect("taken").known, 3);
    assert_eq!((bench.slots(), bench.runs(DAY)), once);
}

#[test]
fn an_import_moves_no_clock_and_is_no_sign_of_life() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0)]);
    let heard = |bench: &Bench| bench.reader().agents().expect("agents")[0].last_seen_ms;
    let before = heard(&bench);
    let carried = file(vec![vec![round(2, 1)]]);
    for _ in 0..5 {
        bench.import(&carried).expect("taken");
    }
    assert_eq!(heard(&bench), before);
    bench.push(vec![round(3, 2)]);
    assert_eq!(bench.slots(), BTreeMap::from([(0, 1), (60, 2), (120, 3)]));
}

#[test]
fn a_file_with_one_wrong_byte_or_from_a_stranger_or_a_revoked_agent_leaves_nothing() {
    let bench = Bench::new();
    let good = file(vec![vec![round(1, 0)]]);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        assert!(bench.import(&bad).is_err(), "byte {at}");
        assert!(bench.import(&good[..at]).is_err(), "cut at {at}");
    }
    let stranger = file_with([9; 32], AgentId([9; 16]), vec![vec![round(1, 0)]]);
    assert!(matches!(bench.import(&stranger), Err(ImportError::Unknown(_))));
    Admin::open(bench.dir.path()).expect("it opens").revoke(AGENT, 1).expect("revoked");
    assert!(matches!(bench.import(&good), Err(ImportError::Revoked(_))));
    assert_eq!(bench.slots(), BTreeMap::new());
    assert_eq!(bench.reader().counts().expect("counts").inbox_rows, 0);
    assert_eq!(bench.import_of(&good, Revoked::Take).expect("somebody knows better").new, 1);
}

#[test]
fn refused_and_set_aside_records_are_told() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0)]);
    let future = other(3, BOOT, 50 * 86_400, Body::ClockStep(ClockStep { by_ms: 1 }));
    let imported = bench.import(&file(vec![vec![round(1, 0), down(2, 0), future, round(4, 3)]]));
    assert_eq!(imported.expect("taken"), Imported { new: 1, known: 1, refused: 1, set_aside: 1 });
}

#[test]
fn a_running_writer_hands_imported_records_to_the_live_counters_once() {
    let bench = Bench::new();
    let (accepted, mut news) = mpsc::channel(16);
    let shared = Shared { live: Some(ToLive { accepted, counted_row: 0 }), ..bench.shared() };
    let mut writer = Writer::open(bench.dir.path(), shared).expect("it opens");
    bench.import(&file(vec![vec![round(1, 0), round(2, 1)]])).expect("taken");
    for (sequence, minute) in [(3, 2), (4, 3)] {
        let (job, answer) = job(3_600, BOOT, vec![round(sequence, minute)]);
        writer.commit(vec![job]);
        answer.blocking_recv().expect("an answer").expect("a receipt");
    }
    let mut seen = Vec::new();
    while let Ok(accepted) = news.try_recv() {
        let sequences: Vec<u64> = accepted.records.iter().map(|timed| timed.record.sequence).collect();
        seen.push((accepted.carried, sequences));
    }
    assert_eq!(seen, [(true, vec![1, 2]), (false, vec![3]), (false, vec![4])]);
}

/// What a start reads and what the writer hands on after it together count every record once, wherever the
/// import falls.
#[test]
fn an_import_while_the_collector_starts_is_counted_once() {
    let bench = Bench::new();
    bench.push(vec![round(1, 0)]);
    let (read, counted_row) = bench
        .reader()
        .at_one_moment(|reader| {
            let before = reader.all_records(AGENT)?.len();
            bench.import(&file(vec![vec![round(2, 1), round(3, 2)]])).expect("taken");
            assert_eq!(reader.all_records(AGENT)?.len(), before, "it sees one moment");
            Ok(before)
        })
        .expect("it reads");
    let (accepted, mut news) = mpsc::channel(16);
    let shared = Shared { live: Some(ToLive { accepted, counted_row }), ..bench.shared() };
    let mut writer = Writer::open(bench.dir.path(), shared).expect("it opens");
    let (job, answer) = job(3_600, BOOT, vec![round(4, 3)]);
    writer.commit(vec![job]);
    answer.blocking_recv().expect("an answer").expect("a receipt");
    let mut handed_on = 0;
    while let Ok(accepted) = news.try_recv() {
        handed_on += accepted.records.len();
    }
    assert_eq!((read, handed_on), (1, 3));
}
