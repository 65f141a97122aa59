//! A collector with a data directory of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use suar_wire::record::Round;
use suar_wire::{AgentId, Body, Epoch, Record};

use super::{Client, Finished, Machine, Process, TlsTalk, finish, program, wait_until};
use crate::netns::Namespace;

const START_MAX: Duration = Duration::from_secs(20);
const STOP_MAX: Duration = Duration::from_secs(20);

/// A record as `suar-collector dump-records` prints it.
#[derive(Debug, Clone, Deserialize)]
pub struct Kept {
    pub agent: AgentId,
    pub epoch: Epoch,
    pub record: Record,
    pub at_ms: i64,
    /// Start of the slot that the collector counts a round for.
    pub slot_start_s: Option<i64>,
}

/// The rounds of one agent, in the order they were written.
pub fn rounds_of(kept: &[Kept], agent: AgentId) -> impl Iterator<Item = &Round> {
    kept.iter().filter(move |kept| kept.agent == agent).filter_map(|kept| match &kept.record.body {
        Body::Round(round) => Some(round),
        _ => None,
    })
}

#[derive(Debug)]
pub struct Collector<'a> {
    /// `None` runs it where the test itself runs.
    namespace: Option<&'a Namespace>,
    directory: PathBuf,
    /// `host:port` of HTTPS, as agents reach it.
    pub address: String,
    /// The machine it serves on, where that is not this one; set before a start.
    pub machine: Option<Machine>,
    serving: Option<Process>,
}

impl<'a> Collector<'a> {
    /// Makes a data directory below `directory` and writes the configuration `extra` beside it. HTTPS is at
    /// `address`; the plain online check is on the port after it.
    pub fn init(
        namespace: Option<&'a Namespace>,
        directory: &Path,
        address: &str,
        extra: &str,
    ) -> Result<Self> {
        let (host, port) = address.rsplit_once(':').context("host:port")?;
        let online = format!("{host}:{}", port.parse::<u16>().context("a port")? + 1);
        let collector = Self {
            namespace,
            directory: directory.to_owned(),
            address: address.to_owned(),
            machine: None,
            serving: None,
        };
        std::fs::create_dir_all(directory)?;
        finish(collector.command()?.args(["init", "--data"]).arg(collector.data()))?.ok().context("init")?;
        // Bandwidth tests at moments of their own would be in everybody's counters.
        let quiet = if extra.contains("[bandwidth]") { "" } else { "[bandwidth]\ntests_a_day = 0\n" };
        let config = format!(
            "data = {:?}\n[listen]\nhttps = {address:?}\nonline = {online:?}\npublic_address = {address:?}\n{extra}\n{quiet}",
            collector.data().display().to_string()
        );
        std::fs::write(collector.config(), config)?;
        Ok(collector)
    }

    pub fn data(&self) -> PathBuf {
        self.directory.join("collector-data")
    }

    pub fn config(&self) -> PathBuf {
        self.directory.join("collector.toml")
    }

    /// The program, in its namespace, with the configuration where commands look for it.
    pub fn command(&self) -> Result<Command> {
        let program = program("suar-collector")?;
        Ok(match (self.namespace, &self.machine) {
            (Some(namespace), Some(machine)) => machine.command(namespace, &program),
            (Some(namespace), None) => namespace.command(program),
            (None, None) => Command::new(program),
            (None, Some(_)) => anyhow::bail!("a machine of its own needs a namespace"),
        })
    }

    /// A command line of an administrator, e.g. `["site", "list"]`.
    pub fn administer(&self, arguments: &[&str]) -> Result<Finished> {
        finish(self.command()?.args(arguments).arg("--config").arg(self.config()))
    }

    /// Adds an office that is measured around the clock.
    pub fn add_site(&self, site: &str) -> Result<()> {
        self.administer(&["site", "add", site, "--hours", "always"])?.ok().map(drop)
    }

    /// Everything that is kept, agent by agent in the order it was written.
    pub fn records(&self) -> Result<Vec<Kept>> {
        let dump = self.administer(&["dump-records", "--json"])?.ok()?;
        dump.lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("a line of dump-records: {line}")))
            .collect()
    }

    /// Starts to serve, and does not wait for it.
    pub fn start(&self) -> Result<Process> {
        let mut command = match (self.namespace, &self.machine) {
            (Some(namespace), Some(machine)) => machine.command(namespace, &program("suar-collector")?),
            _ => self.command()?,
        };
        command.arg("serve").arg("--config").arg(self.config());
        Process::start("collector", &mut command, &self.directory.join("collector.log"))
    }

    pub fn serve(&mut self) -> Result<()> {
        let mut serving = self.start()?;
        wait_until("the collector to be ready", START_MAX, || {
            if let Some(status) = serving.ended() {
                return Err(format!("it ended with {status}: {}", serving.log()));
            }
            let answer = self.get("/readyz").map_err(|error| format!("{error:#}"))?;
            if answer.status == 200 { Ok(()) } else { Err(format!("status {}", answer.status)) }
        })?;
        self.serving = Some(serving);
        Ok(())
    }

    pub fn stop(&mut self) -> Result<()> {
        let mut serving = self.serving.take().context("the collector is not running")?;
        let status = serving.terminate(STOP_MAX)?;
        anyhow::ensure!(status.success(), "the collector ended with {status}: {}", serving.log());
        Ok(())
    }

    pub fn kill(&mut self) -> Result<()> {
        self.serving.take().context("the collector is not running")?.kill()
    }

    pub fn process(&mut self) -> Option<&mut Process> {
        self.serving.as_mut()
    }

    /// One join code, as an administrator would read it from the screen.
    pub fn join_code(&self, site: &str, more: &[&str]) -> Result<String> {
        let said = self.administer(&[&["join-code", site], more].concat())?.ok()?;
        let code = said.split_whitespace().find(|word| word.starts_with("SUAR1-"));
        code.map(str::to_owned).with_context(|| format!("no code in {said:?}"))
    }

    /// A client that trusts this collector's certificate and nothing else.
    pub fn client(&self) -> Result<Client> {
        Ok(Client::new(&self.address, self.fingerprint()?))
    }

    /// A talk with its bandwidth desk, from a machine.
    pub fn talk(&self, from: &Namespace) -> Result<TlsTalk> {
        TlsTalk::open(from, &self.address, self.fingerprint()?)
    }

    pub fn get(&self, path: &str) -> Result<super::Answer> {
        self.client()?.get(self.namespace, path)
    }

    pub fn fingerprint(&self) -> Result<[u8; 16]> {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let certificate = CertificateDer::from_pem_file(self.certificate())
            .with_context(|| format!("the certificate {}", self.certificate().display()))?;
        Ok(suar_agent::tls::fingerprint_of(&certificate))
    }

    /// The self-made certificate, PEM.
    pub fn certificate(&self) -> PathBuf {
        self.data().join("tls/certificate.pem")
    }
}

/// An address of the loopback whose port, and the one after it, nobody used a moment ago.
pub fn free_address() -> Result<String> {
    const TRIES_MAX: usize = 100;
    for _ in 0..TRIES_MAX {
        let free = TcpListener::bind(("127.0.0.1", 0))?;
        let port = free.local_addr()?.port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return Ok(format!("127.0.0.1:{port}"));
        }
    }
    anyhow::bail!("no two neighbouring ports are free")
}
