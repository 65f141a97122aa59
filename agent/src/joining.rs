//! Joining: a code that was typed at the office becomes an identity. Once in an agent's life.

use std::path::Path;
use std::time::Duration;

use suar_wire::Plan;
use suar_wire::identity::SiteCode;
use suar_wire::join_code::JoinCode;
use suar_wire::joining::{ErrorAnswer, JoinAnswer, JoinRefusal, JoinRequest};

use crate::identity::{Identity, IdentityError, write_plan};
use crate::language::Language;
use crate::tls;
use crate::uplink::client::{BodyError, read_bounded};

/// Longest wait for the collector's answer.
const ANSWER_SECONDS_MAX: u64 = 60;
/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Most characters of a text from the other side that are shown.
const SHOWN_CHARS_MAX: usize = 200;

/// What to do with an identity that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Keep,
    Replace,
}

#[derive(Debug, Clone)]
pub struct Joined {
    pub identity: Identity,
    pub plan: Plan,
}

/// Why the agent did not join.
#[derive(Debug, thiserror::Error)]
pub enum JoinFailure {
    #[error("this machine has joined already, as {site}")]
    AlreadyJoined { site: SiteCode },
    /// Nobody answered at the code's address.
    #[error("cannot reach the collector at {address}")]
    Unreachable {
        address: String,
        #[source]
        source: reqwest::Error,
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
    #[error(transparent)]
    Files(#[from] IdentityError),
}

/// Shows the code to its collector, and writes identity and plan into `state`, which is made if needed.
///
/// A code may be good for one agent only, therefore everything that can fail here is tried first.
pub async fn join(code: &JoinCode, state: &Path, existing: Existing) -> Result<Joined, JoinFailure> {
    std::fs::create_dir_all(state)
        .map_err(|source| IdentityError::Write { path: state.to_owned(), source })?;
    match Identity::read(state) {
        Ok(Some(identity)) if existing == Existing::Keep => {
            return Err(JoinFailure::AlreadyJoined { site: identity.site });
        }
        // A damaged identity is no reason not to join again.
        Ok(_) | Err(IdentityError::Damaged { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let answer = ask(code).await?;
    let wrong = |what: String| JoinFailure::Answer { address: code.address.clone(), what };
    let mistakes = answer.plan.mistakes();
    if !mistakes.is_empty() {
        return Err(wrong(mistakes.join("; ")));
    }
    let identity = Identity::from_answer(&answer).map_err(wrong)?;
    write_plan(state, &answer.plan)?;
    identity.write(state)?;
    Ok(Joined { identity, plan: answer.plan })
}

async fn ask(code: &JoinCode) -> Result<JoinAnswer, JoinFailure> {
    let address = || code.address.clone();
    let unreachable = |source: reqwest::Error| {
        if tls::is_wrong_certificate(&source) {
            JoinFailure::WrongCertificate { address: address() }
        } else {
            JoinFailure::Unreachable { address: address(), source: source.without_url() }
        }
    };
    let request = JoinRequest {
        secret: data_encoding::HEXLOWER.encode(&code.secret),
        site: code.site.clone(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    };
    let response = tls::http_client(code.fingerprint)
        .map_err(unreachable)?
        .post(format!("https://{}/v1/join", code.address))
        .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
        .json(&request)
        .send()
        .await
        .map_err(unreachable)?;
    let status = response.status();
    let body = read_bounded(response, ANSWER_BYTES_MAX).await.map_err(|error| match error {
        BodyError::TooLarge => {
            JoinFailure::Answer { address: address(), what: format!("more than {ANSWER_BYTES_MAX} bytes") }
        }
        BodyError::Broken(source) => unreachable(source),
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

impl JoinFailure {
    /// What to tell the person who typed the code: what is wrong and what to do.
    pub fn message(&self, language: Language) -> String {
        match language {
            Language::Id => self.indonesian(),
            Language::En => self.english(),
        }
    }

    fn indonesian(&self) -> String {
        match self {
            Self::AlreadyJoined { site } => format!(
                "Komputer ini sudah terdaftar untuk lokasi {site}. Tidak ada yang perlu dilakukan. Untuk mendaftar ulang dengan kode baru, ulangi dengan --force."
            ),
            Self::Unreachable { address, .. } => format!(
                "Server pemantau di {address} tidak dapat dihubungi. Periksa sambungan internet kantor ini, lalu coba lagi; kode masih berlaku."
            ),
            Self::WrongCertificate { address } => format!(
                "Yang menjawab di {address} bukan server pemantau yang membuat kode ini. Mungkin jaringan ini meminta login dulu (portal), atau server sudah diganti. Masuk ke portal lalu coba lagi, atau minta kode baru."
            ),
            Self::Refused(JoinRefusal::UnknownCode) => {
                "Server tidak mengenal kode ini. Periksa setiap huruf, atau minta kode baru kepada pengelola.".to_owned()
            }
            Self::Refused(JoinRefusal::Expired) => {
                "Masa berlaku kode ini sudah habis. Minta kode baru kepada pengelola.".to_owned()
            }
            Self::Refused(JoinRefusal::UsedUp) => {
                "Kode ini sudah dipakai. Setiap komputer memerlukan kode sendiri: minta kode baru kepada pengelola."
                    .to_owned()
            }
            Self::Refused(JoinRefusal::WrongSite) => {
                "Kode ini dibuat untuk lokasi lain. Minta kode untuk lokasi ini kepada pengelola.".to_owned()
            }
            Self::Busy => "Server sedang sibuk. Tunggu satu menit, lalu coba lagi; kode masih berlaku.".to_owned(),
            Self::Answer { address, what } => format!(
                "Jawaban dari {address} tidak dapat dimengerti ({what}). Mungkin versi program ini tidak cocok dengan server; hubungi pengelola."
            ),
            Self::Files(error) => format!(
                "Berkas tidak dapat dibaca atau ditulis: {error}. Jalankan sebagai administrator (sudo), lalu coba lagi."
            ),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::AlreadyJoined { site } => format!(
                "This machine has joined already, for site {site}. There is nothing to do. To join again with a new code, repeat with --force."
            ),
            Self::Unreachable { address, .. } => format!(
                "The collector at {address} cannot be reached. Check this office's internet connection and try again; the code is still good."
            ),
            Self::WrongCertificate { address } => format!(
                "What answers at {address} is not the collector that made this code. Perhaps this network asks for a login first (portal), or the collector was replaced. Log in to the portal and try again, or ask for a new code."
            ),
            Self::Refused(JoinRefusal::UnknownCode) => {
                "The collector does not know this code. Check every letter, or ask the administrator for a new one."
                    .to_owned()
            }
            Self::Refused(JoinRefusal::Expired) => {
                "This code has expired. Ask the administrator for a new one.".to_owned()
            }
            Self::Refused(JoinRefusal::UsedUp) => {
                "This code has been used. Every machine needs its own: ask the administrator for a new one.".to_owned()
            }
            Self::Refused(JoinRefusal::WrongSite) => {
                "This code was made for another site. Ask the administrator for one for this site.".to_owned()
            }
            Self::Busy => "The collector is busy. Wait a minute and try again; the code is still good.".to_owned(),
            Self::Answer { address, what } => format!(
                "The answer from {address} cannot be understood ({what}). Perhaps this program's version does not fit the collector's; ask the administrator."
            ),
            Self::Files(error) => format!(
                "A file cannot be read or written: {error}. Run this as administrator (sudo) and try again."
            ),
        }
    }
}
