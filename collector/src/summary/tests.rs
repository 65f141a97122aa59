use std::net::IpAddr;

use proptest::prelude::*;
use suar_wire::record::{Ending, Gap, GapReason, Round, SessionStart};
use suar_wire::{AgentId, Body, BootId, Cause, Echo, Epoch, Note, Outcome, Record, Slot, SlotWidth, Stamp};

use super::explain::explained_by;
use super::*;
use crate::day::{HalfHour, Reason};

const DAY: crate::day::Day = 20_000;
const DAY_MS: i64 = DAY as i64 * 86_400_000;

fn stored(boot: u8, at_ms: i64, body: Body) -> StoredRecord {
    let stamp = Stamp { boot: BootId([boot; 16]), boot_ms: (at_ms - DAY_MS) as u64, wall_ms: at_ms };
    StoredRecord {
        agent: AgentId([1; 16]),
        epoch: Epoch([1; 8]),
        record: Record { sequence: 1, stamp, body },
        at_ms,
        quality: Quality::Synced,
    }
}

fn round(start_s: i64, width_s: u32, verdict: Verdict, echoes: Vec<Echo>) -> StoredRecord {
    let width = SlotWidth::from_seconds(width_s).expect("a width");
    let at_ms = DAY_MS + start_s * 1000;
    let slot: Slot = width.slot_at(at_ms);
    let none = Outcome::NotSent;
    let round = Round {
        slot,
        verdict,
        note: Note::None,
        gateway: none,
        dns: none,
        dns_public: none,
        online: none,
        collector: none,
        echoes,
    };
    stored(1, at_ms, Body::Round(round))
}

fn echo(method: EchoMethod, sent: u8, rtt_us: Vec<u32>) -> Echo {
    let target = IpAddr::from([1, 1, 1, 1]);
    Echo { target, method, sent, late: 0, duplicates: 0, error: None, rtt_us }
}

#[test]
fn neighbouring_slots_in_one_state_are_one_run_and_holes_are_left_out() {
    let down = Verdict::Down(Cause::Internet);
    let summary = measured(&[
        round(120, 60, down, vec![]),
        round(0, 60, Verdict::Up, vec![]),
        round(60, 60, Verdict::Up, vec![]),
        round(300, 60, Verdict::Up, vec![]),
    ]);
    let runs: Vec<_> = summary.runs.iter().map(|run| (run.start_s, run.length_s, run.state)).collect();
    let expected = [(0, 120, State::Up), (120, 60, State::Down(Cause::Internet)), (300, 60, State::Up)];
    assert_eq!(runs, expected);
    assert_eq!(summary.synced, 4);
}

#[test]
fn only_icmp_counts_as_loss_and_round_trip() {
    let echoes = vec![echo(EchoMethod::Icmp, 3, vec![20_000]), echo(EchoMethod::TcpConnect, 5, vec![1])];
    let summary = measured(&[round(1_800, 60, Verdict::Up, echoes), round(0, 60, Verdict::Up, vec![])]);
    let blocks = summary.blocks.iter().map(HalfHour::unpacked);
    let blocks: Vec<_> = blocks.map(|b| (b.block, b.sent, b.lost, b.rtt.count())).collect();
    assert_eq!(blocks, [(1, 3, 2, 1)]);
}

#[test]
fn an_outage_is_not_told_a_second_time_as_loss() {
    let lost = || vec![echo(EchoMethod::Icmp, 2, vec![])];
    let mut without_icmp = round(60, 60, Verdict::Up, lost());
    if let Body::Round(round) = &mut without_icmp.record.body {
        round.note = Note::IcmpUnavailable;
    }
    let down = round(0, 60, Verdict::Down(Cause::Internet), lost());
    assert_eq!(measured(&[down, without_icmp]).blocks.iter().count(), 0);
    let up = measured(&[round(0, 60, Verdict::Up, lost())]);
    assert_eq!(up.blocks.iter().map(|block| block.lost).collect::<Vec<_>>(), [2]);
}

#[test]
fn the_last_slot_of_the_day_stays_in_the_day() {
    let summary = measured(&[round(86_400 - 3_600, 3_600, Verdict::Up, vec![])]);
    assert_eq!(summary.runs, [Run { start_s: 82_800, length_s: 3_600, state: State::Up }]);
}

fn session(boot: u8, previous_boot: u8, previous_ended: Ending) -> Option<Explanation> {
    let last = Stamp { boot: BootId([previous_boot; 16]), boot_ms: 0, wall_ms: DAY_MS + 90_000 };
    let start = SessionStart {
        agent_version: String::new(),
        system: String::new(),
        previous_ended,
        previous_last: Some(last),
    };
    let record = stored(boot, DAY_MS + 250_000, Body::SessionStart(start));
    explained_by(&record, SlotWidth::STANDARD, |stamp| stamp.wall_ms)
}

#[test]
fn how_a_session_ended_and_whether_the_machine_booted_tell_the_reason() {
    let reason = |boot, ended| session(boot, 1, ended).map(|explanation| explanation.reason);
    assert_eq!(reason(1, Ending::Clean), Some(Reason::AgentStopped));
    assert_eq!(reason(2, Ending::Clean), Some(Reason::PoweredOff));
    assert_eq!(reason(2, Ending::OsShutdown), Some(Reason::PoweredOff));
    assert_eq!(reason(1, Ending::Abrupt), Some(Reason::AgentDied));
    assert_eq!(reason(2, Ending::Abrupt), Some(Reason::PowerLost));
    assert_eq!(reason(2, Ending::None), None);
}

#[test]
fn an_explanation_is_widened_to_whole_slots_and_hides_no_measurement() {
    let explanation = session(1, 1, Ending::Abrupt).expect("explained");
    let day_s = DAY_MS / 1000;
    assert_eq!((explanation.from_s - day_s, explanation.to_s - day_s), (60, 300));
    let mut summary = measured(&[round(60, 60, Verdict::Up, vec![]), round(300, 60, Verdict::Up, vec![])]);
    explain(DAY, &mut summary, &explanation);
    let runs: Vec<_> = summary.runs.iter().map(|run| (run.start_s, run.length_s, run.state)).collect();
    let died = State::Unobserved(Reason::AgentDied);
    assert_eq!(runs, [(60, 60, State::Up), (120, 180, died), (300, 60, State::Up)]);
}

#[test]
fn a_gap_reaches_back_by_the_boot_time_clock() {
    let gap = Gap { reason: GapReason::Suspended, from_boot_ms: 60_000 };
    let record = stored(1, DAY_MS + 600_000, Body::Gap(gap));
    let explanation = explained_by(&record, SlotWidth::STANDARD, |_| 0).expect("explained");
    assert_eq!(explanation.to_s - explanation.from_s, 540);
    assert_eq!(explanation.reason, Reason::Asleep);
}

#[test]
fn a_night_that_was_explained_fills_both_of_its_days() {
    let night = Explanation {
        from_s: DAY_MS / 1000 + 80_000,
        to_s: DAY_MS / 1000 + 86_400 + 1_000,
        reason: Reason::PoweredOff,
    };
    let filled = |day| {
        let mut summary = DaySummary::default();
        explain(day, &mut summary, &night);
        summary.runs.iter().map(|run| (run.start_s, run.length_s)).collect::<Vec<_>>()
    };
    assert_eq!(filled(DAY), [(80_000, 6_400)]);
    assert_eq!(filled(DAY + 1), [(0, 1_000)]);
    assert_eq!(filled(DAY + 2), []);
}

proptest! {
    #[test]
    fn filling_equals_a_plain_array_of_seconds(
        rounds in prop::collection::vec((0i64..100, any::<bool>()), 0..40),
        holes in prop::collection::vec((0i64..6_500, 0i64..3_000, 0usize..9), 0..6),
    ) {
        let mut plain: Vec<Option<State>> = vec![None; 86_400];
        let mut records = Vec::new();
        for (slot, up) in rounds {
            let verdict = if up { Verdict::Up } else { Verdict::Down(Cause::Dns) };
            let state = if up { State::Up } else { State::Down(Cause::Dns) };
            records.push(round(slot * 60, 60, verdict, vec![]));
            for second in &mut plain[slot as usize * 60..(slot as usize + 1) * 60] {
                second.get_or_insert(state);
            }
        }
        // As the store gives them: one round for each slot.
        let mut slots = std::collections::BTreeSet::new();
        records.retain(|stored| slots.insert(stored.at_ms));
        let explanations: Vec<_> = holes.iter().map(|&(from_s, length_s, reason)| Explanation {
            from_s: DAY_MS / 1000 + from_s,
            to_s: DAY_MS / 1000 + from_s + length_s,
            reason: Reason::ALL[reason],
        }).collect();
        for &(from_s, length_s, reason) in &holes {
            for second in &mut plain[from_s as usize..(from_s + length_s) as usize] {
                second.get_or_insert(State::Unobserved(Reason::ALL[reason]));
            }
        }
        let mut summary = measured(&records);
        explanations.iter().for_each(|explanation| explain(DAY, &mut summary, explanation));
        let mut found: Vec<Option<State>> = vec![None; 86_400];
        for pair in summary.runs.windows(2) {
            prop_assert!(pair[0].start_s + pair[0].length_s <= pair[1].start_s);
            prop_assert!(pair[0].state != pair[1].state || pair[0].start_s + pair[0].length_s < pair[1].start_s);
        }
        for run in &summary.runs {
            found[run.start_s as usize..(run.start_s + run.length_s) as usize].fill(Some(run.state));
        }
        prop_assert!(found == plain);
    }
}
