//! Slots: fixed pieces of UTC time in which an agent does one round.
//!
//! A width divides the day, so that a slot never straddles midnight UTC and a day is a whole number of
//! slots. Widths differ between profiles, therefore everything the collector adds up is in seconds.

use serde::{Deserialize, Serialize};

pub const SECONDS_A_DAY: u32 = 86_400;

/// Width of a slot in whole seconds: 1 to 3600, a divisor of 86 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct SlotWidth(u32);

impl SlotWidth {
    pub const STANDARD: Self = Self(60);

    pub fn from_seconds(seconds: u32) -> Option<Self> {
        ((1..=3600).contains(&seconds) && SECONDS_A_DAY.is_multiple_of(seconds)).then_some(Self(seconds))
    }

    pub fn seconds(self) -> u32 {
        self.0
    }

    pub fn millis(self) -> i64 {
        i64::from(self.0) * 1000
    }

    /// The slot that holds a moment given in milliseconds since 1970.
    pub fn slot_at(self, unix_ms: i64) -> Slot {
        Slot { index: unix_ms.div_euclid(self.millis()), width: self }
    }
}

impl TryFrom<u32> for SlotWidth {
    type Error = String;
    fn try_from(seconds: u32) -> Result<Self, String> {
        Self::from_seconds(seconds)
            .ok_or_else(|| format!("a slot has 1 to 3600 seconds and divides a day, found {seconds}"))
    }
}

impl From<SlotWidth> for u32 {
    fn from(width: SlotWidth) -> u32 {
        width.0
    }
}

/// One slot: `index * width` seconds since 1970 is its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    pub index: i64,
    #[serde(rename = "seconds")]
    pub width: SlotWidth,
}

impl Slot {
    pub fn start_ms(self) -> i64 {
        self.index.saturating_mul(self.width.millis())
    }

    pub fn end_ms(self) -> i64 {
        self.start_ms().saturating_add(self.width.millis())
    }

    pub fn start_s(self) -> i64 {
        self.index.saturating_mul(i64::from(self.width.0))
    }

    pub fn contains_ms(self, unix_ms: i64) -> bool {
        (self.start_ms()..self.end_ms()).contains(&unix_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_holds_its_start_and_not_its_end() {
        let width = SlotWidth::STANDARD;
        let slot = width.slot_at(120_000);
        assert_eq!(slot.index, 2);
        assert!(slot.contains_ms(120_000) && slot.contains_ms(179_999) && !slot.contains_ms(180_000));
        assert_eq!(width.slot_at(-1).index, -1);
    }

    #[test]
    fn a_width_that_does_not_divide_the_day_is_refused() {
        assert!(SlotWidth::from_seconds(7).is_none());
        assert!(SlotWidth::from_seconds(0).is_none());
        assert!(SlotWidth::from_seconds(7200).is_none());
        assert_eq!(SlotWidth::from_seconds(300).map(SlotWidth::seconds), Some(300));
    }
}
