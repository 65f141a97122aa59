//! The plans of sites, from what the store knows of them, and their versions as receipts name them.

use std::collections::HashMap;

use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use suar_wire::{Plan, SiteCode};

use super::{StoreError, reader, schema};
use crate::rollout::{Rollout, StagedPlan};
use crate::site_plan;

/// What the agents of a site are to do at a moment.
pub(super) fn of_site(
    connection: &Connection,
    base: &Plan,
    code: &SiteCode,
    now_ms: i64,
) -> Result<Plan, StoreError> {
    // Agents join sites that exist, so this is damage; they are to go on by the plan of all.
    let Some(site) = reader::site_at(connection, code, now_ms)? else { return Ok(base.clone()) };
    let mut count =
        connection.prepare_cached("SELECT count(*) FROM agent WHERE site = ?1 AND revoked_ms IS NULL")?;
    let agents = count.query_row([code.as_str()], |row| row.get(0))?;
    let rollout = rollout(connection)?;
    let staged = staged(connection)?.filter(|staged| staged.holds(code, now_ms));
    let base = staged.as_ref().map_or(base, |staged| &staged.plan);
    Ok(site_plan::of_site(base, &site, agents, rollout.as_ref()))
}

/// Which release of the agent is offered, and to whom.
pub(super) fn rollout(connection: &Connection) -> Result<Option<Rollout>, StoreError> {
    kept(connection, ROLLOUT)
}

pub(super) fn set_rollout(connection: &Connection, rollout: Option<&Rollout>) -> Result<(), StoreError> {
    keep(connection, ROLLOUT, rollout)
}

/// The plan that a part of the fleet works by, or will.
pub(super) fn staged(connection: &Connection) -> Result<Option<StagedPlan>, StoreError> {
    kept(connection, STAGED_PLAN)
}

pub(super) fn set_staged(connection: &Connection, staged: Option<&StagedPlan>) -> Result<(), StoreError> {
    keep(connection, STAGED_PLAN, staged)
}

/// Where they are kept, each as JSON.
const ROLLOUT: &str = "rollout";
const STAGED_PLAN: &str = "staged_plan";

fn kept<T: DeserializeOwned>(connection: &Connection, key: &str) -> Result<Option<T>, StoreError> {
    let Some(json) = schema::meta(connection, key)? else { return Ok(None) };
    serde_json::from_str(&json).map_err(|error| StoreError::Damaged(format!("{key}: {error}")))
}

fn keep<T: Serialize>(connection: &Connection, key: &str, value: Option<&T>) -> Result<(), StoreError> {
    let json = serde_json::to_string(&value).map_err(|error| StoreError::Damaged(error.to_string()))?;
    schema::set_meta(connection, key, &json)
}

/// Versions that were looked up already. They hold until something is written that may change a plan.
#[derive(Debug)]
pub(super) struct Versions {
    base: Plan,
    known: HashMap<SiteCode, u32>,
    /// SQLite's own count of what other connections have committed.
    others: i64,
    /// When a staged plan begins to hold; milliseconds since 1970.
    until_ms: i64,
}

impl Versions {
    pub fn new(base: Plan) -> Self {
        Self { base, known: HashMap::new(), others: 0, until_ms: i64::MAX }
    }

    /// At the beginning of a transaction: an administrator may have edited sites or revoked agents.
    pub fn follow(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let others = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if std::mem::replace(&mut self.others, others) != others {
            self.known.clear();
        }
        Ok(())
    }

    /// After an agent has joined.
    pub fn forget(&mut self, site: &SiteCode) {
        self.known.remove(site);
    }

    pub fn of_site(
        &mut self,
        connection: &Connection,
        site: &SiteCode,
        now_ms: i64,
    ) -> Result<u32, StoreError> {
        if now_ms >= self.until_ms {
            self.known.clear();
            self.until_ms = i64::MAX;
        }
        if let Some(version) = self.known.get(site) {
            return Ok(*version);
        }
        let begins_ms = staged(connection)?.map_or(i64::MAX, |staged| staged.from_ms);
        if begins_ms > now_ms {
            self.until_ms = self.until_ms.min(begins_ms);
        }
        let version = of_site(connection, &self.base, site, now_ms)?.version;
        self.known.insert(site.clone(), version);
        Ok(version)
    }
}
