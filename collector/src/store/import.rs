//! A carried-out file into the store: all of it in one transaction, or nothing.
//!
//! Works beside a running collector and without one. The writer's decisions are made inside its own
//! transactions from what the tables say, and nothing of them is kept in memory; so a transaction of another
//! process between two of its is to it like one more push. What is imported beside it, it sees in the inbox
//! and hands to the live counters (see `writer`).

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use suar_wire::carried::{CarriedError, Claimed, Key};
use suar_wire::{AgentId, SlotWidth};

use super::accept::{Arrival, accept};
use super::{Agent, StoreError, admin, chunk, schema};
use crate::ingest::{Accepted, Submission};
use crate::live::Timed;

/// What came of the records of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    pub new: u64,
    pub known: u64,
    pub refused: u64,
    pub set_aside: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    File(#[from] CarriedError),
    #[error("the file is from an agent that this collector does not know ({0})")]
    Unknown(AgentId),
    #[error("the file is from agent {0}, which was revoked; `--revoked` takes it all the same")]
    Revoked(AgentId),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for ImportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What to do with a file of an agent that was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    Refuse,
    /// Somebody knows where the file has been.
    Take,
}

/// Takes a file. `width` is the slot width of the plan, for pushes without a round.
pub fn import(
    dir: &Path,
    file: &[u8],
    now_ms: i64,
    width: SlotWidth,
    revoked: Revoked,
) -> Result<(Agent, Imported), ImportError> {
    let claimed = Claimed::read(file)?;
    let mut connection = schema::open(dir)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = transaction
        .query_row("SELECT * FROM agent WHERE id = ?1", [claimed.agent().0], |row| {
            Ok((admin::agent_from(row)?, row.get::<_, [u8; 32]>("token_hash")?))
        })
        .optional()?;
    let (agent, token_hash) = found.ok_or(ImportError::Unknown(claimed.agent()))?;
    let mut carried = claimed.open(&Key::of(&token_hash))?;
    // After the seal: who has no key learns nothing of this agent.
    if agent.revoked_ms.is_some() && revoked == Revoked::Refuse {
        return Err(ImportError::Revoked(agent.id));
    }
    let mut imported = Imported::default();
    while let Some(push) = carried.next_push()? {
        let submission = Submission {
            agent: agent.id,
            site: agent.site.clone(),
            joined_ms: agent.joined_ms,
            received_ms: now_ms,
            push,
        };
        let decision = accept(&transaction, submission, width, Arrival::Carried)?;
        imported.new += decision.kept.len() as u64;
        imported.known += decision.known;
        imported.refused += decision.refused.len() as u64;
        imported.set_aside += decision.set_aside.len() as u64;
    }
    transaction.commit()?;
    Ok((agent, imported))
}

/// The newest inbox row that there ever was.
pub(super) fn newest_row(connection: &Connection) -> Result<i64, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'inbox'")?;
    Ok(select.query_row([], |row| row.get(0))?)
}

/// Rows after one that this process has seen: what another process has imported meanwhile.
pub(super) fn imported_since(connection: &Connection, seen_row: i64) -> Result<Vec<Accepted>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT agent.id, agent.site, inbox.bytes FROM inbox JOIN agent ON agent.id = inbox.agent
         WHERE inbox.id > ?1 ORDER BY inbox.id",
    )?;
    let mut rows = select.query([seen_row])?;
    let mut imported = Vec::new();
    while let Some(row) = rows.next()? {
        let agent = AgentId(row.get(0)?);
        let site: String = row.get(1)?;
        let site = site.parse().map_err(|error| StoreError::Damaged(format!("a site's code: {error}")))?;
        let records = chunk::decode(agent, &row.get::<_, Vec<u8>>(2)?)?;
        imported.push(Accepted {
            site,
            agent,
            plan_version: 0,
            plan_is_right: false,
            clock_offset_ms: None,
            carried: true,
            records: (records.into_iter())
                .map(|stored| Timed { at_ms: stored.at_ms, record: stored.record })
                .collect(),
        });
    }
    Ok(imported)
}
