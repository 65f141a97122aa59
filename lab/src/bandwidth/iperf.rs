//! iperf3 on the same lines.

use std::path::Path;

use anyhow::{Context, Result};
use suar_wire::bandwidth::Direction;

use crate::programs::{Process, finish};
use crate::world::{COLLECTOR, Office, World};

/// A full segment with timestamps, as the line carries it and as iperf3 counts it.
const PACKET_BYTES: f64 = 1_500.0;
const PAYLOAD_BYTES: f64 = 1_448.0;
/// Above the time it is to send: handshakes and the end over the worst line.
const SLACK_SECONDS: u32 = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Congestion {
    Cubic,
    Bbr,
}

impl Congestion {
    fn name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
        }
    }
}

fn port(office: &Office) -> String {
    (5_200 + u16::from(office.number)).to_string()
}

pub fn serve(world: &World, office: &Office, directory: &Path) -> Result<Process> {
    let mut command = world.internet.command("iperf3");
    command.args(["--server", "--port", &port(office), "--bind", &COLLECTOR.to_string()]);
    Process::start("iperf3", &mut command, &directory.join(format!("iperf{}.log", office.number)))
}

/// The rate that the receiver saw, in bits of whole packets; none where iperf3 came to no result.
pub fn run(
    office: &Office,
    direction: Direction,
    congestion: Congestion,
    seconds: u32,
) -> Result<Option<u64>> {
    let limit = (seconds + SLACK_SECONDS).to_string();
    let mut command = office.pc.command("timeout");
    command.args([&limit, "iperf3", "--client", &COLLECTOR.to_string(), "--port", &port(office), "--json"]);
    command.args(["--time", &seconds.to_string(), "--congestion", congestion.name()]);
    if direction == Direction::Download {
        command.arg("--reverse");
    }
    let said = finish(&mut command)?;
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&said.stdout) else { return Ok(None) };
    let received = json["end"]["sum_received"]["bits_per_second"].as_f64();
    if received.is_none() && json["error"].is_null() {
        return Err(anyhow::anyhow!("{}", said.said())).context("what iperf3 said");
    }
    Ok(received.map(|bps| (bps * PACKET_BYTES / PAYLOAD_BYTES) as u64))
}
