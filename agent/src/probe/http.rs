//! Two questions over HTTP: the online check with a known answer, and whether the collector is there.

use std::error::Error as StdError;
use std::io;
use std::time::{Duration, Instant};

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use suar_wire::{Failure, Outcome};

use super::echo::micros;
use crate::tls;

/// Most bytes of an answer that are read; right ones have 64.
pub const BODY_BYTES_MAX: usize = 1024;
const NONCE_BYTES: usize = 16;

/// A client for the online check: plain HTTP, a new connection each time, no redirects followed, no proxy
/// (a portal's redirect is the finding, not something to obey).
pub fn plain_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        // Never used for TLS; given so that the platform's certificate store is not loaded.
        .tls_backend_preconfigured(tls::client_config([0; 16]))
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_max_idle_per_host(0)
        .build()
}

/// `GET url?nonce=...`: right is only the lowercase hexadecimal HMAC-SHA256 of the nonce's text, so that a
/// portal's page, a cache or an old answer cannot pass for the internet.
pub async fn online(client: &reqwest::Client, url: &str, key: &[u8], limit: Duration) -> Outcome {
    let nonce = nonce();
    let expect = answer_to(&nonce, key);
    let separator = if url.contains('?') { '&' } else { '?' };
    let asked_at = Instant::now();
    let ask = async {
        let response = client.get(format!("{url}{separator}nonce={nonce}")).send().await.map_err(failure)?;
        // A collector that refuses (too many requests, restarting) is no portal; a redirect or a page is.
        if response.status().is_server_error() || response.status().as_u16() == 429 {
            return Err(Failure::Status);
        }
        if !response.status().is_success() {
            return Err(Failure::WrongAnswer);
        }
        let body = bounded_body(response).await?;
        if body.trim_ascii() == expect.as_bytes() { Ok(()) } else { Err(Failure::WrongAnswer) }
    };
    timed(ask, asked_at, limit).await
}

/// `GET https://collector/healthz` over the client with the pinned certificate. Any answer of the right
/// certificate's holder will do: it is the way there that is asked about.
pub async fn collector(client: &reqwest::Client, address: &str, limit: Duration) -> Outcome {
    let asked_at = Instant::now();
    let ask = async {
        let response = client.get(format!("https://{address}/healthz")).send().await.map_err(failure)?;
        if response.status().is_server_error() { Err(Failure::Status) } else { Ok(()) }
    };
    timed(ask, asked_at, limit).await
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

/// A body over the bound is not the answer that was asked for, whatever it is.
async fn bounded_body(mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(Failure::WrongAnswer);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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

/// Why a request failed, from the causes that the client wraps in one another.
fn failure(error: reqwest::Error) -> Failure {
    if tls::is_wrong_certificate(&error) {
        return Failure::CertificateWrong;
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
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_connect() {
        // The name of the collector could not be resolved, for one.
        Failure::Unreachable
    } else {
        // An answer that is no HTTP.
        Failure::WrongAnswer
    }
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
