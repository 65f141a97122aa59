//! Packing: fresh records out of the inbox into the month files.
//!
//! Safe against a crash at any point across the two files: the month is committed first, the inbox rows
//! are deleted after. A row that was packed and not deleted is packed again, and merging by (epoch,
//! sequence) makes that change nothing.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, params};
use suar_wire::AgentId;

use super::months::{self, Month};
use super::{StoreError, StoredRecord, chunk, schema};
use crate::day::Day;
use crate::summary;

/// Agent-days in one transaction of a month file: bounds how much lies in memory.
const DAYS_A_TRANSACTION: usize = 256;

/// What is to be packed of one agent and day.
type Waiting = BTreeMap<AgentDay, Vec<i64>>;
type AgentDay = (Month, Day, AgentId);

/// Packs everything that is in the inbox now. `forget` is given the rows that are in the month files, and
/// returns after they are deleted. Returns how many rows were packed.
pub fn pack(
    dir: &Path,
    mut forget: impl FnMut(Vec<i64>) -> Result<(), StoreError>,
) -> Result<usize, StoreError> {
    let main = schema::open_to_read(dir)?;
    let waiting: Vec<_> = waiting(&main)?.into_iter().collect();
    let mut packed = 0;
    for group in waiting.chunk_by(|a, b| a.0.0 == b.0.0) {
        for part in group.chunks(DAYS_A_TRANSACTION) {
            let month = part[0].0.0;
            let ids = pack_part(dir, &main, month, part)?;
            packed += ids.len();
            forget(ids)?;
        }
    }
    Ok(packed)
}

fn waiting(main: &Connection) -> Result<Waiting, StoreError> {
    let mut select = main.prepare_cached("SELECT id, agent, day FROM inbox ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut waiting = Waiting::new();
    while let Some(row) = rows.next()? {
        let day: Day = row.get(2)?;
        waiting.entry((Month::of(day), day, AgentId(row.get(1)?))).or_default().push(row.get(0)?);
    }
    Ok(waiting)
}

fn pack_part(
    dir: &Path,
    main: &Connection,
    month: Month,
    part: &[(AgentDay, Vec<i64>)],
) -> Result<Vec<i64>, StoreError> {
    let mut connection = months::open(dir, month)?;
    let transaction = connection.transaction()?;
    for ((_, day, agent), ids) in part {
        let mut records = months::records(&transaction, *agent, *day)?;
        records.extend(fresh(main, *agent, ids)?);
        let merged = chunk::merge(records);
        months::save(&transaction, *agent, *day, &merged, &summary::measured(&merged))?;
    }
    transaction.commit()?;
    Ok(part.iter().flat_map(|(_, ids)| ids.iter().copied()).collect())
}

fn fresh(main: &Connection, agent: AgentId, ids: &[i64]) -> Result<Vec<StoredRecord>, StoreError> {
    let mut select = main.prepare_cached("SELECT bytes FROM inbox WHERE id = ?1")?;
    let mut records = Vec::new();
    for id in ids {
        let bytes: Vec<u8> = select.query_row([id], |row| row.get(0))?;
        records.extend(chunk::decode(agent, &bytes)?);
    }
    Ok(records)
}

/// Deletes rows that are packed. Run by whoever writes the main file.
pub(super) fn forget(connection: &Connection, ids: &[i64]) -> Result<(), StoreError> {
    let mut delete = connection.prepare_cached("DELETE FROM inbox WHERE id = ?1")?;
    for id in ids {
        delete.execute(params![id])?;
    }
    Ok(())
}

/// Deletes months older than `keep` whole ones before the month of `today`, and what goes with them.
/// Returns the months that are gone.
pub fn retire(dir: &Path, keep_months: u32, today: Day) -> Result<Vec<Month>, StoreError> {
    if keep_months == 0 {
        return Ok(Vec::new());
    }
    let now = Month::of(today);
    let number = |month: Month| i64::from(month.year) * 12 + i64::from(month.month);
    let old =
        Month::all(dir)?.into_iter().filter(|month| number(now) - number(*month) > i64::from(keep_months));
    let old: Vec<Month> = old.collect();
    for month in &old {
        let file = month.file(dir);
        std::fs::remove_file(&file).map_err(|cause| StoreError::File {
            what: format!("{} cannot be deleted", file.display()),
            cause,
        })?;
    }
    Ok(old)
}
