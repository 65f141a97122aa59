//! The plans of sites, from what the store knows of them, and their versions as receipts name them.

use std::collections::HashMap;

use rusqlite::Connection;
use suar_wire::{Plan, SiteCode};

use super::{StoreError, reader};
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
    Ok(site_plan::of_site(base, &site, agents))
}

/// Versions that were looked up already. They hold until something is written that may change a plan.
#[derive(Debug)]
pub(super) struct Versions {
    base: Plan,
    known: HashMap<SiteCode, u32>,
    /// SQLite's own count of what other connections have committed.
    others: i64,
}

impl Versions {
    pub fn new(base: Plan) -> Self {
        Self { base, known: HashMap::new(), others: 0 }
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
        if let Some(version) = self.known.get(site) {
            return Ok(*version);
        }
        let version = of_site(connection, &self.base, site, now_ms)?.version;
        self.known.insert(site.clone(), version);
        Ok(version)
    }
}
