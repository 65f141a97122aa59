//! What agents told of the data they used: the newest word of each agent on each month.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use suar_wire::{AgentId, DataUse, Month, Purpose, SiteCode, Step};

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
            "INSERT INTO data_use (agent, month, at_ms, paid_bytes, step, used) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (agent, month) DO UPDATE SET
               at_ms = excluded.at_ms, paid_bytes = excluded.paid_bytes, step = excluded.step,
               used = excluded.used
             WHERE excluded.at_ms >= data_use.at_ms",
        )?
        .execute(params![
            agent.0,
            told.month.number(),
            at_ms,
            i64::try_from(told.paid_bytes()).unwrap_or(i64::MAX),
            told.step.code(),
            by_purpose_text(told)
        ])?;
    Ok(())
}

/// `1 7900 6 12000`: code and bytes of both directions, of what is paid for.
fn by_purpose_text(told: &DataUse) -> String {
    let paid = told.used.iter().filter(|one| one.purpose.is_paid_for());
    let pairs = paid.map(|one| format!("{} {}", one.purpose.code(), one.sent.saturating_add(one.received)));
    pairs.collect::<Vec<_>>().join(" ")
}

fn by_purpose(text: &str) -> Option<BTreeMap<Purpose, u64>> {
    let numbers: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let (pairs, rest) = numbers.as_chunks::<2>();
    let purpose = |code: u64| u32::try_from(code).ok().and_then(Purpose::from_code);
    let pairs = pairs.iter().map(|[code, bytes]| Some((purpose(*code)?, *bytes)));
    rest.is_empty().then(|| pairs.collect::<Option<_>>())?
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
            "SELECT agent.site, data_use.month, data_use.paid_bytes, data_use.step, data_use.used
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
            let by_purpose = by_purpose(&row.get::<_, String>(4)?).ok_or_else(damaged)?;
            let months = sites.entry(site).or_default();
            match months.last_mut().filter(|known| known.month == month) {
                Some(known) => {
                    known.paid_bytes = known.paid_bytes.saturating_add(paid_bytes);
                    known.step = known.step.max(step);
                    for (purpose, bytes) in by_purpose {
                        let sum = known.by_purpose.entry(purpose).or_default();
                        *sum = sum.saturating_add(bytes);
                    }
                }
                None => months.push(MonthData { month, paid_bytes, by_purpose, step }),
            }
        }
        Ok(sites)
    }
}
