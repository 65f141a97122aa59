//! Sites, agents, join codes and the plan: what people and joining agents change.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use suar_wire::{AgentId, Plan, SiteCode};

use super::joining::{self, Joined, Joining};
use super::{Agent, StoreError, plans, schema};
use crate::registry::Site;
use crate::rollout::{Rollout, StagedPlan};

/// A connection for the command line and for start-up. Works beside a running collector.
#[derive(Debug)]
pub struct Admin {
    connection: Connection,
}

impl Admin {
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: schema::open(dir)? })
    }

    /// Adds or changes sites from `valid_from_ms` on, all or none.
    pub fn put_sites(&mut self, sites: &[Site], valid_from_ms: i64) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for site in sites {
            let json = serde_json::to_string(site).map_err(|error| StoreError::Damaged(error.to_string()))?;
            transaction.execute(
                "INSERT OR REPLACE INTO site_version (code, valid_from_ms, json) VALUES (?1, ?2, ?3)",
                params![site.code.as_str(), valid_from_ms, json],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    pub fn put_join_code(
        &mut self,
        secret_hash: [u8; 32],
        site: &SiteCode,
        expires_ms: i64,
        uses: u32,
    ) -> Result<(), StoreError> {
        joining::put_code(&self.connection, secret_hash, site, expires_ms, uses)
    }

    /// `false` when there is no such code. Who joined with it stays.
    pub fn revoke_join_code(&mut self, secret_hash: &[u8; 32], now_ms: i64) -> Result<bool, StoreError> {
        joining::revoke_code(&self.connection, secret_hash, now_ms)
    }

    /// `false` when there is no such agent. Revoking twice keeps the first time.
    pub fn revoke(&mut self, agent: AgentId, now_ms: i64) -> Result<bool, StoreError> {
        let changed = self.connection.execute(
            "UPDATE agent SET revoked_ms = coalesce(revoked_ms, ?2) WHERE id = ?1",
            params![agent.0, now_ms],
        )?;
        Ok(changed == 1)
    }

    /// The plan with its version: the last one when nothing changed, one more when it did.
    pub fn number_plan(&mut self, plan: &Plan) -> Result<Plan, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last = last_plan(&transaction)?;
        let version = last.as_ref().map_or(0, |last| last.version);
        let numbered = Plan { version, ..plan.clone() };
        if last.as_ref() == Some(&numbered) {
            return Ok(numbered);
        }
        let numbered = Plan { version: version + 1, ..numbered };
        let json =
            serde_json::to_string(&numbered).map_err(|error| StoreError::Damaged(error.to_string()))?;
        transaction
            .execute("INSERT INTO plan (version, json) VALUES (?1, ?2)", params![numbered.version, json])?;
        transaction.commit()?;
        Ok(numbered)
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Offers a release of the agent from now on; `None` offers nothing.
    pub fn set_rollout(&mut self, rollout: Option<&Rollout>) -> Result<(), StoreError> {
        plans::set_rollout(&self.connection, rollout)
    }

    /// A part of the fleet works by this plan from its moment on; `None`: all by the configuration's.
    pub fn set_staged_plan(&mut self, staged: Option<&StagedPlan>) -> Result<(), StoreError> {
        plans::set_staged(&self.connection, staged)
    }

    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        schema::meta(&self.connection, key)
    }

    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        schema::set_meta(&self.connection, key, value)
    }

    /// One join in a transaction of its own; the running collector joins through its writer.
    pub fn join(&mut self, asked: &Joining) -> Result<Joined, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let joined = joining::join(&transaction, asked)?;
        transaction.commit()?;
        Ok(joined)
    }
}

fn last_plan(connection: &Connection) -> Result<Option<Plan>, StoreError> {
    let json: Option<String> = connection
        .query_row("SELECT json FROM plan ORDER BY version DESC LIMIT 1", [], |row| row.get(0))
        .optional()?;
    let parse = |json: String| {
        serde_json::from_str(&json).map_err(|error| StoreError::Damaged(format!("the last plan: {error}")))
    };
    json.map(parse).transpose()
}

pub(super) fn agent_from(row: &rusqlite::Row<'_>) -> rusqlite::Result<Agent> {
    let site: String = row.get("site")?;
    let wrong = |error: suar_wire::identity::NameError| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    };
    Ok(Agent {
        id: AgentId(row.get("id")?),
        site: site.parse().map_err(wrong)?,
        joined_ms: row.get("joined_ms")?,
        revoked_ms: row.get("revoked_ms")?,
        version: row.get("version")?,
        system: row.get("system")?,
        last_seen_ms: row.get("last_seen_ms")?,
    })
}
