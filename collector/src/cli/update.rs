//! `suar-collector update`: releases of the agent, and which part of the fleet is offered one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use suar_machine::output::say;
use suar_wire::SiteCode;
use suar_wire::release::{Key, Offer, Version};

use super::to::{To, known_sites};
use crate::config::Config;
use crate::programs::Programs;
use crate::rollout::Rollout;
use crate::store::Reader;
use crate::store::admin::Admin;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Take a signed program of the agent; its signature says which version and for which machines
    Add {
        /// The program, signed with minisign -S -t "suar-agent 0.2.0 linux-x86_64"
        program: PathBuf,
        /// Its signature [default: the program's name with .minisig]
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
    },
    /// Offer a version to a part of the fleet or to all; what was offered before is no longer
    Offer(OfferArgs),
    /// Offer nothing any more; agents stay at what they run
    Stop,
    /// List the programs that are here, and who is offered what
    List,
}

#[derive(Debug, clap::Args)]
struct OfferArgs {
    /// The version, e.g. 0.2.0
    version: Version,
    #[command(flatten)]
    to: To,
    /// Agents that run a newer version are to go back to this one
    #[arg(long)]
    older: bool,
}

pub fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<()> {
    let programs = Programs::of(&config.data);
    match &arguments.command {
        Command::Add { program, signature } => {
            let mut beside = program.clone().into_os_string();
            beside.push(".minisig");
            let signature = signature.clone().unwrap_or_else(|| beside.into());
            let release = programs.add(program, &signature, key(config)?)?;
            say!("{} for {} is here; offer it with `update offer`", release.version, release.target);
            Ok(())
        }
        Command::Offer(offer) => put_offer(offer, config, &programs),
        Command::Stop => {
            Admin::open(&config.data)?.set_rollout(None)?;
            say!("nothing is offered any more; agents stay at what they run");
            Ok(())
        }
        Command::List => list(config, &programs),
    }
}

fn key(config: &Config) -> anyhow::Result<&Key> {
    config.update_key.as_ref().context(
        "the configuration names no key: put the second line of minisign's public key into [update] key",
    )
}

fn put_offer(asked: &OfferArgs, config: &Config, programs: &Programs) -> anyhow::Result<()> {
    let files = programs.offered(asked.version, key(config)?)?;
    let offer = Offer { version: asked.version, older: asked.older, files };
    let mistakes = offer.mistakes();
    ensure!(mistakes.is_empty(), "{}", mistakes.join("; "));
    let known = known_sites(config)?;
    let rollout = Rollout { offer, to: asked.to.audience(&known)? };
    Admin::open(&config.data)?.set_rollout(Some(&rollout))?;
    say!("{}", shown(&rollout, &known));
    Ok(())
}

fn list(config: &Config, programs: &Programs) -> anyhow::Result<()> {
    for release in programs.list()? {
        say!("{:<10}  {}", release.version, release.target);
    }
    match Reader::open(&config.data)?.rollout()? {
        Some(rollout) => say!("{}", shown(&rollout, &known_sites(config)?)),
        None => say!("nothing is offered"),
    }
    Ok(())
}

fn shown(rollout: &Rollout, known: &BTreeSet<SiteCode>) -> String {
    let offered = known.iter().filter(|site| rollout.for_site(site).is_some()).count();
    let targets: Vec<&str> = rollout.offer.files.iter().map(|file| file.target.as_str()).collect();
    let older = if rollout.offer.older { ", also to agents that run a newer one" } else { "" };
    format!(
        "{} is offered to {offered} of {} sites for {}{older}",
        rollout.offer.version,
        known.len(),
        targets.join(", ")
    )
}
