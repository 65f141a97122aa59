//! The tables of `suar.db`, and how a connection to it is opened.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{StoreError, migrations};

type Step = fn(&Connection) -> Result<(), StoreError>;
/// Brings the tables from each version to the next; one that stands here is never changed again.
const STEPS: [Step; 7] = [
    migrations::held_records_by_boot,
    migrations::rules_by_date,
    migrations::outbox_of_remote_write,
    migrations::data_use_by_month,
    migrations::agents_by_site,
    migrations::data_use_by_purpose,
    migrations::join_codes_revoked_and_asked_again,
];
/// Grows with every change that an older program cannot read.
pub const VERSION: i64 = 1 + STEPS.len() as i64;
/// How long one process waits for another's lock.
const BUSY: Duration = Duration::from_secs(10);

/// The tables of version 1, for ever: a new store takes all the steps that an old one takes, so that both are
/// the same.
const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- A site as it is from valid_from_ms on; versions are never changed, so an old report can be made again.
CREATE TABLE site_version (
    code TEXT NOT NULL, valid_from_ms INTEGER NOT NULL, json TEXT NOT NULL,
    PRIMARY KEY (code, valid_from_ms)) WITHOUT ROWID;
CREATE TABLE agent (
    id BLOB PRIMARY KEY, token_hash BLOB NOT NULL UNIQUE, site TEXT NOT NULL, joined_ms INTEGER NOT NULL,
    revoked_ms INTEGER, version TEXT NOT NULL, system TEXT NOT NULL, last_seen_ms INTEGER) WITHOUT ROWID;
CREATE TABLE join_code (
    secret_hash BLOB PRIMARY KEY, site TEXT NOT NULL, expires_ms INTEGER NOT NULL,
    uses_left INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE plan (version INTEGER PRIMARY KEY, json TEXT NOT NULL);
-- Known sequences as ranges, with the times at their ends.
CREATE TABLE ack (
    agent BLOB NOT NULL, epoch BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    first_ms INTEGER, last_ms INTEGER, PRIMARY KEY (agent, epoch, first)) WITHOUT ROWID;
-- Where a boot's clock stands; quality 3 is only bounded by neighbours.
CREATE TABLE anchor (
    agent BLOB NOT NULL, boot BLOB NOT NULL, upper_ms INTEGER NOT NULL, half_ms INTEGER NOT NULL,
    boot_ms INTEGER NOT NULL, late INTEGER NOT NULL, seen INTEGER NOT NULL, quality INTEGER NOT NULL,
    PRIMARY KEY (agent, boot)) WITHOUT ROWID;
-- Seconds of a day that a round of this agent covers: first, last, first, last, ...
CREATE TABLE taken (
    agent BLOB NOT NULL, day INTEGER NOT NULL, ranges BLOB NOT NULL,
    PRIMARY KEY (agent, day)) WITHOUT ROWID;
-- Fresh records of one push and day, until they are packed.
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, agent BLOB NOT NULL, day INTEGER NOT NULL,
    received_ms INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX inbox_by_day ON inbox (agent, day);
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, agent BLOB NOT NULL, epoch BLOB NOT NULL, sequence INTEGER NOT NULL,
    reason TEXT NOT NULL, received_ms INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX quarantine_by_agent ON quarantine (agent);
-- Why an agent did not look, from its session and gap records.
CREATE TABLE explanation (
    id INTEGER PRIMARY KEY, agent BLOB NOT NULL, from_s INTEGER NOT NULL, to_s INTEGER NOT NULL,
    reason TEXT NOT NULL);
CREATE INDEX explanation_by_agent ON explanation (agent, to_s);
-- Sequences that the agent said it lost; their times follow from the ends of ranges in ack.
CREATE TABLE lost (
    agent BLOB NOT NULL, epoch BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (agent, epoch, first, last)) WITHOUT ROWID;
";

pub fn main_file(dir: &Path) -> PathBuf {
    dir.join("suar.db")
}

/// Makes the store in a directory that has none; an existing one is left as it is.
pub fn create(dir: &Path) -> Result<(), StoreError> {
    if main_file(dir).exists() {
        return open(dir).map(|_| ());
    }
    let mut connection = Connection::open(main_file(dir))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    take_steps(&transaction, 1)?;
    transaction.commit()?;
    Ok(())
}

fn take_steps(transaction: &Transaction<'_>, found: i64) -> Result<(), StoreError> {
    let taken = usize::try_from(found - 1).unwrap_or(0);
    STEPS.iter().skip(taken).try_for_each(|step| step(transaction))?;
    Ok(transaction.pragma_update(None, "user_version", VERSION)?)
}

/// Brings an older store up to this version, all of it or nothing. Nobody may serve it meanwhile: the program
/// that does is an older one.
fn migrate(dir: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let _alone = serve_alone(dir)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another command may have been quicker.
    let found = version(&transaction)?;
    if found < VERSION {
        take_steps(&transaction, found)?;
        tracing::info!(from = found, to = VERSION, "the store was brought up to this version");
    }
    Ok(transaction.commit()?)
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Held by whoever serves: two collectors on one data directory would each show half of what comes in.
pub fn serve_alone(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("serving.lock");
    let failed = |cause| StoreError::File { what: format!("{} cannot be locked", path.display()), cause };
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Served { dir: dir.display().to_string() }),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// A connection that may write. `synchronous=FULL`: with NORMAL a power cut can undo a commit that was
/// acknowledged.
pub fn open(dir: &Path) -> Result<Connection, StoreError> {
    let shown = dir.display().to_string();
    if !main_file(dir).exists() {
        return Err(StoreError::Missing { dir: shown });
    }
    // Readers write too: after a crash whoever comes first finishes the journal.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(main_file(dir), flags)?;
    connection.busy_timeout(BUSY)?;
    match version(&connection)? {
        VERSION => {}
        1..VERSION => {
            connection.pragma_update(None, "synchronous", "FULL")?;
            migrate(dir, &mut connection)?;
        }
        found => return Err(StoreError::Schema { dir: shown, found, known: VERSION }),
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A connection that changes nothing.
pub fn open_to_read(dir: &Path) -> Result<Connection, StoreError> {
    let connection = open(dir)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

pub fn meta(connection: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    let mut select = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(select.query_row([key], |row| row.get(0)).optional()?)
}

pub fn set_meta(connection: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", params![key, value])?;
    Ok(())
}
