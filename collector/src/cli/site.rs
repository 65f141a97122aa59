//! `suar-collector site`. (to be written)

use crate::config::Config;

#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _config: &Config) -> anyhow::Result<()> {
    anyhow::bail!("this build has no site command yet")
}
