//! Which sequences of an agent's epoch are known, as ranges with the times at their ends.
//!
//! A set and not a high-water mark: agents send what is newest first. The times at the ends are what
//! bounds a record without a clock, and what dates a hole that lost records left.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use suar_wire::{AgentId, Epoch, Sequence};

use crate::clock::Neighbours;

/// Inclusive; a time is `None` when the record there was refused or set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub last: Sequence,
    pub first_ms: Option<i64>,
    pub last_ms: Option<i64>,
}

/// The part of an epoch's ranges around one push, by first sequence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acks {
    ranges: BTreeMap<Sequence, Range>,
}

impl Acks {
    pub fn contains(&self, sequence: Sequence) -> bool {
        self.ranges.range(..=sequence).next_back().is_some_and(|(_, range)| range.last >= sequence)
    }

    /// Adds a sequence that is not known yet.
    pub fn insert(&mut self, sequence: Sequence, at_ms: Option<i64>) {
        if self.contains(sequence) {
            return;
        }
        let mut first = sequence;
        let mut range = Range { last: sequence, first_ms: at_ms, last_ms: at_ms };
        if let Some((&begin, before)) = self.ranges.range(..sequence).next_back()
            && before.last.checked_add(1) == Some(sequence)
        {
            (first, range.first_ms) = (begin, before.first_ms);
        }
        if let Some(after) = sequence.checked_add(1).and_then(|next| self.ranges.remove(&next)) {
            (range.last, range.last_ms) = (after.last, after.last_ms);
        }
        self.ranges.insert(first, range);
    }

    /// Times of the nearest known sequences on both sides of one that is not known.
    pub fn neighbours(&self, sequence: Sequence) -> Neighbours {
        Neighbours {
            before_ms: self.ranges.range(..=sequence).next_back().and_then(|(_, range)| range.last_ms),
            after_ms: self.ranges.range(sequence..).next().and_then(|(_, range)| range.first_ms),
        }
    }

    pub fn ranges(&self) -> impl Iterator<Item = (Sequence, Range)> + '_ {
        self.ranges.iter().map(|(&first, &range)| (first, range))
    }

    /// What the table knows from the range before `first` to the range after `last`.
    pub fn load(
        connection: &Connection,
        agent: AgentId,
        epoch: Epoch,
        first: Sequence,
        last: Sequence,
    ) -> rusqlite::Result<Self> {
        let mut before = connection
            .prepare_cached("SELECT max(first) FROM ack WHERE agent = ?1 AND epoch = ?2 AND first <= ?3")?;
        let from: Option<i64> =
            before.query_row(params![agent.0, epoch.0, number(first)], |row| row.get(0))?;
        let mut after = connection
            .prepare_cached("SELECT min(first) FROM ack WHERE agent = ?1 AND epoch = ?2 AND first > ?3")?;
        let to: Option<i64> =
            after.query_row(params![agent.0, epoch.0, number(last)], |row| row.get(0)).optional()?.flatten();
        let mut select = connection.prepare_cached(
            "SELECT first, last, first_ms, last_ms FROM ack
             WHERE agent = ?1 AND epoch = ?2 AND first BETWEEN ?3 AND ?4",
        )?;
        let rows = select.query_map(
            params![agent.0, epoch.0, from.unwrap_or(0), to.unwrap_or(i64::MAX)],
            |row| {
                let (first, last): (i64, i64) = (row.get(0)?, row.get(1)?);
                let range = Range { last: last as u64, first_ms: row.get(2)?, last_ms: row.get(3)? };
                Ok((first as u64, range))
            },
        )?;
        Ok(Self { ranges: rows.collect::<rusqlite::Result<_>>()? })
    }

    /// Writes what changed since `before` was loaded.
    pub fn save(
        &self,
        connection: &Connection,
        agent: AgentId,
        epoch: Epoch,
        before: &Self,
    ) -> rusqlite::Result<()> {
        let mut delete =
            connection.prepare_cached("DELETE FROM ack WHERE agent = ?1 AND epoch = ?2 AND first = ?3")?;
        for first in before.ranges.keys().filter(|first| !self.ranges.contains_key(first)) {
            delete.execute(params![agent.0, epoch.0, number(*first)])?;
        }
        let mut insert = connection.prepare_cached(
            "INSERT OR REPLACE INTO ack (agent, epoch, first, last, first_ms, last_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (first, range) in &self.ranges {
            if before.ranges.get(first) != Some(range) {
                insert.execute(params![
                    agent.0,
                    epoch.0,
                    number(*first),
                    number(range.last),
                    range.first_ms,
                    range.last_ms
                ])?;
            }
        }
        Ok(())
    }
}

/// Sequences are bounded far below this by `ingest`.
fn number(sequence: Sequence) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_equals_a_plain_map_and_neighbours_are_the_nearest(numbers in prop::collection::vec(1u64..60, 0..50)) {
            let mut acks = Acks::default();
            let mut plain = BTreeMap::new();
            for number in numbers {
                let at_ms = number as i64 * 10;
                acks.insert(number, Some(at_ms));
                plain.insert(number, at_ms);
            }
            for number in 1..62 {
                prop_assert_eq!(acks.contains(number), plain.contains_key(&number));
                if !plain.contains_key(&number) {
                    let neighbours = acks.neighbours(number);
                    prop_assert_eq!(neighbours.before_ms, plain.range(..number).next_back().map(|(_, ms)| *ms));
                    prop_assert_eq!(neighbours.after_ms, plain.range(number..).next().map(|(_, ms)| *ms));
                }
            }
            let ranges: Vec<_> = acks.ranges().collect();
            for pair in ranges.windows(2) {
                prop_assert!(pair[0].1.last + 1 < pair[1].0, "touching ranges were not melted");
            }
        }
    }
}
