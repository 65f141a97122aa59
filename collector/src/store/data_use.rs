//! What agents told of the data they used: the newest word of each agent on each month.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use suar_wire::{AgentId, DataUse, Month, SiteCode, Step};

use super::{Reader, StoreError};
use crate::coverage::MonthData;

/// Keeps it unless something newer is known; records come in any order.
pub(super) fn keep(
    connection: &Connection,
    agent: AgentId,
    at_ms: i64,
    told: &DataUse,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO data_use (agent, month, at_ms, paid_bytes, step) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (agent, month) DO UPDATE SET
               at_ms = excluded.at_ms, paid_bytes = excluded.paid_bytes, step = excluded.step
             WHERE excluded.at_ms >= data_use.at_ms",
        )?
        .execute(params![
            agent.0,
            told.month.number(),
            at_ms,
            i64::try_from(told.paid_bytes()).unwrap_or(i64::MAX),
            told.step.code()
        ])?;
    Ok(())
}

impl Reader {
    /// Both ends included; the agents of a site together, months ascending.
    pub fn data_use(
        &self,
        first: Month,
        last: Month,
    ) -> Result<BTreeMap<SiteCode, Vec<MonthData>>, StoreError> {
        let damaged = || StoreError::Damaged("what agents used of a month cannot be read".to_owned());
        // Added up here: what agents claim may be more than SQLite can add.
        let mut select = self.main.prepare_cached(
            "SELECT agent.site, data_use.month, data_use.paid_bytes, data_use.step
             FROM data_use JOIN agent ON agent.id = data_use.agent
             WHERE data_use.month BETWEEN ?1 AND ?2 ORDER BY agent.site, data_use.month",
        )?;
        let mut rows = select.query(params![first.number(), last.number()])?;
        let mut sites: BTreeMap<SiteCode, Vec<MonthData>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let site: SiteCode = row.get::<_, String>(0)?.parse().map_err(|_| damaged())?;
            let month = Month::from_number(row.get(1)?).ok_or_else(damaged)?;
            let step = Step::from_code(row.get(3)?).ok_or_else(damaged)?;
            let paid_bytes = row.get::<_, i64>(2)?.unsigned_abs();
            let months = sites.entry(site).or_default();
            match months.last_mut().filter(|known| known.month == month) {
                Some(known) => {
                    known.paid_bytes = known.paid_bytes.saturating_add(paid_bytes);
                    known.step = known.step.max(step);
                }
                None => months.push(MonthData { month, paid_bytes, step }),
            }
        }
        Ok(sites)
    }
}
