use suar_wire::outcome::EchoMethod;
use suar_wire::record::{Attachment, Health, Round, SessionStart};
use suar_wire::{Body, BootId, DataUse, Echo, Note, Outcome, PlanFault, PlanRefused, SlotWidth, Stamp, Step};

use super::*;

const T0: i64 = 1_790_000_000_000 / 60_000 * 60_000;
const SLOT: i64 = 60_000;
const PUSH_SECONDS: u32 = 300;
const DOWN: Verdict = Verdict::Down(Cause::Internet);

fn code(text: &str) -> SiteCode {
    text.parse().unwrap()
}

fn agent(number: u8) -> AgentId {
    AgentId([number; 16])
}

fn office(_: &SiteCode, _: i64) -> Hours {
    Hours::Office
}

fn timed(at_ms: i64, body: Body) -> Timed {
    let stamp = Stamp { boot: BootId([1; 16]), boot_ms: 0, wall_ms: at_ms };
    Timed { at_ms, record: Record { sequence: 1, stamp, body } }
}

fn round(slot: i64, verdict: Verdict) -> Timed {
    let at_ms = T0 + slot * SLOT + 7_000;
    let echo = Echo {
        target: [1, 1, 1, 1].into(),
        method: EchoMethod::Icmp,
        sent: 1,
        late: 0,
        duplicates: 0,
        error: None,
        rtt_us: if verdict.is_up() { vec![20_000 + slot as u32] } else { vec![] },
    };
    timed(
        at_ms,
        Body::Round(Round {
            slot: SlotWidth::STANDARD.slot_at(at_ms),
            verdict,
            note: Note::None,
            gateway: Outcome::Ok { elapsed_us: 400 },
            dns: if slot % 5 == 0 { Outcome::Ok { elapsed_us: 30_000 } } else { Outcome::NotSent },
            dns_public: Outcome::NotSent,
            online: Outcome::NotSent,
            collector: Outcome::NotSent,
            echoes: vec![echo],
        }),
    )
}

fn push(site: &str, who: u8, records: Vec<Timed>) -> Accepted {
    Accepted {
        site: code(site),
        agent: agent(who),
        plan_version: 1,
        plan_is_right: false,
        clock_offset_ms: Some(5),
        carried: false,
        records,
    }
}

/// Pushes the rounds of these verdicts, one slot after another from `first`, each in a push of its own.
fn play(live: &mut Live, site: &str, who: u8, first: i64, verdicts: &[Verdict]) -> Vec<State> {
    let mut shown = Vec::new();
    for (slot, verdict) in (first..).zip(verdicts) {
        let now_ms = T0 + (slot + 1) * SLOT;
        live.apply(&push(site, who, vec![round(slot, *verdict)]), now_ms, office);
        shown.push(live.state(&code(site), now_ms));
    }
    shown
}

#[test]
fn one_odd_verdict_changes_nothing_two_equal_ones_do() {
    let mut live = Live::new(PUSH_SECONDS);
    let (up, down) = (State::Up, State::Down(Cause::Internet));
    let shown = play(
        &mut live,
        "a",
        1,
        0,
        &[Verdict::Up, DOWN, Verdict::Up, DOWN, DOWN, DOWN, Verdict::Up, DOWN, Verdict::Up, Verdict::Up],
    );
    assert_eq!(shown, [up, up, up, up, down, down, down, down, down, up]);
}

#[test]
fn a_refused_plan_is_shown_until_the_agent_works_by_another() {
    let mut live = Live::new(PUSH_SECONDS);
    let refused = PlanRefused::new(2, PlanFault::Mistakes, "targets: 0 is outside 2 to 8");
    let told = |at_ms| timed(at_ms, Body::PlanRefused(refused.clone()));
    let shown = |live: &Live| live.site(&code("a"))?.agents.get(&agent(1))?.refused().cloned();
    live.apply(&push("a", 1, vec![round(0, Verdict::Up), told(T0 + 8_000)]), T0 + SLOT, office);
    assert_eq!(shown(&live), Some(refused.clone()));
    live.apply(&push("a", 1, vec![round(1, Verdict::Up)]), T0 + 2 * SLOT, office);
    assert_eq!(shown(&live), Some(refused.clone()), "nothing has changed");

    let later = |records| Accepted { plan_version: 3, ..push("a", 1, records) };
    live.apply(&later(vec![round(2, Verdict::Up)]), T0 + 3 * SLOT, office);
    assert_eq!(shown(&live), None);
    live.apply(&later(vec![told(T0 + 9_000)]), T0 + 4 * SLOT, office);
    assert_eq!(shown(&live), None, "late word of what is over");
}

#[test]
fn a_refusal_is_over_when_the_plan_that_was_refused_is_taken_back() {
    let mut live = Live::new(PUSH_SECONDS);
    let refused = PlanRefused::new(2, PlanFault::Mistakes, "targets: 0 is outside 2 to 8");
    let told = timed(T0 + 8_000, Body::PlanRefused(refused));
    let is_shown = |live: &Live| live.site(&code("a")).unwrap().agents[&agent(1)].refused().is_some();
    live.apply(&push("a", 1, vec![told]), T0 + SLOT, office);
    assert!(is_shown(&live));
    let right = Accepted { plan_is_right: true, ..push("a", 1, vec![round(1, Verdict::Up)]) };
    live.apply(&right, T0 + 2 * SLOT, office);
    assert!(!is_shown(&live), "it works by the plan that it never left");
}

#[test]
fn a_program_that_was_refused_is_told_for_as_long_as_the_plan_names_it() {
    let mut live = Live::new(PUSH_SECONDS);
    let refused = PlanRefused::new(5, PlanFault::Program, "0.2.0: it ended by itself");
    let shown = |live: &Live| live.site(&code("a")).unwrap().agents[&agent(1)].refused().cloned();
    let by = |plan_version, records| Accepted { plan_version, plan_is_right: true, ..push("a", 1, records) };
    live.apply(&by(4, vec![]), T0, office);
    let told = timed(T0 + 8_000, Body::PlanRefused(refused.clone()));
    live.apply(&by(5, vec![told]), T0 + SLOT, office);
    live.apply(&by(5, vec![]), T0 + 2 * SLOT, office);
    assert_eq!(shown(&live), Some(refused), "the plan itself is in force");
    live.apply(&by(6, vec![]), T0 + 3 * SLOT, office);
    assert_eq!(shown(&live), None);
}

#[test]
fn a_cause_that_flickers_within_an_outage_does_not_flicker_on_the_wall() {
    let mut live = Live::new(PUSH_SECONDS);
    let dns = Verdict::Down(Cause::Dns);
    let shown = play(&mut live, "a", 1, 0, &[Verdict::Up, DOWN, dns, DOWN, dns, DOWN, DOWN]);
    let causes: Vec<_> = shown.iter().map(|state| state.cause()).collect();
    let (dns, internet) = (Some(Cause::Dns), Some(Cause::Internet));
    assert_eq!(causes, [None, None, dns, dns, dns, dns, internet]);
}

#[test]
fn verdicts_on_both_sides_of_a_hole_do_not_confirm_each_other() {
    let mut live = Live::new(PUSH_SECONDS);
    play(&mut live, "a", 1, 0, &[Verdict::Up, DOWN]);
    assert_eq!(play(&mut live, "a", 1, 900, &[DOWN]), [State::Up]);
    assert_eq!(play(&mut live, "a", 1, 901, &[DOWN]), [State::Down(Cause::Internet)]);
}

#[test]
fn the_records_of_one_push_are_taken_in_the_order_of_measuring() {
    let mut live = Live::new(PUSH_SECONDS);
    let records = vec![round(3, DOWN), round(0, Verdict::Up), round(2, DOWN), round(1, Verdict::Up)];
    live.apply(&push("a", 1, records), T0 + 5 * SLOT, office);
    assert_eq!(live.state(&code("a"), T0 + 5 * SLOT), State::Down(Cause::Internet));
}

#[test]
fn late_data_grows_counters_and_changes_nothing_else() {
    let mut live = Live::new(PUSH_SECONDS);
    play(&mut live, "a", 1, 100, &[Verdict::Up, Verdict::Up]);
    let now_ms = T0 + 102 * SLOT;
    let before = live.site(&code("a")).unwrap().agents[&agent(1)].clone();
    let backlog = (0..50).map(|slot| round(slot, DOWN)).collect();
    live.apply(&push("a", 1, backlog), now_ms, office);
    let site = live.site(&code("a")).unwrap();
    assert_eq!(site.agents[&agent(1)], before);
    assert_eq!(live.state(&code("a"), now_ms), State::Up);
    assert_eq!((site.counters.slots_up(Hours::Office), site.counters.slots_down(Hours::Office)), (2, 50));
    assert_eq!((site.counters.echoes_sent, site.counters.echoes_lost), (2, 0), "an outage is no loss");
    assert_eq!(live.records().by_kind().collect::<Vec<_>>(), [("round", 52)]);
}

#[test]
fn an_agent_is_silent_after_three_push_intervals_and_never_down() {
    let mut live = Live::new(PUSH_SECONDS);
    assert_eq!(live.state(&code("a"), T0), State::NeverHeard);
    play(&mut live, "a", 1, 0, &[DOWN, DOWN]);
    let heard_ms = T0 + 2 * SLOT;
    assert_eq!(live.state(&code("a"), heard_ms + 900_000), State::Down(Cause::Internet));
    assert_eq!(live.state(&code("a"), heard_ms + 900_001), State::Silent);
    assert!(live.site(&code("a")).unwrap().speaker(heard_ms + 900_001, 900_000).is_none());
}

#[test]
fn a_push_without_anything_new_ends_the_silence() {
    let mut live = Live::new(PUSH_SECONDS);
    play(&mut live, "a", 1, 0, &[Verdict::Up]);
    let later_ms = T0 + 5_000 * SLOT;
    assert_eq!(live.state(&code("a"), later_ms), State::Silent);
    live.apply(&push("a", 1, vec![]), later_ms, office);
    assert_eq!(live.state(&code("a"), later_ms), State::Up);
}

#[test]
fn a_site_is_up_when_any_of_its_agents_is_and_down_only_when_all_are() {
    let mut live = Live::new(PUSH_SECONDS);
    play(&mut live, "a", 1, 0, &[DOWN, DOWN]);
    assert_eq!(play(&mut live, "a", 2, 0, &[Verdict::Up]), [State::Up]);
    let gateway = Verdict::Down(Cause::Gateway);
    let shown = play(&mut live, "a", 2, 1, &[gateway, gateway]);
    assert_eq!(shown, [State::Up, State::Down(Cause::Gateway)], "the cause is that of the newest round");
    // The second agent falls silent: what the first says counts again.
    live.apply(&push("a", 1, vec![]), T0 + 1_000 * SLOT, office);
    assert_eq!(live.state(&code("a"), T0 + 1_000 * SLOT), State::Down(Cause::Internet));
}

#[test]
fn a_probe_that_was_not_sent_keeps_its_last_outcome_and_a_lost_echo_leaves_no_old_round_trip() {
    let mut live = Live::new(PUSH_SECONDS);
    play(&mut live, "a", 1, 0, &[Verdict::Up, Verdict::Up, DOWN]);
    let known = &live.site(&code("a")).unwrap().agents[&agent(1)];
    assert_eq!(known.probes[&ProbeKind::Dns].value, Outcome::Ok { elapsed_us: 30_000 });
    assert_eq!(known.probes[&ProbeKind::Dns].at_ms, T0 + 7_000);
    assert!(!known.probes.contains_key(&ProbeKind::Online));
    assert!(known.rtts.is_empty());
    assert_eq!(known.measured_ms(), Some(T0 + 2 * SLOT + 7_000));
}

#[test]
fn what_a_machine_hangs_on_stays_while_a_look_does_not_tell_it() {
    let mut live = Live::new(PUSH_SECONDS);
    let look = |on_mains: Option<bool>| {
        let attachment = on_mains.map(|told| Attachment { on_mains: Some(told), ..Attachment::default() });
        Body::Health(Box::new(Health { attachment, ..Health::default() }))
    };
    let looks =
        [(T0, None), (T0 + 1, Some(true)), (T0 + 2, None)].map(|(at_ms, told)| timed(at_ms, look(told)));
    live.apply(&push("a", 1, looks.to_vec()), T0 + 10, office);
    live.apply(&push("a", 1, vec![timed(T0, look(Some(false)))]), T0 + 11, office);
    let known = &live.site(&code("a")).unwrap().agents[&agent(1)];
    let attachment = known.attachment.as_ref().unwrap();
    assert_eq!((attachment.at_ms, attachment.value.on_mains), (T0 + 1, Some(true)));
    assert_eq!(known.health.as_ref().unwrap().at_ms, T0 + 2);
}

#[test]
fn the_newest_health_and_version_win() {
    let mut live = Live::new(PUSH_SECONDS);
    let health = |spool_records| Body::Health(Box::new(Health { spool_records, ..Health::default() }));
    let start = |version: &str| {
        Body::SessionStart(SessionStart {
            agent_version: version.to_owned(),
            system: "linux x86_64".to_owned(),
            previous_ended: suar_wire::record::Ending::None,
            previous_last: None,
        })
    };
    let newest = vec![timed(T0 + 9, health(3)), timed(T0 + 8, start("0.2.0"))];
    live.apply(&push("a", 1, newest), T0 + 10, office);
    let late = vec![timed(T0 + 2, health(900)), timed(T0 + 1, start("0.1.0"))];
    live.apply(&push("a", 1, late), T0 + 11, office);
    let known = &live.site(&code("a")).unwrap().agents[&agent(1)];
    assert_eq!(known.health.as_ref().unwrap().value.spool_records, 3);
    assert_eq!(known.program.as_ref().unwrap().value.0, "0.2.0");
    assert_eq!(live.state(&code("a"), T0 + 11), State::NeverHeard, "no verdict has come yet");
}

#[test]
fn the_collectors_own_absence_makes_nobody_silent() {
    let remembered = |who, heard_ms, slot| Remembered {
        accepted: push("a", who, vec![round(slot, Verdict::Up)]),
        heard_ms,
        program: ("0.1.0".to_owned(), "linux x86_64".to_owned()),
    };
    let mut live = Live::new(PUSH_SECONDS);
    // Agent 1 was heard to the end, agent 2 had been silent for an hour; then the collector was away.
    let stopped_ms = T0 + 60 * SLOT;
    let started_ms = stopped_ms + 86_400_000;
    live.restore(&[remembered(1, stopped_ms, 59), remembered(2, T0, 0)], started_ms);
    let agents = live.site(&code("a")).unwrap().agents.clone();
    let silent = |who, now_ms| agents[&agent(who)].is_silent(now_ms, live.silent_after_ms());
    assert!(!silent(1, started_ms + 900_000) && silent(1, started_ms + 900_001));
    assert!(silent(2, started_ms));
    assert_eq!(agents[&agent(1)].heard_ms, stopped_ms, "what is shown as last heard is true all the same");
}

#[test]
fn counters_from_day_summaries_are_those_that_the_records_made() {
    use crate::calendar::Span;
    use crate::day::{Block, DaySummary, Run, State as Second};
    let hours = |at_ms: i64| if (at_ms - T0) / SLOT < 5 { Hours::Office } else { Hours::Off };
    let verdicts = [Verdict::Up, Verdict::Up, DOWN, DOWN, Verdict::Up, Verdict::Up, DOWN, Verdict::Up];
    let mut live = Live::new(PUSH_SECONDS);
    let mut records: Vec<Timed> = (0..).zip(verdicts).map(|(slot, verdict)| round(slot, verdict)).collect();
    // One echo is lost while the link is up; those of the outages are no loss.
    if let Body::Round(round) = &mut records[4].record.body {
        round.echoes[0].rtt_us.clear();
    }
    live.apply(&push("a", 1, records), T0 + 9 * SLOT, |_, at_ms| hours(at_ms));
    let day = T0.div_euclid(86_400_000) as i32;
    let start_s = (T0.rem_euclid(86_400_000) / 1000) as u32;
    let run =
        |from: u32, slots: u32, state| Run { start_s: start_s + from * 60, length_s: slots * 60, state };
    let down = Second::Down(Cause::Internet);
    let summary = DaySummary {
        runs: vec![
            run(0, 2, Second::Up),
            run(2, 2, down),
            run(4, 2, Second::Up),
            run(6, 1, down),
            run(7, 1, Second::Up),
        ],
        slot_seconds: 60,
        blocks: [Block { block: 3, sent: 5, lost: 1, ..Block::default() }].into_iter().collect(),
        ..DaySummary::default()
    };
    // Hours that begin before the first run and end within a later one, and a stretch of another day.
    let (from_s, to_s) = (T0 / 1000 - 500, T0 / 1000 + 5 * 60);
    let open = [Span::new(from_s - 86_400, from_s - 80_000), Span::new(from_s, to_s)];
    let restored = Counters::of_day(&summary, day, &open);
    assert_eq!(&restored, &live.site(&code("a")).unwrap().counters);
    assert_eq!(
        [Hours::Office, Hours::Off].map(|hours| (restored.slots_up(hours), restored.slots_down(hours))),
        [(3, 2), (2, 1)]
    );
}

proptest::proptest! {
    /// Whatever order and grouping the pushes come in, nothing is counted twice or forgotten, and what is
    /// newest is the newest.
    #[test]
    fn counters_and_the_newest_round_do_not_depend_on_how_records_arrive(
        ups in proptest::collection::vec(proptest::bool::ANY, 1..60),
        cuts in proptest::collection::vec(0_usize..60, 0..6),
        turn in 0_usize..60,
    ) {
        let verdict = |up: bool| if up { Verdict::Up } else { DOWN };
        let mut records: Vec<Timed> = (0..).zip(&ups).map(|(slot, up)| round(slot, verdict(*up))).collect();
        let newest = records.last().cloned().unwrap();
        let length = records.len();
        records.rotate_left(turn % length);
        let mut live = Live::new(PUSH_SECONDS);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(length)).chain([0, length]).collect();
        cuts.sort_unstable();
        for cut in cuts.windows(2) {
            live.apply(&push("a", 1, records[cut[0]..cut[1]].to_vec()), T0 + 100 * SLOT, office);
        }
        let site = live.site(&code("a")).unwrap();
        let counted = (site.counters.slots_up(Hours::Office), site.counters.slots_down(Hours::Office));
        let up = ups.iter().filter(|up| **up).count() as u64;
        proptest::prop_assert_eq!(counted, (up, length as u64 - up));
        proptest::prop_assert_eq!(site.measured_ms(), Some(newest.at_ms));
    }
}

#[test]
fn an_agent_that_saves_data_pushes_less_often_and_is_not_silent_for_that() {
    let mut live = Live::new(PUSH_SECONDS);
    play(&mut live, "a", 1, 0, &[Verdict::Up]);
    let saving = |step| {
        let month = "2026-09".parse().unwrap();
        let data = DataUse { month, used: Vec::new(), allowance_bytes: Some(1), step, metered: None };
        timed(T0 + SLOT, Body::DataUse(data))
    };
    let heard_ms = T0 + 2 * SLOT;
    for (step, pushes) in [(Step::Full, 3), (Step::Frugal, 6), (Step::Heartbeat, 36), (Step::Full, 3)] {
        live.apply(&push("a", 1, vec![saving(step)]), heard_ms, office);
        let silent_from = heard_ms + pushes * i64::from(PUSH_SECONDS) * 1000;
        assert_eq!(live.state(&code("a"), silent_from), State::Up, "{step:?}");
        assert_eq!(live.state(&code("a"), silent_from + 1), State::Silent, "{step:?}");
    }
}
