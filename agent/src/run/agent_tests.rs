//! The agent between two looks at the clocks, with clocks that were set beforehand.

use std::sync::Mutex;

use suar_wire::bandwidth::Moments;
use suar_wire::record::Dropped;
use suar_wire::{BootId, Cause, Epoch, Outcome, Verdict, decode_record};
use tokio::sync::Notify;

use super::*;
use crate::meter::Meter;
use crate::spool::{Options, Order, Spool};
use crate::uplink::ServerTime;

struct Office {
    directory: tempfile::TempDir,
    _plan: watch::Sender<Plan>,
    uplink: watch::Sender<UplinkState>,
}

fn office() -> (Office, Agent) {
    let directory = tempfile::tempdir().expect("a directory");
    let spool = open(directory.path());
    let plan = watch::Sender::new(Plan::standard());
    let uplink = watch::Sender::new(UplinkState::default());
    let identity = toml::from_str(
        "agent = \"000102030405060708090a0b0c0d0e0f\"\ntoken = \"t\"\nsite = \"A\"\nsite_name = \"A\"\nonline_key = \"00\"\n",
    );
    let agent = Agent::new(Parts {
        clocks: Clocks::system(),
        prober: Prober::new("127.0.0.1:9", [0; 16], Vec::new(), &Meter::default()).expect("a prober"),
        plan: plan.subscribe(),
        uplink: uplink.subscribe(),
        step: watch::Sender::new(Step::Full),
        writer: Writer::start(
            Arc::new(Mutex::new(spool)),
            Arc::new(Notify::new()),
            directory.path().to_owned(),
            directory.path().to_owned(),
        ),
        identity: identity.expect("an identity"),
        collector: "127.0.0.1:9".to_owned(),
        state: directory.path().to_owned(),
        accounts: Accounts::open(directory.path(), Meter::default()),
        line_tests: LineTests::new(
            None,
            Meter::default(),
            directory.path().to_owned(),
            watch::channel(Moments::default()).1,
        ),
        updates: Updates::new(None),
    });
    (Office { directory, _plan: plan, uplink }, agent)
}

fn open(directory: &std::path::Path) -> Spool {
    Spool::open(directory, Options { bytes_max: 1 << 20 }, Epoch([1; 8])).expect("a spool").0
}

/// Any record will do for a goodbye here.
const GOODBYE: Body = Body::Dropped(Dropped { first: 1, last: 1 });

async fn records(office: &Office, agent: Agent) -> Vec<Body> {
    let close_accounts = agent.end(GOODBYE).await;
    close_accounts();
    let found = open(office.directory.path()).peek(Order::OldestFirst, 100, 1 << 20).expect("read");
    let mut bodies: Vec<Body> =
        found.iter().map(|(_, bytes)| decode_record(bytes).expect("a record").body).collect();
    assert_eq!(bodies.pop(), Some(GOODBYE));
    bodies
}

fn earlier(now: Reading, boot_ms: u64, awake_ms: u64, wall_ms: i64) -> Reading {
    Reading {
        boot_ms: now.boot_ms.saturating_sub(boot_ms),
        awake_ms: now.awake_ms.saturating_sub(awake_ms),
        wall_ms: now.wall_ms - wall_ms,
    }
}

fn round(verdict: Verdict) -> Round {
    Round {
        slot: Plan::standard().slot_seconds.slot_at(0),
        verdict,
        note: Default::default(),
        gateway: Outcome::NotSent,
        dns: Outcome::NotSent,
        dns_public: Outcome::NotSent,
        online: Outcome::NotSent,
        collector: Outcome::NotSent,
        echoes: Vec::new(),
    }
}

#[tokio::test]
async fn a_sleep_is_a_gap_and_the_rounds_that_straddle_it_are_no_records() {
    let (office, mut agent) = office();
    let now = agent.clocks.read();
    agent.turn(now);
    agent.start_round(now);
    assert_eq!(agent.under_way.len(), 1);
    // The last look: twenty seconds of boot time ago, of which one was lived awake.
    let last = earlier(now, 20_000, 1_000, 20_000);
    agent.jumps = JumpWatch::new(last);
    agent.end_round(agent.clocks.stamp(last), round(Verdict::Down(Cause::Internet)));
    agent.look_at_clocks();
    assert!(agent.under_way.is_empty() && agent.appointment.is_none());
    let gap = Gap { reason: GapReason::Suspended, from_boot_ms: last.boot_ms };
    assert_eq!(records(&office, agent).await, [Body::Gap(gap)]);
}

#[tokio::test]
async fn a_set_clock_is_a_record_and_does_not_move_corrected_time() {
    let (office, mut agent) = office();
    let now = agent.clocks.read();
    let ahead_of_boot_ms = now.wall_ms - now.boot_ms as i64;
    let server = ServerTime { ahead_of_boot_ms, error_ms: 0 };
    office.uplink.send_modify(|state| state.server_time = Some(server));
    agent.take_uplink_state();
    let before = agent.corrected.now_ms(earlier(now, 1_000, 1_000, -3_599_000));
    agent.jumps = JumpWatch::new(earlier(now, 1_000, 1_000, -3_599_000));
    agent.look_at_clocks();
    let after = agent.corrected.now_ms(now);
    assert!(
        (900..1_500).contains(&(after - before)),
        "an hour back by the wall clock, a second by ours: {}",
        after - before
    );
    let [Body::ClockStep(step)] = records(&office, agent).await[..] else { panic!("one step") };
    assert!((step.by_ms + 3_600_000).abs() < 500, "{step:?}");
}

#[tokio::test]
async fn each_refused_plan_is_one_record() {
    let (office, mut agent) = office();
    let refused = |version| PlanRefused::new(version, PlanFault::Mistakes, "echoes: 0 is outside 1 to 10");
    for version in [2, 2, 3] {
        office.uplink.send_modify(|state| {
            state.pushes_ok += 1;
            state.refused_plan = Some(refused(version));
        });
        agent.take_uplink_state();
    }
    assert_eq!(records(&office, agent).await, [2, 3].map(|version| Body::PlanRefused(refused(version))));
}

#[tokio::test]
async fn a_late_tick_is_a_gap_from_the_moment_that_was_missed() {
    let (office, mut agent) = office();
    let now = agent.clocks.read();
    let now_ms = agent.corrected.now_ms(now);
    let slot = agent.plan.slot_seconds.slot_at(now_ms);
    agent.appointment = Some(Appointment { slot, start_ms: now_ms - 7_000 });
    let Turn::Missed { late_ms } = agent.turn(now) else { panic!("seven seconds are too late") };
    agent.miss_round(now, late_ms);
    assert_eq!(agent.taken, Some(slot), "not caught up");
    let gap = Gap { reason: GapReason::Starved, from_boot_ms: now.boot_ms - 7_000 };
    assert_eq!(records(&office, agent).await, [Body::Gap(gap)]);
}

#[tokio::test]
async fn records_keep_the_raw_verdict_while_the_shown_state_waits_for_a_second_one() {
    let (office, mut agent) = office();
    let down = Verdict::Down(Cause::Internet);
    let stamp = Stamp { boot: BootId([1; 16]), boot_ms: 1, wall_ms: 1 };
    for verdict in [Verdict::Up, down] {
        agent.end_round(stamp, round(verdict));
    }
    assert_eq!(agent.status.verdict, Some(Verdict::Up));
    agent.end_round(stamp, round(down));
    assert_eq!(agent.status.verdict, Some(down));
    let verdicts: Vec<Verdict> = records(&office, agent)
        .await
        .iter()
        .filter_map(|body| match body {
            Body::Round(round) => Some(round.verdict),
            _ => None,
        })
        .collect();
    assert_eq!(verdicts, [Verdict::Up, down, down]);
}

fn paused(from_boot_ms: u64) -> Body {
    Body::Gap(Gap { reason: GapReason::Paused, from_boot_ms })
}

fn later(now: Reading, ms: u64) -> Reading {
    Reading { boot_ms: now.boot_ms + ms, awake_ms: now.awake_ms + ms, wall_ms: now.wall_ms + ms as i64 }
}

#[tokio::test]
async fn a_pause_is_told_while_it_lasts_and_when_it_ends() {
    let (office, mut agent) = office();
    let start = agent.clocks.read();
    assert!(!agent.is_paused(start));
    let pause = pause::Pause { from: agent.clocks.stamp(start), seconds: 420 };
    pause::write(office.directory.path(), &pause).expect("written");
    for minute in 0..7 {
        let now = later(start, minute * 60_000);
        agent.turn(now);
        assert!(agent.is_paused(now), "minute {minute}");
        agent.skip_round(now);
    }
    assert!(agent.under_way.is_empty(), "nothing is sent");
    assert_eq!(agent.status.paused_until_ms, Some(start.wall_ms + 420_000));
    let end = later(start, 420_000);
    assert!(!agent.is_paused(end));
    assert_eq!(agent.status.paused_until_ms, None);
    assert!(!agent.is_paused(end));
    let fifth = start.boot_ms + 300_000;
    assert_eq!(records(&office, agent).await, [paused(start.boot_ms), paused(fifth)]);
}

#[tokio::test]
async fn a_sleep_during_a_pause_is_told_apart_and_the_pause_goes_on() {
    let (office, mut agent) = office();
    let now = agent.clocks.read();
    let last = earlier(now, 20_000, 1_000, 20_000);
    let begun = last.boot_ms.saturating_sub(5_000);
    agent.paused_from = Some(begun);
    agent.jumps = JumpWatch::new(last);
    agent.look_at_clocks();
    let resumed = agent.paused_from.expect("goes on");
    let [first, second, third] = &records(&office, agent).await[..] else { panic!("three gaps") };
    assert_eq!(*first, paused(begun));
    let slept = Gap { reason: GapReason::Suspended, from_boot_ms: last.boot_ms };
    assert_eq!((second, third), (&Body::Gap(slept), &paused(resumed)));
    assert!(resumed >= now.boot_ms);
}

#[tokio::test]
async fn a_pause_that_cannot_be_read_stops_nothing() {
    let (office, mut agent) = office();
    std::fs::write(office.directory.path().join("pause.json"), b"{").expect("written");
    let now = agent.clocks.read();
    assert!(!agent.is_paused(now));
    assert_eq!(records(&office, agent).await, []);
}
