//! `suar-collector backup`: a copy that is itself a data directory.

use std::path::PathBuf;

use suar_machine::output::say;

use crate::config::Config;
use crate::store;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The directory to make; it becomes a data directory with everything in it, keys included
    #[arg(value_name = "DIR")]
    to: PathBuf,
}

pub fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<()> {
    let bytes = store::backup::backup(&config.data, &arguments.to)?;
    say!("{bytes} bytes in {}; to restore, use it as the data directory", arguments.to.display());
    Ok(())
}
