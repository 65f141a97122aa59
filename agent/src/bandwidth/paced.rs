//! A test over UDP: rounds of paced datagrams, until one was faster than the line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use suar_wire::Purpose;
use suar_wire::bandwidth::messages::{Answer, Granted, Request, Sent, Ticket};
use suar_wire::bandwidth::paced::{Arrivals, Next, Pacer, ROUND_US, Round, Search, Seen, packet_bytes};
use suar_wire::bandwidth::packets::{CONTROL_BYTES, DATA_BYTES, Packet};
use suar_wire::bandwidth::{Direction, Method};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

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
/// A machine that leaves this program without a processor for longer cannot measure.
const LATE_MAX: Duration = Duration::from_millis(40);
/// Rounds and steps of one test; a search ends by itself long before.
const ROUNDS_MAX: usize = 16;

pub async fn run(
    dialer: &Dialer,
    mut talk: Talk,
    direction: Direction,
    rtt_us: u32,
    prior_bps: Option<u64>,
) -> Result<Finding, Failed> {
    let granted = talk.open(&dialer.token, direction, Method::Udp, rtt_us).await?;
    let to = SocketAddr::new(talk.peer()?.ip(), granted.udp_port.ok_or(Failed::NotOffered)?);
    let way = Way::open(to, granted.ticket, dialer).await?;
    way.introduce(Duration::from_micros(rtt_us.into()) + ANSWER_SLACK).await?;
    search(&mut talk, &way, direction, granted, prior_bps).await
}

async fn search(
    talk: &mut Talk,
    way: &Way<'_>,
    direction: Direction,
    granted: Granted,
    prior_bps: Option<u64>,
) -> Result<Finding, Failed> {
    let packet_bytes = packet_bytes(way.to.ip().to_canonical().is_ipv6());
    let (mut search, mut round) = Search::begin(prior_bps, granted.rate_bps_max, packet_bytes);
    let mut bytes_left = granted.bytes_max;
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
        let watch = Watch::start();
        way.dialer.load.set(round.elapsed_us == ROUND_US);
        let (sent, seen) = match direction {
            Direction::Download => way.receive(talk, round, packet_bytes).await?,
            Direction::Upload => way.send(talk, round, packet_bytes).await?,
        };
        course.push(RoundSeen { sent_bps: round.rate_bps, arrived_bps: seen.rate_bps });
        if direction == Direction::Download {
            unseen_bytes += u64::from(sent.packets.saturating_sub(seen.packets)) * packet_bytes;
        }
        match search.after(sent.packets, sent.elapsed_us, seen) {
            Next::Round(next) => round = next,
            Next::Done(estimate) => {
                return Ok(Finding {
                    method: Method::Udp,
                    congestion: None,
                    rate_bps: estimate.rate_bps,
                    converged: estimate.converged && watch.worst() <= LATE_MAX,
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

/// How late a short sleep ends at worst: on a machine that is busy, packets wait for this program and overflow
/// its socket, which looks like a slow line.
#[derive(Debug)]
struct Watch {
    worst_us: Arc<AtomicU64>,
    watching: JoinHandle<()>,
}

impl Watch {
    fn start() -> Self {
        let worst_us = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&worst_us);
        let watching = tokio::spawn(async move {
            loop {
                let slept = Instant::now();
                tokio::time::sleep(TICK).await;
                let late = slept.elapsed().saturating_sub(TICK);
                seen.fetch_max(late.as_micros() as u64, Ordering::Relaxed);
            }
        });
        Self { worst_us, watching }
    }

    fn worst(&self) -> Duration {
        Duration::from_micros(self.worst_us.load(Ordering::Relaxed))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watching.abort();
    }
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
        Ok((sent, arrivals.seen(round.number, packet_bytes)))
    }

    fn count(&self, packet: Option<Packet>, expected: Round, begun: Instant, arrivals: &mut Arrivals) {
        if let Some(Packet::Data { ticket, round, number }) = packet
            && (ticket, round) == (self.ticket, expected.number)
        {
            arrivals.add(begun.elapsed().as_micros() as u64, number);
        }
    }

    async fn send(&self, talk: &mut Talk, round: Round, packet_bytes: u64) -> Result<(Sent, Seen), Failed> {
        match talk.hear(ROUND_TIME_MAX).await? {
            Answer::Listening { number } if number == round.number => {}
            _ => return Err(Failed::Protocol),
        }
        let begun = Instant::now();
        let mut pacer = Pacer::new(round, packet_bytes);
        while !pacer.is_done() {
            for number in pacer.take(begun.elapsed().as_micros() as u64) {
                self.put(Packet::Data { ticket: self.ticket, round: round.number, number }).await;
            }
            tokio::time::sleep(TICK).await;
        }
        let elapsed_us = u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
        let sent = Sent { number: round.number, packets: pacer.sent(), elapsed_us };
        talk.say(&Request::Sent(sent)).await?;
        match talk.hear(ROUND_TIME_MAX).await? {
            Answer::Seen(seen) if seen.number == round.number => Ok((sent, seen)),
            _ => Err(Failed::Protocol),
        }
    }
}

// A buffer for data takes control packets too.
const _: () = assert!(CONTROL_BYTES <= DATA_BYTES);
