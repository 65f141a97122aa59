//! The edge of the uplink: HTTP requests to one collector over one kept-alive connection.

use std::error::Error as StdError;
use std::fmt::Write;
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RANGE, RETRY_AFTER};
use suar_wire::bandwidth::Moments;
use suar_wire::joining::ErrorAnswer;
use suar_wire::{Plan, Purpose, Receipt, push, release};

use super::PushFailure;
use crate::http::{self, Body, HttpError, read_bounded};
use crate::identity::Secret;
use crate::meter::Meter;
use crate::tls::{self, Fingerprint};

/// Longest wait for a push and its receipt: the largest body over 64 kbit/s takes half a minute.
const EXCHANGE_SECONDS_MAX: u64 = 120;
/// Most bytes of a receipt: every second record of the largest push refused.
const RECEIPT_BYTES_MAX: usize = 256 * 1024;
/// Most bytes of a plan.
const PLAN_BYTES_MAX: usize = 64 * 1024;
/// Most bytes of an error answer that are read.
const ERROR_BYTES_MAX: usize = 16 * 1024;
/// Most characters of a text from the other side that reach the log.
const SHOWN_CHARS_MAX: usize = 200;

#[derive(Debug)]
pub struct Client {
    http: http::Client,
    bearer: HeaderValue,
}

/// A receipt and how long it took.
#[derive(Debug)]
pub struct Exchange {
    pub receipt: Receipt,
    pub elapsed: Duration,
}

impl Client {
    pub fn new(
        collector: &str,
        fingerprint: Fingerprint,
        token: &Secret,
        meter: &Meter,
    ) -> Result<Self, HttpError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
            .expect("a token is made of visible ASCII characters");
        bearer.set_sensitive(true);
        Ok(Self { http: http::Client::kept(collector, fingerprint, meter)?, bearer })
    }

    /// Sends a body and waits for its receipt.
    pub async fn push(&self, body: Vec<u8>, packed: bool) -> Result<Exchange, PushFailure> {
        let mut request = Request::post("/v1/push").header(CONTENT_TYPE, push::CONTENT_TYPE);
        if packed {
            request = request.header(CONTENT_ENCODING, "zstd");
        }
        let request = request.body(body.into()).expect("a request of fixed words");
        let started_at = Instant::now();
        let answer = self.ask(Purpose::Push, request, RECEIPT_BYTES_MAX).await?;
        let elapsed = started_at.elapsed();
        let receipt = Receipt::decode(&answer)
            .ok_or_else(|| PushFailure::Answer(format!("{} bytes that are no receipt", answer.len())))?;
        Ok(Exchange { receipt, elapsed })
    }

    /// The plan as the collector has it; not checked yet.
    pub async fn plan(&self) -> Result<Plan, PushFailure> {
        let request = http::get("/v1/plan").map_err(broken)?;
        let answer = self.ask(Purpose::Plan, request, PLAN_BYTES_MAX).await?;
        serde_json::from_slice(&answer).map_err(|error| PushFailure::Answer(format!("not a plan: {error}")))
    }

    /// When to test the line's bandwidth; a collector that is too old to know plans none.
    pub async fn moments(&self) -> Result<Option<Moments>, PushFailure> {
        let request = http::get("/v1/bandwidth").map_err(broken)?;
        let answer = match self.ask(Purpose::Plan, request, PLAN_BYTES_MAX).await {
            Err(PushFailure::Answer(_)) => return Ok(None),
            answer => answer?,
        };
        Ok(serde_json::from_slice(&answer).ok())
    }

    /// Of a program of the agent: its signature.
    pub async fn signature(&self, path: &str) -> Result<Vec<u8>, PushFailure> {
        let request = http::get(path).map_err(broken)?;
        self.ask(Purpose::Update, request, release::SIGNATURE_BYTES_MAX).await
    }

    /// And the piece that begins at this byte, at most so long.
    pub async fn piece(&self, path: &str, from: u64, bytes_max: u64) -> Result<Vec<u8>, PushFailure> {
        let mut request = http::get(path).map_err(broken)?;
        let range = HeaderValue::try_from(format!("bytes={from}-")).expect("numbers are ASCII");
        request.headers_mut().insert(RANGE, range);
        let bytes_max = bytes_max.min(release::PIECE_BYTES) as usize;
        let piece = self.ask(Purpose::Update, request, bytes_max).await?;
        if piece.is_empty() {
            return Err(PushFailure::Answer("a piece of a program without a byte".to_owned()));
        }
        Ok(piece)
    }

    async fn ask(
        &self,
        purpose: Purpose,
        request: Request<Body>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, PushFailure> {
        let limit = Duration::from_secs(EXCHANGE_SECONDS_MAX);
        match tokio::time::timeout(limit, self.answer(purpose, request, bytes_max)).await {
            Ok(answer) => answer,
            Err(_) => Err(broken(HttpError::Timeout)),
        }
    }

    async fn answer(
        &self,
        purpose: Purpose,
        mut request: Request<Body>,
        bytes_max: usize,
    ) -> Result<Vec<u8>, PushFailure> {
        request.headers_mut().insert(AUTHORIZATION, self.bearer.clone());
        let response = self.http.send(purpose, request).await.map_err(broken)?;
        let status = response.status();
        if status.is_success() {
            return read_bounded(response, bytes_max).await.map_err(|error| match error {
                HttpError::TooLarge => PushFailure::Answer(error.to_string()),
                error => broken(error),
            });
        }
        let after_s =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        // Read also so that the connection can be used again.
        if let Ok(body) = read_bounded(response, ERROR_BYTES_MAX).await
            && let Ok(answer) = serde_json::from_slice::<ErrorAnswer>(&body)
        {
            let message: String =
                answer.message.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect();
            tracing::warn!(status = status.as_u16(), message, "the collector answered with an error");
        }
        Err(match status.as_u16() {
            400 => PushFailure::Malformed,
            status @ (401 | 403) => PushFailure::Unauthorized { status },
            413 => PushFailure::TooLarge,
            status @ (408 | 429 | 500..) => PushFailure::Later { status, after_s },
            status => PushFailure::Answer(format!("status {status}")),
        })
    }
}

fn broken(error: HttpError) -> PushFailure {
    if tls::is_wrong_certificate(&error) {
        return PushFailure::WrongCertificate;
    }
    PushFailure::Unreachable(chain(&error))
}

/// An error and its causes in one line.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}
