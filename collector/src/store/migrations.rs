//! The steps from one version of the tables to the next. They are tested on stores that the older programs
//! wrote (`tests/golden/store-v*`).

use rusqlite::{Connection, params};
use suar_wire::decode_record;

use super::StoreError;

/// Version 2: what is held in quarantine is found by its boot, to be judged again when that boot's clock is
/// known better.
pub fn held_records_by_boot(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch(
        "ALTER TABLE quarantine ADD COLUMN boot BLOB;
         CREATE INDEX quarantine_by_boot ON quarantine (agent, boot);",
    )?;
    let mut select = connection.prepare("SELECT id, bytes FROM quarantine")?;
    let mut update = connection.prepare("UPDATE quarantine SET boot = ?2 WHERE id = ?1")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        // One that cannot be read stays without a boot: it is listed, and never released.
        if let Ok(record) = decode_record(&row.get::<_, Vec<u8>>(1)?) {
            update.execute(params![row.get::<_, i64>(0)?, record.stamp.boot.0])?;
        }
    }
    Ok(())
}

/// Version 3: thresholds and special days as they count from valid_from_ms on; versions are never changed either.
pub fn rules_by_date(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS rules_version (
             valid_from_ms INTEGER PRIMARY KEY, rules TEXT NOT NULL, holidays TEXT NOT NULL);",
    )?)
}

/// Version 4: what remote write still has to send.
pub fn outbox_of_remote_write(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(
        "CREATE TABLE outbox (
             id INTEGER PRIMARY KEY AUTOINCREMENT, agent BLOB NOT NULL, received_ms INTEGER NOT NULL,
             oldest_ms INTEGER NOT NULL, bytes BLOB NOT NULL);
         CREATE INDEX outbox_by_age ON outbox (oldest_ms, id);",
    )?)
}

/// Version 5: what each agent told last of the data that it used in a month (months since the year 0).
pub fn data_use_by_month(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(
        "CREATE TABLE data_use (
             agent BLOB NOT NULL, month INTEGER NOT NULL, at_ms INTEGER NOT NULL, paid_bytes INTEGER NOT NULL,
             step INTEGER NOT NULL, PRIMARY KEY (agent, month)) WITHOUT ROWID;",
    )?)
}

/// Version 6: the agents of a site are counted for its plan; of a country's, looking at all of them took seconds.
pub fn agents_by_site(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch("CREATE INDEX agent_by_site ON agent (site);")?)
}

/// Version 7: data use by purpose, too, as pairs of a purpose's code and its bytes.
pub fn data_use_by_purpose(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch("ALTER TABLE data_use ADD COLUMN used TEXT NOT NULL DEFAULT ''")?)
}

/// Version 8: join codes can be revoked, and whose answer was lost asks again by the number of its attempt.
pub fn join_codes_revoked_and_asked_again(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch(
        "ALTER TABLE join_code ADD COLUMN revoked_ms INTEGER;
         ALTER TABLE agent ADD COLUMN joined_with BLOB;
         ALTER TABLE agent ADD COLUMN attempt_hash BLOB;
         CREATE INDEX agent_by_code ON agent (joined_with);",
    )?)
}
