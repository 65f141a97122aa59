//! `suar-collector import`: a file that an office carried out, with or without a running collector.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use suar_machine::output::say;
use suar_wire::SlotWidth;
use suar_wire::carried::FILE_BYTES_MAX;

use crate::config::Config;
use crate::store::Reader;
use crate::store::import::{Imported, Revoked, import};
use crate::wall_clock::now_ms;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The file that `suar-agent carry-out` wrote
    file: PathBuf,
    /// Take it although its agent was revoked, e.g. because the office joined again
    #[arg(long)]
    revoked: bool,
}

pub fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<()> {
    let shown = || arguments.file.display().to_string();
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&arguments.file).with_context(shown)?;
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).with_context(shown)?;
    let plan = Reader::open(&config.data)?.plan()?;
    let width = plan.map_or(SlotWidth::STANDARD, |plan| plan.slot_seconds);
    let revoked = if arguments.revoked { Revoked::Take } else { Revoked::Refuse };
    let (agent, imported) = import(&config.data, &bytes, now_ms(), width, revoked)
        .with_context(|| format!("{}: nothing was imported", arguments.file.display()))?;
    let Imported { new, known, refused, set_aside } = imported;
    say!(
        "{} ({}): {new} records new, {known} known already, {refused} refused, {set_aside} set aside",
        agent.site,
        agent.id
    );
    Ok(())
}
