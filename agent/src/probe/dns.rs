//! One DNS question by our own hand: an A query over UDP (RFC 1035), so that it is known which resolver
//! was asked, when, and what it said. The system's library would hide all three behind its cache.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom, SystemRandom};
use suar_wire::{Failure, Purpose};
use tokio::net::UdpSocket;

use super::TIMEOUT;
use super::echo::micros;
use crate::meter::Meter;

pub const PORT: u16 = 53;
/// A lost packet is no broken resolver: the question is asked again after this, if it may still be sent.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);
const ATTEMPTS_MAX: u32 = 2;
/// Without EDNS a UDP answer has at most this many bytes (RFC 1035, 2.3.4).
const ANSWER_BYTES_MAX: usize = 512;

/// An address was given, this long after the question that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub elapsed_us: u32,
    pub scope: Scope,
}

/// Where the address of an answer lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Public,
    /// In a network of somebody's own (RFC 6890), or nowhere: what portals and filters answer for any name,
    /// and what names of an intranet have.
    Local,
}

/// Asks for the name's A records. Nothing is sent after `send_until`.
pub async fn probe(
    meter: &Meter,
    resolver: SocketAddr,
    name: &str,
    send_until: Instant,
) -> Result<Answer, Failure> {
    let asked = ask(meter, resolver, name, send_until).await;
    asked.unwrap_or_else(|error| Err(super::http::io_failure(&error)))
}

async fn ask(
    meter: &Meter,
    resolver: SocketAddr,
    name: &str,
    send_until: Instant,
) -> io::Result<Result<Answer, Failure>> {
    // A socket of its own: a random port, and a connected one hears "port unreachable" as refused.
    let local: SocketAddr = match resolver {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(resolver).await?;

    let mut asked: Vec<(u16, Instant)> = Vec::new();
    let started_at = Instant::now();
    let give_up_at = started_at + TIMEOUT;
    loop {
        let may_ask =
            asked.len() < ATTEMPTS_MAX as usize && (asked.is_empty() || Instant::now() < send_until);
        if may_ask {
            let id = random_id();
            let Some(question) = query(id, name) else { return Ok(Err(Failure::Local)) };
            asked.push((id, Instant::now()));
            let bytes = socket.send(&question).await?;
            meter.sent(Purpose::Dns, resolver.ip(), bytes);
        }
        let wait_until =
            if asked.len() == 1 { (started_at + RETRY_AFTER).min(give_up_at) } else { give_up_at };
        match tokio::time::timeout_at(wait_until.into(), listen(meter, &socket, name, &asked)).await {
            Ok(answer) => return answer,
            Err(_) if Instant::now() >= give_up_at => return Ok(Err(Failure::Timeout)),
            // The question may not be asked again: listen on for the first one's answer.
            Err(_) if Instant::now() >= send_until => {
                return match tokio::time::timeout_at(give_up_at.into(), listen(meter, &socket, name, &asked))
                    .await
                {
                    Ok(answer) => answer,
                    Err(_) => Ok(Err(Failure::Timeout)),
                };
            }
            Err(_) => {}
        }
    }
}

/// Waits for an answer to one of our questions; what answers no question of ours is passed over.
async fn listen(
    meter: &Meter,
    socket: &UdpSocket,
    name: &str,
    asked: &[(u16, Instant)],
) -> io::Result<Result<Answer, Failure>> {
    let resolver = socket.peer_addr()?.ip();
    let mut buffer = [0; ANSWER_BYTES_MAX];
    loop {
        let bytes = socket.recv(&mut buffer).await?;
        meter.received(Purpose::Dns, resolver, bytes);
        let answer = &buffer[..bytes];
        let Some((_, asked_at)) = asked.iter().find(|(id, _)| answer.starts_with(&id.to_be_bytes())) else {
            continue;
        };
        let elapsed_us = micros(asked_at.elapsed());
        return Ok(judge(answer, name).map(|scope| Answer { elapsed_us, scope }));
    }
}

fn random_id() -> u16 {
    let mut bytes = [0; 2];
    // A guessable id would only matter to somebody on the path, who can answer anyway.
    let _ = SystemRandom::new().fill(&mut bytes);
    u16::from_be_bytes(bytes)
}

/// A question for the A records of a name, recursion desired; `None` when it is no host name.
fn query(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut bytes = id.to_be_bytes().to_vec();
    // Flags: recursion desired. One question, nothing else.
    bytes.extend([0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend(question(name)?);
    Some(bytes)
}

fn question(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]); // end of name, type A, class IN
    (bytes.len() <= 255 + 4).then_some(bytes)
}

/// Whether an answer, whose id is right, says where the name is.
fn judge(answer: &[u8], name: &str) -> Result<Scope, Failure> {
    const HEADER_BYTES: usize = 12;
    let (Some(flags), Some(counts)) = (answer.get(2..4), answer.get(4..8)) else {
        return Err(Failure::WrongAnswer);
    };
    let asked = question(name).ok_or(Failure::Local)?;
    let repeats_question = flags[0] & 0x80 != 0
        && answer
            .get(HEADER_BYTES..HEADER_BYTES + asked.len())
            .is_some_and(|q| q.eq_ignore_ascii_case(&asked));
    match flags[1] & 0x0f {
        // Error answers of some resolvers leave the question out.
        2 => Err(Failure::ServFail),
        3 if repeats_question => Err(Failure::NxDomain),
        5 => Err(Failure::Refused),
        0 if repeats_question && counts[2..4] != [0, 0] => {
            let records = u16::from_be_bytes([counts[2], counts[3]]);
            address(answer, HEADER_BYTES + asked.len(), records).map(scope)
        }
        _ => Err(Failure::WrongAnswer),
    }
}

/// Looks for one A record among the answers; aliases before it are passed over.
fn address(answer: &[u8], mut at: usize, records: u16) -> Result<Ipv4Addr, Failure> {
    for _ in 0..records {
        at = skip_name(answer, at).ok_or(Failure::WrongAnswer)?;
        let fixed = answer.get(at..at + 10).ok_or(Failure::WrongAnswer)?;
        let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        if fixed[..4] == [0, 1, 0, 1] && length == 4 {
            let address = answer.get(at + 10..).and_then(|rest| rest.first_chunk::<4>());
            return address.map(|octets| Ipv4Addr::from(*octets)).ok_or(Failure::WrongAnswer);
        }
        at += 10 + length;
    }
    Err(Failure::WrongAnswer)
}

fn scope(address: Ipv4Addr) -> Scope {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && second & 0xc0 == 64;
    let local = first == 0
        || shared
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast();
    if local { Scope::Local } else { Scope::Public }
}

fn skip_name(answer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match answer.get(at)? {
            0 => return Some(at + 1),
            // A pointer ends the name here (RFC 1035, 4.1.4); it is not followed, so it cannot loop.
            pointer if pointer & 0xc0 == 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(*length),
        }
    }
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
