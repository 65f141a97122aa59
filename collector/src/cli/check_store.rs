//! `suar-collector check-store`: whether everything that is kept can be read and fits together.

use anyhow::bail;
use suar_machine::output::say;

use crate::config::Config;
use crate::store::check::{Checked, PROBLEMS_MAX, check};

pub fn run(config: &Config) -> anyhow::Result<()> {
    let Checked { files, agents, days, fresh_rows, records, problems } = check(&config.data)?;
    say!(
        "{files} files, {agents} agents, {days} days of agents, {fresh_rows} rows not packed yet, {records} records"
    );
    if problems.is_empty() {
        say!("no problems");
        return Ok(());
    }
    for problem in &problems {
        say!("{problem}");
    }
    let many = if problems.len() == PROBLEMS_MAX { " or more" } else { "" };
    bail!("{}{many} problems in {}; restore a backup, or ask for help", problems.len(), config.data.display())
}
