//! A client of ndt7 (M-Lab's speed test, specification 0.11), to hold our figures against what others measure.
//!
//! Nothing starts it but a person: it sends for ten seconds at the line's full rate. What it may cost is bounded and
//! told beforehand ([`Cost`]). It follows no redirect, discovers no server, and tells the server nothing; what it finds
//! stays at this machine, and only its bytes go into the ledger.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use suar_wire::Purpose;
use suar_wire::bandwidth::Direction;

use super::{gateway, guard, lock, memory};
use crate::meter::{Bytes, Meter};

pub mod address;
mod exchange;
mod handshake;
mod measurement;
mod roots;

pub use address::{Address, NoAddress};
pub use handshake::{CertificateFault, Refused};
pub use roots::{NoTrust, Trust, trust};

use exchange::Exchange;

/// What a sender sends for ...
const SEND_TIME: Duration = Duration::from_secs(10);
/// ... and after which a receiver waits no longer for its end.
const TEST_TIME_MAX: Duration = Duration::from_secs(13);
/// For TCP, TLS and the WebSocket handshake together.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(20);
/// A test may cost this many times what is expected: lines get faster ...
const BOUND_TIMES: u64 = 2;
/// ... and where nothing is known of the line, this.
const UNKNOWN_BOUND_BYTES: u64 = 25_000_000;
/// Headers, acknowledgements, handshakes and what is sent twice, in percent of what is expected.
const OVERHEAD_PERCENT: u64 = 8;

/// What a test of one direction is to cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cost {
    pub direction: Direction,
    /// The rate that is believed, and what ten seconds of it are; `None` where nothing is known of the line.
    pub believed_bps: Option<u64>,
    pub expected_bytes: Option<u64>,
    /// The test is cut off after these.
    pub bound_bytes: u64,
    /// What a test of ours costs instead.
    pub ours_bytes: u64,
}

impl Cost {
    fn of(direction: Direction, known: &memory::Known) -> Self {
        let believed_bps = known.prior_bps();
        let ten_seconds = |bps: u64| bps.saturating_mul(SEND_TIME.as_secs()) / 8;
        let expected_bytes =
            believed_bps.map(|bps| ten_seconds(bps).saturating_mul(100 + OVERHEAD_PERCENT) / 100);
        let bound_bytes =
            expected_bytes.map_or(UNKNOWN_BOUND_BYTES, |bytes| bytes.saturating_mul(BOUND_TIMES));
        Self {
            direction,
            believed_bps,
            expected_bytes,
            bound_bytes,
            ours_bytes: guard::expected_bytes(known),
        }
    }
}

/// By what earlier tests of ours found of this line.
pub fn costs(state: &Path, directions: &[Direction]) -> Vec<Cost> {
    let (memory, gateway) = (memory::read(state), gateway());
    directions.iter().map(|direction| Cost::of(*direction, &memory.known(gateway, *direction))).collect()
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The server ended it, or its time was over.
    Complete,
    /// At the bound of bytes: the figure is that of a shorter test.
    Bound,
    /// The connection broke off, or nothing moved any more.
    BrokenOff,
    /// The server began a test and then did nothing.
    Silent,
    /// What the server sent is no ndt7.
    Protocol,
}

#[derive(Debug, Clone, Serialize)]
pub struct Found {
    #[serde(flatten)]
    pub cost: Cost,
    pub end: End,
    /// Payload that arrived, bits a second, as ndt7 counts: without headers. `None`: too little arrived for a figure.
    pub rate_bps: Option<u64>,
    /// The receiver counted; else it is what this side handed to its system, which is somewhat too much.
    pub by_receiver: bool,
    pub elapsed_ms: u32,
    /// Of whole packets, both directions, the handshakes too.
    pub bytes: u64,
}

/// Where a test goes, and how it is known to go there.
#[derive(Debug)]
pub struct Server {
    pub address: Address,
    pub trust: Trust,
}

/// Runs one test. The error: it was never begun; what it cost all the same is told in any case.
pub async fn run(server: &Server, cost: Cost, meter: &Meter) -> (Result<Found, Refused>, Bytes) {
    let meter = meter.part();
    let found = test(server, cost, &meter).await;
    let used = used(&meter);
    let bytes = used.sent.saturating_add(used.received);
    (found.map(|found| Found { bytes, ..found }), used)
}

async fn test(server: &Server, cost: Cost, meter: &Meter) -> Result<Found, Refused> {
    let opened = handshake::open(server, cost.direction, meter);
    let opened = tokio::time::timeout(HANDSHAKE_TIME_MAX, opened).await;
    let stream = opened.unwrap_or(Err(Refused::Timeout))?;
    let began_at = Instant::now();
    let mut exchange = Exchange::new(stream, &cost, meter, began_at);
    let end = exchange.run().await;
    let (rate_bps, by_receiver) = exchange.rate_bps(end);
    Ok(Found {
        cost,
        end,
        rate_bps,
        by_receiver,
        elapsed_ms: u32::try_from(began_at.elapsed().as_millis()).unwrap_or(u32::MAX),
        bytes: 0,
    })
}

fn used(meter: &Meter) -> Bytes {
    meter.so_far().get(&Purpose::Bandwidth).copied().unwrap_or_default()
}

/// One test at a time on a machine, of ours too.
pub fn lock(state: &Path) -> std::io::Result<Option<std::fs::File>> {
    lock::take(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_costs_follows_from_what_is_believed_and_is_bounded() {
        let mut known = memory::Known::default();
        let unknown = Cost::of(Direction::Upload, &known);
        assert_eq!((unknown.expected_bytes, unknown.bound_bytes), (None, UNKNOWN_BOUND_BYTES));
        known.learn(8_000_000);
        let known = Cost::of(Direction::Download, &known);
        assert_eq!((known.expected_bytes, known.bound_bytes), (Some(10_800_000), 21_600_000));
        assert!(known.ours_bytes * 4 < known.bound_bytes, "{known:?}");
    }
}
