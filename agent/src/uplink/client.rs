//! The edge of the uplink: HTTP requests to one collector over one kept-alive connection.

use std::error::Error as StdError;
use std::fmt::Write;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use suar_wire::joining::ErrorAnswer;
use suar_wire::{Plan, Receipt, push};

use super::PushFailure;
use crate::identity::Secret;
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
    http: reqwest::Client,
    /// `https://host:port`.
    base: String,
    bearer: HeaderValue,
}

/// A receipt and how long it took.
#[derive(Debug)]
pub struct Exchange {
    pub receipt: Receipt,
    pub elapsed: Duration,
}

impl Client {
    pub fn new(collector: &str, fingerprint: Fingerprint, token: &Secret) -> Result<Self, reqwest::Error> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
            .expect("a token is made of visible ASCII characters");
        bearer.set_sensitive(true);
        Ok(Self { http: tls::http_client(fingerprint)?, base: format!("https://{collector}"), bearer })
    }

    /// Sends a body and waits for its receipt.
    pub async fn push(&self, body: Vec<u8>, packed: bool) -> Result<Exchange, PushFailure> {
        let mut request = self
            .http
            .post(format!("{}/v1/push", self.base))
            .timeout(Duration::from_secs(EXCHANGE_SECONDS_MAX))
            .header(AUTHORIZATION, self.bearer.clone())
            .header(CONTENT_TYPE, push::CONTENT_TYPE);
        if packed {
            request = request.header(CONTENT_ENCODING, "zstd");
        }
        let started_at = Instant::now();
        let answer = self.answer(request.body(body), RECEIPT_BYTES_MAX).await?;
        let elapsed = started_at.elapsed();
        let receipt = Receipt::decode(&answer)
            .ok_or_else(|| PushFailure::Answer(format!("{} bytes that are no receipt", answer.len())))?;
        Ok(Exchange { receipt, elapsed })
    }

    /// The plan as the collector has it; not checked yet.
    pub async fn plan(&self) -> Result<Plan, PushFailure> {
        let request = self
            .http
            .get(format!("{}/v1/plan", self.base))
            .timeout(Duration::from_secs(EXCHANGE_SECONDS_MAX))
            .header(AUTHORIZATION, self.bearer.clone());
        let answer = self.answer(request, PLAN_BYTES_MAX).await?;
        serde_json::from_slice(&answer).map_err(|error| PushFailure::Answer(format!("not a plan: {error}")))
    }

    async fn answer(
        &self,
        request: reqwest::RequestBuilder,
        bytes_max: usize,
    ) -> Result<Vec<u8>, PushFailure> {
        let response = request.send().await.map_err(broken)?;
        let status = response.status();
        if status.is_success() {
            return read_bounded(response, bytes_max).await.map_err(|error| match error {
                BodyError::TooLarge => PushFailure::Answer(error.to_string()),
                BodyError::Broken(error) => broken(error),
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

fn broken(error: reqwest::Error) -> PushFailure {
    if tls::is_wrong_certificate(&error) {
        return PushFailure::WrongCertificate;
    }
    PushFailure::Unreachable(chain(&error.without_url()))
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

/// Why a body could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the answer is longer than it may be")]
    TooLarge,
    #[error(transparent)]
    Broken(reqwest::Error),
}

/// Reads a body of at most `bytes_max` bytes; a longer one is given up on, not held in memory.
pub async fn read_bounded(mut response: reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
