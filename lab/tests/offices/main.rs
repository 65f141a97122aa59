//! Three offices on two islands, both programs as real processes, everything broken once on purpose.
//!
//! The world runs once and leaves evidence; each test reads the same evidence. The truth is what was done
//! to the world and when, by the clock that everything in the lab shares.

mod evidence;
mod foreign_tools;
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use suar_wire::record::{Ending, GapReason, Round};
use suar_wire::{Body, Cause, Verdict};

use evidence::{CUT_SLOTS, Evidence, Office, evidence};

const SLOT_MS: i64 = 1_000;

/// Rounds by the slot that the collector counts them for. All clocks here are one, so it must be the slot
/// that the agent meant.
fn rounds(evidence: &Evidence, office: Office) -> impl Iterator<Item = &Round> {
    evidence.kept_of(office).filter_map(move |kept| match &kept.record.body {
        Body::Round(round) => {
            assert_eq!(kept.slot_start_s, Some(round.slot.start_s()), "{office:?}: counted elsewhere");
            Some(round)
        }
        _ => None,
    })
}

fn down(evidence: &Evidence, office: Office) -> BTreeMap<i64, Cause> {
    rounds(evidence, office).filter_map(|round| Some((round.slot.index, round.verdict.cause()?))).collect()
}

/// Slots between the first and the last measured one without a round, and not explained by the agent as
/// too late to mean anything (a busy machine).
fn holes(evidence: &Evidence, office: Office) -> BTreeSet<i64> {
    let measured: BTreeSet<i64> = rounds(evidence, office).map(|round| round.slot.index).collect();
    let starved: Vec<(i64, i64)> = evidence
        .kept_of(office)
        .filter_map(|kept| match kept.record.body {
            Body::Gap(gap) if gap.reason == GapReason::Starved => {
                let lasted_ms = kept.record.stamp.boot_ms.saturating_sub(gap.from_boot_ms) as i64;
                Some(((kept.at_ms - lasted_ms).div_euclid(SLOT_MS), kept.at_ms.div_euclid(SLOT_MS)))
            }
            _ => None,
        })
        .collect();
    let (Some(first), Some(last)) = (measured.first(), measured.last()) else { return BTreeSet::new() };
    (*first..=*last)
        .filter(|slot| !measured.contains(slot))
        .filter(|slot| !starved.iter().any(|(from, until)| (from..=until).contains(&slot)))
        .collect()
}

#[test]
fn a_cut_uplink_is_down_for_exactly_the_cut_slots_and_says_internet() {
    let Some(evidence) = evidence() else { return };
    let truth: BTreeMap<i64, Cause> =
        (evidence.cut_from..evidence.cut_from + CUT_SLOTS).map(|slot| (slot, Cause::Internet)).collect();
    assert_eq!(down(evidence, Office::Cut), truth);
}

#[test]
fn the_other_offices_are_untouched() {
    let Some(evidence) = evidence() else { return };
    for office in [Office::Killed, Office::Stopped] {
        assert_eq!(down(evidence, office), BTreeMap::new(), "{office:?}");
        assert!(rounds(evidence, office).count() > 30, "{office:?} was hardly measured");
        assert!(rounds(evidence, office).all(|round| round.verdict == Verdict::Up));
    }
}

#[test]
fn a_collector_that_was_away_costs_nobody_a_slot() {
    let Some(evidence) = evidence() else { return };
    let (away_from, away_until) = evidence.agents_away;
    for office in Office::ALL {
        let unexplained: Vec<i64> = holes(evidence, office)
            .into_iter()
            // The agents' own absence is another test's matter; they need a slot to start again.
            .filter(|slot| !(away_from / SLOT_MS - 1..=away_until / SLOT_MS + 3).contains(slot))
            .collect();
        assert_eq!(unexplained, Vec::<i64>::new(), "{office:?}");
        for (from_ms, until_ms) in &evidence.collector_away {
            let whole = from_ms / SLOT_MS + 1..until_ms / SLOT_MS;
            let up = rounds(evidence, office)
                .filter(|round| whole.contains(&round.slot.index) && round.verdict == Verdict::Up)
                .count() as i64;
            assert!(up >= whole.end - whole.start - 1, "{office:?} has {up} slots up of {whole:?}");
        }
    }
}

#[test]
fn what_agents_wrote_is_kept_once_each_and_nothing_else_is() {
    let Some(evidence) = evidence() else { return };
    for office in Office::ALL {
        let account = evidence.account(office);
        let kept: Vec<u64> = evidence
            .kept_of(office)
            .inspect(|kept| assert_eq!(kept.epoch, account.epoch))
            .map(|kept| kept.record.sequence)
            .collect();
        let distinct: BTreeSet<u64> = kept.iter().copied().collect();
        assert_eq!(kept.len(), distinct.len(), "{office:?}: a record is kept twice");
        let written: BTreeSet<u64> = (1..account.next_sequence).collect();
        assert_eq!(distinct, written, "{office:?}: kept and written differ");
        assert_eq!(account.pending, 0, "{office:?}: the agent waits for receipts");

        let slots: Vec<i64> = rounds(evidence, office).map(|round| round.slot.index).collect();
        let distinct: BTreeSet<i64> = slots.iter().copied().collect();
        assert_eq!(slots.len(), distinct.len(), "{office:?}: a slot has two rounds");
    }
    let agents: BTreeSet<_> = evidence.kept.iter().map(|kept| kept.agent).collect();
    assert_eq!(agents.len(), Office::ALL.len(), "records of an agent that never ran");
}

#[test]
fn an_agent_that_was_away_leaves_a_hole_that_its_next_session_explains() {
    let Some(evidence) = evidence() else { return };
    for (office, ending, same_boot) in [
        (Office::Killed, Ending::Abrupt, true),
        (Office::Stopped, Ending::Clean, true),
        (Office::Cut, Ending::Abrupt, false),
    ] {
        let sessions: Vec<_> = evidence
            .kept_of(office)
            .filter_map(|kept| match &kept.record.body {
                Body::SessionStart(start) => Some((kept.record.stamp, start)),
                _ => None,
            })
            .collect();
        let [(_, first), (stamp, second)] = &sessions[..] else { panic!("{office:?}: {sessions:?}") };
        assert_eq!(first.previous_ended, Ending::None, "{office:?}");
        assert_eq!(second.previous_ended, ending, "{office:?}");
        let before = second.previous_last.expect("the session before wrote records");
        assert_eq!(before.boot == stamp.boot, same_boot, "{office:?}");

        let (away_from, away_until) = evidence.agents_away;
        let hole = holes(evidence, office);
        let whole: BTreeSet<i64> = (away_from / SLOT_MS + 2..away_until / SLOT_MS).collect();
        assert!(whole.is_subset(&hole), "{office:?}: measured while it was away? {whole:?} {hole:?}");
    }
}
