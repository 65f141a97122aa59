//! The store: keeps every record once, durably, and everything about sites and agents.
//!
//! One directory. `suar.db` holds the small tables and the inbox of fresh records; `records-YYYY-MM.db`
//! hold one packed chunk and one summary for each agent and day. Only this folder has SQL.
//!
//! [`writer::Writer`] is the one that commits pushes, many in a transaction; [`reader::Reader`] sees a
//! consistent state beside it, in this process or another; [`admin::Admin`] is the command line's hand.

mod accept;
pub mod acks;
pub mod admin;
pub mod backup;
pub mod check;
pub mod chunk;
mod data_use;
pub mod import;
pub mod joining;
mod migrations;
pub mod months;
pub mod outbox;
pub mod pack;
mod plans;
mod province;
mod quarantine;
pub mod reader;
pub mod retire;
mod rules;
pub mod schema;
mod summary_bytes;
pub mod unreadable;
pub mod writer;

use suar_wire::{AgentId, Body, Epoch, Record, SiteCode, Slot};

use crate::clock::Quality;
use crate::day::Day;
use crate::wall_clock::MS_A_DAY;

pub use reader::Reader;
pub use writer::Writer;

/// A record as it is kept: what the agent wrote, and when that really was.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StoredRecord {
    pub agent: AgentId,
    pub epoch: Epoch,
    pub record: Record,
    /// Repaired time, milliseconds since 1970. A round's time always lies in its slot.
    pub at_ms: i64,
    pub quality: Quality,
}

impl StoredRecord {
    /// The slot a round counts for; its own claim where that stood.
    pub fn slot(&self) -> Option<Slot> {
        match &self.record.body {
            Body::Round(round) => Some(round.slot.width.slot_at(self.at_ms)),
            _ => None,
        }
    }

    pub fn day(&self) -> Day {
        day_of(self.at_ms)
    }
}

/// The UTC day of a moment.
pub fn day_of(at_ms: i64) -> Day {
    Day::try_from(at_ms.div_euclid(MS_A_DAY)).unwrap_or(if at_ms < 0 { Day::MIN } else { Day::MAX })
}

/// One agent as the store knows it. The token is not here: only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Agent {
    pub id: AgentId,
    pub site: SiteCode,
    pub joined_ms: i64,
    pub revoked_ms: Option<i64>,
    pub version: String,
    pub system: String,
    pub last_seen_ms: Option<i64>,
}

/// Sizes for `/metrics` and for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    pub sites: u64,
    pub agents: u64,
    pub inbox_rows: u64,
    /// When the oldest push arrived that is not packed yet.
    pub oldest_fresh_ms: Option<i64>,
    pub quarantined: u64,
    /// Bytes of all files of the store.
    pub bytes: u64,
}

/// What can go wrong, by what somebody would do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "{dir} is no data directory: it has no suar.db; make one with `suar-collector init --data {dir}`"
    )]
    Missing { dir: String },
    #[error(
        "{dir} was written by another version of Suar (schema {found}, this program knows {known}); \
         use the program that wrote it, or restore a backup"
    )]
    Schema { dir: String, found: i64, known: i64 },
    #[error("another suar-collector serves {dir} already; stop it first")]
    Served { dir: String },
    #[error(
        "the disk of the data directory is full: free some space; nothing was acknowledged that is not there"
    )]
    DiskFull,
    #[error("another process holds the store; try again in a moment")]
    Busy,
    #[error("the store holds something this program cannot read: {0}")]
    Damaged(String),
    #[error("the store refused: {0}")]
    Sqlite(rusqlite::Error),
    /// What failed the whole commit that a job was part of.
    #[error(transparent)]
    OfCommit(std::sync::Arc<StoreError>),
    #[error("{what}: {cause}")]
    File { what: String, cause: std::io::Error },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull,
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => Self::Busy,
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Sqlite(error),
        }
    }
}

#[cfg(test)]
mod tests;
