//! Who is asking: an agent by its token, a reader by token or address.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::Refusal;
use super::{App, Client, body};
use crate::ingest::RejectReason;
use crate::secrets;
use crate::store::{Agent, Reader, StoreError};

/// Connections for short looks into the store; opened when all are in use, kept up to a bound.
#[derive(Debug)]
pub struct ReaderPool {
    data: PathBuf,
    free: Mutex<Vec<Reader>>,
}

const FREE_MAX: usize = 8;

impl ReaderPool {
    pub fn new(data: PathBuf) -> Self {
        Self { data, free: Mutex::default() }
    }

    /// Where the store is, for whoever opens a reader of its own.
    pub fn data(&self) -> &std::path::Path {
        &self.data
    }

    pub fn with<T>(&self, look: impl FnOnce(&Reader) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = free.map_or_else(|| Reader::open(&self.data), Ok)?;
        let found = look(&reader);
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < FREE_MAX {
            free.push(reader);
        }
        found
    }
}

/// The token of `Authorization: Bearer ...`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Why an agent was not let in.
pub type Rejection = (RejectReason, Refusal);

/// The agent whose token the request carries.
pub fn agent(app: &App, headers: &HeaderMap) -> Result<Agent, Rejection> {
    let token = bearer(headers).ok_or_else(|| {
        refused(RejectReason::NoToken, StatusCode::UNAUTHORIZED, "the request carries no agent token")
    })?;
    agent_by_token(app, token)
}

fn refused(reason: RejectReason, status: StatusCode, message: &str) -> Rejection {
    (reason, Refusal::new(status, reason.label(), message))
}

/// The agent whose token this is.
pub fn agent_by_token(app: &App, token: &str) -> Result<Agent, Rejection> {
    // A short indexed look; handing it to another thread would cost more than it takes.
    let found = app.readers.with(|reader| reader.agent_by_token(&secrets::hash(token.as_bytes())));
    match found {
        Ok(Some(agent)) if agent.revoked_ms.is_some() => {
            Err(refused(RejectReason::Revoked, StatusCode::FORBIDDEN, "this agent was revoked"))
        }
        Ok(Some(agent)) => Ok(agent),
        Ok(None) => Err(refused(
            RejectReason::UnknownToken,
            StatusCode::UNAUTHORIZED,
            "no agent has this token; join again",
        )),
        Err(error) => {
            tracing::error!(%error, "a token could not be looked up");
            let refusal = Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                RejectReason::Store.label(),
                "the store cannot be read now",
            );
            Err((RejectReason::Store, refusal.retry_after(super::push::BUSY_WAIT)))
        }
    }
}

/// Lets readers through to `/metrics` and `/api`.
pub async fn readers_only(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let readers = &app.config.readers;
    let by_address = request
        .extensions()
        .get::<Client>()
        .is_some_and(|Client(address)| readers.addresses.iter().any(|network| network.contains(*address)));
    let token = bearer(request.headers()).map(|token| secrets::hash(token.as_bytes()));
    let by_token = token.is_some_and(|hash| readers.token_hashes.contains(&hash));
    if by_address || by_token {
        return next.run(request).await;
    }
    let refusal = if token.is_some() {
        Refusal::new(StatusCode::FORBIDDEN, "not_a_reader", "this token is no reader's")
    } else {
        Refusal::new(
            StatusCode::UNAUTHORIZED,
            "readers_only",
            "reading takes a reader token or an address that [readers] of the configuration names",
        )
    };
    app.counters.own().request_refused("reading", refusal.word);
    body::drain(request.into_body()).await;
    refusal.into_response()
}
