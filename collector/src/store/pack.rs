//! Packing: fresh records out of the inbox into the month files.
//!
//! Safe against a crash at any point across the two files: the month is committed first, the inbox rows
//! are deleted after. A row that was packed and not deleted is packed again, and merging by (epoch,
//! sequence) makes that change nothing.

use std::path::Path;

use rusqlite::{Connection, params};
use suar_wire::AgentId;

use super::months::{self, Month};
use super::unreadable::Unreadable;
use super::{StoreError, StoredRecord, chunk, day_of, schema};
use crate::day::Day;
use crate::summary;

/// Agent-days in one transaction of a month file: bounds how much lies in memory.
const DAYS_A_TRANSACTION: usize = 256;
/// A day of an agent with this many fresh rows is packed before its time: whoever reads it merges them.
const ROWS_MAX: i64 = 64;
/// Rows of a day that is over wait this long: a backlog brings a whole day within seconds.
const PAST_WAIT_MS: i64 = 2 * 60_000;

/// What is packed now. Every packing of an agent's day writes the whole day anew, and a running day gets
/// fresh rows every few minutes: packing it each time would wear the disk for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Everything,
    /// Days with a row that has waited `wait_ms`, days that are over, and days with many rows.
    At {
        now_ms: i64,
        wait_ms: i64,
    },
}

impl Due {
    fn now_ms(self) -> Option<i64> {
        match self {
            Self::Everything => None,
            Self::At { now_ms, .. } => Some(now_ms),
        }
    }

    fn includes(self, day: Day, rows: i64, oldest_ms: i64) -> bool {
        match self {
            Self::Everything => true,
            Self::At { now_ms, wait_ms } => {
                let is_over = day < day_of(now_ms);
                let wait_ms = if is_over { wait_ms.min(PAST_WAIT_MS) } else { wait_ms };
                // A row from later than now is from before our clock was set back.
                rows >= ROWS_MAX || !(0..wait_ms).contains(&(now_ms - oldest_ms))
            }
        }
    }
}

type AgentDay = (Month, Day, AgentId);

/// Packs what is due. `forget` is given the rows that are in the month files, and returns after they are
/// deleted. Returns how many rows were packed.
pub fn pack(
    dir: &Path,
    due: Due,
    forget: impl FnMut(Vec<i64>) -> Result<(), StoreError>,
) -> Result<usize, StoreError> {
    pack_but(dir, due, &mut Unreadable::default(), forget)
}

/// The same, leaving days alone that could not be read a while ago.
pub fn pack_but(
    dir: &Path,
    due: Due,
    unreadable: &mut Unreadable,
    mut forget: impl FnMut(Vec<i64>) -> Result<(), StoreError>,
) -> Result<usize, StoreError> {
    let main = schema::open_to_read(dir)?;
    let mut waiting = waiting(&main, due)?;
    waiting.retain(|&(_, day, agent)| !due.now_ms().is_some_and(|now| unreadable.waits(agent, day, now)));
    let mut packed = 0;
    for group in waiting.chunk_by(|a, b| a.0 == b.0) {
        for part in group.chunks(DAYS_A_TRANSACTION) {
            let (ids, damaged) = match pack_part(dir, &main, part[0].0, part) {
                // A month that cannot be read must not keep the others in the inbox.
                Err(error @ StoreError::Damaged(_)) => {
                    let file = part[0].0.file(Path::new(""));
                    tracing::error!(file = %file.display(), %error, "a month cannot be written; run `suar-collector check-store`");
                    (Vec::new(), part.to_vec())
                }
                done => done?,
            };
            for &(month, day, agent) in part {
                match due.now_ms().filter(|_| damaged.contains(&(month, day, agent))) {
                    Some(now_ms) => unreadable.failed(agent, day, now_ms),
                    None => unreadable.packed(agent, day),
                }
            }
            packed += ids.len();
            forget(ids)?;
        }
    }
    Ok(packed)
}

/// Days with fresh rows that are due, by month.
fn waiting(main: &Connection, due: Due) -> Result<Vec<AgentDay>, StoreError> {
    let mut select =
        main.prepare_cached("SELECT agent, day, count(*), min(received_ms) FROM inbox GROUP BY agent, day")?;
    let mut rows = select.query([])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let day: Day = row.get(1)?;
        if due.includes(day, row.get(2)?, row.get(3)?) {
            waiting.push((Month::of(day), day, AgentId(row.get(0)?)));
        }
    }
    waiting.sort_unstable();
    Ok(waiting)
}

/// Returns the rows that are packed now, and the days that could not be read.
fn pack_part(
    dir: &Path,
    main: &Connection,
    month: Month,
    part: &[AgentDay],
) -> Result<(Vec<i64>, Vec<AgentDay>), StoreError> {
    let mut connection = months::open(dir, month)?;
    let transaction = connection.transaction()?;
    let (mut packed, mut damaged) = (Vec::new(), Vec::new());
    for &(month, day, agent) in part {
        let read = months::records(&transaction, agent, day).and_then(|mut records| {
            let (ids, fresh) = fresh(main, agent, day)?;
            records.extend(fresh);
            Ok((ids, chunk::merge(records)))
        });
        match read {
            Ok((ids, merged)) => {
                months::save(&transaction, agent, day, &merged, &summary::measured(&merged))?;
                packed.extend(ids);
            }
            // One day that cannot be read must not keep all others in the inbox.
            Err(error @ StoreError::Damaged(_)) => {
                tracing::error!(%agent, day, %error, "a day cannot be packed; run `suar-collector check-store`");
                damaged.push((month, day, agent));
            }
            Err(error) => return Err(error),
        }
    }
    transaction.commit()?;
    Ok((packed, damaged))
}

/// The rows of an agent's day, and what is in them.
fn fresh(main: &Connection, agent: AgentId, day: Day) -> Result<(Vec<i64>, Vec<StoredRecord>), StoreError> {
    let mut select =
        main.prepare_cached("SELECT id, bytes FROM inbox WHERE agent = ?1 AND day = ?2 ORDER BY id")?;
    let mut rows = select.query(params![agent.0, day])?;
    let (mut ids, mut records) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        ids.push(row.get(0)?);
        records.extend(chunk::decode(agent, &row.get::<_, Vec<u8>>(1)?)?);
    }
    Ok((ids, records))
}

/// Deletes rows that are packed. Run by whoever writes the main file.
pub(super) fn forget(connection: &Connection, ids: &[i64]) -> Result<(), StoreError> {
    let mut delete = connection.prepare_cached("DELETE FROM inbox WHERE id = ?1")?;
    for id in ids {
        delete.execute(params![id])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_day_is_packed_seldom_and_a_day_that_is_over_soon() {
        const HOUR_MS: i64 = 3_600_000;
        let (today, now_ms) = (20_700, 20_700 * 86_400_000 + 12 * HOUR_MS);
        let due = Due::At { now_ms, wait_ms: HOUR_MS };
        let waited = |day, rows, ms: i64| due.includes(day, rows, now_ms - ms);
        assert!(!waited(today, 12, HOUR_MS - 1));
        assert!(waited(today, 12, HOUR_MS));
        assert!(waited(today, ROWS_MAX, 0), "reading it costs more with every row");
        assert!(!waited(today - 1, 1, PAST_WAIT_MS - 1), "a backlog may still be coming in");
        assert!(waited(today - 1, 1, PAST_WAIT_MS));
        assert!(waited(today, 1, -1), "the collector's clock was set back");
        let fast = Due::At { now_ms, wait_ms: 1_000 };
        assert!(fast.includes(today - 1, 1, now_ms - 1_000));
        assert!(Due::Everything.includes(today, 1, now_ms));
    }
}
