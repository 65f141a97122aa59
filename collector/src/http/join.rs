//! `POST /v1/join`: a join code becomes an agent. Each reason for a refusal is told apart, for the person at
//! the office; wrong secrets are slow and few.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use suar_wire::AgentId;
use suar_wire::joining::{ATTEMPT_BYTES, JoinAnswer, JoinRefusal, JoinRequest};
use suar_wire::record::SessionStart;
use tokio::sync::oneshot;

use super::answer::Refusal;
use super::body::BodyError;
use super::{App, Client, body};
use crate::secrets::{self, TokenKind};
use crate::store::joining::{Joined, Joining};
use crate::store::writer::Job;
use crate::wall_clock::now_ms;

/// Failed joins that one address may have in a minute.
pub const FAILED_A_MINUTE: u32 = 20;
const BODY_BYTES_MAX: usize = 4 * 1024;
/// What a wrong code costs whoever tries it.
const WRONG_WAIT: Duration = Duration::from_millis(500);

pub async fn join(
    State(app): State<Arc<App>>,
    Extension(Client(address)): Extension<Client>,
    request: Request,
) -> Response {
    let key = neighbourhood(address);
    let body = request.into_body();
    if let Some(wait) = app.join_rates.is_full(&key, Instant::now()) {
        body::drain(body).await;
        let message = "too many wrong join codes came from this address; wait a minute";
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_often", message).retry_after(wait);
        app.counters.join_answered(refusal.status.as_u16(), refusal.word);
        return refusal.into_response();
    }
    match admit(&app, body).await {
        Ok(answer) => {
            app.counters.join_answered(StatusCode::OK.as_u16(), "ok");
            tracing::info!(agent = %answer.agent, site = %answer.site, "an agent joined");
            Json(answer).into_response()
        }
        Err(refusal) => {
            app.counters.join_answered(refusal.status.as_u16(), refusal.word);
            if refusal.status.is_client_error() {
                // Whether it counts as too often is asked before the next try.
                let _ = app.join_rates.count(key, Instant::now());
                tokio::time::sleep(WRONG_WAIT).await;
            }
            refusal.into_response()
        }
    }
}

/// Whoever has one IPv6 address has the whole /64.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::from(u128::from(address).wrapping_shr(64).wrapping_shl(64).to_be_bytes())
        }
    }
}

async fn admit(app: &App, body: axum::body::Body) -> Result<JoinAnswer, Refusal> {
    let bytes = body::read(body, BODY_BYTES_MAX).await.map_err(|error| match error {
        BodyError::TooLarge => {
            let message = "a join request is a few hundred bytes";
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
        }
        BodyError::Broken => Refusal::new(StatusCode::BAD_REQUEST, "malformed", "the body broke off"),
        BodyError::TooSlow => {
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not arrive in time")
        }
    })?;
    let malformed = |message: String| {
        Refusal::new(StatusCode::BAD_REQUEST, "malformed", format!("no join request: {message}"))
    };
    let request: JoinRequest =
        serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    for text in [&request.agent_version, &request.system] {
        if text.len() > SessionStart::TEXT_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(malformed(format!("texts have at most {} bytes", SessionStart::TEXT_BYTES_MAX)));
        }
    }
    let secret = hexadecimal("secret", &request.secret).map_err(malformed)?;
    let attempt = request.attempt.as_deref().map(|attempt| hexadecimal("attempt", attempt));
    let attempt = attempt.transpose().map_err(malformed)?;
    if attempt.as_ref().is_some_and(|attempt| attempt.len() != ATTEMPT_BYTES) {
        return Err(malformed(format!("the attempt has not {ATTEMPT_BYTES} bytes")));
    }

    let no_random = |error: secrets::NoRandom| {
        tracing::error!(%error, "nobody can join");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "random", error.to_string())
    };
    let token = secrets::new_token(TokenKind::Agent).map_err(no_random)?;
    let joining = Joining {
        secret_hash: secrets::hash(&secret),
        attempt_hash: attempt.map(|attempt| secrets::hash(&attempt)),
        site: request.site.clone(),
        agent: AgentId(secrets::random().map_err(no_random)?),
        token_hash: secrets::hash(token.as_bytes()),
        agent_version: request.agent_version,
        system: request.system,
        now_ms: now_ms(),
    };
    match through_writer(app, joining).await? {
        Joined::Welcome { agent, site_name } => Ok(JoinAnswer {
            agent,
            token,
            // It has joined, whatever comes now; the next receipt names the plan that is right.
            plan: super::plan::of_site(app, &request.site).unwrap_or_else(|error| {
                tracing::error!(site = %request.site, %error, "the plan of a site cannot be made");
                app.plan.clone()
            }),
            site: request.site,
            site_name,
            online_key: data_encoding::HEXLOWER.encode(&app.online_key),
            update_key: app.config.update_key.as_ref().map(|key| key.as_str().to_owned()),
        }),
        Joined::Refused(refusal) => {
            tracing::warn!(site = %request.site, reason = refusal.label(), "a join was refused");
            Err(Refusal::new(StatusCode::FORBIDDEN, refusal.label(), in_words(refusal)))
        }
    }
}

fn hexadecimal(what: &str, text: &str) -> Result<Vec<u8>, String> {
    let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes());
    decoded.map_err(|_| format!("the {what} is not hexadecimal"))
}

async fn through_writer(app: &App, joining: Joining) -> Result<Joined, Refusal> {
    let busy = |message: &str| {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(super::push::BUSY_WAIT)
    };
    let (answer, joined) = oneshot::channel();
    app.jobs
        .try_send(Job::Join(Box::new(joining), answer))
        .map_err(|_| busy("the collector is busy or stopping"))?;
    match joined.await {
        Ok(Ok(joined)) => Ok(joined),
        Ok(Err(error)) => Err(busy(&error.to_string())),
        Err(_) => Err(busy("the collector is stopping")),
    }
}

fn in_words(refusal: JoinRefusal) -> &'static str {
    match refusal {
        JoinRefusal::UnknownCode => "no such join code was made here",
        JoinRefusal::Expired => "this join code has expired; ask for a new one",
        JoinRefusal::UsedUp => "this join code has been used; ask for a new one",
        JoinRefusal::WrongSite => "this join code belongs to another site",
        JoinRefusal::Revoked => "this join code was revoked; ask for a new one",
    }
}
