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

/// An upload over a line that is known is sent so much faster than that: BBR begins at almost three times what it believes,
/// and would have two and three round trips' worth under way when the collector ends the test.
const HEADROOM: f64 = 1.15;
/// A line that took this share of what was sent could take more, perhaps.
const KEPT_UP_SHARE: f64 = 0.95;

/// What is sent; TLS makes it incompressible.
static NOTHING: [u8; WRITE_BYTES] = [0; WRITE_BYTES];

pub async fn run(
    dialer: &Dialer,
    mut talk: Talk,
    direction: Direction,
    rtt_us: u32,
    spent_bytes: u64,
    prior_bps: Option<u64>,
) -> Result<Finding, Failed> {
    let pace_bps = prior_bps.map(|prior_bps| (prior_bps as f64 * HEADROOM) as u64);
    let mut is_paced = false;
    let granted = talk.open(dialer, direction, Method::Tcp, rtt_us, spent_bytes).await?;
    // All at once: one after the other would take as long on a satellite as the test itself.
    let (a, b, c, d) = tokio::join!(dialer.stream(), dialer.stream(), dialer.stream(), dialer.stream());
    let mut carriers = JoinSet::new();
    let mut congestion = None;
    for (number, stream) in (0..CONNECTIONS).zip([a, b, c, d]) {
        let (mut stream, _) = stream?;
        say(&mut stream, &Request::Join { ticket: granted.ticket, number }).await?;
        if direction == Direction::Upload {
            let socket = stream.get_ref().0.stream();
            congestion = Some(sender::prepare(socket));
            is_paced =
                pace_bps.is_some_and(|pace_bps| sender::pace(socket, pace_bps / u64::from(CONNECTIONS)));
        }
        carriers.spawn(carry(direction, stream));
    }
    dialer.load.set(true);
    let answer = talk.hear::<Answer>(RESULT_TIME_MAX).await;
    carriers.shutdown().await;
    match answer? {
        Answer::Measured(measured) => {
            let kept_up = pace_bps.is_some_and(|pace_bps| has_kept_up(measured.rate_bps, pace_bps));
            let found = finding(*measured, congestion, dialer.spent_bytes());
            Ok(Finding { converged: found.converged && !(is_paced && kept_up), ..found })
        }
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

fn has_kept_up(rate_bps: u64, pace_bps: u64) -> bool {
    rate_bps as f64 >= pace_bps as f64 * KEPT_UP_SHARE
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_takes_all_that_is_sent_may_be_faster() {
        assert!(has_kept_up(1_140_000, 1_150_000) && has_kept_up(1_100_000, 1_150_000));
        assert!(!has_kept_up(1_000_000, 1_150_000));
    }
}
