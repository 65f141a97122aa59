//! Two questions over HTTP: the online check with a known answer, and whether the collector is there. Each on
//! a new connection: one that is kept says little about the way there.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use suar_wire::{Failure, Outcome, Purpose};

use super::echo::micros;
use crate::http::{Client, HttpError, get, read_bounded};
use crate::meter::Meter;
use crate::tls;

/// Most bytes of an answer that are read; right ones have 64.
pub const BODY_BYTES_MAX: usize = 1024;
const NONCE_BYTES: usize = 16;

/// `GET url?nonce=...`: right is only the lowercase hexadecimal HMAC-SHA256 of the nonce's text, so that a
/// portal's page, a cache or an old answer cannot pass for the internet. Returns who answered, too.
pub async fn online(meter: &Meter, url: &str, key: &[u8], limit: Duration) -> (Outcome, Option<IpAddr>) {
    let nonce = nonce();
    let expect = answer_to(&nonce, key);
    let asked_at = Instant::now();
    let mut peer = None;
    let ask = async {
        let (server, path) = server_and_path(url).ok_or(Failure::Local)?;
        let separator = if path.contains('?') { '&' } else { '?' };
        let client = Client::plain(server, meter).map_err(failure)?;
        let request = get(&format!("{path}{separator}nonce={nonce}")).map_err(failure)?;
        let response = client.send(Purpose::Online, request).await.map_err(failure)?;
        peer = client.peer();
        // A collector that refuses (too many requests, restarting) is no portal; a redirect or a page is.
        if response.status().is_server_error() || response.status().as_u16() == 429 {
            return Err(Failure::Status);
        }
        if !response.status().is_success() {
            return Err(Failure::WrongAnswer);
        }
        let body = read_bounded(response, BODY_BYTES_MAX).await.map_err(failure)?;
        if body.trim_ascii() == expect.as_bytes() { Ok(()) } else { Err(Failure::WrongAnswer) }
    };
    (timed(ask, asked_at, limit).await, peer)
}

/// `GET https://collector/healthz`, with the pinned certificate. Any answer of the right certificate's holder
/// will do: it is the way there that is asked about.
pub async fn collector(client: &Client, limit: Duration) -> Outcome {
    let asked_at = Instant::now();
    let ask = async {
        let request = get("/healthz").map_err(failure)?;
        let response = client.send(Purpose::Collector, request).await.map_err(failure)?;
        if response.status().is_server_error() { Err(Failure::Status) } else { Ok(()) }
    };
    timed(ask, asked_at, limit).await
}

/// `http://host:port/path` as its two halves.
fn server_and_path(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let at = rest.find(['/', '?']).unwrap_or(rest.len());
    let (server, path) = rest.split_at(at);
    Some((server, if path.starts_with('/') { path } else { "/" }))
}

async fn timed(
    ask: impl Future<Output = Result<(), Failure>>,
    asked_at: Instant,
    limit: Duration,
) -> Outcome {
    match tokio::time::timeout(limit, ask).await {
        Ok(Ok(())) => Outcome::Ok { elapsed_us: micros(asked_at.elapsed()) },
        Ok(Err(failure)) => Outcome::Failed(failure),
        Err(_) => Outcome::Failed(Failure::Timeout),
    }
}

fn nonce() -> String {
    let mut bytes = [0; NONCE_BYTES];
    // Without randomness the answer would still be bound to the key.
    let _ = SystemRandom::new().fill(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}

/// What the collector answers to a nonce.
pub fn answer_to(nonce: &str, key: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), nonce.as_bytes());
    data_encoding::HEXLOWER.encode(tag.as_ref())
}

/// Why a request failed, from the causes that are wrapped in one another.
fn failure(error: HttpError) -> Failure {
    if tls::is_wrong_certificate(&error) {
        return Failure::CertificateWrong;
    }
    match error {
        HttpError::Name(_) => return Failure::Unreachable,
        HttpError::ConnectTimeout | HttpError::Timeout => return Failure::Timeout,
        // A body over the bound is not the answer that was asked for, whatever it is.
        HttpError::TooLarge => return Failure::WrongAnswer,
        HttpError::Address(_) => return Failure::Local,
        HttpError::Connect(_) | HttpError::Exchange(_) => {}
    }
    let mut next: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        // "Other" is a wrapping that tells nothing; what it wraps is hidden from `source`.
        if let Some(io) = io.filter(|io| io.kind() != io::ErrorKind::Other) {
            return io_failure(io);
        }
        next = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    // An answer that is no HTTP.
    Failure::WrongAnswer
}

/// The same for the system's own errors.
pub fn io_failure(error: &io::Error) -> Failure {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => Failure::Refused,
        Kind::TimedOut => Failure::Timeout,
        Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof => Failure::Unreachable,
        // TLS to something that speaks no TLS.
        Kind::InvalidData => Failure::WrongAnswer,
        _ => Failure::Local,
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
