//! `suar-collector agent`: which agents there are, and taking one's token away.

use anyhow::bail;
use suar_machine::output::say;
use suar_wire::AgentId;

use crate::config::Config;
use crate::store::admin::Admin;
use crate::store::{Agent, Reader};
use crate::wall_clock::{moment, now_ms};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List agents, newest of a site last
    List {
        /// List records that were set aside because their time cannot be trusted
        #[arg(long)]
        quarantined: bool,
    },
    /// Take an agent's token away; what it measured stays
    Revoke {
        /// The agent's id, as `agent list` shows it
        id: String,
    },
}

pub fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<()> {
    match &arguments.command {
        Command::List { quarantined: false } => list(&Reader::open(&config.data)?),
        Command::List { quarantined: true } => list_quarantined(&Reader::open(&config.data)?),
        Command::Revoke { id } => revoke(config, id),
    }
}

fn list(reader: &Reader) -> anyhow::Result<()> {
    say!("{:<32}  {:<20}  {:<20}  {:<20}  {:<8}  state", "agent", "site", "joined", "last heard", "version");
    for agent in reader.agents()? {
        say!("{}", line(&agent));
    }
    Ok(())
}

fn line(agent: &Agent) -> String {
    let Agent { id, site, joined_ms, revoked_ms, version, last_seen_ms, .. } = agent;
    let state = revoked_ms.map_or_else(|| "active".to_owned(), |at_ms| format!("revoked {}", moment(at_ms)));
    let heard = last_seen_ms.map_or_else(|| "never".to_owned(), moment);
    format!("{id}  {:<20}  {:<20}  {heard:<20}  {version:<8}  {state}", site.as_str(), moment(*joined_ms))
}

fn list_quarantined(reader: &Reader) -> anyhow::Result<()> {
    say!("{:<32}  {:<10}  {:<14}  received", "agent", "sequence", "reason");
    for record in reader.quarantined()? {
        let received = moment(record.received_ms);
        say!("{}  {:<10}  {:<14}  {received}", record.agent, record.sequence, record.reason);
    }
    Ok(())
}

fn revoke(config: &Config, id: &str) -> anyhow::Result<()> {
    let no_such = || anyhow::anyhow!("there is no agent {id:?}; `suar-collector agent list` shows the ids");
    let agent: AgentId = id.parse().map_err(|_| no_such())?;
    if !Admin::open(&config.data)?.revoke(agent, now_ms())? {
        bail!(no_such());
    }
    say!("{agent} is revoked: its pushes are refused from now on");
    Ok(())
}
