//! Days that are not like the others of the week, from a file: `date,scope,name,hours`. Without hours offices
//! are closed; with hours, as in Ramadan, these take the place of the standard ones.

use std::collections::HashMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::hours::OfficeHours;
use super::{date_of_day, day_of_date};

/// National holidays that ship with the collector; the file says which decree they follow.
const NATIONAL: &str = include_str!("../../calendar/holidays-id.csv");
/// Longest stretch of days in one line.
const DAYS_MAX: i64 = 100;
/// Most special days that are taken.
const ENTRIES_MAX: usize = 100_000;

/// One special day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    pub date: Date,
    pub name: String,
    /// Kemendagri code of the province, regency, district or village that is meant; empty: all of Indonesia.
    pub scope: String,
    /// Hours of offices with standard hours on this day; `None`: every office is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<OfficeHours>,
}

/// Special days, ascending by date.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Holidays(Vec<Holiday>);

/// What a day is at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind<'a> {
    Usual,
    Closed,
    /// Other hours than the standard ones.
    Special(&'a OfficeHours),
}

/// A row that is no special day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file}, line {line}: {problem}; a line is date,scope,name,hours, e.g. 2026-08-17,,Hari Kemerdekaan, or \
     2026-02-19..2026-03-20,,Ramadan,\"mon-thu 08:00-15:00; fri 08:00-11:30\""
)]
pub struct HolidayError {
    file: String,
    line: u64,
    problem: String,
}

impl Holiday {
    /// A day on which the whole country is closed.
    pub fn is_national(&self) -> bool {
        self.scope.is_empty() && self.hours.is_none()
    }

    /// Whether it means an office at `place`, a Kemendagri code.
    pub fn is_at(&self, place: &str) -> bool {
        covers(&self.scope, place)
    }
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

    /// Reads lines of `date,scope,name,hours`, the last one optional; a date may be a stretch `first..last`.
    /// Commas or semicolons separate. Lines that begin with `#`, empty ones and the header are skipped.
    pub fn parse(text: &str, file: &str) -> Result<Self, HolidayError> {
        let text = text.trim_start_matches('\u{feff}');
        let wrong = |line: u64, problem: String| HolidayError { file: file.to_owned(), line, problem };
        let first = text.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
        let separator = if first.matches(';').count() > first.matches(',').count() { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .comment(Some(b'#'))
            .delimiter(separator)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut days: Vec<Holiday> = Vec::new();
        let mut lines: HashMap<(Date, String, bool), u64> = HashMap::new();
        for record in reader.records() {
            let line = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
            let record = record.map_err(|error| wrong(line(error.position()), error.to_string()))?;
            let line = line(record.position());
            if record.iter().all(str::is_empty) || record.get(0) == Some("date") {
                continue;
            }
            let read = read(&record).map_err(|problem| wrong(line, problem))?;
            for day in read {
                // A holiday in Ramadan is no contradiction: it is closed.
                let key = (day.date, day.scope.clone(), day.hours.is_none());
                if let Some(known) = lines.insert(key, line) {
                    let problem = format!("{} stands in line {known} already", day.date);
                    return Err(wrong(line, problem));
                }
                days.push(day);
            }
            if days.len() > ENTRIES_MAX {
                return Err(wrong(line, format!("more than {ENTRIES_MAX} days")));
            }
        }
        Ok(Self::new(days))
    }

    /// These days and others.
    pub fn with(self, others: Self) -> Self {
        Self::new([self.0, others.0].concat())
    }

    /// What a day is at a place (any Kemendagri code). Closed wins; of several special hours those of the
    /// smallest area.
    pub fn kind_of(&self, date: Date, place: &str) -> DayKind<'_> {
        let first = self.0.partition_point(|holiday| holiday.date < date);
        let here = self.0[first..]
            .iter()
            .take_while(|holiday| holiday.date == date)
            .filter(|holiday| covers(&holiday.scope, place));
        let mut kind = DayKind::Usual;
        // Ascending by scope, so that a longer one, a smaller area, comes later.
        for holiday in here {
            match &holiday.hours {
                None => return DayKind::Closed,
                Some(hours) => kind = DayKind::Special(hours),
            }
        }
        kind
    }

    /// Whether offices at a place are closed on a day.
    pub fn is_free(&self, date: Date, place: &str) -> bool {
        self.kind_of(date, place) == DayKind::Closed
    }

    pub fn iter(&self) -> impl Iterator<Item = &Holiday> {
        self.0.iter()
    }
}

/// `19.02` covers `19.02` and `19.02.03.2001`, not `19.021`.
fn covers(scope: &str, place: &str) -> bool {
    scope.is_empty() || place.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn read(record: &csv::StringRecord) -> Result<Vec<Holiday>, String> {
    let (Some(dates), Some(scope), Some(name)) = (record.get(0), record.get(1), record.get(2)) else {
        return Err("fewer than three columns".to_owned());
    };
    if record.len() > 4 {
        return Err("more than four columns; hours with commas stand in double quotes".to_owned());
    }
    let date = |text: &str| text.trim().parse::<Date>().map_err(|_| format!("{text:?} is no date"));
    let (first, last) = match dates.split_once("..") {
        Some((first, last)) => (date(first)?, date(last)?),
        None => (date(dates)?, date(dates)?),
    };
    let (first, last) = (day_of_date(first), day_of_date(last));
    if !(1..=DAYS_MAX).contains(&(last - first + 1)) {
        return Err(format!("{dates} is no stretch of 1 to {DAYS_MAX} days"));
    }
    if !scope.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(format!("{scope:?} is no Kemendagri code"));
    }
    let hours = match record.get(3).unwrap_or_default() {
        "" => None,
        text => Some(text.parse::<OfficeHours>().map_err(|error| error.to_string())?),
    };
    let day = |day| Holiday {
        date: date_of_day(day),
        name: name.to_owned(),
        scope: scope.to_owned(),
        hours: hours.clone(),
    };
    Ok((first..=last).map(day).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn ramadan_has_hours_of_its_own_and_a_holiday_in_it_stays_one() {
        let text = "2026-03-19,,Nyepi\n2026-02-19..2026-03-20,,Ramadan,\"mon-thu 08:00-15:00; fri 08:00-11:30\"\n\
                    2026-03-01..2026-03-20,19.02,Ramadan,mon-fri 08:00-14:00\n";
        let ramadan = Holidays::parse(text, "libur.csv").expect("valid");
        let holidays = ramadan.clone().with(Holidays::parse("2026-03-20,,Idulfitri", "x").expect("valid"));
        let special = |day, place| match holidays.kind_of(day, place) {
            DayKind::Special(hours) => hours.to_string(),
            other => format!("{other:?}"),
        };
        let week = "mon-thu 08:00-15:00; fri 08:00-11:30";
        assert_eq!(special(date(2026, 2, 19), "19.02.03.2001"), week);
        assert_eq!(special(date(2026, 3, 2), "19.01.03.2001"), week);
        assert_eq!(special(date(2026, 3, 2), "19.02.03.2001"), "mon-fri 08:00-14:00");
        assert_eq!(special(date(2026, 3, 19), "19.01.03.2001"), "Closed");
        assert_eq!(special(date(2026, 3, 20), "19.02.03.2001"), "Closed");
        assert_eq!(special(date(2026, 3, 21), "19.02.03.2001"), "Usual");
        assert_eq!(ramadan.iter().count(), 1 + 30 + 20);
    }

    #[test]
    fn every_wrong_line_is_told_with_what_would_be_right() {
        for (row, part) in [
            ("2026-02-30,,Libur", "\"2026-02-30\" is no date"),
            ("2026-03-02..2026-03-01,,Libur", "is no stretch of 1 to 100 days"),
            ("2026-01-01..2026-12-31,,Libur", "is no stretch of 1 to 100 days"),
            ("2026-03-02,Belitung,Libur", "\"Belitung\" is no Kemendagri code"),
            ("2026-03-02,,Ramadan,daily", "\"daily\" are no hours"),
            ("2026-03-02,,Ramadan,mon 08:00-09:00,10:00-11:00", "in double quotes"),
            ("2026-03-02", "fewer than three columns"),
            ("2026-03-02,,Libur\n2026-03-02,,Libur", "line 3: 2026-03-02 stands in line 2 already"),
        ] {
            let error =
                Holidays::parse(&format!("date,scope,name,hours\n{row}"), "libur.csv").expect_err(part);
            let error = error.to_string();
            assert!(error.contains("libur.csv, line ") && error.contains(part), "{error}");
        }
        let semicolons =
            Holidays::parse("date;scope;name;hours\n2026-03-02;;Ramadan;mon 08:00-09:00,10:00-11:00", "x");
        assert!(semicolons.is_ok_and(|days| days.iter().count() == 1));
    }

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
