//! A test over UDP: rounds of paced datagrams, until one was faster than the line.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use suar_machine::{Watch, drops};
use suar_wire::Purpose;
use suar_wire::bandwidth::messages::{Answer, Request, Sent, Ticket};
use suar_wire::bandwidth::paced::{Arrivals, Next, Pacer, ROUND_US, Round, Search, Seen, packet_bytes};
use suar_wire::bandwidth::packets::{CONTROL_BYTES, DATA_BYTES, Packet};
use suar_wire::bandwidth::{Direction, Method};
use tokio::net::UdpSocket;

use super::talk::{Dialer, Talk};
use super::{Course, Failed, Finding, RoundSeen};

/// Times that a packet of the introduction is sent before datagrams are taken to be blocked.
const INTRODUCTIONS_MAX: u32 = 5;
/// Above a round trip, how long its answer may take.
const ANSWER_SLACK: Duration = Duration::from_millis(400);
/// A round, the queue it filled, and the word on it.
const ROUND_TIME_MAX: Duration = Duration::from_secs(20);
/// Once all was sent, the last packets are waited for while some still come.
const QUIET: Duration = Duration::from_millis(250);
/// Between two batches of packets.
const TICK: Duration = Duration::from_millis(1);
/// Rounds and steps of one test; a search ends by itself long before.
const ROUNDS_MAX: usize = 16;

pub async fn run(
    dialer: &Dialer,
    mut talk: Talk,
    direction: Direction,
    rtt_us: u32,
    prior_bps: Option<u64>,
) -> Result<Finding, Failed> {
    let spent_bytes = dialer.spent_bytes();
    let granted = talk.open(dialer, direction, Method::Udp, rtt_us, spent_bytes).await?;
    let to = SocketAddr::new(talk.peer()?.ip(), granted.udp_port.ok_or(Failed::NotOffered)?);
    let way = Way::open(to, granted.ticket, dialer).await?;
    way.introduce(Duration::from_micros(rtt_us.into()) + ANSWER_SLACK).await?;
    let packet_bytes = packet_bytes(to.ip().to_canonical().is_ipv6());
    let begun = Search::begin(prior_bps, granted.rate_bps_max, packet_bytes, spent_bytes);
    search(&mut talk, &way, direction, granted.bytes_max, begun).await
}

async fn search(
    talk: &mut Talk,
    way: &Way<'_>,
    direction: Direction,
    mut bytes_left: u64,
    (mut search, mut round): (Search, Round),
) -> Result<Finding, Failed> {
    let packet_bytes = packet_bytes(way.to.ip().to_canonical().is_ipv6());
    let mut unseen_bytes = 0;
    let mut course = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let bytes = u64::from(round.packets(packet_bytes)) * packet_bytes;
        bytes_left = bytes_left.checked_sub(bytes).ok_or(Failed::Busy)?;
        talk.say(&Request::Round {
            number: round.number,
            rate_bps: round.rate_bps,
            elapsed_us: round.elapsed_us,
        })
        .await?;
        // Steps are too short to fill a queue.
        way.dialer.load.set(round.elapsed_us > ROUND_US / 2);
        let (sent, seen) = match direction {
            Direction::Download => way.receive(talk, round, packet_bytes).await?,
            Direction::Upload => way.send(talk, round, packet_bytes).await?,
        };
        course.push(RoundSeen { sent_bps: round.rate_bps, arrived_bps: seen.rate_bps });
        if direction == Direction::Download {
            unseen_bytes += u64::from(sent.packets.saturating_sub(seen.packets)) * packet_bytes;
        }
        match search.after(sent, seen) {
            Next::Round(next) => round = next,
            Next::Done(estimate) => {
                return Ok(Finding {
                    method: Method::Udp,
                    congestion: None,
                    rate_bps: estimate.rate_bps,
                    converged: estimate.converged,
                    burst_bps: estimate.burst_bps,
                    loss_permille: Some(estimate.loss_permille),
                    looks_policed: estimate.looks_policed,
                    unseen_bytes,
                    course: Course::Rounds(course),
                });
            }
        }
    }
    Err(Failed::Protocol)
}

/// The socket of one test.
#[derive(Debug)]
struct Way<'a> {
    socket: UdpSocket,
    to: SocketAddr,
    ticket: Ticket,
    dialer: &'a Dialer,
}

impl<'a> Way<'a> {
    async fn open(to: SocketAddr, ticket: Ticket, dialer: &'a Dialer) -> Result<Self, Failed> {
        let any: SocketAddr = if to.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
        let open = async {
            let socket = UdpSocket::bind(any).await?;
            socket.connect(to).await?;
            Ok::<_, std::io::Error>(socket)
        };
        let socket = open.await.map_err(|_| Failed::UdpBlocked)?;
        Ok(Self { socket, to, ticket, dialer })
    }

    /// Proves to the collector that this address asks.
    async fn introduce(&self, answer_time: Duration) -> Result<(), Failed> {
        let hello = Packet::Hello { ticket: self.ticket };
        let nonce = self
            .ask(hello, answer_time, |answer| match answer {
                Packet::Challenge { nonce } => Some(nonce),
                _ => None,
            })
            .await?;
        let ready = Packet::Ready { ticket: self.ticket, nonce };
        self.ask(ready, answer_time, |answer| matches!(answer, Packet::Confirmed { .. }).then_some(())).await
    }

    async fn ask<T>(
        &self,
        question: Packet,
        answer_time: Duration,
        is_answer: impl Fn(Packet) -> Option<T>,
    ) -> Result<T, Failed> {
        let mut buffer = [0; DATA_BYTES + 1];
        for _ in 0..INTRODUCTIONS_MAX {
            self.put(question).await;
            let answer = async {
                loop {
                    if let Some(answer) = self.take(&mut buffer).await.and_then(&is_answer) {
                        return answer;
                    }
                }
            };
            if let Ok(answer) = tokio::time::timeout(answer_time, answer).await {
                return Ok(answer);
            }
        }
        Err(Failed::UdpBlocked)
    }

    /// One that the system does not take is one that the line lost.
    async fn put(&self, packet: Packet) {
        if let Ok(bytes) = self.socket.send(&packet.write()).await {
            self.dialer.meter.sent(Purpose::Bandwidth, self.to.ip(), bytes);
        }
    }

    async fn take(&self, buffer: &mut [u8]) -> Option<Packet> {
        let Ok(bytes) = self.socket.recv(buffer).await else {
            // Somebody on the way says that nobody listens there; asking on does no harm, but not at once.
            tokio::time::sleep(TICK).await;
            return None;
        };
        self.dialer.meter.received(Purpose::Bandwidth, self.to.ip(), bytes);
        Packet::read(&buffer[..bytes])
    }

    async fn receive(
        &self,
        talk: &mut Talk,
        round: Round,
        packet_bytes: u64,
    ) -> Result<(Sent, Seen), Failed> {
        let (watch, dropped) = (Watch::start(), drops::of(&self.socket));
        let begun = Instant::now();
        let mut arrivals = Arrivals::expecting(round, packet_bytes);
        let mut buffer = [0; DATA_BYTES + 1];
        let mut word = std::pin::pin!(talk.hear::<Answer>(ROUND_TIME_MAX));
        let sent = loop {
            tokio::select! {
                biased;
                packet = self.take(&mut buffer) => self.count(packet, round, begun, &mut arrivals),
                answer = &mut word => match answer? {
                    Answer::Sent(sent) if sent.number == round.number => break sent,
                    _ => return Err(Failed::Protocol),
                },
            }
        };
        // Some may have been overtaken by the word that all were sent.
        while arrivals.packets() < sent.packets
            && let Ok(packet) = tokio::time::timeout(QUIET, self.take(&mut buffer)).await
        {
            self.count(packet, round, begun, &mut arrivals);
        }
        let seen = Seen {
            late_us: watch.worst_us(),
            dropped: drops::of(&self.socket).wrapping_sub(dropped),
            ..arrivals.seen(round.number, packet_bytes)
        };
        Ok((sent, seen))
    }

    fn count(&self, packet: Option<Packet>, expected: Round, begun: Instant, arrivals: &mut Arrivals) {
        if let Some(Packet::Data { ticket, round, number, sent_us }) = packet
            && (ticket, round) == (self.ticket, expected.number)
        {
            arrivals.add(begun.elapsed().as_micros() as u64, number, sent_us);
        }
    }

    async fn send(&self, talk: &mut Talk, round: Round, packet_bytes: u64) -> Result<(Sent, Seen), Failed> {
        match talk.hear(ROUND_TIME_MAX).await? {
            Answer::Listening { number } if number == round.number => {}
            _ => return Err(Failed::Protocol),
        }
        let watch = Watch::start();
        let begun = Instant::now();
        let mut pacer = Pacer::new(round, packet_bytes);
        while !pacer.is_done() {
            for number in pacer.take(begun.elapsed().as_micros() as u64) {
                let sent_us = begun.elapsed().as_micros() as u32;
                self.put(Packet::Data { ticket: self.ticket, round: round.number, number, sent_us }).await;
            }
            tokio::time::sleep(TICK).await;
        }
        let elapsed_us = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
        let late_us = watch.worst_us();
        let sent = Sent { number: round.number, packets: pacer.sent(), elapsed_us, late_us };
        talk.say(&Request::Sent(sent)).await?;
        match talk.hear(ROUND_TIME_MAX).await? {
            Answer::Seen(seen) if seen.number == round.number => Ok((sent, seen)),
            _ => Err(Failed::Protocol),
        }
    }
}

// A buffer for data takes control packets too.
const _: () = assert!(CONTROL_BYTES <= DATA_BYTES);
