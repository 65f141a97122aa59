//! The steps one by one, and whole months lived minute by minute.

use proptest::prelude::*;

use super::*;

const MIB: u64 = 1024 * 1024;

fn plan() -> Plan {
    Plan { online_url: Some("http://192.0.2.1/v1/online".to_owned()), ..Plan::standard() }
}

fn fine() -> Plan {
    Plan { echoes: 6, ..plan() }
}

fn account(paid_mib: u64, allowance_mib: Option<u64>, progress: f64) -> Account {
    Account {
        paid_bytes: paid_mib * MIB,
        allowance_bytes: allowance_mib.map(|mib| mib * MIB),
        progress,
        metered: false,
        reached: Step::Full,
    }
}

#[test]
fn without_an_allowance_nothing_is_left_out() {
    assert_eq!(step(&account(100_000, None, 0.1), &fine()), Step::Full);
    assert!(may_spend(&account(100_000, None, 0.1), &fine(), 1 << 40));
}

#[test]
fn the_nearer_the_allowance_the_more_is_left_out_and_the_sign_of_life_stays() {
    let steps: Vec<Step> = (0..=100).map(|paid| step(&account(paid, Some(100), 0.5), &fine())).collect();
    assert!(steps.is_sorted());
    let mut seen = steps.clone();
    seen.dedup();
    assert_eq!(seen, Step::ALL);
    assert_eq!(step(&account(500, Some(100), 0.5), &fine()), Step::Heartbeat);
}

#[test]
fn within_a_month_there_is_no_way_back() {
    let late = Account { reached: Step::Frugal, ..account(50, Some(100), 0.99) };
    assert_eq!(step(&late, &plan()), Step::Frugal);
    assert_eq!(step(&Account { reached: Step::Full, ..late }, &plan()), Step::Full);
}

#[test]
fn a_connection_paid_by_the_byte_is_spared_as_long_as_it_is_one() {
    let metered = Account { metered: true, ..account(0, None, 0.5) };
    assert_eq!(step_in_force(&metered, &fine()), Step::Standard);
    assert_eq!(step(&metered, &fine()), Step::Full, "nothing that would outlast it");
    assert!(!may_spend(&metered, &fine(), 1));
}

#[test]
fn a_test_runs_only_when_the_rest_of_the_month_is_paid_for() {
    let rich = account(10, Some(300), 0.5);
    assert!(may_spend(&rich, &plan(), 10 * MIB));
    assert!(!may_spend(&rich, &plan(), 300 * MIB));
    assert!(!may_spend(&account(299, Some(300), 0.5), &plan(), 100_000));
}

#[test]
fn steps_change_the_plan_as_they_say() {
    let said = |step| {
        let plan = applied(step, &fine());
        (plan.echoes, plan.slot_seconds.seconds(), plan.push_seconds, plan.health_seconds)
    };
    assert_eq!(said(Step::Standard), (1, 60, 300, 600));
    assert_eq!(said(Step::Frugal), (1, 300, 600, 600));
    assert_eq!(said(Step::Heartbeat), (1, 3_600, 3_600, 3_600));
    assert_eq!(applied(Step::NoBandwidth, &fine()), fine());
    for seconds in (1..=3_600).filter(|seconds| SECONDS_A_DAY.is_multiple_of(*seconds)) {
        let width = SlotWidth::from_seconds(seconds).expect("a divisor");
        let wide = widened(width, 5).seconds();
        assert!(wide == 3_600 || (wide >= 5 * seconds && wide < 10 * seconds), "{seconds} s to {wide} s");
    }
    for step in Step::ALL {
        assert_eq!(applied(*step, &fine()).mistakes(), Vec::<String>::new());
    }
}

/// Lives a month minute by minute with what things really cost, given as shares of what the budget thinks,
/// and outages in which every round is a diagnosis. (With bytes as a real agent spends them, and the real ledger:
/// `run/month_tests.rs`.) Returns bytes and the steps that were taken.
fn lived_month(plan: &Plan, allowance: u64, dearer: f64, outage_share: f64) -> (u64, Vec<Step>) {
    const MINUTES: u32 = 30 * 24 * 60;
    let mut account = Account { allowance_bytes: Some(allowance), ..account(0, None, 0.0) };
    let mut spent = 0.0;
    let mut steps = vec![Step::Full];
    for minute in 0..MINUTES {
        account.progress = f64::from(minute) / f64::from(MINUTES);
        account.paid_bytes = spent as u64;
        account.reached = step(&account, plan);
        if steps.last() != Some(&account.reached) {
            steps.push(account.reached);
        }
        let now = applied(account.reached, plan);
        let in_trouble = f64::from(minute % 1_000) / 1_000.0 < outage_share;
        let quiet = month_bytes(&now) / MONTH_SECONDS * 60.0;
        let diagnosis = if in_trouble && now.slot_seconds.seconds() < SLOT_SECONDS_MAX {
            DIAGNOSIS_BYTES * 60.0 / f64::from(now.slot_seconds.seconds())
        } else {
            0.0
        };
        spent += quiet * dearer + diagnosis;
    }
    (spent as u64, steps)
}

#[test]
fn twenty_megabytes_last_for_a_month_however_it_goes() {
    let allowance = 20_000_000;
    for (name, plan) in [("standard", plan()), ("fine", fine())] {
        for outage_share in [0.0, 0.05, 0.5, 1.0] {
            let (spent, steps) = lived_month(&plan, allowance, 1.1, outage_share);
            println!("{name}, {outage_share} of it in trouble: {spent} bytes, {steps:?}");
            assert!(spent < allowance, "{name}, {outage_share}: {spent}");
        }
    }
}

proptest! {
    // Each case is a month of minutes.
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn no_month_costs_more_than_its_allowance(
        allowance in 8_000_000u64..200_000_000,
        echoes in 1u8..=10,
        dearer in 0.5f64..1.2,
        outage_share in 0.0f64..1.0,
    ) {
        let plan = Plan { echoes, ..plan() };
        let (spent, steps) = lived_month(&plan, allowance, dearer, outage_share);
        prop_assert!(spent <= allowance, "{spent} of {allowance}: {steps:?}");
        prop_assert!(steps.is_sorted());
    }
}
