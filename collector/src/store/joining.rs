//! Join codes and what comes of them: made, listed, revoked, and turned into agents.
//!
//! A join whose answer was lost on the way may be asked again by the machine that asked first: it shows the number of
//! its attempt, and is the same agent with a new token. Whoever else shows the code finds it used up.

use rusqlite::{Connection, OptionalExtension, params};
use suar_wire::joining::{AGAIN_SECONDS_MAX, JoinRefusal};
use suar_wire::{AgentId, SiteCode};

use super::{StoreError, reader};

/// A join that arrived. Random values are drawn by whoever makes it, so that this stays testable.
#[derive(Debug, Clone)]
pub struct Joining {
    pub secret_hash: [u8; 32],
    /// Of the number by which the machine shows that it asks again.
    pub attempt_hash: Option<[u8; 32]>,
    pub site: SiteCode,
    pub agent: AgentId,
    pub token_hash: [u8; 32],
    pub agent_version: String,
    pub system: String,
    pub now_ms: i64,
}

/// What came of a join.
#[derive(Debug, Clone, PartialEq)]
pub enum Joined {
    /// The agent is another than the one that was drawn when this machine had joined already.
    Welcome {
        agent: AgentId,
        site_name: String,
    },
    Refused(JoinRefusal),
}

/// A join code as it is kept: enough to tell codes apart, not enough to use one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCode {
    pub secret_hash: [u8; 32],
    pub site: SiteCode,
    pub expires_ms: i64,
    pub revoked_ms: Option<i64>,
    pub uses_left: i64,
    /// Agents that joined with it.
    pub agents: i64,
}

/// Checks a code and makes the agent. The caller's transaction makes it one step.
pub fn join(connection: &Connection, joining: &Joining) -> Result<Joined, StoreError> {
    let code: Option<(String, i64, i64, Option<i64>)> = connection
        .query_row(
            "SELECT site, expires_ms, uses_left, revoked_ms FROM join_code WHERE secret_hash = ?1",
            [joining.secret_hash],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    let asked_before = asked_before(connection, joining)?;
    let refusal = match code {
        None => Some(JoinRefusal::UnknownCode),
        Some((site, ..)) if site != joining.site.as_str() => Some(JoinRefusal::WrongSite),
        Some((.., Some(_))) => Some(JoinRefusal::Revoked),
        Some(_) if asked_before.is_some() => None,
        Some((_, _, uses_left, _)) if uses_left <= 0 => Some(JoinRefusal::UsedUp),
        Some((_, expires_ms, ..)) if expires_ms <= joining.now_ms => Some(JoinRefusal::Expired),
        Some(_) => None,
    };
    if let Some(refusal) = refusal {
        return Ok(Joined::Refused(refusal));
    }
    let Some(site) = reader::site_at(connection, &joining.site, joining.now_ms)? else {
        return Ok(Joined::Refused(JoinRefusal::WrongSite));
    };
    match asked_before {
        // Of the first token nobody knows but its hash, which goes.
        Some(agent) => {
            connection.execute(
                "UPDATE agent SET token_hash = ?2, version = ?3, system = ?4 WHERE id = ?1",
                params![agent.0, joining.token_hash, joining.agent_version, joining.system],
            )?;
            Ok(Joined::Welcome { agent, site_name: site.name })
        }
        None => {
            add(connection, joining)?;
            Ok(Joined::Welcome { agent: joining.agent, site_name: site.name })
        }
    }
}

/// The agent that this attempt has made already, if it never used its token: one that did has had its answer.
fn asked_before(connection: &Connection, joining: &Joining) -> Result<Option<AgentId>, StoreError> {
    let Some(attempt_hash) = joining.attempt_hash else { return Ok(None) };
    let since_ms = joining.now_ms.saturating_sub(i64::from(AGAIN_SECONDS_MAX) * 1000);
    let found = connection.query_row(
        "SELECT id FROM agent WHERE joined_with = ?1 AND attempt_hash = ?2 AND joined_ms > ?3
           AND revoked_ms IS NULL AND last_seen_ms IS NULL",
        params![joining.secret_hash, attempt_hash, since_ms],
        |row| row.get(0).map(AgentId),
    );
    Ok(found.optional()?)
}

fn add(connection: &Connection, joining: &Joining) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE join_code SET uses_left = uses_left - 1 WHERE secret_hash = ?1",
        [joining.secret_hash],
    )?;
    connection.execute(
        "INSERT INTO agent (id, token_hash, site, joined_ms, version, system, joined_with, attempt_hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            joining.agent.0,
            joining.token_hash,
            joining.site.as_str(),
            joining.now_ms,
            joining.agent_version,
            joining.system,
            joining.secret_hash,
            joining.attempt_hash
        ],
    )?;
    Ok(())
}

pub(super) fn put_code(
    connection: &Connection,
    secret_hash: [u8; 32],
    site: &SiteCode,
    expires_ms: i64,
    uses: u32,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO join_code (secret_hash, site, expires_ms, uses_left) VALUES (?1, ?2, ?3, ?4)",
        params![secret_hash, site.as_str(), expires_ms, uses],
    )?;
    Ok(())
}

/// All codes that are kept, by site, the one that expires last at the end.
pub(super) fn codes(connection: &Connection) -> Result<Vec<KeptCode>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT secret_hash, site, expires_ms, revoked_ms, uses_left,
           (SELECT count(*) FROM agent WHERE joined_with = secret_hash)
         FROM join_code ORDER BY site, expires_ms, secret_hash",
    )?;
    let mut rows = select.query([])?;
    let mut codes = Vec::new();
    while let Some(row) = rows.next()? {
        let site: String = row.get(1)?;
        let site = site.parse().map_err(|_| StoreError::Damaged(format!("a join code for {site:?}")))?;
        codes.push(KeptCode {
            secret_hash: row.get(0)?,
            site,
            expires_ms: row.get(2)?,
            revoked_ms: row.get(3)?,
            uses_left: row.get(4)?,
            agents: row.get(5)?,
        });
    }
    Ok(codes)
}

/// `false` when there is no such code. Revoking twice keeps the first time.
pub(super) fn revoke_code(
    connection: &Connection,
    secret_hash: &[u8; 32],
    now_ms: i64,
) -> Result<bool, StoreError> {
    let changed = connection.execute(
        "UPDATE join_code SET revoked_ms = coalesce(revoked_ms, ?2) WHERE secret_hash = ?1",
        params![secret_hash, now_ms],
    )?;
    Ok(changed == 1)
}
