//! Whole months lived minute by minute by the real ledger, budget and choice of questions, with bytes as a real agent
//! on a good line spends them: `lab/ledger.sh 3600 60` and `suar-agent status --json` beside it.

use suar_wire::{Purpose, SlotWidth};

use super::*;
use crate::http::{IDLE_SECONDS_MAX, KEEPALIVE_SECONDS};
use crate::meter::Bytes;
use crate::round::{Asks, Due, Worries};

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;
const MB: u64 = 1_000_000;

/// Both directions of one echo, question, push, connection, sign of life on a connection.
const ECHO: u64 = 72;
const DNS: u64 = 136;
const ONLINE: u64 = 870;
const COLLECTOR: u64 = 2_289;
const PUSH: u64 = 745;
const CONNECTION: u64 = 2_000;
const KEEPALIVE: u64 = 104;
/// What a bandwidth test takes, and how often it is thought of.
const TEST: u64 = 400_000;
const TEST_EVERY_MINUTES: i64 = 6 * 60;

/// What a month came to.
struct Lived {
    paid_bytes: u64,
    tests: u32,
    rounds: u32,
    /// Each step with the day on which it was told.
    steps: Vec<(i64, Step)>,
    /// What was told when the next month began.
    after: Vec<DataUse>,
}

struct Life {
    meter: Meter,
    accounts: Accounts,
    plan: Plan,
    number: u64,
    pushed_at: i64,
}

impl Life {
    fn spend(&self, purpose: Purpose, bytes: u64) {
        self.meter.add(purpose, Bytes { sent: bytes / 2, received: bytes - bytes / 2 });
    }

    fn round(&mut self, in_force: &Plan, in_trouble: bool) {
        let echoes = in_force.targets.len() as u64 * u64::from(in_force.echoes) * ECHO;
        let worries = Worries { down: in_trouble, ..Worries::default() };
        let Asks { dns, dns_public, online, collector } =
            Due::new(in_force, self.number, worries, false).asks;
        self.number += 1;
        self.spend(Purpose::Echo, if in_trouble { 2 * echoes } else { echoes });
        self.spend(Purpose::Dns, (u64::from(dns) + u64::from(dns_public)) * DNS);
        self.spend(Purpose::Online, u64::from(online) * ONLINE);
        self.spend(Purpose::Collector, u64::from(collector) * COLLECTOR);
    }

    fn push(&mut self, minute: i64) {
        let idle_seconds = (minute - self.pushed_at).unsigned_abs() * 60;
        self.pushed_at = minute;
        let keepalives = idle_seconds.min(IDLE_SECONDS_MAX) / KEEPALIVE_SECONDS;
        let connection = if idle_seconds > IDLE_SECONDS_MAX { CONNECTION } else { 0 };
        self.spend(Purpose::Push, PUSH + connection + keepalives * KEEPALIVE);
    }
}

/// When rounds are diagnoses.
#[derive(Clone, Copy)]
enum Trouble {
    Never,
    ADayAWeek,
    AfterTenDays,
    Always,
}

impl Trouble {
    fn is_at(self, minute: i64) -> bool {
        match self {
            Self::Never => false,
            Self::ADayAWeek => minute / DAY_MINUTES % 7 == 0,
            Self::AfterTenDays => minute > 10 * DAY_MINUTES,
            Self::Always => true,
        }
    }
}

/// November in western Indonesia.
fn november(plan: &Plan, trouble: Trouble) -> Lived {
    let state = tempfile::tempdir().expect("a directory");
    let (begin, meter) = ("2026-11".parse::<Month>().expect("a month"), Meter::default());
    let begin_ms = begin.start_ms(plan.utc_offset_minutes);
    let minutes = (begin.next().start_ms(plan.utc_offset_minutes) - begin_ms) / MINUTE_MS;
    let accounts = Accounts::open(state.path(), meter.clone());
    let mut life = Life { meter, accounts, plan: plan.clone(), number: 0, pushed_at: 0 };
    let mut lived = Lived { paid_bytes: 0, tests: 0, rounds: 0, steps: Vec::new(), after: Vec::new() };
    for minute in 0..=minutes {
        let now = Now { unix_ms: begin_ms + minute * MINUTE_MS, is_confirmed: true };
        let plan = life.plan.clone();
        let terms = Terms { plan: &plan, system_says_metered: None };
        let told = life.accounts.enter(now, terms);
        if minute == minutes {
            lived.after = told;
            break;
        }
        lived.steps.extend(told.iter().map(|told| (minute / DAY_MINUTES + 1, told.step)));
        let step = life.accounts.now(now, terms).map_or(Step::Full, |now| now.step);
        let in_force = budget::applied(step, &plan);
        let every = |seconds: u32| minute % (i64::from(seconds) / 60).max(1) == 0;
        if every(in_force.slot_seconds.seconds()) {
            lived.rounds += 1;
            life.round(&in_force, trouble.is_at(minute));
        }
        if every(in_force.push_seconds) {
            life.push(minute);
        }
        if minute % TEST_EVERY_MINUTES == 0
            && budget::may_spend(&life.accounts.account(now, terms), &plan, TEST)
        {
            lived.tests += 1;
            life.spend(Purpose::Bandwidth, TEST);
        }
    }
    lived.paid_bytes = lived.after.first().map_or(0, DataUse::paid_bytes);
    lived
}

fn plan(allowance_mb: u64, echoes: u8) -> Plan {
    Plan {
        allowance_bytes: Some(allowance_mb * MB),
        echoes,
        online_url: Some("http://192.0.2.1/v1/online".to_owned()),
        ..Plan::standard()
    }
}

#[test]
fn a_month_of_twenty_megabytes_ends_under_twenty_megabytes() {
    let lives = [
        ("standard, quiet", 1, Trouble::Never),
        ("standard, in trouble a day a week", 1, Trouble::ADayAWeek),
        ("standard, always in trouble", 1, Trouble::Always),
        ("fine, quiet", 6, Trouble::Never),
        ("fine, always in trouble", 6, Trouble::Always),
    ];
    for (name, echoes, trouble) in lives {
        let lived = november(&plan(20, echoes), trouble);
        let Lived { paid_bytes, tests, rounds, steps, after } = &lived;
        println!("{name}: {paid_bytes} bytes, {rounds} rounds, {tests} tests, {steps:?}");
        assert!(*paid_bytes <= 20 * MB, "{name}: {paid_bytes}");
        assert!(*paid_bytes >= 15 * MB, "{name}: more was left out than had to be: {paid_bytes}");
        assert!(steps.is_sorted_by_key(|(_, step)| step), "{name}: {steps:?}");
        let [ended, begun] = &after[..] else { panic!("{name}: {after:?}") };
        assert_eq!((ended.month.next(), begun.paid_bytes()), (begun.month, 0), "{name}");
        assert!(begun.step <= steps[0].1, "{name}: a new month begins anew");
    }
}

#[test]
fn a_month_with_room_for_tests_takes_every_step_one_by_one() {
    // Quiet for ten days, then in trouble to the end.
    let lived = november(&plan(130, 6), Trouble::AfterTenDays);
    println!("{} bytes, {} tests, {:?}", lived.paid_bytes, lived.tests, lived.steps);
    assert!(lived.paid_bytes <= 130 * MB, "{}", lived.paid_bytes);
    let steps: Vec<Step> = lived.steps.iter().map(|(_, step)| *step).collect();
    assert_eq!(steps, Step::ALL, "each in its turn");
    assert!(lived.tests > 0);
}

#[test]
fn an_allowance_that_suffices_leaves_out_nothing() {
    let lived = november(&plan(500, 1), Trouble::Never);
    assert_eq!(lived.steps, [(1, Step::Full)]);
    assert_eq!((lived.tests, lived.rounds), (30 * 4, 30 * DAY_MINUTES as u32));
    assert_eq!(SlotWidth::STANDARD.seconds(), 60, "a round a minute");
}
