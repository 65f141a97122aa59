//! Thresholds and special days with their dates: a report of an old period is judged by those of its time.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::StoreError;
use super::admin::Admin;
use super::reader::Reader;
use crate::calendar::Holidays;
use crate::coverage::{InForce, Rules};

impl Admin {
    /// Keeps what the configuration says from `now_ms` on, when it differs from what counted last. The
    /// first ever count for all time before, too. Tells whether something changed.
    pub fn date_rules(
        &mut self,
        rules: &Rules,
        holidays: &Holidays,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last = in_force(&transaction, i64::MAX)?;
        if last.as_ref().is_some_and(|last| last.rules == *rules && last.holidays == *holidays) {
            return Ok(false);
        }
        let json = |error: serde_json::Error| StoreError::Damaged(error.to_string());
        transaction.execute(
            "INSERT OR REPLACE INTO rules_version (valid_from_ms, rules, holidays) VALUES (?1, ?2, ?3)",
            params![
                now_ms,
                serde_json::to_string(rules).map_err(json)?,
                serde_json::to_string(holidays).map_err(json)?
            ],
        )?;
        transaction.commit()?;
        Ok(true)
    }
}

impl Reader {
    /// What was in force at a moment; what was before the first version is taken to be like it.
    pub fn rules_in_force(&self, at_ms: i64) -> Result<Option<InForce>, StoreError> {
        in_force(self.main(), at_ms)
    }
}

fn in_force(connection: &Connection, at_ms: i64) -> Result<Option<InForce>, StoreError> {
    let first: Option<i64> =
        connection.query_row("SELECT min(valid_from_ms) FROM rules_version", [], |row| row.get(0))?;
    let Some(first) = first else { return Ok(None) };
    let mut select = connection.prepare_cached(
        "SELECT valid_from_ms, rules, holidays FROM rules_version WHERE valid_from_ms <= ?1
         ORDER BY valid_from_ms DESC LIMIT 1",
    )?;
    let row: Option<(i64, String, String)> =
        select.query_row([at_ms.max(first)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let Some((from_ms, rules, holidays)) = row else { return Ok(None) };
    let damaged = |error: serde_json::Error| StoreError::Damaged(format!("dated rules: {error}"));
    Ok(Some(InForce {
        rules: serde_json::from_str(&rules).map_err(damaged)?,
        holidays: serde_json::from_str(&holidays).map_err(damaged)?,
        since_s: (from_ms > first).then(|| from_ms.div_euclid(1000)),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    #[test]
    fn an_old_moment_keeps_its_rules_when_they_change_and_the_first_ones_count_before() {
        let directory = tempfile::tempdir().expect("a directory");
        schema::create(directory.path()).expect("a store");
        let mut admin = Admin::open(directory.path()).expect("open");
        let reader = Reader::open(directory.path()).expect("open");
        assert_eq!(reader.rules_in_force(0).expect("readable"), None);
        let (old, none) = (Rules::default(), Holidays::default());
        let strict = Rules { availability_reliable: 0.995, ..Rules::default() };
        assert!(admin.date_rules(&old, &none, 5_000).expect("kept"));
        assert!(!admin.date_rules(&old, &none, 6_000).expect("the same"));
        assert!(admin.date_rules(&strict, &none, 9_000).expect("kept"));
        assert!(admin.date_rules(&strict, &Holidays::national(), 11_000).expect("kept"));
        let at = |at_ms| reader.rules_in_force(at_ms).expect("readable").expect("dated");
        let of = |at_ms| (at(at_ms).rules.availability_reliable, at(at_ms).since_s);
        assert_eq!([of(0), of(5_000), of(8_999)], [(0.99, None); 3]);
        assert_eq!([of(9_000), of(10_999)], [(0.995, Some(9)); 2]);
        assert_eq!(at(10_999).holidays, none);
        assert_eq!(at(i64::MAX).holidays, Holidays::national());
    }
}
