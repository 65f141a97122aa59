//! A test over UDP: rounds as the agent asks for them, within what was reserved.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use suar_machine::Watch;
use suar_wire::bandwidth::Direction;
use suar_wire::bandwidth::messages::{Answer, Request, Sent};
use suar_wire::bandwidth::paced::{Pacer, ROUND_US, Round, Seen, packet_bytes};
use suar_wire::bandwidth::packets::Packet;

use super::datagrams::Invited;
use super::desk::Talk;
use super::quota::Reservation;

/// The agent has this long to prove its address and ask for each round.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(20);
/// After the sender's word that all is sent, the last packets are waited for while some still come ...
const QUIET: Duration = Duration::from_millis(250);
/// ... but no longer than this: a queue of two seconds is the worst that is known.
const LATE_MAX: Duration = Duration::from_secs(3);
/// Between two batches of packets.
const TICK: Duration = Duration::from_millis(1);
/// Rounds of one test; an agent needs half as many.
const ROUNDS_MAX: usize = 24;

/// Serves rounds until the agent closes the talk or a bound is reached.
pub async fn run(
    direction: Direction,
    talk: &mut Talk,
    invited: &Invited,
    rate_bps_max: u64,
    reservation: &mut Reservation,
) {
    for _ in 0..ROUNDS_MAX {
        let Some(Request::Round { number, rate_bps, elapsed_us }) = talk.hear(REQUEST_TIME_MAX).await else {
            return;
        };
        let Some(to) = *invited.proven.borrow() else { return };
        let packet_bytes = packet_bytes(to.ip().to_canonical().is_ipv6());
        let round =
            Round { number, rate_bps: rate_bps.min(rate_bps_max), elapsed_us: elapsed_us.min(ROUND_US) };
        let bytes = u64::from(round.packets(packet_bytes)) * packet_bytes;
        if bytes > reservation.left() {
            return;
        }
        reservation.spend(bytes);
        let said = match direction {
            Direction::Download => {
                let sent = send(invited, to, round, packet_bytes).await;
                talk.say(&Answer::Sent(sent)).await
            }
            Direction::Upload => listen(talk, invited, round, packet_bytes).await,
        };
        if said.is_none() {
            return;
        }
    }
}

async fn send(invited: &Invited, to: SocketAddr, round: Round, packet_bytes: u64) -> Sent {
    let watch = Watch::start();
    let begun = Instant::now();
    let mut pacer = Pacer::new(round, packet_bytes);
    loop {
        for number in pacer.take(begun.elapsed().as_micros() as u64) {
            let sent_us = begun.elapsed().as_micros() as u32;
            let data = Packet::Data { ticket: invited.ticket, round: round.number, number, sent_us }.write();
            // One that the system does not take is one that the line lost.
            let _ = invited.socket.send_to(&data, to).await;
        }
        if pacer.is_done() {
            break;
        }
        tokio::time::sleep(TICK).await;
    }
    let elapsed_us = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
    Sent { number: round.number, packets: pacer.sent(), elapsed_us, late_us: watch.worst_us() }
}

async fn listen(talk: &mut Talk, invited: &Invited, round: Round, packet_bytes: u64) -> Option<()> {
    let (watch, dropped) = (Watch::start(), invited.dropped());
    invited.listen(round, packet_bytes);
    talk.say(&Answer::Listening { number: round.number }).await?;
    let Some(Request::Sent(sent)) = talk.hear(REQUEST_TIME_MAX).await else { return None };
    let late_by = Instant::now() + LATE_MAX;
    let mut before = 0;
    // What was sent before the word comes before it, or a little later where it was overtaken.
    while invited.arrived() > before && invited.arrived() < sent.packets && Instant::now() < late_by {
        before = invited.arrived();
        tokio::time::sleep(QUIET).await;
    }
    let seen = Seen {
        late_us: watch.worst_us(),
        dropped: invited.dropped().wrapping_sub(dropped),
        ..invited.arrivals().seen(round.number, packet_bytes)
    };
    talk.say(&Answer::Seen(seen)).await
}
