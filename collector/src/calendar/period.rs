//! Names of periods: `2026-Q3`, `2026-S2`, `2026-09`, `2026`, `2026-07-01..2026-09-30`, and local times for hours.
//!
//! Dates and times are WIB, the zone of the province, so that every office of a report has one window.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};

use super::{Span, TimeZone, date_of_day, day_of_date};

const ZONE: TimeZone = TimeZone::Wib;
/// Years that are no typing mistake.
const YEARS: std::ops::RangeInclusive<i16> = 2020..=2200;
/// Longest period, days: ten years.
const DAYS_MAX: i64 = 3_653;

/// A period as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodName {
    /// `quarter` is 1 to 4.
    Quarter {
        year: i16,
        quarter: i8,
    },
    /// `half` is 1 or 2: a semester.
    Semester {
        year: i16,
        half: i8,
    },
    Month {
        year: i16,
        month: i8,
    },
    Year {
        year: i16,
    },
    /// Both days included.
    Days {
        first: Date,
        last: Date,
    },
    /// The end not included.
    Times {
        from: DateTime,
        to: DateTime,
    },
}

/// Why a period cannot be reported about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    #[error(
        "{found:?} is no period; right are e.g. 2026-Q3, 2026-S2, 2026-09, 2026, 2026-07-01..2026-09-30 \
         or 2026-11-24T01:00..2026-11-24T02:00 (WIB)"
    )]
    Form { found: String },
    #[error("the period {found} ends before it begins")]
    Backwards { found: String },
    #[error("the period {found} is longer than ten years")]
    Long { found: String },
    #[error("the period {found} has not begun yet")]
    Future { found: String },
}

impl PeriodName {
    /// The quarter that holds a moment.
    pub fn quarter_at(unix_s: i64) -> Self {
        let date = date_of_day(ZONE.day_at(unix_s));
        Self::Quarter { year: date.year(), quarter: (date.month() - 1) / 3 + 1 }
    }

    /// The whole period, cut at nothing.
    pub fn window(self) -> Span {
        let start_of = |date: Date| ZONE.day_start_s(day_of_date(date));
        let month_start = |year: i16, month: i8| {
            let (year, month) = if month > 12 { (year + 1, month - 12) } else { (year, month) };
            start_of(jiff::civil::date(year, month, 1))
        };
        match self {
            Self::Quarter { year, quarter } => {
                Span::new(month_start(year, quarter * 3 - 2), month_start(year, quarter * 3 + 1))
            }
            Self::Semester { year, half } => {
                Span::new(month_start(year, half * 6 - 5), month_start(year, half * 6 + 1))
            }
            Self::Month { year, month } => Span::new(month_start(year, month), month_start(year, month + 1)),
            Self::Year { year } => Span::new(month_start(year, 1), month_start(year + 1, 1)),
            Self::Days { first, last } => Span::new(start_of(first), start_of(last) + super::span::DAY_S),
            Self::Times { from, to } => Span::new(second_at(from), second_at(to)),
        }
    }

    /// The period up to now: what has not happened yet is not expected.
    pub fn until(self, now_s: i64) -> Result<Span, PeriodError> {
        let window = self.window();
        if window.start_s >= now_s {
            return Err(PeriodError::Future { found: self.to_string() });
        }
        Ok(Span::new(window.start_s, window.end_s.min(now_s)))
    }

    pub fn is_quarter(self) -> bool {
        matches!(self, Self::Quarter { .. })
    }
}

/// A local moment of the province (WIB) such as `2026-10-05T08:07`, as seconds since 1970.
pub fn moment_of(text: &str) -> Option<i64> {
    local_time(text).map(second_at)
}

fn second_at(local: DateTime) -> i64 {
    ZONE.day_start_s(day_of_date(local.date())) + seconds_of(local.time())
}

fn seconds_of(time: Time) -> i64 {
    i64::from(time.hour()) * 3_600 + i64::from(time.minute()) * 60 + i64::from(time.second())
}

impl FromStr for PeriodName {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let text = text.trim();
        let found = || text.chars().take(60).collect::<String>();
        let form = || PeriodError::Form { found: found() };
        let name = parse(text).ok_or_else(form)?;
        let window = name.window();
        if window.is_empty() {
            return Err(PeriodError::Backwards { found: found() });
        }
        if window.seconds() as i64 > DAYS_MAX * super::span::DAY_S {
            return Err(PeriodError::Long { found: found() });
        }
        Ok(name)
    }
}

fn parse(text: &str) -> Option<PeriodName> {
    if !text.is_ascii() {
        return None;
    }
    if let Some((from, to)) = text.split_once("..") {
        return if from.contains('T') {
            let (from, to) = (local_time(from)?, local_time(to)?);
            Some(PeriodName::Times { from, to })
        } else {
            Some(PeriodName::Days { first: local_date(from)?, last: local_date(to)? })
        };
    }
    let (year, rest) = text.split_once('-').map_or((text, None), |(year, rest)| (year, Some(rest)));
    let year = (year.len() == 4).then(|| year.parse::<i16>().ok()).flatten().filter(|y| YEARS.contains(y))?;
    let Some(rest) = rest else {
        return Some(PeriodName::Year { year });
    };
    if let Some(quarter) = rest.strip_prefix(['Q', 'q']) {
        let quarter = quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter))?;
        return Some(PeriodName::Quarter { year, quarter });
    }
    if let Some(half) = rest.strip_prefix(['S', 's']) {
        let half = half.parse().ok().filter(|half| (1..=2).contains(half))?;
        return Some(PeriodName::Semester { year, half });
    }
    if rest.len() == 2 {
        let month = rest.parse().ok().filter(|month| (1..=12).contains(month))?;
        return Some(PeriodName::Month { year, month });
    }
    let day = local_date(text)?;
    Some(PeriodName::Days { first: day, last: day })
}

fn local_date(text: &str) -> Option<Date> {
    (text.len() == 10)
        .then(|| text.parse::<Date>().ok())
        .flatten()
        .filter(|date| YEARS.contains(&date.year()))
}

fn local_time(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once('T')?;
    let time = matches!(time.len(), 5 | 8).then(|| time.parse::<Time>().ok()).flatten()?;
    Some(local_date(date)?.to_datetime(time))
}

/// Prints what `FromStr` reads.
impl fmt::Display for PeriodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quarter { year, quarter } => write!(f, "{year}-Q{quarter}"),
            Self::Semester { year, half } => write!(f, "{year}-S{half}"),
            Self::Month { year, month } => write!(f, "{year}-{month:02}"),
            Self::Year { year } => write!(f, "{year}"),
            Self::Days { first, last } => write!(f, "{first}..{last}"),
            Self::Times { from, to } => write!(f, "{from}..{to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> (i64, i64) {
        let window = text.parse::<PeriodName>().unwrap_or_else(|error| panic!("{text}: {error}")).window();
        (window.start_s, window.end_s)
    }

    /// 2026-07-01T00:00 WIB, from `date -u -d 2026-06-30T17:00Z +%s`.
    const JULY_S: i64 = 1_782_838_800;
    const DAY_S: i64 = 86_400;

    #[test]
    fn every_way_to_name_a_period_gives_its_local_days() {
        assert_eq!(window("2026-Q3"), (JULY_S, JULY_S + 92 * DAY_S));
        assert_eq!(window("2026-07-01..2026-09-30"), window("2026-Q3"));
        assert_eq!(window("2026-S2"), (JULY_S, JULY_S + 184 * DAY_S));
        assert_eq!(window("2026-S1").0, window("2026").0);
        assert_eq!(window("2026-09"), (JULY_S + 62 * DAY_S, JULY_S + 92 * DAY_S));
        assert_eq!(window("2026"), (JULY_S - 181 * DAY_S, JULY_S + 184 * DAY_S));
        assert_eq!(window("2026-07-01"), (JULY_S, JULY_S + DAY_S));
        assert_eq!(window("2026-07-01T01:00..2026-07-01T02:00"), (JULY_S + 3_600, JULY_S + 7_200));
        assert_eq!(window("2026-07-01T01:00:30..2026-07-01T02:00"), (JULY_S + 3_630, JULY_S + 7_200));
        assert_eq!(window("2026-Q4").1, window("2027").0);
        assert_eq!(window("2026-12").1, window("2027-01").0);
    }

    #[test]
    fn a_period_prints_what_it_reads() {
        for text in [
            "2026-Q3",
            "2026-S1",
            "2026-09",
            "2026",
            "2026-07-01..2026-09-30",
            "2026-11-24T01:00:00..2026-11-24T02:00:00",
        ] {
            assert_eq!(text.parse::<PeriodName>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn impossible_periods_are_refused_in_one_sentence() {
        for wrong in [
            "",
            "2026-Q5",
            "2026-13",
            "2026-S3",
            "26",
            "0000",
            "2026-02-30",
            "soon",
            "2026-07-01..",
            "..",
            "2026-Q3x",
            "２０２６",
        ] {
            assert!(matches!(wrong.parse::<PeriodName>(), Err(PeriodError::Form { .. })), "{wrong}");
        }
        let backwards = "2026-07-02..2026-07-01".parse::<PeriodName>();
        assert!(matches!(backwards, Err(PeriodError::Backwards { .. })));
        assert!(matches!("2026-01-01..2099-01-01".parse::<PeriodName>(), Err(PeriodError::Long { .. })));
    }

    #[test]
    fn a_running_period_is_cut_at_now_and_a_future_one_refused() {
        let quarter = PeriodName::quarter_at(JULY_S);
        assert_eq!(quarter, PeriodName::Quarter { year: 2026, quarter: 3 });
        assert_eq!(quarter.until(JULY_S + 5), Ok(Span::new(JULY_S, JULY_S + 5)));
        assert_eq!(quarter.until(i64::MAX), Ok(quarter.window()));
        assert!(matches!(quarter.until(JULY_S), Err(PeriodError::Future { .. })));
    }
}
