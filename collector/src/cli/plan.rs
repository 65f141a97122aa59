//! `suar-collector plan`: a plan for a part of the fleet first, from a moment on, before it is that of all.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::ensure;
use jiff::Timestamp;
use suar_machine::output::say;
use suar_wire::{Plan, SiteCode};

use super::to::{To, known_sites};
use crate::config::Config;
use crate::rollout::StagedPlan;
use crate::store::Reader;
use crate::store::admin::Admin;
use crate::wall_clock::now_ms;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Let a part of the fleet, or all, work by the [plan] of another configuration file; what was staged before is no longer
    Stage(StageArgs),
    /// Let all work by the configuration's own [plan] again
    Stop,
    /// Show what is staged, or what the agents of a site are to do now
    Show {
        /// The site's code
        site: Option<SiteCode>,
    },
}

#[derive(Debug, clap::Args)]
struct StageArgs {
    /// A configuration file, e.g. a copy of the one in use with another [plan]
    file: PathBuf,
    /// From when on, e.g. 2026-12-01T00:00:00+07:00 [default: now]
    #[arg(long, value_name = "MOMENT")]
    from: Option<Timestamp>,
    #[command(flatten)]
    to: To,
}

pub fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<()> {
    match &arguments.command {
        Command::Stage(stage) => put_stage(stage, config),
        Command::Stop => {
            Admin::open(&config.data)?.set_staged_plan(None)?;
            say!("all sites work by [plan] of the configuration, from their next pushes on");
            Ok(())
        }
        Command::Show { site: None } => show(config),
        Command::Show { site: Some(site) } => {
            let known = known_sites(config)?;
            ensure!(known.contains(site), "there is no site {}", site.as_str());
            let plan = Reader::open(&config.data)?.plan_of(&config.plan, site, now_ms())?;
            say!("{}", serde_json::to_string_pretty(&plan)?);
            Ok(())
        }
    }
}

fn put_stage(stage: &StageArgs, config: &Config) -> anyhow::Result<()> {
    let plan = Config::load(&stage.file)?.plan;
    let pushes = config.plan.push_seconds;
    // By the configuration's plan the collector knows who is silent.
    ensure!(
        plan.push_seconds <= pushes,
        "plan.push_seconds: {} is more than {pushes}; who pushes more rarely than others would look silent",
        plan.push_seconds
    );
    ensure!(plan != config.plan, "{}: its [plan] is the one in use", stage.file.display());
    let known = known_sites(config)?;
    let from_ms = stage.from.map_or_else(now_ms, Timestamp::as_millisecond);
    let staged = StagedPlan { plan, from_ms, to: stage.to.audience(&known)? };
    Admin::open(&config.data)?.set_staged_plan(Some(&staged))?;
    say!("{}", shown(&staged, &config.plan, &known));
    Ok(())
}

fn show(config: &Config) -> anyhow::Result<()> {
    match Reader::open(&config.data)?.staged_plan()? {
        Some(staged) => say!("{}", shown(&staged, &config.plan, &known_sites(config)?)),
        None => say!("nothing is staged: all sites work by [plan] of the configuration"),
    }
    Ok(())
}

fn shown(staged: &StagedPlan, base: &Plan, known: &BTreeSet<SiteCode>) -> String {
    let sites = known.iter().filter(|site| staged.is_for(site)).count();
    let from =
        Timestamp::from_millisecond(staged.from_ms).map_or_else(|_| "?".to_owned(), |at| at.to_string());
    format!(
        "{sites} of {} sites, from {from} on: {}",
        known.len(),
        differences(&staged.plan, base).join(", ")
    )
}

/// The keys in which a plan differs from another, with its values.
fn differences(plan: &Plan, base: &Plan) -> Vec<String> {
    let table = |plan: &Plan| match serde_json::to_value(plan) {
        Ok(serde_json::Value::Object(table)) => table,
        _ => unreachable!("a plan is an object of plain values"),
    };
    let base = table(base);
    let differing =
        table(plan).into_iter().filter(|(key, value)| key != "version" && base.get(key) != Some(value));
    differing.map(|(key, value)| format!("{key} = {value}")).collect()
}
