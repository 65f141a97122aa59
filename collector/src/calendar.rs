//! When an office is expected to be online: weekly hours in local time, less holidays, as seconds of UTC.
//!
//! Pure: dates and windows are arguments. Hours are parsed once, where text comes in; inside they are
//! right by construction.

mod holidays;
mod hours;
mod period;
mod span;

use serde::{Deserialize, Serialize};

pub use holidays::{DayKind, Holiday, HolidayError, Holidays};
pub use hours::{HoursError, OfficeHours};
pub use period::{PeriodError, PeriodName, moment_of};
pub use span::{Span, intersect, push_joined};

/// Indonesia's zones; none has summer time, so an offset is all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeZone {
    Wib,
    Wita,
    Wit,
}

impl TimeZone {
    pub const ALL: [Self; 3] = [Self::Wib, Self::Wita, Self::Wit];

    /// Seconds to add to UTC.
    pub fn offset_s(self) -> i64 {
        match self {
            Self::Wib => 7 * 3_600,
            Self::Wita => 8 * 3_600,
            Self::Wit => 9 * 3_600,
        }
    }

    pub fn offset_minutes(self) -> i16 {
        (self.offset_s() / 60) as i16
    }

    /// As people write it behind a time.
    pub fn label(self) -> &'static str {
        match self {
            Self::Wib => "WIB",
            Self::Wita => "WITA",
            Self::Wit => "WIT",
        }
    }

    /// Days since 1970-01-01 of the local calendar at a moment of UTC.
    pub fn day_at(self, unix_s: i64) -> i64 {
        (unix_s + self.offset_s()).div_euclid(span::DAY_S)
    }

    /// The moment of UTC at which a local day begins.
    pub fn day_start_s(self, day: i64) -> i64 {
        day * span::DAY_S - self.offset_s()
    }
}

impl std::str::FromStr for TimeZone {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|zone| zone.label().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| format!("a time zone is WIB, WITA or WIT, found {text:?}"))
    }
}

/// The civil date of a day since 1970-01-01; days beyond the calendar's end become its end.
pub fn date_of_day(day: i64) -> jiff::civil::Date {
    let since = jiff::civil::date(1970, 1, 1);
    let days = i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX });
    since.saturating_add(jiff::Span::new().try_days(days).unwrap_or_default())
}

/// Days since 1970-01-01 of a civil date.
pub fn day_of_date(date: jiff::civil::Date) -> i64 {
    let since = jiff::civil::date(1970, 1, 1);
    date.duration_since(since).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_since_1970_are_two_names_of_one_thing() {
        assert_eq!(day_of_date(jiff::civil::date(2026, 7, 1)), 20_635);
        for day in (-1_000..40_000).step_by(37) {
            assert_eq!(day_of_date(date_of_day(day)), day);
        }
    }

    #[test]
    fn a_local_day_begins_before_the_utc_day_of_the_same_date() {
        assert_eq!(TimeZone::Wib.day_start_s(0), -7 * 3_600);
        assert_eq!(TimeZone::Wit.day_at(15 * 3_600), 1);
        assert_eq!("wita".parse(), Ok(TimeZone::Wita));
    }
}
