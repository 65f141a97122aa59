//! A test over four TCP connections. The collector decides when the line is full, and cuts them.

use std::time::Duration;

use suar_wire::bandwidth::messages::{Answer, CONNECTIONS, Measured, Request};
use suar_wire::bandwidth::plateau::ELAPSED_US_MAX;
use suar_wire::bandwidth::{Congestion, Direction, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use super::talk::{Dialer, Stream, Talk, say};
use super::{Course, Failed, Finding, sender};

/// After the longest test its result may have to wait behind what fills the line.
const RESULT_TIME_MAX: Duration =
    Duration::from_micros(ELAPSED_US_MAX).saturating_add(Duration::from_secs(15));
/// A TLS record.
const WRITE_BYTES: usize = 16 * 1024;

/// What is sent; TLS makes it incompressible.
static NOTHING: [u8; WRITE_BYTES] = [0; WRITE_BYTES];

pub async fn run(
    dialer: &Dialer,
    mut talk: Talk,
    direction: Direction,
    rtt_us: u32,
    spent_bytes: u64,
) -> Result<Finding, Failed> {
    let granted = talk.open(dialer, direction, Method::Tcp, rtt_us, spent_bytes).await?;
    // All at once: one after the other would take as long on a satellite as the test itself.
    let (a, b, c, d) = tokio::join!(dialer.stream(), dialer.stream(), dialer.stream(), dialer.stream());
    let mut carriers = JoinSet::new();
    let mut congestion = None;
    for (number, stream) in (0..CONNECTIONS).zip([a, b, c, d]) {
        let (mut stream, _) = stream?;
        say(&mut stream, &Request::Join { ticket: granted.ticket, number }).await?;
        if direction == Direction::Upload {
            congestion = Some(sender::prepare(stream.get_ref().0.stream()));
        }
        carriers.spawn(carry(direction, stream));
    }
    dialer.load.set(true);
    let answer = talk.hear::<Answer>(RESULT_TIME_MAX).await;
    carriers.shutdown().await;
    match answer? {
        Answer::Measured(measured) => Ok(finding(*measured, congestion, dialer.spent_bytes())),
        _ => Err(Failed::Protocol),
    }
}

/// The collector knows of packets that the line lost; this side has seen `seen_bytes`.
fn finding(measured: Measured, congestion: Option<Congestion>, seen_bytes: u64) -> Finding {
    Finding {
        method: measured.method,
        congestion: measured.congestion.or(congestion),
        rate_bps: measured.rate_bps,
        converged: measured.converged,
        burst_bps: measured.burst_bps,
        loss_permille: None,
        looks_policed: false,
        unseen_bytes: measured.bytes.saturating_sub(seen_bytes),
        course: Course::Steps(measured.course),
    }
}

/// Swallows or sends until the collector cuts the connection.
async fn carry(direction: Direction, mut stream: Stream) {
    let mut swallowed = vec![0; WRITE_BYTES];
    loop {
        let moved = match direction {
            Direction::Download => stream.read(&mut swallowed).await,
            Direction::Upload => stream.write(&NOTHING).await,
        };
        if !matches!(moved, Ok(1..)) {
            return;
        }
    }
}
