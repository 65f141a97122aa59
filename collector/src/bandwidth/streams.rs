//! A test over TCP: four connections carry data, the kernel's counters tell when the line is full.

use std::sync::Arc;
use std::time::{Duration, Instant};

use suar_wire::bandwidth::Direction;
use suar_wire::bandwidth::messages::Measured;
use suar_wire::bandwidth::plateau::{Plateau, Step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::Counters;
use super::desk::Wanted;
use super::gauge::Gauge;
use super::quota::Reservation;
use super::tickets::{Joined, OpenTicket};

pub use suar_wire::bandwidth::messages::CONNECTIONS;

/// How often the counters are read.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Four handshakes over a bad satellite link.
const JOIN_TIME_MAX: Duration = Duration::from_secs(20);
/// A TLS record.
const WRITE_BYTES: usize = 16 * 1024;

/// What is sent; TLS makes it incompressible.
static NOTHING: [u8; WRITE_BYTES] = [0; WRITE_BYTES];

/// Runs a test once its connections are there. `None`: they did not come in time.
pub async fn run(
    wanted: Wanted,
    rate_bps_max: u64,
    ticket: &mut OpenTicket,
    reservation: &mut Reservation,
) -> Option<Measured> {
    let direction = wanted.direction;
    let joined = tokio::time::timeout(JOIN_TIME_MAX, all_joined(ticket)).await.ok()??;
    let mut congestion = None;
    let mut gauges = Vec::with_capacity(joined.len());
    let mut carriers = JoinSet::new();
    for Joined { stream, gauge } in joined {
        let gauge = Arc::new(gauge);
        gauge.cut_on_close();
        gauge.pace(rate_bps_max);
        if direction == Direction::Download {
            congestion = Some(gauge.prepare_to_send());
        }
        gauges.push(Arc::clone(&gauge));
        carriers.spawn(carry(direction, stream, gauge));
    }

    let counted = |look: &Counters| match direction {
        Direction::Download => look.delivered_bytes,
        Direction::Upload => look.received_bytes,
    };
    let begun = Instant::now();
    let mut plateau = Plateau::new(wanted.rtt_us);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let base: u64 = gauges.iter().map(|gauge| counted(&gauge.look())).sum();
    let (estimate, bytes) = loop {
        looks.tick().await;
        let all: Vec<Counters> = gauges.iter().map(|gauge| gauge.look()).collect();
        let at_us = begun.elapsed().as_micros() as u64;
        let bytes: u64 = all.iter().map(|look| look.all_bytes).sum();
        // What an office has sent and this side has not got yet is a round trip's worth.
        let under_way = match direction {
            Direction::Download => 0,
            Direction::Upload => plateau.carried_in(wanted.rtt_us),
        };
        let cost = wanted.spent_bytes.saturating_add(bytes).saturating_add(under_way);
        let step = plateau.add(at_us, all.iter().map(counted).sum::<u64>().saturating_sub(base), cost);
        if let Step::Stop(estimate) = step {
            break (estimate, bytes);
        }
        while carriers.try_join_next().is_some() {}
        if bytes > reservation.left() || carriers.is_empty() {
            break (plateau.give_up(), bytes);
        }
    };
    reservation.spend(bytes);
    // With the last handle the connections are cut, and what waits in them is not sent.
    carriers.shutdown().await;
    Some(Measured {
        method: Gauge::METHOD,
        congestion,
        rate_bps: estimate.rate_bps,
        converged: estimate.converged,
        burst_bps: estimate.burst_bps,
        bytes,
        elapsed_ms: u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX),
        course: plateau.course(),
    })
}

async fn all_joined(ticket: &mut OpenTicket) -> Option<Vec<Joined>> {
    let mut joined = Vec::new();
    while joined.len() < usize::from(CONNECTIONS) {
        joined.push(ticket.joined.recv().await?);
    }
    Some(joined)
}

/// Sends or swallows until the connection or the test ends.
async fn carry(
    direction: Direction,
    mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    gauge: Arc<Gauge>,
) {
    let mut swallowed = vec![0; WRITE_BYTES];
    loop {
        let moved = match direction {
            Direction::Download => stream.write(&NOTHING).await,
            Direction::Upload => stream.read(&mut swallowed).await,
        };
        match moved {
            Ok(bytes @ 1..) => gauge.count(bytes),
            Ok(0) | Err(_) => return,
        }
    }
}
