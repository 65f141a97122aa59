//! One agent lives through cuts, kills, stops, reboots, sleep, a pause and clocks that jump by an hour and by
//! twenty years: what the collector says of every slot is what was done in it.

mod life;
mod truth;

use suar_collector::day::{Reason, State};
use suar_lab::netns::can_run_here;

#[test]
fn the_account_of_every_slot_is_what_was_done_in_it() {
    if !can_run_here("one agent's life, slot by slot") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let account = life::live(directory.path()).unwrap_or_else(|error| panic!("no life: {error:#}"));
    let (mut wrong, mut certain) = (Vec::new(), 0);
    let slots = account.truth.slots(account.until_ms);
    let told = |slot| account.said.get(&slot).copied().unwrap_or(State::Unobserved(Reason::NotYetKnown));
    let mut course = String::new();
    for slot in slots.clone() {
        let (truth, said) = (account.truth.of_slot(slot), told(slot));
        certain += usize::from(truth.len() == 1);
        course += &format!("{slot} {truth:?} {said:?}\n");
        if !truth.contains(&said) {
            wrong.push(slot);
        }
    }
    let records = &account.records;
    assert!(
        wrong.is_empty(),
        "{} slots differ: {wrong:?}\nslot, truth, said:\n{course}\n{records}",
        wrong.len()
    );
    let whole = slots.count();
    println!("{whole} slots, {certain} of them certain, all as they were");
    assert!(certain * 10 > whole * 9, "the machine was too busy to say what happened when:\n{course}");
}
