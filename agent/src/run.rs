//! The loop: at each slot's moment a round starts as a task of its own; rounds end in slot order and become
//! records; a writer thread makes them durable; the uplink sends them.
//!
//! One thread does all of this asynchronously. What may wait for a disk is on other threads, because a
//! timer that waits for a disk measures the disk.

use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use suar_wire::release::Version;
use suar_wire::{Body, Epoch, Plan};
use tokio::sync::{Notify, watch};

use crate::bandwidth::Tester;
use crate::clock::Clocks;
use crate::config::Config;
use crate::identity::{self, Identity};
use crate::meter::Meter;
use crate::program::fetch::Source;
use crate::program::shelf::Shelf;
use crate::program::{self, Next, child};
use crate::round::Prober;
use crate::spool::{self, Opened, Spool};
use crate::uplink::client::Client;
use crate::uplink::{self, Uplink, UplinkState};
use crate::{rejoined, session, status};

mod accounts;
mod agent;
mod corrected;
mod line_tests;
mod stop;
mod updates;
mod writer;

pub use stop::Stop;

use accounts::Accounts;
use agent::{Agent, Parts};
use line_tests::LineTests;
use updates::Updates;
use writer::Writer;

/// The machine has not joined, or its files cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("this machine has not joined: {} is missing; run `suar-agent join CODE`", Identity::path(.0).display())]
pub struct NotJoined(std::path::PathBuf);

/// What this process is to the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It takes no newer programs.
    Alone,
    /// The program that a package or a setup installed.
    Installed,
    /// A newer one, which the installed program of this version has started.
    Child { installed: Version },
}

/// Runs until it is asked to stop, or another program is to run.
pub async fn run(
    config: &Config,
    config_file: &Path,
    stop: &mut Stop,
    role: Role,
) -> anyhow::Result<Option<Next>> {
    let identity = read_identity(&config.state)?;
    let plan = read_plan(&config.state)?;
    let (spool, opened) = open_spool(config)?;
    let clocks = Clocks::system();

    let spool = Arc::new(Mutex::new(spool));
    let wake = Arc::new(Notify::new());
    let status_in = status::directory(&config.runtime, &config.state);
    let writer = Writer::start(Arc::clone(&spool), Arc::clone(&wake), status_in, config.state.clone());
    let meter = Meter::default();
    begin_session(&writer, &clocks, &opened);

    let uplink = Uplink::new(uplink_options(config), identity.clone(), plan, spool, clock_fn(clocks), &meter)
        .context("cannot prepare the connection to the collector")?;
    let prober = prober(config, &identity, &meter)?;
    let tester = Tester::new(config, &identity, &uplink.plan().borrow(), &meter);
    let line_tests = LineTests::new(tester, meter.clone(), config.state.clone(), uplink.moments());
    let updates = Updates::new(source(config, config_file, &identity, &meter, role)?);
    let accounts = Accounts::open(&config.state, meter);
    if matches!(role, Role::Child { .. }) {
        tell_when_reached(uplink.state());
    }
    tracing::info!(site = %identity.site, collector = %config.collector, "started");
    let (stop_uplink, uplink_stops) = watch::channel(false);
    let mut agent = Agent::new(Parts {
        clocks,
        prober,
        plan: uplink.plan(),
        uplink: uplink.state(),
        step: uplink.step(),
        writer,
        identity,
        collector: config.collector.clone(),
        state: config.state.clone(),
        accounts,
        line_tests,
        updates,
    });
    let sending = tokio::spawn(uplink.run(wake, uplink_stops));

    let (next, mut os_stops) = tokio::select! {
        next = agent.measure() => (Some(next), false),
        system_stops = stop.requested() => (None, system_stops),
    };

    // In this order: no round after the goodbye, the goodbye on disk before the last push.
    if next.is_none() && !os_stops {
        os_stops = tokio::task::spawn_blocking(session::os_is_stopping).await.unwrap_or(false);
    }
    tracing::info!(os_stops, "stopping");
    let close_accounts = agent.end(session::end(os_stops)).await;
    stop_uplink.send_replace(true);
    if let Err(error) = sending.await {
        tracing::error!(%error, "the uplink broke off");
    }
    let _ = tokio::task::spawn_blocking(close_accounts).await;
    Ok(next)
}

/// Where newer programs come from, for an agent that takes some.
fn source(
    config: &Config,
    config_file: &Path,
    identity: &Identity,
    meter: &Meter,
    role: Role,
) -> anyhow::Result<Option<Source>> {
    let installed = match role {
        Role::Alone => return Ok(None),
        Role::Installed => program::own_version(),
        Role::Child { installed } => installed,
    };
    let Some(key) = config.update_key.clone() else { return Ok(None) };
    let client = Client::new(&config.collector, config.fingerprint, &identity.token, meter)
        .context("cannot prepare the connection to the collector")?;
    let shelf = Shelf::new(&config.state, key, program::target());
    Ok(Some(Source { shelf, client, config_file: config_file.to_owned(), installed }))
}

/// The launcher keeps a program that has a receipt, and gives one up that gets none.
fn tell_when_reached(mut state: watch::Receiver<UplinkState>) {
    tokio::spawn(async move {
        if state.wait_for(|state| state.pushes_ok > 0).await.is_ok() {
            child::tell(&child::Word::Reached);
        }
    });
}

/// The first record of a session tells how the one before ended; losses that were found on disk follow.
fn begin_session(writer: &Writer, clocks: &Clocks, opened: &Opened) {
    writer.record(clocks.now(), session::start(opened.last.as_deref()));
    for &(first, last) in &opened.lost {
        writer.record(clocks.now(), Body::Dropped(suar_wire::record::Dropped { first, last }));
    }
    if opened.damaged_segments > 0 {
        tracing::error!(segments = opened.damaged_segments, "part of the spool was damaged and is set aside");
    }
}

pub fn read_identity(state: &Path) -> anyhow::Result<Identity> {
    Identity::read(state)?.ok_or_else(|| NotJoined(state.to_owned()).into())
}

/// A plan that is lost or damaged is fetched again by the uplink; until then the shipped one does.
pub fn read_plan(state: &Path) -> anyhow::Result<Plan> {
    match identity::read_plan(state) {
        Ok(Some(plan)) => Ok(plan),
        Ok(None) => Ok(shipped_plan()),
        Err(error) => {
            tracing::warn!(%error, "using the shipped plan until the collector sends another");
            Ok(shipped_plan())
        }
    }
}

/// Version 0 is none that a collector hands out, so that the next receipt brings the real one.
fn shipped_plan() -> Plan {
    Plan { version: 0, ..Plan::standard() }
}

/// The spool of this identity: what a former one left in it is set aside first.
pub fn open_spool(config: &Config) -> anyhow::Result<(Spool, Opened)> {
    let identity = read_identity(&config.state)?;
    let (mut spool, mut opened) = open(config)?;
    if let Some(before) = rejoined::owner_before(&config.state, &identity) {
        drop(spool);
        let set_aside = rejoined::set_aside(&config.state, &config.spool(), &before);
        (spool, opened) = open(config)?;
        // On a disk that cannot be written the spool works in memory and shows nothing of what lies there.
        if spool.stats().trouble.is_none() {
            set_aside.context("what was measured before joining again cannot be set aside")?;
        }
    }
    rejoined::carry(&config.state);
    Ok((spool, opened))
}

fn open(config: &Config) -> anyhow::Result<(Spool, Opened)> {
    let mut epoch = Epoch([0; 8]);
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut epoch.0)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    let options = spool::Options { bytes_max: config.spool_bytes_max };
    Ok(Spool::open(&config.spool(), options, epoch)?)
}

pub fn uplink_options(config: &Config) -> uplink::Options {
    uplink::Options {
        collector: config.collector.clone(),
        fingerprint: config.fingerprint,
        state: config.state.clone(),
    }
}

pub fn clock_fn(clocks: Clocks) -> uplink::ClockFn {
    Arc::new(move || clocks.now())
}

pub fn prober(config: &Config, identity: &Identity, meter: &Meter) -> anyhow::Result<Prober> {
    let key = data_encoding::HEXLOWER_PERMISSIVE.decode(identity.online_key.reveal().as_bytes());
    // The message must not carry the key.
    let key =
        key.map_err(|_| anyhow::anyhow!("online_key in identity.toml is not hexadecimal; join again"))?;
    Prober::new(&config.collector, config.fingerprint, key, meter).context("cannot prepare the probes")
}
