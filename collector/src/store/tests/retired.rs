//! What is too old goes, with everything that only served it.

use rusqlite::Connection;
use suar_wire::record::{Dropped, Ending, SessionStart};

use super::*;
use crate::store::months::Month;
use crate::store::retire;

const TABLES: [&str; 7] = ["taken", "explanation", "quarantine", "anchor", "lost", "join_code", "ack"];

fn rows(bench: &Bench) -> [i64; 7] {
    let main = Connection::open(schema::main_file(bench.dir.path())).expect("the main file");
    TABLES.map(|table| {
        main.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("a number")
    })
}

/// One of everything on a day.
fn live_through(bench: &Bench, day: i64, boot: BootId, first: u64) {
    let minute = day * 1_440;
    let of_boot = |mut record: Record| {
        record.stamp.boot = boot;
        record
    };
    let start = SessionStart {
        agent_version: "0.1.0".to_owned(),
        system: "test".to_owned(),
        previous_ended: Ending::Abrupt,
        previous_last: Some(stamp(boot, minute * 60 + 100)),
    };
    let second = |second: i64| minute * 60 + second;
    let records = vec![
        of_boot(round(first, minute)),
        of_boot(round(first + 2, minute + 2)),
        other(first + 3, boot, second(300), Body::Dropped(Dropped { first: first + 1, last: first + 1 })),
        other(first + 4, boot, second(400), Body::SessionStart(start)),
        other(first + 5, boot, second(40_000), Body::ClockStep(suar_wire::record::ClockStep { by_ms: 1 })),
    ];
    bench.push_at(second(3_600), boot, records);
}

#[test]
fn months_that_are_not_kept_leave_nothing_in_the_small_tables_but_receipts() {
    let bench = Bench::new();
    // The first day is 2026-09-04.
    live_through(&bench, 0, BOOT, 1);
    live_through(&bench, 60, BootId([2; 16]), 101);
    bench.pack();
    assert_eq!(rows(&bench), [2, 2, 2, 2, 2, 1, 4]);
    let retire = |day: i64| {
        let now_ms = JOINED_MS + day * 86_400_000;
        let months = retire::months(bench.dir.path(), 2, super::super::day_of(now_ms)).expect("months");
        retire::rows(bench.dir.path(), 2, now_ms).expect("rows");
        months
    };
    assert_eq!(retire(60), []);
    assert_eq!(rows(&bench), [2, 2, 2, 2, 2, 1, 4]);
    assert_eq!(retire(90), [Month { year: 2026, month: 9 }]);
    assert_eq!(rows(&bench), [1, 1, 1, 1, 1, 1, 4]);
    retire(400);
    assert_eq!(rows(&bench), [0, 0, 0, 0, 0, 0, 4]);
    // What was known stays known.
    assert_eq!(bench.push(vec![round(1, 0)]).acknowledged, [(1, 1)]);
    assert_eq!(bench.slots(), BTreeMap::new());
}
