//! The JSON interface for readers. Who may read it is decided by the router that this is merged into.
//!
//! ```text
//! GET /api/sites                              every site as it is now
//! GET /api/sites/CODE                         one site with its agents, counters and standing
//! GET /api/islands                            every island with a site, how it stands and why
//! GET /api/coverage?period=&scope=            everything judged of a period
//! GET /api/report?period=&scope=&format=&lang=   the same as md, csv, json, xlsx, html or pdf, in id or en
//! ```
//!
//! Times are milliseconds since 1970 (`_ms`) or seconds (`_s`); ratios are between 0 and 1. What is not
//! known is `null`, never zero. An error is an [`ErrorAnswer`](suar_wire::joining::ErrorAnswer).

mod coverage;
mod error;
mod islands;
mod sites;

use std::sync::Arc;

use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::board::Board;

pub use error::ApiError;

/// Assessments at once: each holds a store reader and one core.
pub const ASSESSMENTS_MAX: usize = 2;

#[derive(Debug, Clone)]
struct Api {
    board: Arc<Board>,
    assessments: Arc<Semaphore>,
}

pub fn routes(board: Arc<Board>) -> Router {
    let api = Api { board, assessments: Arc::new(Semaphore::new(ASSESSMENTS_MAX)) };
    Router::new()
        .route("/api/sites", get(sites::all))
        .route("/api/sites/{code}", get(sites::one))
        .route("/api/islands", get(islands::all))
        .route("/api/coverage", get(coverage::coverage))
        .route("/api/report", get(coverage::report))
        .with_state(api)
}

/// Writes a list of many thousand places where it keeps no push waiting.
async fn aside(
    api: Api,
    list: impl FnOnce(&Board) -> Value + Send + 'static,
) -> Result<Json<Value>, ApiError> {
    let listed = tokio::task::spawn_blocking(move || list(&api.board)).await;
    listed.map(Json).map_err(|error| {
        tracing::error!(%error, "a list could not be written");
        ApiError::Broken
    })
}
