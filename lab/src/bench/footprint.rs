//! What one agent costs its office: memory, processor, wake-ups, bytes on the line.
//!
//! The bytes are counted by the emulated WAN, which sees whole IP packets of both directions, so that
//! nothing the agent causes is left out. The processor time is the kernel's own account.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::programs::{Agent, Collector, Process, figure, wait_until};
use crate::seed::printed_seed;
use crate::wan::{Conditions, Direction};
use crate::world::{COLLECTOR, World, plan_section};

/// A Pulau Seliu of the laboratory.
const SITE: &str = "19.02.02.2009";
/// One way; a round trip of 40 ms is an office on a good line.
pub(super) const DELAY: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Serialize)]
pub struct Footprint {
    pub seconds: u64,
    pub slot_seconds: u32,
    pub resident_kib: u64,
    pub resident_peak_kib: u64,
    pub processor_ms: u64,
    /// Voluntary context switches of all threads: how often the machine was woken.
    pub wake_ups: u64,
    pub up_bytes: u64,
    pub down_bytes: u64,
    /// Both directions over an hour at the measured rate.
    pub bytes_an_hour: u64,
    /// The same over 30 days, megabytes of 10^6 bytes.
    pub megabytes_a_month: f64,
    /// Processor time as a share of one core, per cent.
    pub core_percent: f64,
}

/// Runs an agent by the standard profile against a collector over an emulated line, and looks at it for
/// `seconds` after its first receipt. The clocks are real: so is the time it takes.
pub fn agent_footprint(seconds: u64) -> Result<Footprint> {
    let world = World::with_offices(1, &Conditions::delayed(DELAY), printed_seed("footprint"))?;
    let office = world.offices.first().context("one office was asked for")?;
    let directory = tempfile::tempdir()?;
    let address = format!("{COLLECTOR}:8443");
    let plan = plan_section(&format!("online_url = \"http://{COLLECTOR}:8444/v1/online\""));
    let configuration = format!("{plan}\n[readers]\naddresses = [\"203.0.113.0/24\"]\n");
    let mut collector = Collector::init(Some(&world.internet), directory.path(), &address, &configuration)?;
    collector.serve()?;
    collector.add_site(SITE)?;
    let mut agent = Agent::new(Some(&office.pc), directory.path(), "agent")?;
    agent.join(&collector.join_code(SITE, &[])?)?.ok()?;
    agent.run()?;
    // The standard plan sends each five minutes.
    wait_until("the first record at the collector", Duration::from_secs(600), || {
        let metrics = collector.get("/metrics").map_err(|error| format!("{error:#}"))?;
        if metrics.status != 200 {
            return Err(format!("/metrics says {}", metrics.status));
        }
        let arrived = metrics.text().contains("suar_site_last_measured_timestamp_seconds{");
        if arrived { Ok(()) } else { Err("no site was measured yet".to_owned()) }
    })?;

    let process: &Process = agent.process().context("the agent runs")?;
    let lines = |direction| office.uplink.counters(direction).delivered.bytes;
    let (before, up, down) = (Account::of(process)?, lines(Direction::Up), lines(Direction::Down));
    // A measured span, not synchronisation: this is the thing that is asked for.
    std::thread::sleep(Duration::from_secs(seconds));
    let after = Account::of(process)?;
    let (up_bytes, down_bytes) = (lines(Direction::Up) - up, lines(Direction::Down) - down);
    let processor_ms = after.processor_ms - before.processor_ms;
    let bytes_an_hour = (up_bytes + down_bytes) * 3_600 / seconds.max(1);
    Ok(Footprint {
        seconds,
        slot_seconds: 60,
        resident_kib: after.resident_kib,
        resident_peak_kib: after.resident_peak_kib,
        processor_ms,
        wake_ups: after.wake_ups - before.wake_ups,
        up_bytes,
        down_bytes,
        bytes_an_hour,
        megabytes_a_month: bytes_an_hour as f64 * 24.0 * 30.0 / 1e6,
        core_percent: processor_ms as f64 / 10.0 / seconds.max(1) as f64,
    })
}

/// The kernel's account of a process, from /proc.
pub(super) struct Account {
    pub resident_kib: u64,
    pub resident_peak_kib: u64,
    pub processor_ms: u64,
    pub wake_ups: u64,
}

impl Account {
    pub fn of(process: &Process) -> Result<Self> {
        let directory = std::path::PathBuf::from(format!("/proc/{}", process.pid()));
        let stat = std::fs::read_to_string(directory.join("stat"))?;
        // Fields after the name, which may hold spaces: user and system ticks are the 12th and 13th.
        let ticks: u64 = stat
            .rsplit_once(')')
            .context("a process name in stat")?
            .1
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        let mut wake_ups = 0;
        for thread in std::fs::read_dir(directory.join("task"))? {
            let thread = std::fs::read_to_string(thread?.path().join("status"))?;
            wake_ups += figure(&thread, "voluntary_ctxt_switches:")?;
        }
        Ok(Self {
            resident_kib: process.resident_kib()?,
            resident_peak_kib: process.resident_peak_kib()?,
            processor_ms: ticks * 10,
            wake_ups,
        })
    }
}
