//! The ledger of a running agent over kills, steps and months.

use suar_wire::Purpose;

use super::*;
use crate::meter::Bytes;

/// 2026-11-15 12:00 WIB.
const NOON_MS: i64 = 1_794_718_800_000;
const DAY_MS: i64 = 86_400_000;
const MB: u64 = 1_000_000;

fn at(unix_ms: i64) -> Now {
    Now { unix_ms, is_confirmed: true }
}

fn terms(plan: &Plan) -> Terms<'_> {
    Terms { plan, system_says_metered: None }
}

fn push(sent: u64) -> Bytes {
    Bytes { sent, received: 0 }
}

fn used(accounts: &Accounts, plan: &Plan) -> u64 {
    accounts.now(at(NOON_MS), terms(plan)).map_or(0, |now| now.used.iter().map(|one| one.sent).sum())
}

#[test]
fn what_was_written_counts_once_after_a_kill_and_the_rest_is_lost() {
    let (state, plan) = (tempfile::tempdir().expect("a directory"), Plan::standard());
    let meter = Meter::default();
    let mut first = Accounts::open(state.path(), meter.clone());
    meter.add(Purpose::Push, push(100));
    first.enter(at(NOON_MS), terms(&plan));
    first.enter(at(NOON_MS), terms(&plan));
    assert_eq!(used(&first, &plan), 100, "entered twice, counted once");
    let due = first.due(Duration::ZERO).expect("at once");
    ledger::write(state.path(), &due).expect("written");
    meter.add(Purpose::Push, push(7));
    // Killed here: another process has another meter.
    drop(first);
    let meter = Meter::default();
    let mut second = Accounts::open(state.path(), meter.clone());
    meter.add(Purpose::Echo, Bytes { sent: 36, received: 36 });
    second.enter(Now { unix_ms: NOON_MS, is_confirmed: false }, terms(&plan));
    assert_eq!(used(&second, &plan), 136);
    second.close(state.path(), at(NOON_MS), terms(&plan));
    assert_eq!(used(&Accounts::open(state.path(), Meter::default()), &plan), 136);
}

#[test]
fn each_step_is_told_once_and_in_order_and_the_next_month_begins_with_everything() {
    let state = tempfile::tempdir().expect("a directory");
    let plan = Plan { allowance_bytes: Some(20 * MB), echoes: 6, ..Plan::standard() };
    let meter = Meter::default();
    let mut accounts = Accounts::open(state.path(), meter.clone());
    let mut told = Vec::new();
    for _ in 0..40 {
        meter.add(Purpose::Push, push(MB / 2));
        told.extend(accounts.enter(at(NOON_MS), terms(&plan)));
    }
    let steps: Vec<Step> = told.iter().map(|told| told.step).collect();
    assert!(steps.is_sorted() && steps.last() == Some(&Step::Heartbeat), "{steps:?}");
    assert!(told.iter().all(|told| told.allowance_bytes == Some(20 * MB)));
    assert_eq!(accounts.enter(at(NOON_MS), terms(&plan)), [], "nothing new");

    // December: the end of November is told, then the new beginning.
    meter.add(Purpose::Push, push(3));
    let news = accounts.enter(at(NOON_MS + 16 * DAY_MS), terms(&plan));
    let [november, december] = &news[..] else { panic!("{news:?}") };
    assert_eq!((november.month.to_string(), november.paid_bytes()), ("2026-11".to_owned(), 20 * MB + 3));
    assert_eq!((december.month.to_string(), december.paid_bytes()), ("2026-12".to_owned(), 0));
    assert!(december.step < Step::Heartbeat, "{december:?}");
}

#[test]
fn a_larger_allowance_in_the_middle_of_a_month_ends_the_saving() {
    let state = tempfile::tempdir().expect("a directory");
    let small = Plan { allowance_bytes: Some(20 * MB), ..Plan::standard() };
    let large = Plan { allowance_bytes: Some(2_000 * MB), ..Plan::standard() };
    let meter = Meter::default();
    let mut accounts = Accounts::open(state.path(), meter.clone());
    meter.add(Purpose::Push, push(19 * MB));
    accounts.enter(at(NOON_MS), terms(&small));
    let step = |accounts: &mut Accounts, plan: &Plan| {
        accounts.enter(at(NOON_MS), terms(plan)).last().map(|told| told.step)
    };
    assert_eq!(step(&mut accounts, &large), Some(Step::Full));
    assert_eq!(step(&mut accounts, &small), Some(Step::Heartbeat));
}

#[test]
fn what_the_collector_says_of_the_connection_counts_more_than_what_the_system_says() {
    let state = tempfile::tempdir().expect("a directory");
    let said = |ordered: Option<bool>, system: Option<bool>| {
        let plan = Plan { metered: ordered, ..Plan::standard() };
        let mut accounts = Accounts::open(state.path(), Meter::default());
        let terms = Terms { plan: &plan, system_says_metered: system };
        let told = accounts.enter(at(NOON_MS), terms).pop().expect("the first word");
        let may = budget::may_spend(&accounts.account(at(NOON_MS), terms), &plan, 1);
        (told.metered, told.step, may)
    };
    assert_eq!(said(None, None), (None, Step::Full, true));
    assert_eq!(said(None, Some(true)), (Some(true), Step::Standard, false));
    assert_eq!(said(Some(false), Some(true)), (Some(false), Step::Full, true));
    assert_eq!(said(Some(true), None), (Some(true), Step::Standard, false));
}

#[test]
fn a_clock_in_another_month_than_the_ledger_spends_nothing_in_advance() {
    let state = tempfile::tempdir().expect("a directory");
    let plan = Plan { allowance_bytes: Some(100 * MB), ..Plan::standard() };
    let mut accounts = Accounts::open(state.path(), Meter::default());
    accounts.enter(at(NOON_MS), terms(&plan));
    let lost = Now { unix_ms: NOON_MS + 3_650 * DAY_MS, is_confirmed: false };
    accounts.enter(lost, terms(&plan));
    assert_eq!(accounts.account(lost, terms(&plan)).progress, 0.0);
}
