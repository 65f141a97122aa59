//! `GET /v1/program/VERSION/TARGET`: a piece of an agent's program, and its signature, for agents.
//!
//! A piece is asked for by `Range: bytes=FROM-`, and no answer is longer than [`PIECE_BYTES`]: an office on a thin
//! line loses no more than that with a line that falls.

use std::io;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use suar_wire::release::{PIECE_BYTES, Release, is_target};

use super::answer::Refusal;
use super::{App, auth};
use crate::programs::Programs;

pub async fn piece(
    State(app): State<Arc<App>>,
    Path((version, target)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let release = asked(&app, &headers, &version, target)?;
    let from = first_byte(&headers).ok_or_else(|| {
        let message = format!("a program comes in pieces of {PIECE_BYTES} bytes: ask with Range: bytes=0-");
        Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", message)
    })?;
    let (piece, whole) = read(&app, move |programs| programs.piece(&release, from)).await?;
    let Some(last) = (from + piece.len() as u64).checked_sub(1).filter(|_| !piece.is_empty()) else {
        let message = format!("the program has {whole} bytes");
        return Err(Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", message));
    };
    let mut response = (StatusCode::PARTIAL_CONTENT, piece).into_response();
    let range = HeaderValue::try_from(format!("bytes {from}-{last}/{whole}")).expect("numbers are ASCII");
    response.headers_mut().insert(header::CONTENT_RANGE, range);
    Ok(response)
}

pub async fn signature(
    State(app): State<Arc<App>>,
    Path((version, target)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<String, Refusal> {
    let release = asked(&app, &headers, &version, target)?;
    read(&app, move |programs| programs.signature(&release)).await
}

/// Which release an agent asks for; nothing of the path reaches the disk unread.
fn asked(app: &App, headers: &HeaderMap, version: &str, target: String) -> Result<Release, Refusal> {
    auth::agent(app, headers).map_err(|(reason, refusal)| {
        app.counters.own().request_refused("program", reason.label());
        refusal
    })?;
    match version.parse() {
        Ok(version) if is_target(&target) => Ok(Release { version, target }),
        _ => Err(no_such()),
    }
}

/// The first byte of `bytes=FROM-` or `bytes=FROM-TO`.
fn first_byte(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?;
    range.split_once('-')?.0.parse().ok()
}

async fn read<T: Send + 'static>(
    app: &App,
    read: impl FnOnce(&Programs) -> io::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let programs = Programs::of(&app.config.data);
    match tokio::task::spawn_blocking(move || read(&programs)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Err(no_such()),
        Ok(Err(error)) => Err(unreadable(&error)),
        Err(error) => Err(unreadable(&error.into())),
    }
}

fn no_such() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "no_such_program", "there is no such program here")
}

fn unreadable(error: &io::Error) -> Refusal {
    tracing::error!(%error, "a program cannot be read");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "store", "the program cannot be read now")
        .retry_after(super::push::BUSY_WAIT)
}
