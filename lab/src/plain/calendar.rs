//! Local days, holidays and office hours, minute by minute.

use std::collections::BTreeSet;

use crate::fleet::life::{DAY_S, Hours, WIB_S};

const MINUTES: usize = 1_440;

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
