//! The wall clock of the collector's machine: the one place that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

pub const MS_A_DAY: i64 = 86_400_000;

/// Milliseconds since 1970; 0 when the clock stands before that.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A moment as lists show it.
pub fn moment(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms)
        .map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
