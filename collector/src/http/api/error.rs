//! What can go wrong for a reader, as an answer.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use suar_wire::joining::ErrorAnswer;

use crate::assessment::AssessError;
use crate::store::StoreError;

/// Seconds after which to ask again.
const BUSY_RETRY_S: &str = "10";

#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The request names something wrong; the sentence says what would be right.
    #[error("{0}")]
    Request(String),
    #[error("{0}")]
    NotFound(String),
    #[error("other reports are being made; ask again in {BUSY_RETRY_S} seconds")]
    Busy,
    /// Our trouble; the log has the chain.
    #[error("the collector could not read its store; its log says why")]
    Store(#[from] StoreError),
    #[error("the collector failed to answer; its log says why")]
    Broken,
}

impl From<AssessError<StoreError>> for ApiError {
    fn from(error: AssessError<StoreError>) -> Self {
        match error {
            AssessError::Store(error) => Self::Store(error),
            AssessError::Period(_) | AssessError::Scope { .. } => Self::Request(error.to_string()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, word) = match &self {
            Self::Request(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Store(error) => {
                tracing::error!(%error, "a reader's request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "store")
            }
            Self::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "broken"),
        };
        let body = Json(ErrorAnswer { error: word.to_owned(), message: self.to_string() });
        if matches!(self, Self::Busy) {
            return (status, [(header::RETRY_AFTER, BUSY_RETRY_S)], body).into_response();
        }
        (status, body).into_response()
    }
}
