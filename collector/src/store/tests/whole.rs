//! `check-store`: a store is whole whatever was done to it in order, and what is broken is named.

use rusqlite::Connection;

use super::*;
use crate::store::check::{self, Checked, check};
use crate::store::months::Month;

impl Bench {
    fn check(&self) -> Checked {
        check(self.dir.path()).expect("it can be looked at")
    }

    fn problems(&self) -> String {
        self.check().problems.join("\n")
    }

    fn main(&self) -> Connection {
        Connection::open(schema::main_file(self.dir.path())).expect("the main file")
    }

    fn month(&self) -> Connection {
        Connection::open(Month::of(DAY).file(self.dir.path())).expect("the month")
    }
}

fn packed_and_fresh() -> Bench {
    let bench = Bench::new();
    bench.push_at(90_000, BOOT, vec![round(1, 0), down(2, 1), round(3, 1_441)]);
    bench.pack();
    bench.push(vec![round(4, 2)]);
    bench
}

#[test]
fn a_store_that_was_used_in_order_is_whole() {
    let bench = packed_and_fresh();
    let expected = Checked { files: 2, agents: 1, days: 2, fresh_rows: 1, records: 4, problems: vec![] };
    assert_eq!(bench.check(), expected);
    check::quick(bench.dir.path()).expect("a quick look says the same");
}

#[test]
fn a_row_that_is_packed_and_not_yet_deleted_is_no_problem() {
    let bench = packed_and_fresh();
    let died = pack::pack(bench.dir.path(), Due::Everything, |_| Err(StoreError::Busy));
    assert!(died.is_err());
    assert_eq!(
        bench.check(),
        Checked { files: 2, agents: 1, days: 2, fresh_rows: 1, records: 4, problems: vec![] }
    );
}

type Harm = fn(&Bench);

#[test]
fn each_contradiction_is_named() {
    let cases: [(&str, Harm); 5] = [
        ("kept and not receipted", |bench| {
            bench.main().execute("DELETE FROM ack", []).expect("deleted");
        }),
        ("not in the list of agents", |bench| {
            bench.main().execute("DELETE FROM agent", []).expect("deleted");
        }),
        ("is of day", |bench| {
            bench.month().execute("UPDATE chunk SET day = day + 2 WHERE day = ?1", [DAY]).expect("moved");
        }),
        ("the summary is not that", |bench| {
            bench.month().execute("DELETE FROM summary WHERE day = ?1", [DAY]).expect("deleted");
        }),
        ("is kept twice", |bench| {
            let copy = "INSERT INTO chunk (agent, day, bytes) SELECT agent, day + 5, bytes FROM chunk WHERE day = ?1";
            bench.month().execute(copy, [DAY]).expect("copied");
        }),
    ];
    for (words, harm) in cases {
        let bench = packed_and_fresh();
        harm(&bench);
        assert!(bench.problems().contains(words), "{words}: {}", bench.problems());
    }
}

#[test]
fn bytes_that_changed_on_the_disk_are_found_in_every_file() {
    for file in ["suar.db", "month"] {
        let bench = packed_and_fresh();
        bench.main().pragma_update(None, "wal_checkpoint", "TRUNCATE").expect("everything in one file");
        let path = match file {
            "month" => Month::of(DAY).file(bench.dir.path()),
            _ => schema::main_file(bench.dir.path()),
        };
        let mut bytes = std::fs::read(&path).expect("a file");
        // The first page stays readable: the rest is what a dying disk gives back.
        bytes[4096..].iter_mut().for_each(|byte| *byte ^= 0x5a);
        std::fs::write(&path, bytes).expect("written");
        match check(bench.dir.path()) {
            Ok(checked) => assert!(!checked.problems.is_empty(), "{file}"),
            Err(StoreError::Damaged(_)) => {}
            Err(error) => panic!("{file}: {error}"),
        }
        assert_eq!(check::quick(bench.dir.path()).is_err(), file == "suar.db");
    }
}
