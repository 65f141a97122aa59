//! An agent on the PC of an office, with directories of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Finished, Process, finish, program, wait_until};
use crate::netns::Namespace;
use crate::world::wall_ms;

const START_MAX: Duration = Duration::from_secs(20);
const STOP_MAX: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Agent<'a> {
    namespace: Option<&'a Namespace>,
    name: String,
    directory: PathBuf,
    /// Set before a start, e.g. to stand in for another boot of the machine.
    pub environment: Vec<(String, String)>,
    running: Option<Process>,
}

impl<'a> Agent<'a> {
    /// An agent that has not joined. Its files live in `directory/name`.
    pub fn new(namespace: Option<&'a Namespace>, directory: &Path, name: &str) -> Result<Self> {
        let directory = directory.join(name);
        std::fs::create_dir_all(&directory)?;
        Ok(Self { namespace, name: name.to_owned(), directory, environment: Vec::new(), running: None })
    }

    pub fn config(&self) -> PathBuf {
        self.directory.join("agent.toml")
    }

    pub fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    pub fn runtime(&self) -> PathBuf {
        self.directory.join("runtime")
    }

    pub fn command(&self) -> Result<Command> {
        let program = program("suar-agent")?;
        let mut command = match self.namespace {
            Some(namespace) => namespace.command(program),
            None => Command::new(program),
        };
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }

    /// `suar-agent join CODE`, with what it said.
    pub fn join(&self, code: &str) -> Result<Finished> {
        let mut command = self.command()?;
        command.args(["join", code, "--config"]).arg(self.config());
        command.args(["--lang", "en", "--state"]).arg(self.state());
        let said = finish(&mut command)?;
        if said.code == Some(0) {
            self.use_own_runtime()?;
        }
        Ok(said)
    }

    /// Agents of one machine would share the default runtime directory.
    fn use_own_runtime(&self) -> Result<()> {
        let mut config: toml::Table = std::fs::read_to_string(self.config())?.parse()?;
        config.insert("runtime".to_owned(), self.runtime().display().to_string().into());
        std::fs::write(self.config(), config.to_string()).context("the agent's configuration")
    }

    /// Any other command line, e.g. `["check"]`.
    pub fn say(&self, arguments: &[&str]) -> Result<Finished> {
        finish(self.command()?.args(arguments).arg("--config").arg(self.config()))
    }

    /// Starts `suar-agent run` and waits until it says what it knows.
    pub fn run(&mut self) -> Result<()> {
        let mut command = self.command()?;
        command.arg("run").arg("--config").arg(self.config());
        let log = self.directory.join("agent.log");
        let asked_ms = wall_ms();
        let mut running = Process::start(&self.name, &mut command, &log)?;
        wait_until(&format!("{} to run", self.name), START_MAX, || {
            if let Some(status) = running.ended() {
                return Err(format!("it ended with {status}: {}", running.log()));
            }
            let status = self.status().map_err(|error| format!("{error:#}"))?;
            // What an earlier run left behind says nothing of this one.
            match status["started"]["wall_ms"].as_i64() {
                Some(at_ms) if at_ms >= asked_ms => Ok(()),
                other => Err(format!("started at {other:?}, asked at {asked_ms}")),
            }
        })?;
        self.running = Some(running);
        Ok(())
    }

    /// What the running agent knows of itself.
    pub fn status(&self) -> Result<serde_json::Value> {
        let said = self.say(&["status", "--json"])?.ok()?;
        serde_json::from_str(&said).with_context(|| format!("JSON expected, found {said:?}"))
    }

    pub fn stop(&mut self) -> Result<()> {
        let mut running = self.running.take().with_context(|| format!("{} is not running", self.name))?;
        let status = running.terminate(STOP_MAX)?;
        anyhow::ensure!(status.success(), "{} ended with {status}: {}", self.name, running.log());
        Ok(())
    }

    pub fn kill(&mut self) -> Result<()> {
        self.running.take().with_context(|| format!("{} is not running", self.name))?.kill()
    }

    pub fn process(&mut self) -> Option<&mut Process> {
        self.running.as_mut()
    }
}
