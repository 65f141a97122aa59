//! What remote write still has to send: a copy of each push's new records, made in the transaction that keeps
//! them, deleted when the receiver has said what became of them. So a restart goes on where the last one
//! stopped, and packing and retention need not wait for a receiver.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use suar_wire::AgentId;

use super::admin::Admin;
use super::{StoreError, StoredRecord, chunk, schema};

/// Younger records are live; a receiver that takes no old ones must not refuse live ones with them.
pub const LIVE_MS: i64 = 3_600_000;
/// Rows and bytes of one request: some ten thousand samples. The first row is taken whatever its size.
const ROWS_MAX: i64 = 128;
const BYTES_MAX: usize = 64 * 1024;

/// Set while a receiver is configured; imports by another process see it too.
const SWITCH: &str = "remote_write";

/// The new records of a push of one day, all of them live when it came, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub id: i64,
    pub records: Vec<StoredRecord>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Live,
    Old,
}

/// Only one may be open at a time: it counts bytes by its own deletions.
#[derive(Debug)]
pub struct Outbox {
    connection: Connection,
    bytes: u64,
    newest_id: i64,
}

impl Admin {
    /// Switches remote write on or off. Off forgets what waits; returns how many rows that were.
    pub fn switch_remote_write(&mut self, on: bool) -> Result<usize, StoreError> {
        let connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let forgotten = if on {
            schema::set_meta(&transaction, SWITCH, "on")?;
            0
        } else {
            transaction.execute("DELETE FROM meta WHERE key = ?1", [SWITCH])?;
            transaction.execute("DELETE FROM outbox", [])?
        };
        transaction.commit()?;
        Ok(forgotten)
    }
}

/// Notes new records of one agent and day when there is somebody to send them to. Live and old ones apart.
pub(super) fn note(
    connection: &Connection,
    agent: AgentId,
    received_ms: i64,
    records: &[StoredRecord],
) -> Result<(), StoreError> {
    if schema::meta(connection, SWITCH)?.is_none() {
        return Ok(());
    }
    let (live, old): (Vec<_>, Vec<_>) =
        records.iter().cloned().partition(|stored| received_ms - stored.at_ms < LIVE_MS);
    let mut insert = connection.prepare_cached(
        "INSERT INTO outbox (agent, received_ms, oldest_ms, bytes) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for records in [live, old] {
        if let Some(oldest_ms) = records.iter().map(|stored| stored.at_ms).min() {
            insert.execute(params![agent.0, received_ms, oldest_ms, chunk::encode(&records)])?;
        }
    }
    Ok(())
}

impl Outbox {
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let mut outbox = Self { connection: schema::open(dir)?, bytes: 0, newest_id: 0 };
        outbox.bytes()?;
        Ok(outbox)
    }

    /// What goes out with the next request: the oldest of its lane first. A row of which a part has become old
    /// while it waited is old.
    pub fn next(&self, lane: Lane, now_ms: i64) -> Result<Vec<Waiting>, StoreError> {
        let live_from_ms = now_ms.saturating_sub(LIVE_MS);
        let (from_ms, to_ms) = match lane {
            Lane::Live => (live_from_ms, i64::MAX),
            Lane::Old => (i64::MIN, live_from_ms - 1),
        };
        let mut select = self.connection.prepare_cached(
            "SELECT id, agent, bytes FROM outbox WHERE oldest_ms BETWEEN ?1 AND ?2
             ORDER BY oldest_ms, id LIMIT ?3",
        )?;
        take(select.query(params![from_ms, to_ms, ROWS_MAX])?)
    }

    /// The rows that have waited longest.
    pub fn first(&self) -> Result<Vec<Waiting>, StoreError> {
        let mut select =
            self.connection.prepare_cached("SELECT id, agent, bytes FROM outbox ORDER BY id LIMIT ?1")?;
        take(select.query([ROWS_MAX])?)
    }

    pub fn forget(&mut self, rows: &[Waiting]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut gone = 0;
        {
            let mut delete =
                transaction.prepare_cached("DELETE FROM outbox WHERE id = ?1 RETURNING length(bytes)")?;
            for row in rows {
                let bytes: Option<i64> = delete.query_row([row.id], |row| row.get(0)).optional()?;
                // Rows that were never counted are newer than the last count.
                gone += bytes.filter(|_| row.id <= self.newest_id).unwrap_or(0).unsigned_abs();
            }
        }
        transaction.commit()?;
        self.bytes = self.bytes.saturating_sub(gone);
        Ok(())
    }

    /// Bytes of all that waits.
    pub fn bytes(&mut self) -> Result<u64, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT coalesce(sum(length(bytes)), 0), coalesce(max(id), ?1) FROM outbox WHERE id > ?1",
        )?;
        let (new, newest_id): (i64, i64) =
            select.query_row([self.newest_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.bytes += new.unsigned_abs();
        self.newest_id = newest_id;
        Ok(self.bytes)
    }

    /// Since when the row that has waited longest waits.
    pub fn waiting_since_ms(&self) -> Result<Option<i64>, StoreError> {
        let mut select =
            self.connection.prepare_cached("SELECT received_ms FROM outbox ORDER BY id LIMIT 1")?;
        Ok(select.query_row([], |row| row.get(0)).optional()?)
    }
}

fn take(mut rows: rusqlite::Rows<'_>) -> Result<Vec<Waiting>, StoreError> {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let packed: Vec<u8> = row.get(2)?;
        bytes += packed.len();
        if !taken.is_empty() && bytes > BYTES_MAX {
            break;
        }
        let (id, agent) = (row.get(0)?, AgentId(row.get(1)?));
        // One that cannot be read must not hold up all others; the store has its records anyway.
        let records = chunk::decode(agent, &packed).unwrap_or_else(|error| {
            tracing::error!(%agent, %error, "records cannot be read and are not sent to the receiver");
            Vec::new()
        });
        taken.push(Waiting { id, records });
    }
    Ok(taken)
}
