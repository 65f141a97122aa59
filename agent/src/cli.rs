//! The command line: `join` once, `run` for ever, the rest for the person at the office.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use suar_machine::output::{say, tell};
use suar_wire::bandwidth::Direction;
use suar_wire::release::Version;

use self::check::Sender;
use crate::config::{self, Config, Mistakes};
use crate::language::Language;
use crate::pause;
use crate::program::child::{self, Word};
use crate::program::{launch, self_test};
use crate::run::{Role, Stop};

mod bandwidth;
mod carry_out;
mod check;
mod halt;
mod join;
mod ndt7;
// Its file is rotated on every system's file system, so that it is tested where we build.
#[cfg(any(windows, test))]
#[path = "cli/service_log_windows.rs"]
mod service_log;
mod show;
mod words;

/// Exit codes besides 0: the link is down; trouble on our side; `config::EXIT_CODE` for a wrong file.
pub const EXIT_DOWN: u8 = 1;
pub const EXIT_TROUBLE: u8 = 2;

/// Measures this office's internet connection and sends the results to the collector.
#[derive(Debug, Parser)]
#[command(name = "suar-agent", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register this machine with the code from the administrator; once
    Join(JoinArgs),
    /// Measure and send until asked to stop
    Run(RunArgs),
    /// What the service control manager starts; not for people
    #[cfg(windows)]
    #[command(hide = true)]
    Service(ConfigArg),
    /// Measure once now and say in plain words what works and what does not
    Check(CheckArgs),
    /// Test how fast the line is now, and draw how it went; costs data
    Bandwidth(BandwidthArgs),
    /// Show what the running agent knows
    Status(StatusArgs),
    /// Send no probes for a while; the collector is told that it was asked for
    Pause(PauseArgs),
    /// End a pause before its time
    Resume(ResumeArgs),
    /// What a new version is asked before it is tried: does it run here, and can it read what is here
    #[command(hide = true)]
    CheckSelf(ConfigArg),
    /// Write what the collector has not received into a file, to be brought there by hand
    CarryOut(CarryOutArgs),
}

#[derive(Debug, Args)]
struct ConfigArg {
    /// Configuration file
    #[arg(long, value_name = "FILE", default_value_os_t = config::default_path())]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// The version of the program that has started this one and watches it; not for people
    #[arg(long, hide = true, value_name = "VERSION")]
    launched_by: Option<Version>,
}

#[derive(Debug, Args)]
struct JoinArgs {
    /// The code, as it was given: SUAR1-...
    #[arg(required = true, num_args = 1.., value_name = "CODE")]
    code: Vec<String>,
    #[command(flatten)]
    config: ConfigArg,
    /// Directory for identity and waiting records [default: as in the configuration]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Language of messages
    #[arg(long, value_enum)]
    lang: Option<Lang>,
    /// Join again although this machine has joined already
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Language of messages [default: as in the configuration]
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

#[derive(Debug, Args)]
struct BandwidthArgs {
    /// One direction alone
    #[arg(long, value_enum)]
    direction: Option<Way>,
    /// Test with an ndt7 server (wss://HOST[:PORT]) instead; costs about seven times as much, which is told first
    #[arg(long, value_name = "URL")]
    ndt7: Option<String>,
    /// Certificates (PEM) of the authority of a private ndt7 server [default: the public ones]
    #[arg(long, value_name = "FILE", requires = "ndt7")]
    ca: Option<PathBuf>,
    /// Agree to what the ndt7 test costs, without being asked
    #[arg(long, requires = "ndt7")]
    yes: bool,
    #[command(flatten)]
    config: ConfigArg,
    /// For programs
    #[arg(long)]
    json: bool,
    /// Language of messages [default: as in the configuration]
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Way {
    Download,
    Upload,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Download => Self::Download,
            Way::Upload => Self::Upload,
        }
    }
}

#[derive(Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// For programs
    #[arg(long)]
    json: bool,
    /// Language of messages [default: as in the configuration]
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

#[derive(Debug, Args)]
struct PauseArgs {
    /// How long: minutes, hours or days, at most a week, e.g. 30m, 2h or 1d
    #[arg(value_name = "LENGTH", value_parser = pause::seconds_of)]
    seconds: u64,
    #[command(flatten)]
    config: ConfigArg,
    /// Language of messages [default: as in the configuration]
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

#[derive(Debug, Args)]
struct ResumeArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Language of messages [default: as in the configuration]
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

#[derive(Debug, Args)]
struct CarryOutArgs {
    /// The file to write, e.g. on a memory stick
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArg,
    /// Language of messages [default: as in the configuration]
    #[arg(long, value_enum)]
    lang: Option<Lang>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Lang {
    /// Indonesian
    Id,
    /// English
    En,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Id => Self::Id,
            Lang::En => Self::En,
        }
    }
}

#[cfg(windows)]
impl Cli {
    /// Whether this process belongs to the service control manager.
    pub fn is_service(&self) -> bool {
        matches!(self.command, Command::Service(_))
    }
}

pub async fn execute(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Join(args) => join::execute(args).await,
        Command::Run(args) => match read_config(&args.config) {
            Ok(config) => {
                start_log_of_run(&config);
                let file = &args.config.config;
                match args.launched_by {
                    None => ended(launch::run(&config, file).await),
                    Some(installed) => ended(run_as_child(&config, file, installed).await),
                }
            }
            Err(code) => code,
        },
        Command::CheckSelf(args) => match read_config(&args) {
            Ok(config) => match self_test::check(&config) {
                Ok(said) => {
                    say!("{said}");
                    ExitCode::SUCCESS
                }
                Err(error) => {
                    tell!("{error:#}");
                    ExitCode::from(EXIT_TROUBLE)
                }
            },
            Err(code) => code,
        },
        #[cfg(windows)]
        Command::Service(args) => match config::read(&args.config) {
            Ok(config) => {
                service_log::start(&config.state, &config.log_level);
                ended(launch::run(&config, &args.config).await)
            }
            Err(mistakes) => {
                // Nobody reads the standard error of a service.
                let beside = args.config.with_file_name("state");
                service_log::start(&beside, "error");
                tracing::error!("{mistakes}");
                refuse(&mistakes)
            }
        },
        Command::Check(args) => match read_config(&args.config) {
            Ok(config) => {
                check::execute(&config, language(args.lang, &config), Sender::WhoHoldsTheSpool).await
            }
            Err(code) => code,
        },
        Command::Bandwidth(args) => match read_config(&args.config) {
            Ok(config) => {
                let language = language(args.lang, &config);
                let direction = args.direction.map(Direction::from);
                match &args.ndt7 {
                    None => bandwidth::execute(&config, language, direction, args.json).await,
                    Some(url) => {
                        let BandwidthArgs { ref ca, yes, json, .. } = args;
                        let asked = ndt7::Asked { url, ca: ca.as_ref(), direction, yes, json };
                        ndt7::execute(&config, language, &asked).await
                    }
                }
            }
            Err(code) => code,
        },
        Command::Status(args) => match read_config(&args.config) {
            Ok(config) => show::execute(&config, language(args.lang, &config), args.json),
            Err(code) => code,
        },
        Command::Pause(args) => match read_config(&args.config) {
            Ok(config) => halt::pause(&config, language(args.lang, &config), args.seconds),
            Err(code) => code,
        },
        Command::Resume(args) => match read_config(&args.config) {
            Ok(config) => halt::resume(&config, language(args.lang, &config)),
            Err(code) => code,
        },
        Command::CarryOut(args) => match read_config(&args.config) {
            Ok(config) => carry_out::execute(&config, language(args.lang, &config), &args.file),
            Err(code) => code,
        },
    }
}

/// A newer program than the installed one, which has started it.
async fn run_as_child(config: &Config, file: &Path, installed: Version) -> anyhow::Result<()> {
    let mut stop = Stop::of_child().context("cannot listen for signals")?;
    if let Some(next) = crate::run::run(config, file, &mut stop, Role::Child { installed }).await? {
        child::tell(&Word::Next(next));
    }
    Ok(())
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(EXIT_TROUBLE)
        }
    }
}

fn start_log_of_run(config: &Config) {
    // A child of the service has no terminal either.
    #[cfg(windows)]
    if !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        return service_log::start(&config.state, &config.log_level);
    }
    start_log(&config.log_level);
}

fn language(asked: Option<Lang>, config: &Config) -> Language {
    asked.map_or(config.language, Language::from)
}

fn read_config(args: &ConfigArg) -> Result<Config, ExitCode> {
    config::read(&args.config).map_err(|mistakes| refuse(&mistakes))
}

fn refuse(mistakes: &Mistakes) -> ExitCode {
    tell!("{mistakes}");
    ExitCode::from(config::EXIT_CODE)
}

/// To stderr, where systemd's journal and a person at a terminal look. `RUST_LOG` wins over the file.
fn start_log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .or_else(|_| tracing_subscriber::EnvFilter::try_new(level))
        .unwrap_or_default();
    // A second logger in one process can only come from tests, and is not wanted there.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // It would tell that a log cannot be written by a panic.
        .log_internal_errors(false)
        .try_init();
}

#[cfg(test)]
#[path = "cli/tests.rs"]
mod tests;
