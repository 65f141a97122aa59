//! What a real agent measures over an emulated line, against a tool that knows nothing of it, and what it
//! makes of replies that are not as they should be.

mod odd_replies;
mod trouble;

use suar_lab::against_fping::{Cell, Losing, compare, table};
use suar_lab::netns::can_run_here;

/// Seconds; with 30 echoes each, a number that both exact losses divide.
const SLOTS: u32 = 10;

/// The corners of the grid that `lab/truth.sh` runs whole.
const CELLS: [Cell; 4] = [
    Cell { rtt_ms: 20, losing: Losing::Nothing },
    Cell { rtt_ms: 120, losing: Losing::Exact(20) },
    Cell { rtt_ms: 600, losing: Losing::Random(50) },
    Cell { rtt_ms: 600, losing: Losing::Exact(100) },
];

#[test]
fn round_trips_and_losses_are_those_that_fping_sees_at_the_same_time() {
    if !can_run_here("an agent beside fping") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let compared =
        compare(&CELLS, SLOTS, directory.path()).unwrap_or_else(|error| panic!("not compared: {error:#}"));
    println!("{}", table(&compared));
    for cell in &compared {
        assert_eq!(cell.disagreements(), Vec::<String>::new(), "{:?}\n{}", cell.cell, table(&compared));
        assert_eq!(cell.agent.sent, cell.fping.sent, "as many packets of either: {:?}", cell.cell);
    }
}
