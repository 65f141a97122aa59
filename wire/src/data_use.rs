//! What monitoring itself costs: bytes by purpose and month, and the steps by which an agent saves them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::outcome::coded;

coded! {
    /// What a byte on the line was for.
    Purpose {
        Echo = 1 "echo",
        /// To the office's own router: seen on the cable, never by the provider.
        Gateway = 2 "gateway",
        Dns = 3 "dns",
        /// The HTTP check with a known answer.
        Online = 4 "online",
        /// The question whether the collector is there.
        Collector = 5 "collector",
        Push = 6 "push",
        Plan = 7 "plan",
        Bandwidth = 8 "bandwidth",
        Update = 9 "update",
    }
}

impl Purpose {
    /// Whether the provider counts it. What goes to the router and back costs the office nothing.
    pub fn is_paid_for(self) -> bool {
        self != Self::Gateway
    }
}

coded! {
    /// What an agent leaves out to stay within its allowance. Each step leaves out what the one before does,
    /// and more; within a month there is no way back.
    Step {
        /// Everything that the plan says.
        Full = 1 "full",
        NoBandwidth = 2 "no_bandwidth",
        /// One echo to each target.
        Standard = 3 "standard",
        /// Rounds and pushes are rarer.
        Frugal = 4 "frugal",
        /// The sign of life: a round and a push an hour by the standard plan.
        Heartbeat = 5 "heartbeat",
    }
}

impl Step {
    /// Slots are this many times as wide as in the plan, as far as there are such slots.
    pub fn slot_factor(self) -> u32 {
        match self {
            Self::Full | Self::NoBandwidth | Self::Standard => 1,
            Self::Frugal => 5,
            Self::Heartbeat => 60,
        }
    }

    /// The time from one push to the next is this many times that of the plan. The collector needs it, too, so
    /// as not to take a saving agent for a silent one.
    pub fn push_factor(self) -> u32 {
        match self {
            Self::Full | Self::NoBandwidth | Self::Standard => 1,
            Self::Frugal => 2,
            Self::Heartbeat => 12,
        }
    }
}

/// A calendar month of an office's time zone: months since the year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month(u32);

impl Month {
    /// To the year 9999.
    const NUMBER_MAX: u32 = 9999 * 12 + 11;

    pub fn from_number(number: u32) -> Option<Self> {
        (number <= Self::NUMBER_MAX).then_some(Self(number))
    }

    pub fn number(self) -> u32 {
        self.0
    }

    /// The month of a moment, milliseconds since 1970, where the clock is this far ahead of UTC. Moments that
    /// no calendar here knows fall into its first or last month.
    pub fn at(unix_ms: i64, utc_offset_minutes: i16) -> Self {
        let local_ms = unix_ms.saturating_add(i64::from(utc_offset_minutes) * 60_000);
        let (year, month) = year_and_month(local_ms.div_euclid(MS_A_DAY));
        let number = year.saturating_mul(12).saturating_add(i64::from(month) - 1);
        Self(number.clamp(0, i64::from(Self::NUMBER_MAX)) as u32)
    }

    pub fn next(self) -> Self {
        Self((self.0 + 1).min(Self::NUMBER_MAX))
    }

    /// The moment it begins there, milliseconds since 1970.
    pub fn start_ms(self, utc_offset_minutes: i16) -> i64 {
        let (year, month) = (i64::from(self.0 / 12), self.0 % 12 + 1);
        days_before(year, month) * MS_A_DAY - i64::from(utc_offset_minutes) * 60_000
    }

    /// How much of it is over at a moment, from 0 to 1.
    pub fn progress(self, unix_ms: i64, utc_offset_minutes: i16) -> f64 {
        let (start, end) = (self.start_ms(utc_offset_minutes), self.next().start_ms(utc_offset_minutes));
        let (passed, length) = (unix_ms.saturating_sub(start), (end - start).max(1));
        (passed as f64 / length as f64).clamp(0.0, 1.0)
    }
}

const MS_A_DAY: i64 = 86_400_000;

/// The civil calendar by arithmetic (H. Hinnant, "chrono-compatible low-level date algorithms"): years begin
/// in March, so that the leap day is a year's last.
fn year_and_month(day: i64) -> (i64, u32) {
    let day = day.saturating_add(719_468);
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era.saturating_mul(400) + i64::from(month <= 2), month as u32)
}

/// Days from 1970-01-01 to the first of a month.
fn days_before(year: i64, month: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 12, self.0 % 12 + 1)
    }
}

impl std::str::FromStr for Month {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2);
        let number = |(year, month): (&str, &str)| {
            let (year, month) = (year.parse::<u32>().ok()?, month.parse::<u32>().ok()?);
            (1..=12).contains(&month).then(|| year * 12 + month - 1)
        };
        parts.and_then(number).map(Self).ok_or_else(|| format!("a month is like 2026-11, found {text:?}"))
    }
}

impl TryFrom<String> for Month {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// Bytes for one purpose, IP headers included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    pub purpose: Purpose,
    pub sent: u64,
    pub received: u64,
}

/// What an agent has used of a month, and what it does about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataUse {
    pub month: Month,
    /// From the month's beginning; ascending by purpose, each at most once, nothing that was not used.
    pub used: Vec<Use>,
    /// What this agent may use in a month; none: there is no bound.
    pub allowance_bytes: Option<u64>,
    pub step: Step,
    /// Whether the connection is paid by the byte; none: the system does not say.
    pub metered: Option<bool>,
}

impl DataUse {
    /// Both directions, what the provider counts.
    pub fn paid_bytes(&self) -> u64 {
        paid_bytes(&self.used)
    }
}

/// Both directions, without the way to the office's own router.
pub fn paid_bytes(used: &[Use]) -> u64 {
    let paid = used.iter().filter(|one| one.purpose.is_paid_for());
    paid.fold(0, |sum: u64, one| sum.saturating_add(one.sent).saturating_add(one.received))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIB: i16 = 7 * 60;

    #[test]
    fn a_month_begins_at_local_midnight() {
        let november: Month = "2026-11".parse().expect("a month");
        // 2026-10-31T17:00:00Z, by `date -u -d ... +%s`.
        assert_eq!(november.start_ms(WIB), 1_793_466_000_000);
        assert_eq!(Month::at(1_793_466_000_000, WIB), november);
        assert_eq!(Month::at(1_793_465_999_999, WIB).to_string(), "2026-10");
        assert_eq!(Month::at(1_793_466_000_000, 0).to_string(), "2026-10");
        assert_eq!(
            "2026-12".parse::<Month>().map(|december| december.next().to_string()),
            Ok("2027-01".into())
        );
    }

    #[test]
    fn every_month_of_four_centuries_ends_where_the_next_begins() {
        let mut month: Month = "1970-01".parse().expect("a month");
        assert_eq!(month.start_ms(0), 0);
        while month.0 < 2400 * 12 {
            let next = month.next();
            let days = (next.start_ms(0) - month.start_ms(0)) / MS_A_DAY;
            assert!((28..=31).contains(&days), "{month} has {days} days");
            for at_ms in [month.start_ms(0), next.start_ms(0) - 1] {
                assert_eq!(Month::at(at_ms, 0), month);
            }
            month = next;
        }
    }

    #[test]
    fn clocks_that_are_out_of_their_mind_have_a_month_too() {
        for at_ms in [i64::MIN, -1, 0, i64::MAX] {
            let month = Month::at(at_ms, WIB);
            assert_eq!(Month::from_number(month.number()), Some(month), "{at_ms}");
            assert!((0.0..=1.0).contains(&month.progress(at_ms, WIB)), "{at_ms}");
        }
        let november: Month = "2026-11".parse().expect("a month");
        assert_eq!(november.progress(november.start_ms(WIB) + 15 * MS_A_DAY, WIB), 0.5);
    }

    #[test]
    fn a_text_that_is_no_month_is_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "26-01", "2026-1", "2026-aa"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_way_to_the_router_is_not_held_against_the_allowance() {
        let used = [Purpose::Echo, Purpose::Gateway, Purpose::Push].map(|purpose| Use {
            purpose,
            sent: 100,
            received: 10,
        });
        assert_eq!(paid_bytes(&used), 220);
    }
}
