//! Receivers of remote write, as Debian ships them, on the loopback.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::prometheus::get_plain;
use super::{Process, free_address, tool, wait_until};

const START_MAX: Duration = Duration::from_secs(60);

/// Its data and its log are in the directory that it was started for.
#[derive(Debug)]
pub struct Receiver {
    pub name: &'static str,
    pub address: String,
    pub process: Process,
}

impl Receiver {
    /// It does not look for doubles.
    pub fn victoria_metrics(directory: &Path, more: &[&str]) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(tool("victoria-metrics")?);
        command
            .arg(format!("-storageDataPath={}", directory.join("victoria-metrics-data").display()))
            .arg(format!("-httpListenAddr={address}"))
            .arg("-loggerLevel=WARN")
            .args(more);
        let log = directory.join("victoria-metrics.log");
        Self::start("VictoriaMetrics", address, &mut command, &log, |address| {
            get_plain(address, "/health").map(drop).map_err(|error| format!("{error:#}"))
        })
    }

    /// One that scrapes nothing. `config` is YAML, empty for what it does by itself.
    pub fn prometheus(directory: &Path, config: &str) -> Result<Self> {
        Self::prometheus_of("prometheus", directory, config, &[])
    }

    /// A newer Prometheus that takes version 2 of remote write and no other.
    pub fn prometheus_3(directory: &Path, config: &str) -> Result<Self> {
        let only = "--web.remote-write-receiver.accepted-protobuf-messages=io.prometheus.write.v2.Request";
        Self::prometheus_of("prometheus-3", directory, config, &[only])
    }

    fn prometheus_of(program: &str, directory: &Path, config: &str, more: &[&str]) -> Result<Self> {
        let address = free_address()?;
        let file = directory.join("receiver.yml");
        std::fs::write(&file, config)?;
        let mut command = Command::new(tool(program)?);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.join("receiver-data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--web.enable-remote-write-receiver")
            .args(more);
        let log = directory.join("receiver.log");
        Self::start("Prometheus", address, &mut command, &log, |address| {
            match get_plain(address, "/-/ready") {
                Ok(body) if body.contains("is Ready") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
    }

    fn start(
        name: &'static str,
        address: String,
        command: &mut Command,
        log: &Path,
        is_ready: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Self> {
        let mut process = Process::start(name, command, log)?;
        wait_until(&format!("{name} to be ready"), START_MAX, || {
            if let Some(status) = process.ended() {
                return Err(format!("it ended with {status}: {}", process.log()));
            }
            is_ready(&address)
        })?;
        Ok(Self { name, address, process })
    }
}
