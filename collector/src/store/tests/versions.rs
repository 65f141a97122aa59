//! Stores that older programs wrote, kept as files: they open, are brought up to date, and go on.

use std::path::Path;

use super::*;
use crate::day::{Reason, State};
use crate::store::check::check;

/// A store of version 1 with something in every table.
fn store_v1() -> Bench {
    let bench = Bench {
        dir: tempfile::tempdir().expect("a directory"),
        counters: Arc::new(IngestCounters::new(Own::new(0))),
    };
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/store-v1");
    for file in ["suar.db", "records-2026-09.db"] {
        let packed = std::fs::read(golden.join(format!("{file}.zst"))).expect("kept for ever");
        let bytes = zstd::decode_all(packed.as_slice()).expect("a file");
        std::fs::write(bench.dir.path().join(file), bytes).expect("written");
    }
    bench
}

#[test]
fn a_store_of_version_1_says_what_it_said_and_takes_the_next_push() {
    let bench = store_v1();
    let sequences = |bench: &Bench| {
        let records = bench.reader().all_records(AGENT).expect("records");
        let mut sequences: Vec<u64> = records.iter().map(|stored| stored.record.sequence).collect();
        sequences.sort_unstable();
        sequences
    };
    assert_eq!(sequences(&bench), [2, 3, 4, 6, 7, 8]);
    let died = State::Unobserved(Reason::AgentDied);
    let (up, cut) = (State::Up, State::Down(Cause::Internet));
    let runs = [(3_600, 60, up), (3_660, 60, cut), (3_720, 60, died), (3_780, 60, up)];
    assert_eq!(bench.runs(DAY), runs);
    assert_eq!(bench.reader().quarantined().expect("a list").len(), 1);
    assert_eq!(bench.reader().sites().expect("sites").len(), 1);
    let checked = check(bench.dir.path()).expect("it can be looked at");
    assert_eq!((checked.records, checked.problems), (6, vec![]));

    // What is known stays known, what is new is kept, everything can be packed.
    bench.push_at(7_200, BOOT, vec![round(6, 63), round(9, 70)]);
    bench.pack();
    assert_eq!(sequences(&bench), [2, 3, 4, 6, 7, 8, 9]);
}

#[test]
fn what_version_1_held_in_quarantine_is_released_like_anything_newer() {
    let bench = store_v1();
    let boot = BootId([2; 16]);
    for at_s in [50_000, 50_060, 50_120] {
        bench.push_at(at_s, boot, vec![]);
    }
    assert_eq!(bench.reader().quarantined().expect("a list"), []);
}

#[test]
fn a_new_store_has_the_tables_of_one_that_was_brought_up() {
    let tables = |bench: &Bench| {
        let main = schema::open_to_read(bench.dir.path()).expect("it opens");
        let mut select =
            main.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").expect("a question");
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("an answer");
        rows.collect::<rusqlite::Result<Vec<(String, Option<String>)>>>().expect("rows")
    };
    assert_eq!(tables(&store_v1()), tables(&Bench::new()));
}

#[test]
fn an_older_store_is_left_alone_while_somebody_serves_it() {
    let bench = store_v1();
    let serving = schema::serve_alone(bench.dir.path()).expect("nobody serves");
    let refused = Reader::open(bench.dir.path()).expect_err("its own program is at work");
    assert!(matches!(refused, StoreError::Served { .. }), "{refused}");
    drop(serving);
    Reader::open(bench.dir.path()).expect("it is brought up to date");
}
