//! What is deleted when it is old enough: whole months, and the rows of the small tables that only served them.
//!
//! Sites, agents and receipts stay for ever: they are small, and without them an old record would count again.

use std::path::Path;

use rusqlite::{TransactionBehavior, params};

use super::months::Month;
use super::{StoreError, schema};
use crate::day::Day;
use crate::wall_clock::MS_A_DAY;

/// Rows in one transaction: between two of them agents' pushes are committed.
const ROWS_A_TRANSACTION: i64 = 2_000;
/// Somebody who types an old code is told that it expired, for a year.
const CODE_KEPT_MS: i64 = 366 * MS_A_DAY;

/// The first month that is kept: the month of `today` and `keep` whole ones before it. `None` keeps everything.
fn first_kept(keep_months: u32, today: Day) -> Option<Month> {
    let now = Month::of(today);
    let number = i64::from(now.year) * 12 + i64::from(now.month) - 1 - i64::from(keep_months);
    let month =
        Month { year: i16::try_from(number.div_euclid(12)).ok()?, month: number.rem_euclid(12) as i8 + 1 };
    (keep_months > 0).then_some(month)
}

/// Deletes the files of months that are not kept. Returns the months that are gone.
pub fn months(dir: &Path, keep_months: u32, today: Day) -> Result<Vec<Month>, StoreError> {
    let Some(first) = first_kept(keep_months, today) else { return Ok(Vec::new()) };
    let mut old = Month::all(dir)?;
    old.retain(|month| *month < first);
    for month in &old {
        let file = month.file(dir);
        std::fs::remove_file(&file).map_err(|cause| StoreError::File {
            what: format!("{} cannot be deleted", file.display()),
            cause,
        })?;
    }
    Ok(old)
}

/// Each takes the first moment that is kept, as seconds, and most rows.
const ROWS_OF_MONTHS: [&str; 5] = [
    "DELETE FROM taken WHERE (agent, day) IN
       (SELECT agent, day FROM taken WHERE day * 86400 < ?1 LIMIT ?2)",
    "DELETE FROM explanation WHERE id IN (SELECT id FROM explanation WHERE to_s <= ?1 LIMIT ?2)",
    "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE received_ms < ?1 * 1000 LIMIT ?2)",
    // A boot that still runs is anchored again by its next push.
    "DELETE FROM anchor WHERE (agent, boot) IN
       (SELECT agent, boot FROM anchor WHERE upper_ms + boot_ms < ?1 * 1000 LIMIT ?2)",
    "DELETE FROM lost WHERE (agent, epoch, first, last) IN
       (SELECT agent, epoch, first, last FROM lost WHERE
          (SELECT first_ms FROM ack WHERE ack.agent = lost.agent AND ack.epoch = lost.epoch
             AND ack.first > lost.last ORDER BY ack.first LIMIT 1) < ?1 * 1000 LIMIT ?2)",
];
const EXPIRED_CODES: &str = "DELETE FROM join_code WHERE secret_hash IN
    (SELECT secret_hash FROM join_code WHERE expires_ms < ?1 * 1000 LIMIT ?2)";

/// Deletes what the small tables hold of months that are not kept, and long expired codes. Returns how many
/// rows are gone.
pub fn rows(dir: &Path, keep_months: u32, now_ms: i64) -> Result<usize, StoreError> {
    let mut gone = delete(dir, EXPIRED_CODES, (now_ms - CODE_KEPT_MS).div_euclid(1000))?;
    if let Some(first) = first_kept(keep_months, super::day_of(now_ms)) {
        for sql in ROWS_OF_MONTHS {
            gone += delete(dir, sql, i64::from(first.first_day()) * 86_400)?;
        }
    }
    Ok(gone)
}

fn delete(dir: &Path, sql: &str, first_kept_s: i64) -> Result<usize, StoreError> {
    let mut connection = schema::open(dir)?;
    let mut gone = 0;
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let deleted = transaction.execute(sql, params![first_kept_s, ROWS_A_TRANSACTION])?;
        transaction.commit()?;
        gone += deleted;
        if deleted == 0 {
            return Ok(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_of_today_and_as_many_whole_ones_before_it_are_kept() {
        // 2026-09-04
        let first = |keep| first_kept(keep, 20_700).map(|month| (month.year, month.month));
        assert_eq!(first(0), None);
        assert_eq!(first(1), Some((2026, 8)));
        assert_eq!(first(8), Some((2026, 1)));
        assert_eq!(first(9), Some((2025, 12)));
        assert_eq!(first(1_200), Some((1926, 9)));
    }
}
