//! A collector whose own clock is wrong.

use std::time::Duration;

use suar_collector::store::months::{self, Month};
use suar_lab::programs::{Collector, free_address, wait_until};

use super::SITE;
use super::hostile_pushes::{join, push, send};

const AT_MOST: Duration = Duration::from_secs(30);
const YEARS_MS: i64 = 5 * 365 * 86_400_000;
const OLD: Month = Month { year: 2019, month: 3 };

/// Its clock cannot be set here; that the only office says it is five years earlier is the same to it.
#[test]
fn months_are_deleted_only_by_a_clock_that_the_offices_share() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = free_address().expect("two free ports");
    let keep = "[store]\npack_seconds = 1\nkeep_months = 12\n";
    let mut collector = Collector::init(None, directory.path(), &address, keep).expect("a data directory");
    collector.add_site(SITE).expect("a site");
    drop(months::open(&collector.data(), OLD).expect("a month"));
    collector.serve().expect("it serves");
    let file = OLD.file(&collector.data());
    let joined = join(&collector);
    let client = collector.client().expect("a certificate");

    let mut earlier = push(&joined, 1..=2);
    earlier.clock.wall_ms -= YEARS_MS;
    assert_eq!(send(&client, &joined.token, &[], &earlier.encode()).status, 200);
    wait_until("the collector to doubt its clock", AT_MOST, || {
        let log = collector.process().map(|process| process.log()).unwrap_or_default();
        if log.contains("is this machine's clock right?") { Ok(()) } else { Err(log) }
    })
    .expect("it doubts");
    assert!(file.exists(), "a month went by a clock that nobody shares");

    assert_eq!(send(&client, &joined.token, &[], &push(&joined, 3..=4).encode()).status, 200);
    wait_until("the old month to go", AT_MOST, || {
        if file.exists() { Err("it is there".to_owned()) } else { Ok(()) }
    })
    .expect("it is old by every clock");
}
