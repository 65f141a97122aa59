//! The command line: one file for each command, one place that prints errors.

mod admit;
mod agent;
mod backup;
mod check_store;
mod codes;
mod dump;
mod import;
mod init;
mod plan;
mod progress;
pub mod report;
mod serve;
pub mod site;
mod to;
mod update;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use suar_machine::output::{self, say, tell};

use crate::config::{self, Config, ConfigError};

/// Receives what agents measured, keeps it, judges coverage, shows it, prints reports.
#[derive(Debug, Parser)]
#[command(name = "suar-collector", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a data directory: store, certificate, keys, configuration
    Init(init::Arguments),
    /// Run the collector
    Serve(WithConfig),
    /// Tell every mistake of a configuration file; exit code 64 when there is one
    CheckConfig {
        /// The configuration file
        file: PathBuf,
    },
    /// Sites: add, import, list, change
    Site(With<site::Arguments>),
    /// Make a join code for a site, to paste or type at the office; list and revoke codes
    JoinCode(With<admit::JoinCode>),
    /// Agents: list, revoke
    Agent(With<agent::Arguments>),
    /// Plans of agents: let a part of the fleet work by another one first, from a moment on
    Plan(With<plan::Arguments>),
    /// Programs of the agent: take signed ones, offer them to a part of the fleet or to all
    Update(With<update::Arguments>),
    /// Make a token for a reader of /metrics and /api
    ReaderToken,
    /// Print a coverage report
    Report(With<report::Arguments>),
    /// Take a file that an office carried out; once or ten times, running collector or not
    Import(With<import::Arguments>),
    /// Copy the whole store while the collector runs
    Backup(With<backup::Arguments>),
    /// Look whether everything that is kept can be read and fits together; exit code 1 when not
    CheckStore(WithConfig),
    /// Print what is kept, one record a line (for tests and debugging)
    #[command(hide = true)]
    DumpRecords(With<dump::Arguments>),
}

/// Where the configuration is; every command that works on a store takes it.
#[derive(Debug, clap::Args)]
struct WithConfig {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/suar/collector.toml")]
    config: PathBuf,
}

#[derive(Debug, clap::Args)]
struct With<T: clap::Args> {
    #[command(flatten)]
    arguments: T,
    #[command(flatten)]
    at: WithConfig,
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => output::and_said(ExitCode::SUCCESS),
        Err(error) => {
            // The chain once, at the top, as one sentence.
            tell!("{error:#}");
            let wrong_config = error.downcast_ref::<ConfigError>().is_some();
            ExitCode::from(if wrong_config { config::EXIT_CODE } else { 1 })
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init(arguments) => init::run(&arguments),
        Command::Serve(at) => serve::run(Config::load(&at.config)?),
        Command::CheckConfig { file } => {
            Config::load(&file)?;
            say!("{}: no mistakes", file.display());
            Ok(())
        }
        Command::Site(with) => site::run(with.arguments, &Config::load(&with.at.config)?),
        Command::JoinCode(with) => admit::join_code(&with.arguments, &Config::load(&with.at.config)?),
        Command::Agent(with) => agent::run(&with.arguments, &Config::load(&with.at.config)?),
        Command::Plan(with) => plan::run(&with.arguments, &Config::load(&with.at.config)?),
        Command::Update(with) => update::run(&with.arguments, &Config::load(&with.at.config)?),
        Command::ReaderToken => admit::reader_token(),
        Command::Report(with) => report::run(with.arguments, &Config::load(&with.at.config)?),
        Command::Import(with) => import::run(&with.arguments, &Config::load(&with.at.config)?),
        Command::Backup(with) => backup::run(&with.arguments, &Config::load(&with.at.config)?),
        Command::CheckStore(at) => check_store::run(&Config::load(&at.config)?),
        Command::DumpRecords(with) => dump::run(&with.arguments, &Config::load(&with.at.config)?),
    }
}

#[cfg(test)]
mod tests;
