//! Programs that take what offices measured: the collector, and receivers of remote write beside it.

use std::path::Path;

use anyhow::{Context, Result};

use crate::programs::{Collector, Process, Receiver, free_address, http_client};
use crate::samples::plain_client;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    Collector,
    VictoriaMetrics,
    Prometheus,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Collector, Self::VictoriaMetrics, Self::Prometheus];

    pub fn name(self) -> &'static str {
        match self {
            Self::Collector => "Suar",
            Self::VictoriaMetrics => "VictoriaMetrics",
            Self::Prometheus => "Prometheus",
        }
    }
}

#[derive(Debug)]
pub enum Taker {
    Collector(Collector<'static>),
    Receiver(Receiver),
}

impl Taker {
    /// `enrol` joins the offices in a collector's data. A receiver is started beside one that never serves, so that
    /// its series have the same names.
    pub fn start<T>(
        kind: Kind,
        directory: &Path,
        (collector, prometheus): (&str, &str),
        enrol: impl FnOnce(&Path) -> Result<T>,
    ) -> Result<(Self, T)> {
        if kind == Kind::Collector {
            let mut collector = Collector::init(None, directory, &free_address()?, collector)?;
            let enrolled = enrol(&collector.data())?;
            collector.serve()?;
            return Ok((Self::Collector(collector), enrolled));
        }
        let elsewhere = tempfile::tempdir()?;
        let enrolled = enrol(&Collector::init(None, elsewhere.path(), &free_address()?, collector)?.data())?;
        let receiver = match kind {
            Kind::Prometheus => Receiver::prometheus(directory, prometheus)?,
            // What was measured a moment ago is looked for, and by itself it hides half a minute.
            _ => Receiver::victoria_metrics(directory, &["-search.latencyOffset=0s"])?,
        };
        Ok((Self::Receiver(receiver), enrolled))
    }

    pub fn address(&self) -> &str {
        match self {
            Self::Collector(collector) => &collector.address,
            Self::Receiver(receiver) => &receiver.address,
        }
    }

    pub fn process(&mut self) -> Result<&mut Process> {
        match self {
            Self::Collector(collector) => collector.process().context("it serves"),
            Self::Receiver(receiver) => Ok(&mut receiver.process),
        }
    }

    /// One that keeps a connection: to the collector over TLS.
    pub fn client(&self) -> Result<reqwest::Client> {
        Ok(match self {
            Self::Collector(collector) => http_client(collector.fingerprint()?)?,
            Self::Receiver(_) => plain_client()?,
        })
    }
}
