//! `POST /v1/push`: authenticates, bounds, decodes, hands to the writer, and answers with the receipt only
//! after the records are on disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use suar_wire::push::{BODY_BYTES_MAX, CONTENT_TYPE, RECORDS_MAX, VERSION, decompress};
use suar_wire::{Push, PushError, Receipt};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::App;
use super::answer::Refusal;
use super::auth::{self, Rejection};
use super::body::{self, BodyError};
use crate::ingest::{RejectReason, Submission};
use crate::store::writer::Job;
use crate::wall_clock::now_ms;

/// What an agent is asked to wait when the store has more than it can write.
pub const BUSY_WAIT: Duration = Duration::from_secs(10);
/// `content-type` of receipts in protobuf.
const RECEIPT_CONTENT_TYPE: &str = "application/vnd.suar.receipt";

/// The two forms of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Protobuf,
    /// For debugging; the receipt is JSON then, too.
    Json,
}

pub async fn push(State(app): State<Arc<App>>, request: Request) -> Response {
    // Before the body: that may take its time over a thin line, and this is the anchor for the clock.
    let received_ms = now_ms();
    let (parts, body) = request.into_parts();
    let (form, result) = match Form::of(&parts.headers) {
        Ok(form) => (form, take(&app, &parts.headers, body, form, received_ms).await),
        Err(rejection) => (Form::Protobuf, Err(refuse(body, rejection).await)),
    };
    match (result, form) {
        (Ok(receipt), Form::Protobuf) => {
            app.counters.answered();
            ([(header::CONTENT_TYPE, RECEIPT_CONTENT_TYPE)], receipt.encode()).into_response()
        }
        (Ok(receipt), Form::Json) => {
            app.counters.answered();
            Json(receipt).into_response()
        }
        (Err((reason, refusal)), _) => {
            app.counters.rejected(refusal.status.as_u16(), reason);
            refusal.into_response()
        }
    }
}

async fn take(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    form: Form,
    received_ms: i64,
) -> Result<Receipt, Rejection> {
    let agent = match auth::agent(app, headers) {
        Ok(agent) => agent,
        Err(rejection) => return Err(refuse(body, rejection).await),
    };
    if let Err(wait) = app.push_rates.count(agent.id, Instant::now()) {
        let refusal = rejected(
            RejectReason::TooOften,
            StatusCode::TOO_MANY_REQUESTS,
            format!("at most {} pushes a minute are taken", app.config.limits.pushes_a_minute),
        );
        return Err(refuse(body, (refusal.0, refusal.1.retry_after(wait))).await);
    }
    let bytes = body::read(body, BODY_BYTES_MAX).await.map_err(unreadable)?;
    let push = decode(headers, bytes, form)?;
    if push.agent != agent.id {
        return Err(rejected(
            RejectReason::ForeignAgent,
            StatusCode::FORBIDDEN,
            "the agent id in the push is not that of the token",
        ));
    }
    let room = app.room.take(push.records.len()).ok_or_else(full)?;
    let submission =
        Submission { agent: agent.id, site: agent.site, joined_ms: agent.joined_ms, received_ms, push };
    let (answer, receipt) = oneshot::channel();
    app.jobs.try_send(Job::Push(Box::new(submission), room, answer)).map_err(busy)?;
    match receipt.await {
        Ok(Ok(receipt)) => Ok(receipt),
        Ok(Err(error)) => Err(store_trouble(&error.to_string())),
        Err(_) => Err(store_trouble("the collector is stopping")),
    }
}

/// Reads the rest of a body that is not wanted, so that the client hears why.
async fn refuse(body: Body, rejection: Rejection) -> Rejection {
    body::drain(body).await;
    rejection
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = content_type.and_then(|value| value.split(';').next()).map(str::trim);
        match kind {
            Some(CONTENT_TYPE) => Ok(Self::Protobuf),
            Some("application/json") => Ok(Self::Json),
            _ => Err(rejected(
                RejectReason::ContentType,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("a push has the content type {CONTENT_TYPE} or application/json"),
            )),
        }
    }
}

fn decode(headers: &HeaderMap, bytes: Vec<u8>, form: Form) -> Result<Push, Rejection> {
    let bytes = match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity") => bytes,
        Some(b"zstd") => decompress(&bytes).map_err(undecodable)?,
        Some(_) => {
            return Err(rejected(
                RejectReason::ContentType,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "a push is compressed with zstd or not at all",
            ));
        }
    };
    match form {
        Form::Protobuf => Push::decode(&bytes).map_err(undecodable),
        Form::Json => {
            let push: Push = serde_json::from_slice(&bytes).map_err(|error| {
                rejected(RejectReason::Malformed, StatusCode::BAD_REQUEST, format!("not a push: {error}"))
            })?;
            if push.records.len() > RECORDS_MAX {
                return Err(rejected(
                    RejectReason::TooLarge,
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("at most {RECORDS_MAX} records are taken in a push"),
                ));
            }
            // JSON has no bounds of its own: what the other form cannot carry is not taken here either.
            Push::decode(&push.encode()).map_err(undecodable)
        }
    }
}

fn undecodable(error: PushError) -> Rejection {
    let (reason, status) = match error {
        PushError::Version { .. } => (RejectReason::Version, StatusCode::BAD_REQUEST),
        PushError::TooLarge => (RejectReason::TooLarge, StatusCode::PAYLOAD_TOO_LARGE),
        PushError::Records(suar_wire::columns::ColumnsError::TooMany { .. }) => {
            (RejectReason::TooLarge, StatusCode::PAYLOAD_TOO_LARGE)
        }
        PushError::Protobuf(_) | PushError::Field(_) | PushError::Records(_) | PushError::Zstd(_) => {
            (RejectReason::Malformed, StatusCode::BAD_REQUEST)
        }
    };
    rejected(reason, status, format!("not a push of version {VERSION}: {error}"))
}

fn unreadable(error: BodyError) -> Rejection {
    match error {
        BodyError::TooLarge => rejected(
            RejectReason::TooLarge,
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a push has at most {BODY_BYTES_MAX} bytes"),
        ),
        BodyError::Broken => rejected(RejectReason::Malformed, StatusCode::BAD_REQUEST, "the body broke off"),
        BodyError::TooSlow => {
            rejected(RejectReason::TooSlow, StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
        }
    }
}

fn busy(error: TrySendError<Job>) -> Rejection {
    match error {
        TrySendError::Full(_) => full(),
        TrySendError::Closed(_) => store_trouble("the collector is stopping"),
    }
}

fn full() -> Rejection {
    let message = "more waits for the disk than the collector holds";
    let (reason, refusal) = rejected(RejectReason::QueueFull, StatusCode::SERVICE_UNAVAILABLE, message);
    (reason, refusal.retry_after(BUSY_WAIT))
}

fn store_trouble(message: &str) -> Rejection {
    let (reason, refusal) = rejected(RejectReason::Store, StatusCode::SERVICE_UNAVAILABLE, message);
    (reason, refusal.retry_after(BUSY_WAIT))
}

fn rejected(reason: RejectReason, status: StatusCode, message: impl Into<String>) -> Rejection {
    (reason, Refusal::new(status, reason.label(), message))
}
