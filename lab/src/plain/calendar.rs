//! Local days, holidays and office hours, minute by minute.

use std::collections::BTreeSet;

use crate::fleet::life::{DAY_S, Hours, WIB_S};

const HOLIDAYS: &str = include_str!("../../../collector/calendar/holidays-id.csv");
const MINUTES: usize = 1_440;

/// Days since 1970 on which every office of the country is closed.
pub fn holidays() -> BTreeSet<i64> {
    HOLIDAYS
        .lines()
        .filter(|line| line.starts_with("20"))
        .map(|line| {
            let (date, rest) = line.split_once(',').expect("date,scope,name");
            assert!(rest.starts_with(','), "a holiday of one region: the plain calendar knows none");
            let part = |from: usize, to: usize| date[from..to].parse::<i64>().expect("a number");
            day_of(part(0, 4), part(5, 7), part(8, 10))
        })
        .collect()
}

/// Counted up year by year and month by month.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let years: i64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    years + months.iter().take(month as usize - 1).sum::<i64>() + day - 1
}

/// The local day that holds a moment.
pub fn local_day(second: i64) -> i64 {
    (second + WIB_S).div_euclid(DAY_S)
}

/// The minutes of a local day in which an office is open.
pub fn open_minutes(hours: Hours, day: i64, holidays: &BTreeSet<i64>) -> Vec<bool> {
    if hours == Hours::Always {
        return vec![true; MINUTES];
    }
    // Monday is 0; 1970-01-01 was a Thursday.
    let weekday = (day + 3).rem_euclid(7);
    let closed = holidays.contains(&day);
    (0..MINUTES)
        .map(|minute| {
            let between = |from: (usize, usize), to: (usize, usize)| {
                (from.0 * 60 + from.1..to.0 * 60 + to.1).contains(&minute)
            };
            let open = match (hours, weekday) {
                (Hours::Standard, 0..=3) => between((8, 0), (16, 0)),
                (Hours::Standard, 4) => between((8, 0), (11, 30)) || between((13, 0), (16, 0)),
                (Hours::Mornings, 0..=5) => between((7, 0), (12, 30)),
                _ => false,
            };
            open && !closed
        })
        .collect()
}

/// Whether the declared night supply is on.
pub fn is_supplied(second: i64) -> bool {
    let minute = (second + WIB_S).rem_euclid(DAY_S) / 60;
    !(7 * 60..17 * 60).contains(&minute)
}
