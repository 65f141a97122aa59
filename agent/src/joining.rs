//! Joining: a code that was typed at the office becomes an identity. Once in an agent's life.

use std::path::Path;
use std::time::Duration;

use hyper::Request;
use hyper::header::CONTENT_TYPE;
use suar_wire::identity::SiteCode;
use suar_wire::join_code::JoinCode;
use suar_wire::joining::{ErrorAnswer, JoinAnswer, JoinRefusal, JoinRequest};
use suar_wire::release::Key;
use suar_wire::{Plan, Purpose};

use crate::files;
use crate::http::{Client, HttpError, read_bounded};
use crate::identity::{Identity, IdentityError, write_plan};
use crate::meter::Meter;
use crate::{rejoined, tls};

mod attempt;
mod obstacle;
#[cfg(test)]
mod tests;
mod words;

pub use obstacle::Obstacle;

/// Longest wait for the collector's answer.
const ANSWER_SECONDS_MAX: u64 = 60;
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 32 * 1024;
/// Most characters of a text from the other side that are shown.
const SHOWN_CHARS_MAX: usize = 200;
/// Room that identity and plan need, and a little for the first records.
const ROOM_BYTES: usize = 128 * 1024;

/// What to do with an identity that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Keep,
    Replace,
}

#[derive(Debug, Clone)]
pub struct Joined {
    pub identity: Identity,
    /// The one that was replaced.
    pub before: Option<Identity>,
    pub plan: Plan,
    /// Who signs releases, by the collector's word.
    pub update_key: Option<Key>,
}

/// Why the agent did not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinFailure {
    #[error("this machine has joined already, as {site}")]
    AlreadyJoined { site: SiteCode, asked: SiteCode },
    /// Nobody answered at the code's address.
    #[error("cannot reach the collector at {address}")]
    Unreachable {
        address: String,
        obstacle: Obstacle,
        #[source]
        source: HttpError,
    },
    /// Somebody answered, with another certificate than the code's.
    #[error("what answers at {address} is not the collector of this code")]
    WrongCertificate { address: String },
    #[error("the collector refused the code: {}", .0.label())]
    Refused(JoinRefusal),
    #[error("the collector is busy")]
    Busy,
    /// An answer that is none: another program, or another version.
    #[error("the answer from {address} is not a collector's: {what}")]
    Answer { address: String, what: String },
    /// Before the code was shown to anybody.
    #[error(transparent)]
    Files(#[from] IdentityError),
    /// After the collector had taken it.
    #[error(transparent)]
    FilesAfterwards(IdentityError),
}

/// Shows the code to its collector, and writes identity and plan into `state`, which is made if needed.
///
/// A code may be good for one agent only, therefore everything that can fail here is tried first. What fails after that
/// can be done again here with the same code, for a day.
pub async fn join(code: &JoinCode, state: &Path, existing: Existing) -> Result<Joined, JoinFailure> {
    files::make_directory(state).map_err(|source| IdentityError::Write { path: state.to_owned(), source })?;
    let before = match Identity::read(state) {
        Ok(Some(identity)) if existing == Existing::Keep => {
            return Err(JoinFailure::AlreadyJoined { site: identity.site, asked: code.site.clone() });
        }
        Ok(before) => before,
        // A damaged identity is no reason not to join again.
        Err(IdentityError::Damaged { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(before) = &before {
        rejoined::note(state, before)?;
    }
    files::try_room(state, ROOM_BYTES)
        .map_err(|source| IdentityError::Write { path: state.to_owned(), source })?;
    let number =
        attempt::number(state).map_err(|source| IdentityError::Write { path: state.to_owned(), source })?;
    let answer = ask(code, number).await?;
    let wrong = |what: String| JoinFailure::Answer { address: code.address.clone(), what };
    let mistakes = answer.plan.mistakes();
    if !mistakes.is_empty() {
        return Err(wrong(mistakes.join("; ")));
    }
    let identity = Identity::from_answer(&answer).map_err(wrong)?;
    let key = answer.update_key.as_deref().map(str::parse).transpose();
    let update_key = key.map_err(|fault| wrong(format!("update_key: {fault}")))?;
    write_plan(state, &answer.plan).map_err(JoinFailure::FilesAfterwards)?;
    identity.write(state).map_err(JoinFailure::FilesAfterwards)?;
    attempt::answered(state);
    Ok(Joined { identity, before, plan: answer.plan, update_key })
}

async fn ask(code: &JoinCode, attempt: String) -> Result<JoinAnswer, JoinFailure> {
    let address = || code.address.clone();
    let unreachable = |source: HttpError| {
        if tls::is_wrong_certificate(&source) {
            JoinFailure::WrongCertificate { address: address() }
        } else {
            JoinFailure::Unreachable { address: address(), obstacle: Obstacle::of(&source), source }
        }
    };
    let request = JoinRequest {
        secret: data_encoding::HEXLOWER.encode(&code.secret),
        site: code.site.clone(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        attempt: Some(attempt),
    };
    let body = serde_json::to_vec(&request).expect("a request is plain strings");
    let request = Request::post("/v1/join").header(CONTENT_TYPE, "application/json").body(body.into());
    let request = request.expect("a request of fixed words");
    // Before there is an office's ledger: a few kilobytes that are in none.
    let client = Client::pinned(&code.address, code.fingerprint, &Meter::default()).map_err(unreachable)?;
    let exchange = async {
        let response = client.send(Purpose::Plan, request).await?;
        let status = response.status();
        Ok((status, read_bounded(response, ANSWER_BYTES_MAX).await?))
    };
    let answer = tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS_MAX), exchange).await;
    let (status, body) = answer.unwrap_or(Err(HttpError::Timeout)).map_err(|error| match error {
        HttpError::TooLarge => {
            JoinFailure::Answer { address: address(), what: format!("more than {ANSWER_BYTES_MAX} bytes") }
        }
        error => unreachable(error),
    })?;
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|error| JoinFailure::Answer { address: address(), what: error.to_string() });
    }
    Err(refusal(&address(), status.as_u16(), &body))
}

fn refusal(address: &str, status: u16, body: &[u8]) -> JoinFailure {
    let answer = serde_json::from_slice::<ErrorAnswer>(body).ok();
    let named = answer
        .as_ref()
        .and_then(|answer| JoinRefusal::ALL.iter().find(|refusal| refusal.label() == answer.error));
    match (named, status) {
        (Some(refusal), _) => JoinFailure::Refused(*refusal),
        (None, 429 | 503) => JoinFailure::Busy,
        (None, _) => {
            let message = answer.map(|answer| answer.message).unwrap_or_default();
            // Shown on a terminal: no control characters from the other side.
            let message: String = message.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect();
            JoinFailure::Answer { address: address.to_owned(), what: format!("status {status} {message}") }
        }
    }
}
