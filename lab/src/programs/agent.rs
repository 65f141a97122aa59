//! An agent on the PC of an office, with directories of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use suar_agent::identity::Identity;
use suar_agent::schedule::Schedule;
use suar_wire::SlotWidth;

use super::{Finished, Machine, Process, finish, program, wait_until};
use crate::netns::Namespace;

const START_MAX: Duration = Duration::from_secs(20);
const STOP_MAX: Duration = Duration::from_secs(20);
/// Uses that a join code needs for [`Agent::join_with_phase`].
pub const JOINS_MAX: u32 = 40;

#[derive(Debug)]
pub struct Agent<'a> {
    namespace: Option<&'a Namespace>,
    name: String,
    directory: PathBuf,
    /// Set before a start.
    pub environment: Vec<(String, String)>,
    /// The command that starts it, e.g. with fewer rights; the program comes after its arguments.
    pub started_by: Vec<String>,
    /// The machine it runs on, where that is not this one.
    pub machine: Option<Machine>,
    running: Option<Process>,
}

impl<'a> Agent<'a> {
    /// An agent that has not joined. Its files live in `directory/name`.
    pub fn new(namespace: Option<&'a Namespace>, directory: &Path, name: &str) -> Result<Self> {
        let directory = directory.join(name);
        std::fs::create_dir_all(&directory)?;
        Ok(Self {
            namespace,
            name: name.to_owned(),
            directory,
            environment: Vec::new(),
            started_by: Vec::new(),
            machine: None,
            running: None,
        })
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
        let mut command = match (self.namespace, &self.machine) {
            (Some(namespace), Some(machine)) => machine.command(namespace, &program),
            (Some(namespace), None) => match self.started_by.split_first() {
                Some((starter, arguments)) => {
                    let mut command = namespace.command(starter);
                    command.args(arguments).arg(program);
                    command
                }
                None => namespace.command(program),
            },
            (None, None) => Command::new(program),
            (None, Some(_)) => anyhow::bail!("a machine of its own needs a namespace"),
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
        // What an earlier run left behind says nothing of this one.
        let before = self.status().ok().map(|status| status["started"].clone());
        let mut running = Process::start(&self.name, &mut command, &log)?;
        wait_until(&format!("{} to run", self.name), START_MAX, || {
            if let Some(status) = running.ended() {
                return Err(format!("it ended with {status}: {}", running.log()));
            }
            let status = self.status().map_err(|error| format!("{error:#}"))?;
            if Some(&status["started"]) == before.as_ref() { Err(status.to_string()) } else { Ok(()) }
        })?;
        self.running = Some(running);
        Ok(())
    }

    /// What the running agent knows of itself.
    pub fn status(&self) -> Result<serde_json::Value> {
        let said = self.say(&["status", "--json"])?;
        // 1 says that the link is down, 2 that the agent does not run.
        anyhow::ensure!(matches!(said.code, Some(0 | 1)), "{}", said.said());
        serde_json::from_str(&said.stdout).with_context(|| format!("JSON expected: {}", said.said()))
    }

    /// Waits until the running agent says that the office's link is up.
    pub fn wait_until_up(&self, at_most: Duration) -> Result<()> {
        wait_until(&format!("{} to be up", self.name), at_most, || {
            let status = self.status().map_err(|error| format!("{error:#}"))?;
            if status["verdict"] == "up" { Ok(()) } else { Err(status.to_string()) }
        })
    }

    /// Who it is; only after it has joined.
    pub fn identity(&self) -> Result<Identity> {
        Identity::read(&self.state())?.context("an agent that joined has an identity")
    }

    /// When its rounds start inside a slot of this width.
    pub fn phase_ms(&self, width: SlotWidth) -> Result<i64> {
        let next = Schedule::new(self.identity()?.agent, width).next(0, None);
        Ok(next.start_ms - next.slot.start_ms())
    }

    /// Joins again and again until the moment of its rounds suits the test.
    pub fn join_with_phase(&self, code: &str, width: SlotWidth, suits: std::ops::Range<i64>) -> Result<()> {
        for _ in 0..JOINS_MAX {
            self.join(code)?.ok()?;
            if suits.contains(&self.phase_ms(width)?) {
                return Ok(());
            }
            std::fs::remove_dir_all(self.state())?;
        }
        anyhow::bail!("{JOINS_MAX} agents, and none starts its rounds at {suits:?} ms of the slot")
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
