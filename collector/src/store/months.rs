//! The month files: one chunk and one summary for each agent and day. Retention is deleting a file.
//!
//! They use a rollback journal and not WAL, so that a month at rest is one file that can be copied.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use suar_wire::AgentId;

use super::StoredRecord;
use super::{StoreError, chunk, summary_bytes};
use crate::day::{Day, DaySummary};

const BUSY: Duration = Duration::from_secs(30);

/// A day's summary of some 1 to 2 KiB lies on one page of this size; of the usual 4,096 bytes half of them take a
/// second one. Files that are there keep theirs.
const PAGE_BYTES: u32 = 8_192;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS chunk (
    agent BLOB NOT NULL, day INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (agent, day));
CREATE TABLE IF NOT EXISTS summary (
    agent BLOB NOT NULL, day INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (agent, day)) WITHOUT ROWID;
";

/// A calendar month, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    pub year: i16,
    pub month: i8,
}

impl Month {
    pub fn of(day: Day) -> Self {
        let date = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(clamped(day)));
        Self { year: date.year(), month: date.month() }
    }

    pub fn first_day(self) -> Day {
        let first = jiff::civil::date(self.year, self.month, 1);
        let since_1970 = first.since(jiff::civil::date(1970, 1, 1));
        since_1970.map_or(0, |span| span.get_days())
    }

    pub fn file(self, dir: &Path) -> PathBuf {
        dir.join(format!("records-{:04}-{:02}.db", self.year, self.month))
    }

    /// The month of a file's name, when it is one of ours.
    pub fn of_file(name: &str) -> Option<Self> {
        let (year, month) = name.strip_prefix("records-")?.strip_suffix(".db")?.split_once('-')?;
        let month = Self { year: year.parse().ok()?, month: month.parse().ok()? };
        ((1..=12).contains(&month.month) && month.file(Path::new("")) == Path::new(name)).then_some(month)
    }

    /// All month files of a data directory, oldest first.
    pub fn all(dir: &Path) -> Result<Vec<Self>, StoreError> {
        let failed = |cause| StoreError::File { what: format!("{} cannot be listed", dir.display()), cause };
        let mut months = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            months.extend(name.to_str().and_then(Self::of_file));
        }
        months.sort();
        Ok(months)
    }
}

/// Days outside the years 1900 to 2900 cannot come from records; asking for them must not overflow.
fn clamped(day: Day) -> i32 {
    day.clamp(-25_567, 339_300)
}

/// Opens a month to write, making it when it is new.
pub fn open(dir: &Path, month: Month) -> Result<Connection, StoreError> {
    let connection = Connection::open(month.file(dir))?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    // The journal's end must be durable too: one that comes back after a power cut would undo a packed day
    // whose inbox rows are gone already.
    connection.pragma_update(None, "synchronous", "EXTRA")?;
    connection.execute_batch(TABLES)?;
    Ok(connection)
}

/// Opens a month to read; `None` when nothing was kept of it.
pub fn open_to_read(dir: &Path, month: Month) -> Result<Option<Connection>, StoreError> {
    if !month.file(dir).exists() {
        return Ok(None);
    }
    // Not read-only for SQLite: after a crash the reader finishes the journal.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(month.file(dir), flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    let made: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE name IN ('chunk', 'summary')",
        [],
        |row| row.get(0),
    )?;
    Ok((made == 2).then_some(connection))
}

pub fn records(connection: &Connection, agent: AgentId, day: Day) -> Result<Vec<StoredRecord>, StoreError> {
    let mut select = connection.prepare_cached("SELECT bytes FROM chunk WHERE agent = ?1 AND day = ?2")?;
    let packed: Option<Vec<u8>> = select.query_row(params![agent.0, day], |row| row.get(0)).optional()?;
    packed.map_or(Ok(Vec::new()), |packed| chunk::unpack(agent, &packed))
}

/// Days of a span of which this month has records.
pub fn days(connection: &Connection, agent: AgentId, from: Day, to: Day) -> Result<Vec<Day>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT day FROM chunk WHERE agent = ?1 AND day BETWEEN ?2 AND ?3")?;
    let days = select.query_map(params![agent.0, from, to], |row| row.get(0))?;
    Ok(days.collect::<rusqlite::Result<_>>()?)
}

pub fn summaries(
    connection: &Connection,
    agent: AgentId,
    from: Day,
    to: Day,
) -> Result<Vec<(Day, DaySummary)>, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT day, bytes FROM summary WHERE agent = ?1 AND day BETWEEN ?2 AND ?3")?;
    let mut rows = select.query(params![agent.0, from, to])?;
    let mut summaries = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        summaries.push((row.get(0)?, summary_bytes::decode(bytes)?));
    }
    Ok(summaries)
}

pub fn save(
    connection: &Connection,
    agent: AgentId,
    day: Day,
    records: &[StoredRecord],
    summary: &DaySummary,
) -> Result<(), StoreError> {
    let packed = chunk::pack(records)?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO chunk (agent, day, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![agent.0, day, packed])?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO summary (agent, day, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![agent.0, day, summary_bytes::encode(summary)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_fall_into_their_months_and_names_read_back() {
        assert_eq!(Month::of(0), Month { year: 1970, month: 1 });
        assert_eq!(Month::of(20_453), Month { year: 2025, month: 12 });
        assert_eq!(Month::of_file("records-2026-09.db"), Some(Month { year: 2026, month: 9 }));
        for other in ["records-2026-13.db", "records-2026-9.db", "records-2026-09.db-journal", "suar.db"] {
            assert_eq!(Month::of_file(other), None, "{other}");
        }
        assert_eq!(Month::of(Day::MAX).year, 2898);
    }
}
