//! What others read: sites, agents, summaries, records. A reader sees what is committed, the inbox
//! included, so that nothing it says is older than the last receipt.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};
use suar_wire::{AgentId, Plan, SiteCode};

use super::joining::{self, KeptCode};
use super::months::{self, Month};
use super::{Agent, Counts, StoreError, StoredRecord, admin, chunk, day_of, import, plans, schema};
use crate::day::{Day, DaySummary, Reason};
use crate::registry::Site;
use crate::rollout::{Rollout, StagedPlan};
use crate::summary::{self, Explanation};

/// Not shared between threads: open one where it is needed (about a tenth of a millisecond).
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    pub(super) main: Connection,
    /// Months that this reader has opened.
    months: RefCell<HashMap<Month, Connection>>,
}

/// A record that was set aside, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Quarantined {
    pub agent: AgentId,
    pub sequence: u64,
    pub reason: String,
    pub received_ms: i64,
}

impl Reader {
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Ok(Self { dir: dir.to_owned(), main: schema::open_to_read(dir)?, months: RefCell::default() })
    }

    /// Everything that `look` reads of the small tables and the inbox is of one moment. Also returns the
    /// newest inbox row of that moment: whatever came later has a higher number.
    pub fn at_one_moment<T>(
        &self,
        look: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<(T, i64), StoreError> {
        let transaction = self.main.unchecked_transaction()?;
        let newest_row = import::newest_row(&self.main)?;
        let found = look(self)?;
        transaction.finish()?;
        Ok((found, newest_row))
    }

    pub(super) fn main(&self) -> &Connection {
        &self.main
    }

    /// Sites as they were at a moment, by code.
    pub fn sites_at(&self, at_ms: i64) -> Result<Vec<Site>, StoreError> {
        sites_at(&self.main, at_ms)
    }

    /// Sites as they are in their newest version.
    pub fn sites(&self) -> Result<Vec<Site>, StoreError> {
        sites_at(&self.main, i64::MAX)
    }

    pub fn site(&self, code: &SiteCode) -> Result<Option<Site>, StoreError> {
        site_at(&self.main, code, i64::MAX)
    }

    /// Every version of every site with when it began, by code and time.
    pub fn site_versions(&self) -> Result<Vec<(i64, Site)>, StoreError> {
        let mut select = self
            .main
            .prepare_cached("SELECT valid_from_ms, json FROM site_version ORDER BY code, valid_from_ms")?;
        let mut rows = select.query([])?;
        let mut versions = Vec::new();
        while let Some(row) = rows.next()? {
            versions.push((row.get(0)?, site_from(&row.get::<_, String>(1)?)?));
        }
        Ok(versions)
    }

    /// All agents, revoked ones included: what they measured stays true.
    pub fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let mut select = self.main.prepare_cached("SELECT * FROM agent ORDER BY site, joined_ms, id")?;
        let agents = select.query_map([], admin::agent_from)?;
        Ok(agents.collect::<rusqlite::Result<_>>()?)
    }

    pub fn join_codes(&self) -> Result<Vec<KeptCode>, StoreError> {
        joining::codes(&self.main)
    }

    pub fn agent_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<Agent>, StoreError> {
        let mut select = self.main.prepare_cached("SELECT * FROM agent WHERE token_hash = ?1")?;
        Ok(select.query_row([token_hash], admin::agent_from).optional()?)
    }

    pub fn plan(&self) -> Result<Option<Plan>, StoreError> {
        let mut select = self.main.prepare_cached("SELECT json FROM plan ORDER BY version DESC LIMIT 1")?;
        let json: Option<String> = select.query_row([], |row| row.get(0)).optional()?;
        let parse = |json: String| {
            serde_json::from_str(&json).map_err(|error| StoreError::Damaged(format!("the plan: {error}")))
        };
        json.map(parse).transpose()
    }

    /// What the agents of a site are to do, made of the plan of all.
    pub fn plan_of(&self, base: &Plan, site: &SiteCode, now_ms: i64) -> Result<Plan, StoreError> {
        plans::of_site(&self.main, base, site, now_ms)
    }

    /// Which release of the agent is offered, and to whom.
    pub fn rollout(&self) -> Result<Option<Rollout>, StoreError> {
        plans::rollout(&self.main)
    }

    /// The plan that a part of the fleet works by, or will.
    pub fn staged_plan(&self) -> Result<Option<StagedPlan>, StoreError> {
        plans::staged(&self.main)
    }

    pub fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        schema::meta(&self.main, key)
    }

    /// Summaries of an agent's days, both ends included, holes explained; days of which nothing at all is
    /// known are left out.
    pub fn day_summaries(
        &self,
        agent: AgentId,
        from: Day,
        to: Day,
    ) -> Result<Vec<(Day, DaySummary)>, StoreError> {
        let mut days: BTreeMap<Day, DaySummary> = BTreeMap::new();
        // The inbox first: what is packed in between is then seen twice, and never not at all.
        let fresh = self.inbox(agent, from, to)?;
        for month in self.months_between(from, to)? {
            self.with_month(month, |connection| {
                days.extend(months::summaries(connection, agent, from, to)?);
                Ok(())
            })?;
        }
        for (day, records) in fresh {
            days.insert(day, summary::measured(&self.merged(agent, day, records)?));
        }
        let explanations = self.explanations(agent, from, to)?;
        for explanation in &explanations {
            let first = day_of(explanation.from_s.saturating_mul(1000)).max(from);
            let last = day_of(explanation.to_s.saturating_mul(1000).saturating_sub(1)).min(to);
            for day in first..=last {
                summary::explain(day, days.entry(day).or_default(), explanation);
            }
        }
        Ok(days.into_iter().collect())
    }

    /// Records of an agent whose repaired time is in `from_ms..to_ms`, by that time.
    pub fn records(&self, agent: AgentId, from_ms: i64, to_ms: i64) -> Result<Vec<StoredRecord>, StoreError> {
        let (from, to) = (day_of(from_ms), day_of(to_ms.saturating_sub(1)));
        let fresh = self.inbox(agent, from, to)?;
        let mut days: BTreeSet<Day> = fresh.keys().copied().collect();
        for month in self.months_between(from, to)? {
            self.with_month(month, |connection| {
                days.extend(months::days(connection, agent, from, to)?);
                Ok(())
            })?;
        }
        let mut records = Vec::new();
        let mut fresh = fresh;
        for day in days {
            records.extend(self.merged(agent, day, fresh.remove(&day).unwrap_or_default())?);
        }
        records.retain(|stored| (from_ms..to_ms).contains(&stored.at_ms));
        records.sort_by_key(|stored| (stored.at_ms, stored.epoch, stored.record.sequence));
        Ok(records)
    }

    /// Everything an agent ever sent that was kept; for tests and debugging.
    pub fn all_records(&self, agent: AgentId) -> Result<Vec<StoredRecord>, StoreError> {
        self.records(agent, 0, i64::MAX)
    }

    pub fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        let mut select = self
            .main
            .prepare_cached("SELECT agent, sequence, reason, received_ms FROM quarantine ORDER BY id")?;
        let rows = select.query_map([], |row| {
            Ok(Quarantined {
                agent: AgentId(row.get(0)?),
                sequence: row.get::<_, i64>(1)?.unsigned_abs(),
                reason: row.get(2)?,
                received_ms: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub fn counts(&self) -> Result<Counts, StoreError> {
        let count = |table: &str| -> Result<u64, StoreError> {
            let sql = format!("SELECT count(*) FROM {table}");
            Ok(self.main.query_row(&sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        let files = Month::all(&self.dir)?.into_iter().map(|month| month.file(&self.dir));
        let main = schema::main_file(&self.dir);
        let log = main.with_extension("db-wal");
        let bytes = files.chain([main, log]).filter_map(|file| file.metadata().ok()).map(|file| file.len());
        Ok(Counts {
            sites: count("(SELECT DISTINCT code FROM site_version)")?,
            agents: count("agent")?,
            inbox_rows: count("inbox")?,
            // Rows are numbered as they come.
            oldest_fresh_ms: self
                .main
                .query_row("SELECT received_ms FROM inbox ORDER BY id LIMIT 1", [], |row| row.get(0))
                .optional()?,
            quarantined: count("quarantine")?,
            bytes: bytes.sum(),
        })
    }

    /// What sessions, gaps and losses explain of some days. Where explanations overlap the first one counts,
    /// so their order must not be that of arrival: the shortest says most of its hole. Losses come last, they
    /// explain a hole only where nothing else does.
    pub fn explanations(&self, agent: AgentId, from: Day, to: Day) -> Result<Vec<Explanation>, StoreError> {
        let (from_s, to_s) = (i64::from(from) * 86_400, (i64::from(to) + 1) * 86_400);
        let mut select = self.main.prepare_cached(
            "SELECT from_s, to_s, reason FROM explanation
             WHERE agent = ?1 AND to_s > ?2 AND from_s < ?3
             ORDER BY to_s - from_s, from_s, reason",
        )?;
        let mut rows = select.query(params![agent.0, from_s, to_s])?;
        let mut explanations = Vec::new();
        while let Some(row) = rows.next()? {
            let label: String = row.get(2)?;
            let reason = Reason::ALL.into_iter().find(|reason| reason.label() == label);
            let reason = reason.ok_or_else(|| StoreError::Damaged(format!("the reason {label:?}")))?;
            explanations.push(Explanation { from_s: row.get(0)?, to_s: row.get(1)?, reason });
        }
        let mut lost = self.lost(agent)?;
        lost.retain(|lost| lost.to_s > from_s && lost.from_s < to_s);
        explanations.extend(lost);
        Ok(explanations)
    }

    /// Lost records lie between the times of their neighbours in sequence, as far as those have arrived.
    fn lost(&self, agent: AgentId) -> Result<Vec<Explanation>, StoreError> {
        let mut select = self.main.prepare_cached(
            "SELECT
               (SELECT last_ms FROM ack WHERE ack.agent = lost.agent AND ack.epoch = lost.epoch
                  AND ack.last < lost.first ORDER BY ack.first DESC LIMIT 1),
               (SELECT first_ms FROM ack WHERE ack.agent = lost.agent AND ack.epoch = lost.epoch
                  AND ack.first > lost.last ORDER BY ack.first LIMIT 1),
               agent.joined_ms
             FROM lost JOIN agent ON agent.id = lost.agent WHERE lost.agent = ?1",
        )?;
        let rows = select.query_map([agent.0], |row| {
            let (before, after): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
            let joined_ms: i64 = row.get(2)?;
            Ok((before.unwrap_or(joined_ms), after))
        })?;
        let mut explanations = Vec::new();
        for row in rows {
            let (from_ms, to_ms) = row?;
            let Some(to_ms) = to_ms.filter(|to_ms| *to_ms > from_ms) else { continue };
            // The neighbours' own slots are measured; everything between them is this hole.
            let (from_s, to_s) = (from_ms.div_euclid(1000), to_ms.div_euclid(1000) + 1);
            explanations.push(Explanation { from_s, to_s, reason: Reason::RecordsLost });
        }
        Ok(explanations)
    }

    fn inbox(
        &self,
        agent: AgentId,
        from: Day,
        to: Day,
    ) -> Result<BTreeMap<Day, Vec<StoredRecord>>, StoreError> {
        let mut select = self.main.prepare_cached(
            "SELECT day, bytes FROM inbox WHERE agent = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY id",
        )?;
        let mut rows = select.query(params![agent.0, from, to])?;
        let mut days: BTreeMap<Day, Vec<StoredRecord>> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(1)?;
            days.entry(row.get(0)?).or_default().extend(chunk::decode(agent, &bytes)?);
        }
        Ok(days)
    }

    fn merged(
        &self,
        agent: AgentId,
        day: Day,
        fresh: Vec<StoredRecord>,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let mut packed = Vec::new();
        self.with_month(Month::of(day), |connection| {
            packed = months::records(connection, agent, day)?;
            Ok(())
        })?;
        Ok(chunk::merge(packed.into_iter().chain(fresh)))
    }

    /// The months of a span that there are files of; a span may be all of time.
    fn months_between(&self, from: Day, to: Day) -> Result<Vec<Month>, StoreError> {
        let (first, last) = (Month::of(from), Month::of(to));
        let mut months = Month::all(&self.dir)?;
        months.retain(|month| (first..=last).contains(month));
        Ok(months)
    }

    fn with_month(
        &self,
        month: Month,
        read: impl FnOnce(&Connection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut open = self.months.borrow_mut();
        match open.entry(month) {
            Entry::Occupied(known) => read(known.get()),
            Entry::Vacant(unknown) => match months::open_to_read(&self.dir, month)? {
                Some(connection) => read(unknown.insert(connection)),
                None => Ok(()),
            },
        }
    }
}

pub(super) fn sites_at(connection: &Connection, at_ms: i64) -> Result<Vec<Site>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT json FROM site_version AS site WHERE valid_from_ms =
           (SELECT max(valid_from_ms) FROM site_version WHERE code = site.code AND valid_from_ms <= ?1)
         ORDER BY code",
    )?;
    let mut rows = select.query([at_ms])?;
    let mut sites = Vec::new();
    while let Some(row) = rows.next()? {
        sites.push(site_from(&row.get::<_, String>(0)?)?);
    }
    Ok(sites)
}

/// One site as it was at a moment: an agent that joins must not cost a look at a whole country's sites.
pub(super) fn site_at(
    connection: &Connection,
    code: &SiteCode,
    at_ms: i64,
) -> Result<Option<Site>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT json FROM site_version WHERE code = ?1 AND valid_from_ms <= ?2
         ORDER BY valid_from_ms DESC LIMIT 1",
    )?;
    let json: Option<String> =
        select.query_row(params![code.as_str(), at_ms], |row| row.get(0)).optional()?;
    json.map(|json| site_from(&json)).transpose()
}

fn site_from(json: &str) -> Result<Site, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Damaged(format!("a site: {error}")))
}
