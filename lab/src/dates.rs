//! Quarters and other periods as text and as days, and the country's holidays; the lab needs no more of a calendar.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

const HOLIDAYS: &str = include_str!("../../collector/calendar/holidays-id.csv");

/// Days since 1970 on which every office of the country is closed. Read from the file, not through the collector.
pub fn holidays() -> BTreeSet<i64> {
    HOLIDAYS
        .lines()
        .filter(|line| line.starts_with("20"))
        .map(|line| {
            let (date, rest) = line.split_once(',').expect("date,scope,name");
            assert!(rest.starts_with(','), "a holiday of one region: this calendar knows none");
            let part = |from: usize, to: usize| date[from..to].parse::<i64>().expect("a number");
            days_to_month(part(0, 4), part(5, 7)) + part(8, 10) - 1
        })
        .collect()
}

/// A quarter of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarter {
    pub year: i64,
    /// 1 to 4.
    pub number: i64,
}

impl Quarter {
    /// The quarter that holds a moment, UTC.
    pub fn at(unix_ms: i64) -> Self {
        // Howard Hinnant's days-to-civil algorithm, with years that begin in March.
        let shifted = unix_ms.div_euclid(86_400_000) + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = (month_from_march + 2) % 12 + 1;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, number: (month - 1) / 3 + 1 }
    }

    pub fn before(self) -> Self {
        match self.number {
            1 => Self { year: self.year - 1, number: 4 },
            number => Self { year: self.year, number: number - 1 },
        }
    }

    /// Days since 1970 of its first day and of the first day after it.
    pub fn days(self) -> (i64, i64) {
        let next = if self.number == 4 { (self.year + 1, 1) } else { (self.year, self.number * 3 + 1) };
        (days_to_month(self.year, self.number * 3 - 2), days_to_month(next.0, next.1))
    }
}

/// Days from 1970 to the first of a month.
fn days_to_month(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl std::fmt::Display for Quarter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-Q{}", self.year, self.number)
    }
}

impl std::str::FromStr for Quarter {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (year, number) = text.split_once("-Q").context("a quarter is written like 2026-Q3")?;
        let quarter = Self { year: year.parse()?, number: number.parse()? };
        anyhow::ensure!(
            (1970..=2900).contains(&quarter.year) && (1..=4).contains(&quarter.number),
            "{text}: no such quarter"
        );
        Ok(quarter)
    }
}

/// A year, a quarter or a month, by its local days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// As the collector reads it: `2026`, `2026-Q3` or `2026-07`.
    pub name: String,
    /// Days since 1970 of its first day and of the first day after it.
    pub days: (i64, i64),
}

impl From<Quarter> for Period {
    fn from(quarter: Quarter) -> Self {
        Self { name: quarter.to_string(), days: quarter.days() }
    }
}

impl std::str::FromStr for Period {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.contains('Q') {
            return text.parse::<Quarter>().map(Self::from);
        }
        let (year, month) = text.split_once('-').map_or((text, None), |(year, month)| (year, Some(month)));
        let year: i64 = year.parse().with_context(|| format!("{text}: no year"))?;
        let days = match month {
            None => (days_to_month(year, 1), days_to_month(year + 1, 1)),
            Some(month) => {
                let month: i64 = month.parse().with_context(|| format!("{text}: no month"))?;
                anyhow::ensure!((1..=12).contains(&month), "{text}: no month");
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                (days_to_month(year, month), days_to_month(next.0, next.1))
            }
        };
        anyhow::ensure!(
            (1970..=2900).contains(&year) && (28..=366).contains(&(days.1 - days.0)),
            "{text}: no such period"
        );
        Ok(Self { name: text.to_owned(), days })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_has_four_quarters_and_twelve_months_without_a_gap() {
        let days = |text: &str| text.parse::<Period>().unwrap_or_else(|error| panic!("{text}: {error}")).days;
        for year in [2026, 2028] {
            let quarters: Vec<_> = (1..=4).map(|number| days(&format!("{year}-Q{number}"))).collect();
            let months: Vec<_> = (1..=12).map(|month| days(&format!("{year}-{month:02}"))).collect();
            for parts in [quarters, months] {
                assert!(parts.windows(2).all(|pair| pair[0].1 == pair[1].0));
                assert_eq!((parts[0].0, parts[parts.len() - 1].1), days(&year.to_string()));
            }
        }
        assert!("2026-13".parse::<Period>().is_err() && "soon".parse::<Period>().is_err());
    }

    #[test]
    fn quarters_follow_each_other_without_a_gap_and_hold_their_days() {
        let mut quarter: Quarter = "2031-Q1".parse().expect("a quarter");
        assert_eq!(Quarter { year: 1970, number: 1 }.days(), (0, 90));
        assert_eq!(
            Quarter { year: 2028, number: 1 }.days().1 - Quarter { year: 2028, number: 1 }.days().0,
            91
        );
        for _ in 0..200 {
            let (first, after) = quarter.days();
            assert_eq!(quarter.before().days().1, first);
            for day in first..after {
                assert_eq!(Quarter::at(day * 86_400_000), quarter);
            }
            quarter = quarter.before();
        }
        assert!("2026-Q5".parse::<Quarter>().is_err() && "2026".parse::<Quarter>().is_err());
    }
}
