//! Days on which offices are closed, from a file: `date,scope,name`, scope empty for the whole country.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// National holidays that ship with the collector; the file says which decree they follow.
const NATIONAL: &str = include_str!("../../calendar/holidays-id.csv");

/// One closed day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    pub date: Date,
    pub name: String,
    /// Kemendagri code of the province, regency, district or village that is free; empty: all of Indonesia.
    pub scope: String,
}

/// Closed days, ascending by date.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holidays(Vec<Holiday>);

/// A row that is no holiday.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {problem}; a line is date,scope,name, e.g. 2026-08-17,,Hari Kemerdekaan")]
pub struct HolidayError {
    file: String,
    line: usize,
    problem: String,
}

impl Holidays {
    pub fn new(mut days: Vec<Holiday>) -> Self {
        days.sort_by(|a, b| (a.date, &a.scope).cmp(&(b.date, &b.scope)));
        Self(days)
    }

    /// The national holidays and joint leave days that are built in.
    pub fn national() -> Self {
        Self::parse(NATIONAL, "holidays-id.csv").expect("the built-in holidays are tested")
    }

    /// Reads `date,scope,name` lines; lines that begin with `#`, empty ones and the header are skipped.
    pub fn parse(text: &str, file: &str) -> Result<Self, HolidayError> {
        let mut days = Vec::new();
        for (line, row) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let row = row.trim();
            if row.is_empty() || row.starts_with('#') || row == "date,scope,name" {
                continue;
            }
            let wrong = |problem: String| HolidayError { file: file.to_owned(), line, problem };
            let mut parts = row.splitn(3, ',').map(str::trim);
            let (Some(date), Some(scope), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(wrong("fewer than three columns".to_owned()));
            };
            let date = date.parse().map_err(|_| wrong(format!("{date:?} is no date")))?;
            if !scope.chars().all(|c| c.is_ascii_digit() || c == '.') {
                return Err(wrong(format!("{scope:?} is no Kemendagri code")));
            }
            days.push(Holiday { date, name: name.to_owned(), scope: scope.to_owned() });
        }
        Ok(Self::new(days))
    }

    /// Whether offices at a place (any Kemendagri code) are closed on a day.
    pub fn is_free(&self, date: Date, place: &str) -> bool {
        let first = self.0.partition_point(|holiday| holiday.date < date);
        self.0[first..]
            .iter()
            .take_while(|holiday| holiday.date == date)
            .any(|holiday| covers(&holiday.scope, place))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Holiday> {
        self.0.iter()
    }
}

/// `19.02` covers `19.02` and `19.02.03.2001`, not `19.021`.
fn covers(scope: &str, place: &str) -> bool {
    scope.is_empty() || place.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_regional_holiday_is_free_only_there() {
        let holidays =
            Holidays::parse("2026-11-21,19.02,Ulang tahun\n2026-08-17,,Merdeka", "x").expect("valid");
        assert!(holidays.is_free(date(2026, 11, 21), "19.02.03.2001"));
        assert!(!holidays.is_free(date(2026, 11, 21), "19.01.03.2001"));
        assert!(holidays.is_free(date(2026, 8, 17), "19.01.03.2001"));
    }

    #[test]
    fn the_built_in_list_parses_and_2026_has_17_holidays_and_8_days_of_joint_leave() {
        let holidays = Holidays::national();
        let year: Vec<_> = holidays.iter().filter(|holiday| holiday.date.year() == 2026).collect();
        let leave = year.iter().filter(|holiday| holiday.name.starts_with("Cuti bersama")).count();
        assert_eq!((year.len() - leave, leave), (17, 8));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = Holidays::parse("date,scope,name\n17-08-2026,,Merdeka", "libur.csv").expect_err("wrong");
        assert!(error.to_string().contains("libur.csv, line 2"), "{error}");
    }
}
