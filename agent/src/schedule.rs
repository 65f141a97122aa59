//! When the next round is. Pure: the corrected clock is an argument.
//!
//! Each agent has a fixed moment inside the slot, from a hash of its id, so that a thousand offices do not
//! ping the same address in the same millisecond. It lies in the first half, so that a confirmation still
//! fits into the slot. Slots that were missed are skipped, never caught up in a burst.

use ring::digest::{SHA256, digest};
use suar_wire::{AgentId, Slot, SlotWidth};

/// A round that starts later than this after its moment says more about the machine than about the link.
pub const LATE_MS_MAX: i64 = 5_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    width: SlotWidth,
    phase_ms: i64,
}

/// A round to come: its slot and its moment by the corrected clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appointment {
    pub slot: Slot,
    pub start_ms: i64,
}

/// What to do with an appointment now that the agent is awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Not yet: this many milliseconds are left.
    Wait {
        left_ms: u64,
    },
    Go,
    /// Too late to mean anything, by this much.
    Missed {
        late_ms: u64,
    },
}

impl Schedule {
    pub fn new(agent: AgentId, width: SlotWidth) -> Self {
        let hash = digest(&SHA256, &agent.0);
        let bytes: [u8; 8] = hash.as_ref()[..8].try_into().expect("a SHA-256 has 32 bytes");
        let half_ms = (width.millis() / 2).unsigned_abs();
        let phase_ms = (u64::from_be_bytes(bytes) % half_ms) as i64;
        Self { width, phase_ms }
    }

    pub fn width(&self) -> SlotWidth {
        self.width
    }

    /// The next moment after `now_ms`, in a slot that was not `done` yet.
    ///
    /// The corrected clock may go back a little when a better offset is learned: then the slot that is
    /// done is not done again. When it goes back by more than a few slots, it was wrong before, and the
    /// slots of the true time are taken.
    pub fn next(&self, now_ms: i64, done: Option<Slot>) -> Appointment {
        const BACK_SLOTS_MAX: i64 = 3;
        let mut slot = self.width.slot_at(now_ms);
        if now_ms >= slot.start_ms() + self.phase_ms {
            slot.index += 1;
        }
        if let Some(done) = done.filter(|done| done.width == self.width)
            && slot.index <= done.index
            && done.index - slot.index < BACK_SLOTS_MAX
        {
            slot.index = done.index + 1;
        }
        Appointment { slot, start_ms: slot.start_ms() + self.phase_ms }
    }
}

impl Appointment {
    pub fn turn(&self, now_ms: i64) -> Turn {
        let late_ms = now_ms - self.start_ms;
        if late_ms < 0 {
            return Turn::Wait { left_ms: late_ms.unsigned_abs() };
        }
        if late_ms > LATE_MS_MAX.min(self.slot.width.millis()) || !self.slot.contains_ms(now_ms) {
            return Turn::Missed { late_ms: late_ms.unsigned_abs() };
        }
        Turn::Go
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn width(seconds: u32) -> SlotWidth {
        SlotWidth::from_seconds(seconds).expect("a slot width")
    }

    fn schedule(seconds: u32) -> Schedule {
        Schedule::new(AgentId([7; 16]), width(seconds))
    }

    #[test]
    fn agents_are_spread_over_the_first_half_of_the_slot() {
        let mut quarters = [0; 4];
        for id in 0..200u8 {
            let phase_ms = Schedule::new(AgentId([id; 16]), width(60)).phase_ms;
            assert!((0..30_000).contains(&phase_ms));
            quarters[(phase_ms / 7_500) as usize] += 1;
        }
        assert!(quarters.iter().all(|count| *count > 25), "{quarters:?}");
    }

    #[test]
    fn missed_slots_are_skipped_and_not_caught_up() {
        let schedule = schedule(60);
        let first = schedule.next(0, None);
        let later = schedule.next(first.start_ms + 10 * 60_000 + 1, Some(first.slot));
        assert_eq!(later.slot.index, first.slot.index + 11);
    }

    #[test]
    fn a_slot_is_not_done_twice_when_the_clock_is_corrected_backwards() {
        let schedule = schedule(1);
        let first = schedule.next(1_000_000, None);
        let again = schedule.next(first.start_ms - 300, Some(first.slot));
        assert_eq!(again.slot.index, first.slot.index + 1);
    }

    #[test]
    fn a_clock_that_was_years_ahead_does_not_stop_the_rounds() {
        let schedule = schedule(60);
        let wrong = schedule.next(4_000_000_000_000, None);
        let right = schedule.next(1_800_000_000_000, Some(wrong.slot));
        assert!(right.start_ms - 1_800_000_000_000 <= 60_000);
    }

    #[test]
    fn a_late_tick_is_a_missed_round() {
        let minute = schedule(60).next(0, None);
        assert_eq!(minute.turn(minute.start_ms - 40), Turn::Wait { left_ms: 40 });
        assert_eq!(minute.turn(minute.start_ms + 5_000), Turn::Go);
        assert_eq!(minute.turn(minute.start_ms + 5_001), Turn::Missed { late_ms: 5_001 });
        let second = schedule(1).next(0, None);
        assert_eq!(second.turn(second.slot.end_ms() - 1), Turn::Go);
        assert!(matches!(second.turn(second.slot.end_ms()), Turn::Missed { .. }), "the slot is over");
    }

    proptest! {
        #[test]
        fn the_next_round_is_ahead_inside_its_slot_and_at_most_one_slot_away(
            id in any::<[u8; 16]>(), now_ms in 0i64..4_000_000_000_000,
            seconds in prop::sample::select(vec![1u32, 5, 60, 300, 3600]),
        ) {
            let schedule = Schedule::new(AgentId(id), width(seconds));
            let next = schedule.next(now_ms, None);
            prop_assert!(next.start_ms > now_ms && next.start_ms - now_ms <= next.slot.width.millis());
            prop_assert!(next.slot.contains_ms(next.start_ms));
            prop_assert!(next.start_ms - next.slot.start_ms() < next.slot.width.millis() / 2);
        }
    }
}
