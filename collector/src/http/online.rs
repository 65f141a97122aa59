//! `GET /v1/online?nonce=`: an answer that only this collector can give, so that an agent can tell the
//! internet from something that answers in its name. The HMAC-SHA256 of the nonce's text, in hexadecimal.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use ring::hmac;

use super::App;
use super::answer::Refusal;

/// A nonce is 1 to this many letters or digits: nobody gets to choose what is signed at length.
const NONCE_CHARS_MAX: usize = 64;

#[derive(Debug, serde::Deserialize)]
pub struct Question {
    nonce: Option<String>,
}

pub async fn online(
    State(app): State<Arc<App>>,
    question: Result<Query<Question>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let nonce = question.ok().and_then(|Query(question)| question.nonce).filter(|nonce| {
        (1..=NONCE_CHARS_MAX).contains(&nonce.len()) && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    let Some(nonce) = nonce else {
        let message = format!("nonce is 1 to {NONCE_CHARS_MAX} letters or digits");
        return Refusal::new(StatusCode::BAD_REQUEST, "nonce", message).into_response();
    };
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &app.online_key), nonce.as_bytes());
    // A proxy that keeps the answer would make a dead line look alive.
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, "text/plain")];
    (headers, data_encoding::HEXLOWER.encode(tag.as_ref())).into_response()
}
