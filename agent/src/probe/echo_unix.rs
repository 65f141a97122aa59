//! Echoes on Unix: surge-ping opens the socket (datagram, else raw) and reads the packets; sending,
//! matching and counting are done here, because its own client drops duplicates and late replies, hides
//! the payload, and takes an "unreachable" in raw mode for an answer.
//!
//! A reply counts when all of this holds: it is an echo reply (type checked), it comes from the address
//! that was asked, its sequence number is one we wait for, its identifier is ours (raw mode; in datagram
//! mode the kernel chooses the identifier and hands over only its own), and its payload repeats the
//! random bytes of exactly this packet. Sequence numbers run on through the whole life of the process from
//! a random start, and one is not used again within [`SEQUENCE_REST`].

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom, SystemRandom};
use socket2::Type;
use suar_wire::{EchoError, Purpose};
use surge_ping::{AsyncSocket, Config, ICMP, Icmpv4Packet, Icmpv6Packet};
use tokio::task::JoinHandle;

use super::{Host, PAYLOAD_BYTES, Tally};
use crate::meter::{Meter, datagram};

/// How long a sequence number rests before it is used again, so that no straggler is taken for a reply.
pub const SEQUENCE_REST: Duration = Duration::from_secs(10);

const ECHO_HEADER_BYTES: usize = 8;
const V4_ECHO_REQUEST: u8 = 8;
const V6_ECHO_REQUEST: u8 = 128;
const V4_ECHO_REPLY: u8 = 0;
const V6_ECHO_REPLY: u8 = 129;

/// Sends echoes of either family; sockets are opened when first needed and again after trouble.
#[derive(Debug)]
pub struct Echoer {
    v4: Mutex<Option<Family>>,
    v6: Mutex<Option<Family>>,
    waiting: Waiting,
    identifier: u16,
    meter: Meter,
}

struct Family {
    socket: AsyncSocket,
    hearing: JoinHandle<()>,
}

impl std::fmt::Debug for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Family({:?})", self.socket.get_type())
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

#[derive(Debug)]
struct Expected {
    from: IpAddr,
    nonce: [u8; PAYLOAD_BYTES],
    sent_at: Instant,
    tally: Tally,
    line: usize,
    purpose: Purpose,
}

#[derive(Debug, Default)]
struct Numbers {
    next: u16,
    expected: HashMap<u16, Expected>,
}

#[derive(Debug, Clone, Default)]
struct Waiting(Arc<Mutex<Numbers>>);

impl Waiting {
    fn with<R>(&self, act: impl FnOnce(&mut Numbers) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a rested number; `None` when all 65,536 went out within ten seconds.
    fn take(&self, now: Instant) -> Option<u16> {
        self.with(|numbers| {
            numbers.expected.retain(|_, expected| now.duration_since(expected.sent_at) < SEQUENCE_REST);
            let sequence = numbers.next;
            if numbers.expected.contains_key(&sequence) {
                return None;
            }
            numbers.next = sequence.wrapping_add(1);
            Some(sequence)
        })
    }
}

impl Echoer {
    pub fn new(meter: &Meter) -> Self {
        let random = random_bytes();
        let waiting = Waiting::default();
        waiting.with(|numbers| numbers.next = u16::from_be_bytes([random[0], random[1]]));
        Self {
            v4: Mutex::new(None),
            v6: Mutex::new(None),
            waiting,
            identifier: u16::from_be_bytes([random[2], random[3]]),
            meter: meter.clone(),
        }
    }

    /// Sends one echo and returns; what comes of it is written into the tally.
    pub async fn send(&self, purpose: Purpose, host: Host, tally: &Tally) {
        let socket = match self.socket(host.address) {
            Ok(socket) => socket,
            Err(error) => return tally.failed(send_error(&error)),
        };
        let nonce = random_bytes();
        let sent_at = Instant::now();
        let Some(sequence) = self.waiting.take(sent_at) else {
            return tally.failed(EchoError::Unsendable);
        };
        let line = tally.sending(sent_at);
        let expected = Expected { from: host.address, nonce, sent_at, tally: tally.clone(), line, purpose };
        self.waiting.with(|numbers| numbers.expected.insert(sequence, expected));

        let mut packet = request(host.address, self.identifier, sequence, &nonce);
        let sent = socket.send_to(&mut packet, &socket_address(host)).await;
        if sent.is_ok() {
            self.meter.sent(purpose, host.address, PAYLOAD_BYTES);
        }
        if let Err(error) = sent {
            tracing::debug!(target = %host.address, %error, "an echo was not sent");
            self.waiting.with(|numbers| numbers.expected.remove(&sequence));
            tally.not_sent(line, send_error(&error));
            if error.kind() != io::ErrorKind::PermissionDenied && !is_routing(&error) {
                // A socket that went bad with its interface is opened anew by the next echo.
                *self.family(host.address).lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
    }

    fn family(&self, address: IpAddr) -> &Mutex<Option<Family>> {
        if address.is_ipv4() { &self.v4 } else { &self.v6 }
    }

    fn socket(&self, address: IpAddr) -> io::Result<AsyncSocket> {
        let mut family = self.family(address).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = family.as_ref().filter(|open| !open.hearing.is_finished()) {
            return Ok(open.socket.clone());
        }
        let kind = if address.is_ipv4() { ICMP::V4 } else { ICMP::V6 };
        let socket = AsyncSocket::new(&Config::builder().kind(kind).build())?;
        let hearing =
            tokio::spawn(hear(socket.clone(), self.waiting.clone(), self.identifier, self.meter.clone()));
        *family = Some(Family { socket: socket.clone(), hearing });
        Ok(socket)
    }
}

/// Ends when the socket is broken, which makes the next echo open a new one.
async fn hear(socket: AsyncSocket, waiting: Waiting, identifier: u16, meter: Meter) {
    /// Errors in a row before the socket is given up. Datagram sockets report single ones for routes.
    const ERRORS_MAX: u32 = 16;
    let mut buffer = [0; 2048];
    let mut errors = 0;
    while errors < ERRORS_MAX {
        match socket.recv_from(&mut buffer).await {
            Ok((bytes, from)) => {
                errors = 0;
                let heard_at = Instant::now();
                if let Some(heard) = read(&buffer[..bytes], socket.get_type(), from.ip()) {
                    let ours = socket.get_type() == Type::DGRAM || heard.identifier == identifier;
                    if ours {
                        settle(&waiting, &heard, heard_at, &meter);
                    }
                }
            }
            Err(error) => {
                errors += 1;
                tracing::debug!(%error, "receiving echoes failed");
                tokio::task::yield_now().await;
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Heard<'a> {
    kind: Kind<'a>,
    /// Whom the request went to: the sender of a reply, the quoted destination of an error.
    asked: IpAddr,
    identifier: u16,
    sequence: u16,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind<'a> {
    Reply { payload: &'a [u8] },
    Error,
}

fn read(packet: &[u8], socket: Type, from: IpAddr) -> Option<Heard<'_>> {
    match from {
        IpAddr::V4(from) => {
            let decoded = Icmpv4Packet::decode(packet, socket, from, Ipv4Addr::UNSPECIFIED).ok()?;
            // Raw IPv4 sockets hand over the IP header too; its length is in the low half of its first byte.
            let header = if socket == Type::RAW { usize::from(packet.first()? & 15) * 4 } else { 0 };
            Some(Heard {
                kind: kind(packet.get(header..)?, V4_ECHO_REPLY)?,
                asked: decoded.get_real_dest().into(),
                identifier: decoded.get_identifier().into_u16(),
                sequence: decoded.get_sequence().into_u16(),
            })
        }
        IpAddr::V6(from) => {
            let decoded = Icmpv6Packet::decode(packet, from).ok()?;
            Some(Heard {
                kind: kind(packet, V6_ECHO_REPLY)?,
                asked: decoded.get_real_dest().into(),
                identifier: decoded.get_identifier().into_u16(),
                sequence: decoded.get_sequence().into_u16(),
            })
        }
    }
}

fn kind(icmp: &[u8], reply: u8) -> Option<Kind<'_>> {
    if *icmp.first()? == reply {
        Some(Kind::Reply { payload: icmp.get(ECHO_HEADER_BYTES..)? })
    } else {
        Some(Kind::Error)
    }
}

fn settle(waiting: &Waiting, heard: &Heard<'_>, heard_at: Instant, meter: &Meter) {
    waiting.with(|numbers| {
        let Some(expected) = numbers.expected.get(&heard.sequence) else { return };
        if expected.from != heard.asked {
            return;
        }
        match heard.kind {
            Kind::Reply { payload } if payload == expected.nonce => {
                meter.received(expected.purpose, expected.from, payload.len());
                expected.tally.heard(expected.line, heard_at.saturating_duration_since(expected.sent_at));
            }
            Kind::Reply { .. } => tracing::debug!(from = %heard.asked, "an echo reply that is not ours"),
            Kind::Error => {
                // It quotes the packet it is about.
                let quoted = datagram(expected.from, PAYLOAD_BYTES) as usize;
                meter.received(expected.purpose, expected.from, quoted);
                expected.tally.failed(EchoError::Unreachable);
            }
        }
    });
}

fn request(to: IpAddr, identifier: u16, sequence: u16, nonce: &[u8; PAYLOAD_BYTES]) -> Vec<u8> {
    let kind = if to.is_ipv4() { V4_ECHO_REQUEST } else { V6_ECHO_REQUEST };
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend(identifier.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(nonce);
    if to.is_ipv4() {
        // For IPv6 the kernel fills it in, since it covers addresses that only the kernel knows.
        let sum = internet_checksum(&packet).to_be_bytes();
        packet[2..4].copy_from_slice(&sum);
    }
    packet
}

/// RFC 1071.
fn internet_checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    !(folded as u16)
}

fn socket_address(host: Host) -> SocketAddr {
    match host.address {
        IpAddr::V4(_) => SocketAddr::new(host.address, 0),
        IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, host.scope).into(),
    }
}

fn is_routing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
    )
}

fn send_error(error: &io::Error) -> EchoError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => EchoError::NoPermission,
        io::ErrorKind::HostUnreachable => EchoError::Unreachable,
        _ => EchoError::Unsendable,
    }
}

fn random_bytes() -> [u8; PAYLOAD_BYTES] {
    let mut bytes = [0; PAYLOAD_BYTES];
    // The system's random source does not fail once the machine is up; if it did, the type, address and
    // sequence checks would still hold.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}

#[cfg(test)]
#[path = "echo_unix_tests.rs"]
mod tests;
