//! Clock repair: when did a record really happen, and how sure is that? Pure; `received_ms` is an argument.
//!
//! # Rules
//!
//! 1. Every push is an anchor: the boot-time clock of the machine when it was sent, against ours when it
//!    came. It may have waited on the way and cannot have come early, so of one boot the smallest
//!    difference is nearest to the truth, less half of the quickest exchange. A larger one is a push that
//!    waited, unless three in a row agree that a clock was set. Times by an anchor are *synced*.
//! 2. A boot that never met us: its wall clock, when it is plausible (not long before the agent joined, not
//!    after we received it, in order with its neighbours in sequence), is taken as *estimated*. A record
//!    from before the clock was set leans on the plausible ones of its boot.
//! 3. Neither: the time is *bounded* by the neighbours in sequence. The earliest possible moment is taken:
//!    the boot cannot have begun before the record in front of it.
//! 4. A round's own slot stands when the repaired time agrees within max(2 s, a quarter slot), or 10 s while
//!    a boot has met us only once. Else the round belongs to the slot of the repaired time. A round's time
//!    always lies in its slot.
//! 5. What would lie in the future or before the agent joined is set aside with a reason.

use std::collections::HashMap;

use suar_wire::push::Clock;
use suar_wire::{Body, BootId, Record, Slot, Stamp};

/// How a record's time was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    Synced,
    Estimated,
    Bounded,
}

impl Quality {
    pub fn code(self) -> u32 {
        match self {
            Self::Synced => 1,
            Self::Estimated => 2,
            Self::Bounded => 3,
        }
    }

    pub fn from_code(code: u32) -> Option<Self> {
        [Self::Synced, Self::Estimated, Self::Bounded].into_iter().find(|quality| quality.code() == code)
    }
}

/// Why a record was set aside. It is kept, but reaches no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetAside {
    Future,
    BeforeJoined,
}

impl SetAside {
    pub const ALL: [Self; 2] = [Self::Future, Self::BeforeJoined];

    pub fn label(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::BeforeJoined => "before_joined",
        }
    }
}

/// Later than this after we received it is the future.
pub const FUTURE_MS: i64 = 5 * 60_000;
/// An agent joins and then measures; this much of a doubt is left to clocks.
pub const BEFORE_JOINED_MS: i64 = 60 * 60_000;
/// A wall clock that shows more than this before the agent joined was not set.
const WALL_BEFORE_JOINED_MS: i64 = 24 * 60 * 60_000;
/// Drift of a boot-time clock that nobody disciplines, parts per million.
pub const DRIFT_PPM: i64 = 50;
/// Pushes in a row that must look late before the clocks are believed to have changed.
const LATE_MAX: u32 = 3;
/// Longer exchanges say nothing about a clock.
const EXCHANGE_MS_MAX: u32 = 60_000;
/// A slot's claim stands within this of the repaired time, or within a quarter slot if that is more.
const CLAIM_MS: i64 = 2_000;
/// The same while a boot has sent one push only: that one may have waited for the line.
const CLAIM_ONCE_MS: i64 = 10_000;
/// A boot-time clock above this is broken: a hundred years.
pub const BOOT_MS_MAX: u64 = 100 * 366 * 86_400_000;

/// Where the boot-time clock of one boot stands against ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Our time of receiving minus the boot-time clock at sending; the smallest that was seen.
    pub upper_ms: i64,
    /// Half of the quickest exchange; 0 while none was timed.
    pub half_ms: i64,
    /// When it was taken, by the boot-time clock.
    pub boot_ms: i64,
    /// Pushes in a row that came later than this anchor allows.
    pub late: u32,
    /// Pushes of this boot.
    pub seen: u32,
}

impl Anchor {
    /// From a push that arrived at `received_ms`.
    pub fn of(clock: &Clock, received_ms: i64) -> Self {
        let boot_ms = bounded_boot_ms(clock.boot_ms);
        let half_ms = i64::from(clock.last_exchange_ms.unwrap_or(0).min(EXCHANGE_MS_MAX)) / 2;
        Self { upper_ms: received_ms.saturating_sub(boot_ms), half_ms, boot_ms, late: 0, seen: 1 }
    }

    /// What is known after `later`, the anchor of the next push of this boot.
    pub fn with(self, later: Self) -> Self {
        let seen = self.seen.saturating_add(1);
        // No exchange takes no time: 0 is "not timed".
        let half_ms = if self.half_ms == 0 || later.half_ms == 0 {
            self.half_ms.max(later.half_ms)
        } else {
            self.half_ms.min(later.half_ms)
        };
        let age_ms = (later.boot_ms - self.boot_ms).max(0);
        let drift_ms = age_ms.saturating_mul(DRIFT_PPM) / 1_000_000;
        if later.upper_ms <= self.upper_ms.saturating_add(drift_ms) {
            return Self { half_ms, seen, ..later };
        }
        // A line's jitter is no sign of anything.
        let jitter = later.upper_ms - self.upper_ms <= CLAIM_MS;
        let late = if jitter { 0 } else { self.late + 1 };
        if late >= LATE_MAX { Self { half_ms, seen, ..later } } else { Self { half_ms, seen, late, ..self } }
    }

    /// Whether times by this anchor are others than by the one before: more than a line's jitter.
    pub fn moved_from(self, before: Option<Self>) -> bool {
        before.is_none_or(|before| self.at_ms(0).abs_diff(before.at_ms(0)) > CLAIM_MS.unsigned_abs())
    }

    fn at_ms(self, boot_ms: u64) -> i64 {
        bounded_boot_ms(boot_ms).saturating_add(self.upper_ms).saturating_sub(self.half_ms)
    }
}

fn bounded_boot_ms(boot_ms: u64) -> i64 {
    boot_ms.min(BOOT_MS_MAX) as i64
}

/// What the neighbours in sequence say; `None` where nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Neighbours {
    pub before_ms: Option<i64>,
    pub after_ms: Option<i64>,
}

/// What a record's time is judged by. One for each push.
#[derive(Debug, Clone)]
pub struct Repair {
    pub joined_ms: i64,
    pub received_ms: i64,
    pub anchors: HashMap<BootId, Anchor>,
    /// Wall clock minus boot-time clock of boots without an anchor, from their plausible records.
    walls: HashMap<BootId, i64>,
    /// Our time minus the boot-time clock of boots that only their neighbours bound. Remembered, so that
    /// the records of one boot keep their distances.
    pub bounds: HashMap<BootId, i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    pub at_ms: i64,
    pub quality: Quality,
}

impl Repair {
    /// `records` of the push in ascending order of sequence.
    pub fn new(
        joined_ms: i64,
        received_ms: i64,
        anchors: HashMap<BootId, Anchor>,
        records: &[Record],
    ) -> Self {
        let mut repair =
            Self { joined_ms, received_ms, anchors, walls: HashMap::new(), bounds: HashMap::new() };
        for record in records {
            let stamp = record.stamp;
            if !repair.anchors.contains_key(&stamp.boot) && repair.is_plausible(stamp.wall_ms) {
                let offset_ms = stamp.wall_ms - bounded_boot_ms(stamp.boot_ms);
                repair.walls.insert(stamp.boot, offset_ms);
            }
        }
        repair
    }

    /// Fixes where a boot stands that only its neighbours bound, by its first record that was bounded.
    pub fn remember_bound(&mut self, stamp: &Stamp, at_ms: i64) {
        self.bounds.entry(stamp.boot).or_insert(at_ms - bounded_boot_ms(stamp.boot_ms));
    }

    /// The time of a record, or why it is set aside.
    pub fn record(&self, record: &Record, neighbours: Neighbours) -> Result<Repaired, SetAside> {
        let repaired = self.stamp(&record.stamp, neighbours);
        let repaired = match &record.body {
            Body::Round(round) => {
                let once = self.anchors.get(&record.stamp.boot).is_some_and(|anchor| anchor.seen < 2);
                let doubt_ms = if once { CLAIM_ONCE_MS } else { CLAIM_MS };
                Repaired { at_ms: in_slot(round.slot, repaired.at_ms, doubt_ms), ..repaired }
            }
            _ => repaired,
        };
        if repaired.at_ms > self.received_ms.saturating_add(FUTURE_MS) {
            Err(SetAside::Future)
        } else if repaired.at_ms < self.joined_ms.saturating_sub(BEFORE_JOINED_MS) {
            Err(SetAside::BeforeJoined)
        } else {
            Ok(repaired)
        }
    }

    /// The time of any stamp; not checked against joining or the future.
    pub fn stamp(&self, stamp: &Stamp, neighbours: Neighbours) -> Repaired {
        if let Some(anchor) = self.anchors.get(&stamp.boot) {
            return Repaired { at_ms: anchor.at_ms(stamp.boot_ms), quality: Quality::Synced };
        }
        let in_order = |at_ms: i64| {
            neighbours.before_ms.is_none_or(|before| at_ms >= before.saturating_sub(FUTURE_MS))
                && neighbours.after_ms.is_none_or(|after| at_ms <= after.saturating_add(FUTURE_MS))
        };
        let by_boot = self.walls.get(&stamp.boot).map(|offset| bounded_boot_ms(stamp.boot_ms) + offset);
        let walls = [Some(stamp.wall_ms), by_boot];
        let wall = walls.into_iter().flatten().find(|&wall| self.is_plausible(wall) && in_order(wall));
        if let Some(at_ms) = wall {
            return Repaired { at_ms, quality: Quality::Estimated };
        }
        let latest_ms = neighbours.after_ms.unwrap_or(self.received_ms).min(self.received_ms);
        let earliest_ms = neighbours.before_ms.unwrap_or(self.joined_ms);
        let offset_ms = self.bounds.get(&stamp.boot).copied().unwrap_or(earliest_ms);
        let at_ms = offset_ms.saturating_add(bounded_boot_ms(stamp.boot_ms)).min(latest_ms);
        Repaired { at_ms: at_ms.max(earliest_ms.min(latest_ms)), quality: Quality::Bounded }
    }

    fn is_plausible(&self, wall_ms: i64) -> bool {
        let earliest = self.joined_ms.saturating_sub(WALL_BEFORE_JOINED_MS);
        (earliest..=self.received_ms.saturating_add(FUTURE_MS)).contains(&wall_ms)
    }
}

/// The moment inside the claimed slot that is nearest, when the claim stands; else the moment itself.
fn in_slot(claimed: Slot, at_ms: i64, doubt_ms: i64) -> i64 {
    let tolerance_ms = doubt_ms.max(claimed.width.millis() / 4);
    let (start_ms, last_ms) = (claimed.start_ms(), claimed.end_ms().saturating_sub(1));
    let stands =
        at_ms >= start_ms.saturating_sub(tolerance_ms) && at_ms <= last_ms.saturating_add(tolerance_ms);
    if stands { at_ms.clamp(start_ms, last_ms) } else { at_ms }
}

#[cfg(test)]
mod tests {
    use suar_wire::SlotWidth;
    use suar_wire::record::{ClockStep, Round};
    use suar_wire::{Note, Outcome, Verdict};

    use super::*;

    const JOINED_MS: i64 = 1_790_000_000_000;
    const HOUR_MS: i64 = 3_600_000;
    const BOOT: BootId = BootId([1; 16]);

    fn stamped(boot_ms: u64, wall_ms: i64, body: Body) -> Record {
        Record { sequence: 1, stamp: Stamp { boot: BOOT, boot_ms, wall_ms }, body }
    }

    fn event(boot_ms: u64, wall_ms: i64) -> Record {
        stamped(boot_ms, wall_ms, Body::ClockStep(ClockStep { by_ms: 0 }))
    }

    fn round(boot_ms: u64, claimed_ms: i64) -> Record {
        let slot = SlotWidth::STANDARD.slot_at(claimed_ms);
        let none = Outcome::NotSent;
        let round = Round {
            slot,
            verdict: Verdict::Up,
            note: Note::None,
            gateway: none,
            dns: none,
            dns_public: none,
            online: none,
            collector: none,
            echoes: vec![],
        };
        stamped(boot_ms, claimed_ms, Body::Round(round))
    }

    fn repair(anchor: Option<Anchor>, records: &[Record]) -> Repair {
        let anchors = anchor.map(|anchor| (BOOT, anchor)).into_iter().collect();
        Repair::new(JOINED_MS, JOINED_MS + 10 * HOUR_MS, anchors, records)
    }

    fn anchor_at(offset_ms: i64) -> Option<Anchor> {
        Some(Anchor { upper_ms: offset_ms + 10, half_ms: 10, boot_ms: 0, late: 0, seen: 2 })
    }

    #[test]
    fn a_clock_that_is_years_off_does_not_matter_once_the_boot_met_us() {
        let record = event(5_000, 946_684_800_000);
        let repaired = repair(anchor_at(JOINED_MS + HOUR_MS), std::slice::from_ref(&record))
            .record(&record, Neighbours::default());
        assert_eq!(repaired, Ok(Repaired { at_ms: JOINED_MS + HOUR_MS + 5_000, quality: Quality::Synced }));
    }

    #[test]
    fn a_rounds_own_slot_stands_within_a_quarter_and_is_corrected_beyond() {
        let slot_ms = SlotWidth::STANDARD.slot_at(JOINED_MS + HOUR_MS).start_ms();
        let at = |off_ms: i64| {
            let record = round(0, slot_ms);
            repair(anchor_at(slot_ms + off_ms), &[]).record(&record, Neighbours::default()).map(|r| r.at_ms)
        };
        assert_eq!(at(30_000), Ok(slot_ms + 30_000));
        assert_eq!(at(-15_000), Ok(slot_ms), "a quarter slot early: the claim stands");
        assert_eq!(at(-15_001), Ok(slot_ms - 15_001), "more: the repaired time's slot");
        assert_eq!(at(74_999), Ok(slot_ms + 59_999));
        assert_eq!(at(75_001), Ok(slot_ms + 75_001));
    }

    #[test]
    fn the_future_and_the_time_before_joining_are_set_aside() {
        let repair = repair(anchor_at(JOINED_MS), &[]);
        let at = |boot_ms: i64| {
            let anchor = Anchor { upper_ms: JOINED_MS + boot_ms, half_ms: 0, boot_ms: 0, late: 0, seen: 2 };
            let repair = Repair { anchors: [(BOOT, anchor)].into(), ..repair.clone() };
            repair.record(&event(0, 0), Neighbours::default()).map(|repaired| repaired.at_ms - JOINED_MS)
        };
        assert_eq!(at(10 * HOUR_MS + FUTURE_MS), Ok(10 * HOUR_MS + FUTURE_MS));
        assert_eq!(at(10 * HOUR_MS + FUTURE_MS + 1), Err(SetAside::Future));
        assert_eq!(at(-HOUR_MS), Ok(-HOUR_MS));
        assert_eq!(at(-HOUR_MS - 1), Err(SetAside::BeforeJoined));
    }

    #[test]
    fn a_boot_that_never_met_us_is_estimated_by_a_plausible_wall_clock() {
        let record = event(5_000, JOINED_MS + HOUR_MS);
        let repaired = repair(None, std::slice::from_ref(&record)).record(&record, Neighbours::default());
        assert_eq!(repaired, Ok(Repaired { at_ms: JOINED_MS + HOUR_MS, quality: Quality::Estimated }));
    }

    #[test]
    fn a_record_from_before_the_clock_was_set_leans_on_the_later_ones_of_its_boot() {
        let records = [event(1_000, 0), event(61_000, JOINED_MS + HOUR_MS)];
        let repaired = repair(None, &records).record(&records[0], Neighbours::default());
        assert_eq!(
            repaired,
            Ok(Repaired { at_ms: JOINED_MS + HOUR_MS - 60_000, quality: Quality::Estimated })
        );
    }

    #[test]
    fn without_anchor_and_clock_the_neighbours_bound_it() {
        let record = event(60_000, 0);
        let before = JOINED_MS + HOUR_MS;
        let bounded = |after_ms| {
            let neighbours = Neighbours { before_ms: Some(before), after_ms };
            repair(None, std::slice::from_ref(&record)).record(&record, neighbours)
        };
        let quality = Quality::Bounded;
        assert_eq!(bounded(None), Ok(Repaired { at_ms: before + 60_000, quality }));
        assert_eq!(bounded(Some(before + 5)), Ok(Repaired { at_ms: before + 5, quality }));
    }

    #[test]
    fn a_wall_clock_that_contradicts_its_neighbours_is_not_believed() {
        let record = event(60_000, JOINED_MS + 5 * HOUR_MS);
        let neighbours = Neighbours { before_ms: None, after_ms: Some(JOINED_MS + 2 * HOUR_MS) };
        let repaired = repair(None, std::slice::from_ref(&record)).record(&record, neighbours);
        assert_eq!(repaired, Ok(Repaired { at_ms: JOINED_MS + 60_000, quality: Quality::Bounded }));
    }

    fn pushed(upper_ms: i64, boot_ms: i64) -> Anchor {
        Anchor { upper_ms, half_ms: 50, boot_ms, late: 0, seen: 1 }
    }

    #[test]
    fn a_push_that_waited_for_the_line_moves_no_clock() {
        let known = pushed(1_000, 0).with(pushed(41_000, 60_000));
        assert_eq!((known.upper_ms, known.late), (1_000, 1));
        let known = known.with(pushed(1_010, 120_000));
        assert_eq!((known.upper_ms, known.late), (1_000, 0), "the next one came straight");
    }

    #[test]
    fn the_first_push_that_waited_is_put_right_by_the_next() {
        assert_eq!(pushed(41_000, 0).with(pushed(1_000, 60_000)).upper_ms, 1_000);
    }

    #[test]
    fn three_late_pushes_in_a_row_mean_that_a_clock_was_set() {
        let late = |known: Anchor, n: i64| known.with(pushed(3_601_000, n * 60_000));
        let known = late(late(pushed(1_000, 0), 1), 2);
        assert_eq!(known.upper_ms, 1_000);
        assert_eq!(late(known, 3).upper_ms, 3_601_000);
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let known = pushed(1_000, 0).with(pushed(1_170, HOUR_MS));
        assert_eq!(known.upper_ms, 1_170, "50 ppm of an hour are 180 ms");
        assert_eq!(pushed(1_000, 0).with(pushed(1_190, HOUR_MS)).upper_ms, 1_000);
    }

    #[test]
    fn the_only_push_of_a_boot_leaves_its_rounds_their_slots_within_ten_seconds() {
        let slot = SlotWidth::from_seconds(1).expect("a width").slot_at(JOINED_MS + HOUR_MS);
        let anchor = Anchor { seen: 1, ..pushed(slot.start_ms() + 9_000, 0) };
        let mut record = round(0, slot.start_ms());
        if let Body::Round(round) = &mut record.body {
            round.slot = slot;
        }
        let at = |anchor| repair(Some(anchor), &[]).record(&record, Neighbours::default()).map(|r| r.at_ms);
        assert_eq!(at(anchor), Ok(slot.end_ms() - 1));
        assert_eq!(at(Anchor { seen: 2, ..anchor }), Ok(slot.start_ms() + 9_000 - 50));
    }

    #[test]
    fn absurd_clocks_are_set_aside_without_a_panic() {
        for (boot_ms, wall_ms) in [(u64::MAX, i64::MAX), (u64::MAX, i64::MIN), (0, i64::MIN)] {
            let record = event(boot_ms, wall_ms);
            for anchor in [None, anchor_at(JOINED_MS)] {
                let _ = repair(anchor, std::slice::from_ref(&record)).record(&record, Neighbours::default());
            }
        }
    }
}
