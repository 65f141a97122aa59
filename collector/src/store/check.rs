//! Whether the store is whole: what SQLite says of its files, and what the records in them say of each other.
//!
//! Reads only, and works beside a running collector: rows that are packed meanwhile are seen in one place or
//! in both, which is how they are meant to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::Connection;
use suar_wire::{AgentId, Epoch, IntervalSet};

use super::acks::Acks;
use super::months::{self, Month};
use super::{StoreError, StoredRecord, chunk, schema};
use crate::day::Day;
use crate::summary;

/// Most problems that are told; a broken disk may have thousands.
pub const PROBLEMS_MAX: usize = 100;

/// What was looked at, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    pub files: u64,
    pub agents: u64,
    /// Days of agents in the month files.
    pub days: u64,
    pub fresh_rows: u64,
    /// Different records, fresh and packed.
    pub records: u64,
    /// One sentence each, at most [`PROBLEMS_MAX`].
    pub problems: Vec<String>,
}

impl Checked {
    fn problem(&mut self, text: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(text);
        }
    }
}

/// A quick look at the main file, for every start: the months are read only when somebody asks for them.
pub fn quick(dir: &Path) -> Result<(), StoreError> {
    let main = schema::open_to_read(dir)?;
    let said: String = main.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Damaged(format!("suar.db: {said}"))) }
}

/// Everything: takes a while for a large store.
pub fn check(dir: &Path) -> Result<Checked, StoreError> {
    let mut checked = Checked::default();
    let main = schema::open_to_read(dir)?;
    check_file(&main, "suar.db", &mut checked);
    let mut months = Vec::new();
    for month in Month::all(dir)? {
        let name = month.file(Path::new("")).display().to_string();
        match months::open_to_read(dir, month) {
            Ok(Some(connection)) => {
                if check_file(&connection, &name, &mut checked) {
                    months.push((month, name, connection));
                }
            }
            Ok(None) => {}
            Err(error) => checked.problem(format!("{name}: {error}")),
        }
    }
    let known = agents(&main)?;
    let mut named = known.clone();
    named.extend(agents_of(&main, "SELECT DISTINCT agent FROM inbox")?);
    for (_, _, connection) in &months {
        named.extend(agents_of(connection, "SELECT DISTINCT agent FROM chunk")?);
    }
    checked.agents = known.len() as u64;
    for agent in named {
        if !known.contains(&agent) {
            checked
                .problem(format!("there are records of agent {agent}, which is not in the list of agents"));
        }
        check_agent(&main, &months, agent, &mut checked)?;
    }
    Ok(checked)
}

/// Whether its tables can be read on.
fn check_file(connection: &Connection, name: &str, checked: &mut Checked) -> bool {
    checked.files += 1;
    let said = connection.prepare("PRAGMA integrity_check").and_then(|mut check| {
        check.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
    });
    match said {
        Ok(said) if said == ["ok"] => true,
        Ok(said) => {
            said.into_iter().for_each(|line| checked.problem(format!("{name}: {line}")));
            false
        }
        Err(error) => {
            checked.problem(format!("{name}: {error}"));
            false
        }
    }
}

fn agents(main: &Connection) -> Result<BTreeSet<AgentId>, StoreError> {
    agents_of(main, "SELECT id FROM agent")
}

fn agents_of(connection: &Connection, sql: &str) -> Result<BTreeSet<AgentId>, StoreError> {
    let mut select = connection.prepare(sql)?;
    let agents = select.query_map([], |row| Ok(AgentId(row.get(0)?)))?;
    Ok(agents.collect::<rusqlite::Result<_>>()?)
}

/// Where a record of an agent lies, for telling that it lies in two places.
#[derive(Default)]
struct Seen {
    packed: BTreeMap<Epoch, IntervalSet>,
    fresh: BTreeMap<Epoch, BTreeMap<u64, StoredRecord>>,
}

fn check_agent(
    main: &Connection,
    months: &[(Month, String, Connection)],
    agent: AgentId,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let mut seen = Seen::default();
    // The inbox first: what is packed in between is then seen twice, and never not at all.
    let mut select = main.prepare_cached("SELECT id, day, bytes FROM inbox WHERE agent = ?1 ORDER BY id")?;
    let mut rows = select.query([agent.0])?;
    while let Some(row) = rows.next()? {
        checked.fresh_rows += 1;
        let (id, day): (i64, Day) = (row.get(0)?, row.get(1)?);
        let place = format!("fresh row {id} of agent {agent}");
        match chunk::decode(agent, &row.get::<_, Vec<u8>>(2)?) {
            Ok(records) => {
                for stored in records {
                    check_day(&stored, day, &place, checked);
                    let sequence = stored.record.sequence;
                    let epoch = seen.fresh.entry(stored.epoch).or_default();
                    if epoch.insert(sequence, stored).is_some() {
                        checked.problem(format!("{place}: record {sequence} is fresh twice"));
                    }
                }
            }
            Err(error) => checked.problem(format!("{place}: {error}")),
        }
    }
    for (month, name, connection) in months {
        check_month(connection, *month, name, agent, &mut seen, checked)?;
    }
    let packed = seen.packed;
    for (epoch, fresh) in seen.fresh {
        let only_fresh =
            fresh.keys().filter(|sequence| !packed.get(&epoch).is_some_and(|set| set.contains(**sequence)));
        checked.records += only_fresh.count() as u64;
        check_receipts(main, agent, epoch, fresh.keys().map(|sequence| (*sequence, *sequence)), checked)?;
    }
    for (epoch, set) in packed {
        checked.records += set.count();
        check_receipts(main, agent, epoch, set.ranges().iter().copied(), checked)?;
    }
    Ok(())
}

fn check_month(
    connection: &Connection,
    month: Month,
    name: &str,
    agent: AgentId,
    seen: &mut Seen,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let days = months::days(connection, agent, Day::MIN, Day::MAX)?;
    for day in days {
        checked.days += 1;
        let place = format!("{name}: day {day} of agent {agent}");
        if Month::of(day) != month {
            checked.problem(format!("{place} belongs into another month"));
        }
        let records = match months::records(connection, agent, day) {
            Ok(records) => records,
            Err(error) => {
                checked.problem(format!("{place}: {error}"));
                continue;
            }
        };
        for stored in &records {
            check_day(stored, day, &place, checked);
            let sequence = stored.record.sequence;
            let packed = seen.packed.entry(stored.epoch).or_default();
            if packed.contains(sequence) {
                checked.problem(format!("{place}: record {sequence} is kept twice"));
            }
            packed.insert(sequence);
            let fresh = seen.fresh.get(&stored.epoch).and_then(|epoch| epoch.get(&sequence));
            if fresh.is_some_and(|fresh| fresh != stored) {
                checked.problem(format!("{place}: record {sequence} is another one than the fresh one"));
            }
        }
        match months::summaries(connection, agent, day, day) {
            Ok(summaries) if summaries == [(day, summary::measured(&records))] => {}
            Ok(_) => checked.problem(format!("{place}: the summary is not that of its records")),
            Err(error) => checked.problem(format!("{place}: {error}")),
        }
    }
    Ok(())
}

fn check_day(stored: &StoredRecord, day: Day, place: &str, checked: &mut Checked) {
    if stored.day() != day {
        checked.problem(format!("{place}: record {} is of day {}", stored.record.sequence, stored.day()));
    }
}

/// What is kept is known: else the agent would be asked for it again, and it would be kept twice.
fn check_receipts(
    main: &Connection,
    agent: AgentId,
    epoch: Epoch,
    kept: impl Iterator<Item = (u64, u64)>,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let acks = Acks::load(main, agent, epoch, 1, u64::MAX)?;
    let known: IntervalSet = acks.ranges().map(|(first, range)| (first, range.last)).collect();
    for (first, last) in kept {
        for (first, last) in known.missing_in(first, last) {
            checked.problem(format!(
                "agent {agent}, epoch {epoch}: records {first} to {last} are kept and not receipted"
            ));
        }
    }
    Ok(())
}
