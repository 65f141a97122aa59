//! An answer that is not success, as Prometheus' own remote read gives it: a status and plain text, which
//! Prometheus shows to whoever asked.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::history::limits::Over;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    /// The stable word, in metric labels.
    pub word: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(status: StatusCode, word: &'static str, message: impl Into<String>) -> Self {
        Self { status, word, message: message.into() }
    }
}

impl From<Over> for Refusal {
    fn from(over: Over) -> Self {
        let status = match over {
            Over::Time { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, over.label(), over.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        (self.status, kind, format!("{}\n", self.message)).into_response()
    }
}
