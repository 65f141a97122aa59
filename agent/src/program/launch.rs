//! The launcher: `suar-agent run` and the service. Runs the installed agent in this process, or a newer one as a child
//! that it watches, tries, keeps and gives up.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::Instant;

use super::child::{SYSTEM_STOPS, Word};
use super::choice::{self, Choice, Chosen};
use super::shelf::{Shelf, Why};
use super::{Build, Next, own_version, target};
use crate::config::Config;
use crate::run::{self, Stop};

/// Longest wait for a child that was asked to stop: it says goodbye and sends what it has.
const STOP_SECONDS_MAX: u64 = 20;
/// After a child has ended by itself.
const CRASH_WAIT: Duration = Duration::from_secs(10);
/// A console program that a service of Windows starts is to open no window.
#[cfg(windows)]
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// Runs until it is asked to stop.
pub async fn run(config: &Config, config_file: &Path) -> anyhow::Result<()> {
    // First of all, so that a stop during the start is a clean one too.
    let mut stop = Stop::new().context("cannot listen for signals")?;
    let Some(key) = &config.update_key else {
        return run::run(config, config_file, &mut stop, run::Role::Alone).await.map(drop);
    };
    let shelf = Shelf::new(&config.state, key.clone(), target());
    let _lock = match shelf.lock() {
        Ok(Some(lock)) => Some(lock),
        Ok(None) => bail!("another agent runs here with {}", config.state.display()),
        Err(error) => {
            tracing::error!(%error, "programs cannot be changed; what is here runs");
            None
        }
    };
    let choice = choice::read(shelf.directory());
    let trial = Duration::from_secs(config.trial_seconds.into());
    Launcher { config, config_file, shelf, choice, trial, stop }.run().await
}

struct Launcher<'a> {
    config: &'a Config,
    config_file: &'a Path,
    shelf: Shelf,
    choice: Choice,
    /// How long a program on trial may take to reach the collector.
    trial: Duration,
    stop: Stop,
}

/// What came of running a program.
#[derive(Debug)]
enum Outcome {
    /// Somebody asked for it.
    Stopped,
    Next(Next),
    /// It is given up, or is to be started again: the choice knows.
    ChooseAnew,
}

/// How a child ended.
#[derive(Debug)]
enum End {
    Stopped,
    Next(Next),
    /// By itself, badly.
    Crashed(ExitStatus),
    /// It was on trial, and its time is over.
    Unreached,
}

impl Launcher<'_> {
    async fn run(mut self) -> anyhow::Result<()> {
        let installed = own_version();
        loop {
            let outcome = match self.choice.chosen(installed) {
                Chosen::Installed => self.run_installed().await?,
                Chosen::Good(build) => self.run_child(&build, None).await?,
                Chosen::Trial(build) => self.run_child(&build, Some(self.trial)).await?,
            };
            match outcome {
                Outcome::Stopped => return Ok(()),
                Outcome::ChooseAnew => {}
                Outcome::Next(Next::Try(build)) => {
                    tracing::info!(%build, "a new program is tried");
                    self.choice.begin_trial(build, installed);
                    self.save();
                }
                Outcome::Next(Next::Installed) => {
                    tracing::info!(%installed, "back to the installed program");
                    self.choice.back_to_installed();
                    self.save();
                }
            }
        }
    }

    async fn run_installed(&mut self) -> anyhow::Result<Outcome> {
        let role = run::Role::Installed;
        let next = run::run(self.config, self.config_file, &mut self.stop, role).await?;
        Ok(next.map_or(Outcome::Stopped, Outcome::Next))
    }

    /// `trial`: how long it may take to reach the collector, where it never has.
    async fn run_child(&mut self, build: &Build, trial: Option<Duration>) -> anyhow::Result<Outcome> {
        // What is missing now says nothing against a program.
        run::read_identity(&self.config.state)?;
        if trial.is_some() && self.shelf.failure(build).is_some_and(|known| known.is_final()) {
            // A power cut came between the two halves of giving it up.
            self.choice.give_up();
            self.save();
            return Ok(Outcome::ChooseAnew);
        }
        // Counted before it starts: it may take the machine with it.
        if trial.is_some() && !(self.choice.may_start_trial() && self.save()) {
            self.give_up(build, Why::Unreached);
            return Ok(Outcome::ChooseAnew);
        }
        let child = match self.start(build).await {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%build, "a program cannot be started: {error:#}");
                self.give_up(build, Why::Unrunnable);
                return Ok(Outcome::ChooseAnew);
            }
        };
        match self.attend(child, trial).await? {
            End::Stopped => Ok(Outcome::Stopped),
            End::Next(next) => Ok(Outcome::Next(next)),
            End::Unreached => {
                self.give_up(build, Why::Unreached);
                Ok(Outcome::ChooseAnew)
            }
            End::Crashed(status) => {
                tracing::error!(%build, %status, "a program has ended by itself");
                if self.choice.crashed() {
                    self.give_up(build, Why::Crashed);
                    return Ok(Outcome::ChooseAnew);
                }
                self.save();
                tokio::select! {
                    () = tokio::time::sleep(CRASH_WAIT) => Ok(Outcome::ChooseAnew),
                    _ = self.stop.requested() => Ok(Outcome::Stopped),
                }
            }
        }
    }

    async fn start(&self, build: &Build) -> anyhow::Result<Child> {
        let (shelf, looked_for) = (self.shelf.clone(), build.clone());
        let program = tokio::task::spawn_blocking(move || shelf.verified(&looked_for)).await???;
        Ok(command(&program, self.config_file).spawn()?)
    }

    /// Hears what a child says until it has ended.
    async fn attend(&mut self, mut child: Child, trial: Option<Duration>) -> anyhow::Result<End> {
        let input = child.stdin.take().context("a child without input")?;
        let output = child.stdout.take().context("a child without output")?;
        let mut words: Lines<BufReader<ChildStdout>> = BufReader::new(output).lines();
        let mut over_at = trial.map(|trial| Instant::now() + trial);
        let mut next = None;
        loop {
            tokio::select! {
                word = words.next_line() => match word {
                    Ok(Some(word)) => match Word::read(&word) {
                        Some(Word::Reached) => {
                            over_at = None;
                            self.confirm();
                        }
                        Some(Word::Next(asked)) => next = Some(asked),
                        None => tracing::debug!(word, "a child says what is not known here"),
                    },
                    // Its end, or so near to it that nothing can be told apart any more.
                    Ok(None) | Err(_) => break,
                },
                system_stops = self.stop.requested() => {
                    say_goodbye(&mut child, input, system_stops).await?;
                    return Ok(End::Stopped);
                }
                () = over(over_at) => {
                    say_goodbye(&mut child, input, false).await?;
                    return Ok(End::Unreached);
                }
            }
        }
        let status = say_goodbye(&mut child, input, false).await?;
        Ok(match next {
            Some(next) => End::Next(next),
            None if status.success() => End::Stopped,
            None => End::Crashed(status),
        })
    }

    fn confirm(&mut self) {
        if !self.choice.reached() {
            return;
        }
        tracing::info!("the new program has reached the collector and is kept");
        self.save();
        if let Err(error) = self.shelf.keep_only(&self.choice.builds()) {
            tracing::warn!(%error, "older programs cannot be removed");
        }
    }

    /// What is known against it first, so that nothing between the two makes it come again at once.
    fn give_up(&mut self, build: &Build, why: Why) {
        tracing::error!(%build, why = why.sentence(), "a program is given up");
        let noted = self.shelf.note_failure(build, why);
        if let Err(error) = &noted {
            tracing::error!(%error, "what is known against a program cannot be written");
        }
        self.choice.give_up();
        self.save();
        // One that may be tried again need not be fetched again.
        if why != Why::Unreached || noted.is_ok_and(|failure| failure.is_final()) {
            self.shelf.throw_away(build);
        }
    }

    /// A choice that cannot be written holds until the launcher ends.
    fn save(&self) -> bool {
        let saved = choice::write(self.shelf.directory(), &self.choice);
        if let Err(error) = &saved {
            tracing::error!(%error, "which program runs cannot be written");
        }
        saved.is_ok()
    }
}

fn command(program: &Path, config_file: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["run", "--launched-by"]).arg(own_version().to_string());
    command.arg("--config").arg(config_file);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    #[cfg(windows)]
    command.creation_flags(CREATE_NO_WINDOW);
    command
}

/// Asks a child to stop, and kills it when it does not. One that has ended already is only waited for.
async fn say_goodbye(child: &mut Child, mut input: ChildStdin, system_stops: bool) -> io::Result<ExitStatus> {
    if system_stops {
        // One that does not listen any more hears the end of its input.
        let _ = input.write_all(format!("{SYSTEM_STOPS}\n").as_bytes()).await;
        let _ = input.flush().await;
    }
    drop(input);
    match tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            tracing::warn!("a program does not stop and is killed");
            child.kill().await?;
            child.wait().await
        }
    }
}

async fn over(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
