//! `suar-collector dump-records`: what is kept, for comparing it with what an agent wrote.

use anyhow::Context;
use suar_machine::output::{self, say};
use suar_wire::{AgentId, Body, Cause};

use crate::config::Config;
use crate::store::{Reader, StoredRecord};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only this agent's records
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// One JSON object a line, with everything that is kept
    #[arg(long)]
    json: bool,
}

/// The fields a comparison needs, and the whole record beside them.
#[derive(Debug, serde::Serialize)]
struct Line<'a> {
    slot_start_s: Option<i64>,
    slot_seconds: Option<u32>,
    verdict: Option<&'static str>,
    cause: Option<&'static str>,
    #[serde(flatten)]
    stored: &'a StoredRecord,
}

pub fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<()> {
    let reader = Reader::open(&config.data)?;
    let agents: Vec<AgentId> = match &arguments.agent {
        Some(id) => vec![id.parse().with_context(|| format!("--agent {id:?}"))?],
        None => reader.agents()?.into_iter().map(|agent| agent.id).collect(),
    };
    for agent in agents {
        let mut records = reader.all_records(agent)?;
        records.sort_by_key(|stored| (stored.epoch, stored.record.sequence));
        for stored in &records {
            let line = Line::of(stored);
            if arguments.json {
                say!("{}", serde_json::to_string(&line).context("a record as JSON")?);
            } else {
                say!("{}", line.text());
            }
            if output::reader_has_gone() {
                return Ok(());
            }
        }
    }
    Ok(())
}

impl<'a> Line<'a> {
    fn of(stored: &'a StoredRecord) -> Self {
        let verdict = match &stored.record.body {
            Body::Round(round) => Some(round.verdict),
            _ => None,
        };
        Self {
            slot_start_s: stored.slot().map(|slot| slot.start_s()),
            slot_seconds: stored.slot().map(|slot| slot.width.seconds()),
            verdict: verdict.map(|verdict| if verdict.is_up() { "up" } else { "down" }),
            cause: verdict.and_then(suar_wire::Verdict::cause).map(Cause::label),
            stored,
        }
    }

    fn text(&self) -> String {
        let StoredRecord { agent, epoch, record, at_ms, .. } = self.stored;
        let slot = self.slot_start_s.map_or_else(|| "-".to_owned(), |start_s| start_s.to_string());
        let verdict = self.verdict.unwrap_or("-");
        let cause = self.cause.unwrap_or("-");
        format!("{agent} {epoch} {} {slot} {verdict} {cause} {at_ms}", record.sequence)
    }
}
