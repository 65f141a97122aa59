//! How coverage went along: a period in days or in months, for charts and for comparing.

use std::collections::BTreeMap;

use super::ratio::Ratio;
use super::site::DayTally;
use crate::calendar::{Span, date_of_day, day_of_date};

/// Longest period that is told day by day, days: two months. A longer one is told by months, so that a
/// year of a country's offices stays small.
const DAYS_TOLD_MAX: u64 = 62;

/// How wide the stretches of a period are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Day,
    Month,
}

impl Step {
    pub fn of(window: Span) -> Self {
        if window.seconds() <= DAYS_TOLD_MAX * 86_400 { Self::Day } else { Self::Month }
    }
}

/// One local day or calendar month of an office; seconds within office hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Days since 1970-01-01 of the local calendar; a month's first day.
    pub first_day: i64,
    pub expected_s: u64,
    pub up_s: u64,
    /// Up or down.
    pub seen_s: u64,
}

impl Stretch {
    pub fn availability(&self) -> Option<Ratio> {
        Ratio::of(self.up_s, self.seen_s)
    }

    pub fn observed(&self) -> Option<Ratio> {
        Ratio::of(self.seen_s, self.expected_s)
    }

    /// Adds the same stretch of others together, ascending.
    pub fn total<'a>(all: impl Iterator<Item = &'a Self>) -> Vec<Self> {
        let mut sums: BTreeMap<i64, Self> = BTreeMap::new();
        for stretch in all {
            let empty = Self { first_day: stretch.first_day, expected_s: 0, up_s: 0, seen_s: 0 };
            let sum = sums.entry(stretch.first_day).or_insert(empty);
            sum.expected_s += stretch.expected_s;
            sum.up_s += stretch.up_s;
            sum.seen_s += stretch.seen_s;
        }
        sums.into_values().collect()
    }
}

pub(super) fn of_days(days: &BTreeMap<i64, DayTally>, window: Span) -> Vec<Stretch> {
    let step = Step::of(window);
    let stretches: Vec<Stretch> = days
        .iter()
        .map(|(day, tally)| Stretch {
            first_day: match step {
                Step::Day => *day,
                Step::Month => day_of_date(date_of_day(*day).first_of_month()),
            },
            expected_s: tally.expected_s,
            up_s: tally.up_s,
            seen_s: tally.seen_s,
        })
        .collect();
    Stretch::total(stretches.iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days() -> BTreeMap<i64, DayTally> {
        let first = day_of_date(jiff::civil::date(2026, 7, 30));
        (0..4).map(|at| (first + at, DayTally { expected_s: 100, up_s: 60, seen_s: 80 })).collect()
    }

    #[test]
    fn a_short_period_goes_by_days_and_a_long_one_by_months() {
        let short = of_days(&days(), Span::new(0, 62 * 86_400));
        assert_eq!(short.len(), 4);
        let long = of_days(&days(), Span::new(0, 63 * 86_400));
        let august = day_of_date(jiff::civil::date(2026, 8, 1));
        assert_eq!(
            long.iter().map(|stretch| (stretch.first_day, stretch.up_s)).collect::<Vec<_>>(),
            [(august - 31, 120), (august, 120)]
        );
        assert_eq!(long[0].availability(), Ratio::of(120, 160));
        assert_eq!(long[0].observed(), Ratio::of(160, 200));
    }
}
