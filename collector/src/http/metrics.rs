//! `GET /metrics`, for Prometheus. Who may read it is decided by the router that this is merged into.
//!
//! ```text
//! GET /metrics                    everything
//! GET /metrics?scope=CODE         sites, islands and agents of one regency, district, village, island or site
//! GET /metrics?scope=collector    the collector's own health
//! ```
//!
//! The text format, or OpenMetrics for whoever prefers it; gzip for whoever takes it.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::api::ApiError;
use crate::board::{Board, OWN_SCOPE};
use crate::exposition::Format;
use crate::wall_clock::now_ms;

const OPEN_METRICS: &str = "application/openmetrics-text";

/// Longest code that is repeated in an answer.
const CODE_CHARS_MAX: usize = 60;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricsQuery {
    scope: Option<String>,
}

pub fn routes(board: Arc<Board>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(board)
}

async fn metrics(
    State(board): State<Arc<Board>>,
    query: Result<Query<MetricsQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Query(MetricsQuery { scope }) = query.map_err(|error| ApiError::Request(error.body_text()))?;
    let format = format_for(&headers);
    let zipped = weight(&headers, header::ACCEPT_ENCODING, "gzip") > 0.0;
    // A page of many thousand sites takes a while to write: not on a thread that serves pushes.
    let body = tokio::task::spawn_blocking(move || page(&board, scope.as_deref(), format, zipped)).await;
    let body = body.map_err(|error| {
        tracing::error!(%error, "the metrics page could not be written");
        ApiError::Broken
    })??;
    let head = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept, accept-encoding")];
    let encoding = zipped.then_some([(header::CONTENT_ENCODING, "gzip")]);
    Ok(match encoding {
        Some(encoding) => (head, encoding, body).into_response(),
        None => (head, body).into_response(),
    })
}

fn page(board: &Board, scope: Option<&str>, format: Format, zipped: bool) -> Result<Vec<u8>, ApiError> {
    board.metrics(now_ms(), scope, format, zipped).ok_or_else(|| {
        let code: String = scope.unwrap_or_default().chars().take(CODE_CHARS_MAX).collect();
        ApiError::Request(format!(
            "scope: no regency, district, village, island or site has the code {code:?}; the collector's own \
             health is the scope {OWN_SCOPE}"
        ))
    })
}

/// OpenMetrics where it is wanted at least as much as the plain format.
fn format_for(headers: &HeaderMap) -> Format {
    let open_metrics = weight(headers, header::ACCEPT, OPEN_METRICS);
    if open_metrics > 0.0 && open_metrics >= weight(headers, header::ACCEPT, "text/plain") {
        Format::OpenMetrics
    } else {
        Format::Prometheus
    }
}

/// The largest `q` that a list of preferences (RFC 9110, 12.4.2) gives to `wanted`; 0 when it is not named.
fn weight(headers: &HeaderMap, list: HeaderName, wanted: &str) -> f32 {
    let lists = headers.get_all(list);
    let offers = lists.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    offers
        .filter_map(|offer| {
            let mut parts = offer.split(';').map(str::trim);
            parts.next().filter(|name| name.eq_ignore_ascii_case(wanted))?;
            let mut quality = 1.0;
            for (key, value) in parts.filter_map(|part| part.split_once('=')) {
                match key.trim() {
                    "q" => quality = value.trim().parse().unwrap_or(0.0),
                    // Prometheus names an older version as its second choice; we write 1.0.0 only.
                    "version" if wanted == OPEN_METRICS && value.trim() != "1.0.0" => return None,
                    _ => {}
                }
            }
            Some(quality)
        })
        .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("a header"))])
    }

    #[test]
    fn whoever_prefers_openmetrics_gets_it() {
        for (accept, expected) in [
            // What Prometheus 2.42 and 3 ask.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text; version=1.0.0; q=0.2, text/plain; q=0.9", Format::Prometheus),
            ("application/openmetrics-text; version=0.0.1", Format::Prometheus),
            ("application/openmetrics-text; q=0", Format::Prometheus),
            ("text/html, */*", Format::Prometheus),
            ("", Format::Prometheus),
        ] {
            assert_eq!(format_for(&headers(header::ACCEPT, accept)), expected, "{accept}");
        }
        assert_eq!(format_for(&HeaderMap::new()), Format::Prometheus);
    }

    #[test]
    fn gzip_is_for_whoever_takes_it() {
        for (accept, takes) in
            [("gzip", true), ("br, GZIP;q=0.5", true), ("gzip;q=0", false), ("zstd", false)]
        {
            let found = weight(&headers(header::ACCEPT_ENCODING, accept), header::ACCEPT_ENCODING, "gzip");
            assert_eq!(found > 0.0, takes, "{accept}");
        }
    }
}
