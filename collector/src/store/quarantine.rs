//! Records whose time cannot be trusted: kept apart, bounded for each agent, judged again when the clock of
//! their boot is known better.

use rusqlite::{Connection, params};
use suar_wire::{AgentId, BootId, Epoch, Record, Refusal, RefusalReason, Sequence, decode_record};

use super::StoreError;
use crate::clock::SetAside;

/// Most records of one agent, a week of minutes. More are refused: whoever sends so many has a clock that a
/// person must look at.
pub const RECORDS_MAX: usize = 10_000;

/// Keeps what was set aside as far as there is room; the rest is taken out of it and refused.
pub fn keep(
    connection: &Connection,
    agent: AgentId,
    epoch: Epoch,
    received_ms: i64,
    set_aside: &mut Vec<(Record, SetAside)>,
) -> Result<Vec<Refusal>, StoreError> {
    if set_aside.is_empty() {
        return Ok(Vec::new());
    }
    let mut count = connection.prepare_cached("SELECT count(*) FROM quarantine WHERE agent = ?1")?;
    let held: i64 = count.query_row([agent.0], |row| row.get(0))?;
    let room = RECORDS_MAX.saturating_sub(usize::try_from(held).unwrap_or(RECORDS_MAX));
    let over = set_aside.split_off(room.min(set_aside.len()));
    let mut insert = connection.prepare_cached(
        "INSERT INTO quarantine (agent, epoch, sequence, reason, received_ms, bytes, boot)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (record, reason) in &*set_aside {
        insert.execute(params![
            agent.0,
            epoch.0,
            record.sequence as i64,
            reason.label(),
            received_ms,
            suar_wire::encode_record(record),
            record.stamp.boot.0
        ])?;
    }
    let refused = |(record, _): (Record, SetAside)| Refusal {
        sequence: record.sequence,
        reason: RefusalReason::Impossible,
    };
    Ok(over.into_iter().map(refused).collect())
}

/// What is held of one boot.
pub fn held(
    connection: &Connection,
    agent: AgentId,
    epoch: Epoch,
    boot: BootId,
) -> Result<Vec<Record>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT bytes FROM quarantine WHERE agent = ?1 AND boot = ?2 AND epoch = ?3 ORDER BY sequence",
    )?;
    let held = select.query_map(params![agent.0, boot.0, epoch.0], |row| row.get::<_, Vec<u8>>(0))?;
    let held: Vec<Vec<u8>> = held.collect::<rusqlite::Result<_>>()?;
    Ok(held.iter().filter_map(|bytes| decode_record(bytes).ok()).collect())
}

/// These are kept as records now.
pub fn release(
    connection: &Connection,
    agent: AgentId,
    epoch: Epoch,
    sequences: &[Sequence],
) -> Result<(), StoreError> {
    let mut delete = connection
        .prepare_cached("DELETE FROM quarantine WHERE agent = ?1 AND epoch = ?2 AND sequence = ?3")?;
    for sequence in sequences {
        delete.execute(params![agent.0, epoch.0, *sequence as i64])?;
    }
    Ok(())
}
