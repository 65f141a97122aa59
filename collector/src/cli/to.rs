//! `--all`, `--percent NUMBER`, `--sites CODE,...`: which part of the fleet a command is about.

use std::collections::BTreeSet;

use anyhow::bail;
use suar_wire::SiteCode;

use crate::audience::Audience;
use crate::config::Config;
use crate::store::Reader;
use crate::wall_clock::now_ms;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("to").required(true))]
pub struct To {
    /// All sites
    #[arg(long, group = "to")]
    all: bool,
    /// So many of a hundred sites; a larger part holds every smaller one
    #[arg(long, group = "to", value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=100))]
    percent: Option<u8>,
    /// These sites
    #[arg(long, group = "to", value_name = "CODE,...", value_delimiter = ',')]
    sites: Option<Vec<SiteCode>>,
}

impl To {
    /// Sites that do not exist are a mistake.
    pub fn audience(&self, known: &BTreeSet<SiteCode>) -> anyhow::Result<Audience> {
        Ok(match (&self.sites, self.percent) {
            (Some(sites), _) => {
                let sites: BTreeSet<SiteCode> = sites.iter().cloned().collect();
                if let Some(unknown) = sites.difference(known).next() {
                    bail!("there is no site {}; `suar-collector site list` shows them", unknown.as_str());
                }
                Audience::Sites(sites)
            }
            (None, Some(percent)) => Audience::Percent(percent),
            (None, None) => Audience::All,
        })
    }
}

/// The codes of all sites that there are now.
pub fn known_sites(config: &Config) -> anyhow::Result<BTreeSet<SiteCode>> {
    Ok(Reader::open(&config.data)?.sites_at(now_ms())?.into_iter().map(|site| site.code).collect())
}
