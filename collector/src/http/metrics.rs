//! `GET /metrics`, for Prometheus. Who may read it is decided by the router that this is merged into.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::board::Board;
use crate::exposition::CONTENT_TYPE;
use crate::wall_clock::now_ms;

pub fn routes(board: Arc<Board>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(board)
}

async fn metrics(State(board): State<Arc<Board>>) -> Response {
    // A page of many thousand sites takes a while to write: not on a thread that serves pushes.
    match tokio::task::spawn_blocking(move || board.metrics(now_ms())).await {
        Ok(page) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
