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
const ANSWER_BYTES_MAX: usize = 32 * 1024;
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use suar_wire::AgentId;
    use tempfile::TempDir;

    use super::*;
    use crate::identity::read_plan;
    use crate::uplink::tests::server::{Reply, Server};

    fn code(server: &Server) -> JoinCode {
        JoinCode {
            address: server.address.clone(),
            fingerprint: server.fingerprint,
            site: "19.02.02.2009".parse().unwrap(),
            secret: [0xab; 10],
        }
    }

    fn answer() -> JoinAnswer {
        JoinAnswer {
            agent: AgentId([4; 16]),
            token: "correct-horse".to_owned(),
            site: "19.02.02.2009".parse().unwrap(),
            site_name: "Desa \"Contoh\"".to_owned(),
            online_key: "00ff".to_owned(),
            plan: Plan::standard(),
        }
    }

    fn json<T: serde::Serialize>(status: u16, body: &T) -> Reply {
        Reply::Answer(status, "content-type: application/json\r\n", serde_json::to_vec(body).unwrap())
    }

    async fn always(reply: Reply) -> Server {
        Server::start(move |_| reply.clone()).await
    }

    #[tokio::test]
    async fn a_code_becomes_an_identity_and_a_plan() {
        let server = always(json(200, &answer())).await;
        let state = TempDir::new().unwrap();
        let dir = state.path().join("made/if/needed");
        let joined = join(&code(&server), &dir, Existing::Keep).await.unwrap();
        assert_eq!(Identity::read(&dir).unwrap(), Some(joined.identity.clone()));
        assert_eq!(read_plan(&dir).unwrap(), Some(Plan::standard()));
        assert_eq!(joined.identity.token.reveal(), "correct-horse");
        let request = server.requests().remove(0);
        assert!(request.is("post /v1/join http/1.1"), "{}", request.head);
        let request: JoinRequest = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(request.secret, "abababababababababab");

        // A second time nothing is asked, unless that is wanted.
        let failure = join(&code(&server), &dir, Existing::Keep).await.unwrap_err();
        assert!(matches!(failure, JoinFailure::AlreadyJoined { .. }), "{failure:?}");
        assert_eq!(server.requests().len(), 1);
        join(&code(&server), &dir, Existing::Replace).await.unwrap();
        assert_eq!(server.requests().len(), 2);
    }

    #[tokio::test]
    async fn every_refusal_is_told_apart_and_leaves_no_identity() {
        let refusals = Arc::new(Mutex::new(JoinRefusal::ALL.to_vec()));
        let server = Server::start({
            let refusals = Arc::clone(&refusals);
            move |_| {
                let error = refusals.lock().unwrap().remove(0).label().to_owned();
                json(403, &ErrorAnswer { error, message: "no".to_owned() })
            }
        })
        .await;
        let state = TempDir::new().unwrap();
        let mut messages = std::collections::BTreeSet::new();
        for refusal in JoinRefusal::ALL {
            let failure = join(&code(&server), state.path(), Existing::Keep).await.unwrap_err();
            assert!(matches!(failure, JoinFailure::Refused(found) if found == *refusal), "{failure:?}");
            messages.extend([failure.message(Language::Id), failure.message(Language::En)]);
            assert_eq!(Identity::read(state.path()).unwrap(), None);
        }
        assert_eq!(messages.len(), 2 * JoinRefusal::ALL.len());
    }

    #[tokio::test]
    async fn a_stranger_a_dead_address_and_a_busy_collector_are_told_apart() {
        let state = TempDir::new().unwrap();
        let server = always(json(503, &())).await;
        let try_code = async |code: JoinCode| join(&code, state.path(), Existing::Keep).await.unwrap_err();
        assert!(matches!(try_code(code(&server)).await, JoinFailure::Busy));
        let stranger = JoinCode { fingerprint: [1; 16], ..code(&server) };
        assert!(matches!(try_code(stranger).await, JoinFailure::WrongCertificate { .. }));
        assert_eq!(server.requests().len(), 1, "a stranger never sees the secret");
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let dead = JoinCode { address: free, ..code(&server) };
        assert!(matches!(try_code(dead).await, JoinFailure::Unreachable { .. }));
    }

    #[tokio::test]
    async fn answers_that_are_none_are_refused_before_anything_is_written() {
        let replies = [
            Reply::Answer(200, "", b"<html>".to_vec()),
            Reply::Answer(200, "", vec![b' '; ANSWER_BYTES_MAX + 1]),
            json(200, &JoinAnswer { token: "two words".to_owned(), ..answer() }),
            json(200, &JoinAnswer { plan: Plan { targets: vec![], ..Plan::standard() }, ..answer() }),
            Reply::Answer(500, "", b"\x1b[31moops".to_vec()),
        ];
        for reply in replies {
            let server = always(reply).await;
            let state = TempDir::new().unwrap();
            let failure = join(&code(&server), state.path(), Existing::Keep).await.unwrap_err();
            assert!(matches!(failure, JoinFailure::Answer { .. }), "{failure:?}");
            assert!(!format!("{failure:?}").contains("two words"), "{failure:?}");
            assert_eq!(Identity::read(state.path()).unwrap(), None);
        }
    }
}
