//! Joining against a small real server over TLS.

use std::sync::{Arc, Mutex};

use suar_wire::AgentId;
use tempfile::TempDir;

use super::*;
use crate::identity::read_plan;
use crate::language::Language;
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
        update_key: None,
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
async fn who_asks_again_after_a_lost_answer_shows_the_same_number_and_a_new_one_once_joined() {
    let replies = Arc::new(Mutex::new(vec![json(200, &answer()), json(200, &answer()), Reply::Close]));
    let server = Server::start({
        let replies = Arc::clone(&replies);
        move |_| replies.lock().unwrap().pop().unwrap()
    })
    .await;
    let state = TempDir::new().unwrap();
    let lost = join(&code(&server), state.path(), Existing::Keep).await.unwrap_err();
    assert!(
        matches!(lost, JoinFailure::Unreachable { obstacle: Obstacle::AnswerLost, .. }),
        "the code was sent: {lost:?}"
    );
    join(&code(&server), state.path(), Existing::Keep).await.unwrap();
    join(&code(&server), state.path(), Existing::Replace).await.unwrap();
    let attempt = |request: &crate::uplink::tests::server::Request| {
        let request: JoinRequest = serde_json::from_slice(&request.body).unwrap();
        request.attempt.expect("a number")
    };
    let attempts: Vec<String> = server.requests().iter().map(attempt).collect();
    assert_eq!(attempts.len(), 3);
    assert_eq!(attempts[0], attempts[1], "the same machine, asking again");
    assert_ne!(attempts[1], attempts[2], "it had its answer");
    assert!(!state.path().join("joining").exists(), "nothing is left of an attempt");
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
    let refused = try_code(dead).await;
    assert!(matches!(refused, JoinFailure::Unreachable { obstacle: Obstacle::Refused, .. }), "{refused:?}");
    let stranger = JoinFailure::WrongCertificate { address: "suar.example:443".to_owned() };
    let said = (stranger.message(Language::Id), stranger.message(Language::En));
    assert!(
        said.0.contains("proxy") && said.1.contains("a proxy, a firewall or a virus scanner"),
        "{said:?}"
    );
}

/// Answers whatever comes with these bytes, and then hangs up.
async fn answering(bytes: &'static [u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    address
}

#[tokio::test]
async fn a_proxy_that_wants_to_be_asked_and_a_firewall_that_hangs_up_are_named() {
    let server = always(json(200, &answer())).await;
    let state = TempDir::new().unwrap();
    let try_at = async |address: String| {
        let code = JoinCode { address, ..code(&server) };
        join(&code, state.path(), Existing::Keep).await.unwrap_err()
    };
    let proxy = try_at(answering(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await).await;
    assert!(matches!(proxy, JoinFailure::Unreachable { obstacle: Obstacle::NotTls, .. }), "{proxy:?}");
    assert!(proxy.message(Language::Id).contains("proxy") && proxy.may_be_a_proxy(), "{proxy:?}");
    assert!(proxy.message(Language::En).contains("The agent uses no proxy"), "{proxy:?}");
    let firewall = try_at(answering(b"").await).await;
    assert!(
        matches!(firewall, JoinFailure::Unreachable { obstacle: Obstacle::BrokenOff, .. }),
        "{firewall:?}"
    );
    assert!(firewall.message(Language::En).contains("firewall"), "{firewall:?}");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn each_obstacle_has_a_sentence_of_its_own_that_names_the_address_to_be_allowed() {
    use std::io::ErrorKind;
    let of = |error: HttpError| (Obstacle::of(&error), error);
    let kinds = [
        of(HttpError::Name(ErrorKind::NotFound.into())),
        of(HttpError::Connect(ErrorKind::NetworkUnreachable.into())),
        of(HttpError::Connect(ErrorKind::ConnectionRefused.into())),
        of(HttpError::ConnectTimeout),
        of(HttpError::Connect(ErrorKind::ConnectionReset.into())),
        of(HttpError::Timeout),
        of(HttpError::Address("?".to_owned())),
    ];
    let expected = [
        Obstacle::Name,
        Obstacle::NoNetwork,
        Obstacle::Refused,
        Obstacle::Silent,
        Obstacle::BrokenOff,
        Obstacle::AnswerLost,
        Obstacle::Other,
    ];
    assert_eq!(kinds.each_ref().map(|(obstacle, _)| *obstacle), expected);
    let mut messages = std::collections::BTreeSet::new();
    for (obstacle, source) in kinds {
        let address = "suar.example:8443".to_owned();
        let failure = JoinFailure::Unreachable { address, obstacle, source };
        for language in [Language::Id, Language::En] {
            let said = failure.message(language);
            let allows = matches!(obstacle, Obstacle::Refused | Obstacle::Silent | Obstacle::BrokenOff);
            assert_eq!(said.matches("suar.example:8443").count(), if allows { 2 } else { 1 }, "{said}");
            // A code whose answer was lost is good for this machine alone, and not for ever.
            let promised = said.contains("masih berlaku") || said.contains("still good");
            assert_eq!(promised, obstacle != Obstacle::AnswerLost, "{said}");
            let for_a_day = said.contains("selama satu hari") || said.contains("another day");
            assert_eq!(for_a_day, obstacle == Obstacle::AnswerLost, "{said}");
            messages.insert(said);
        }
    }
    assert_eq!(messages.len(), 2 * expected.len());
}

#[tokio::test]
async fn a_code_for_another_office_is_not_called_done() {
    let server = always(json(200, &answer())).await;
    let state = TempDir::new().unwrap();
    join(&code(&server), state.path(), Existing::Keep).await.unwrap();
    let moved = JoinCode { site: "19.02.03.2001".parse().unwrap(), ..code(&server) };
    let failure = join(&moved, state.path(), Existing::Keep).await.unwrap_err();
    let said = failure.message(Language::En);
    assert!(said.contains("this code is for 19.02.03.2001") && said.contains("--force"), "{said}");
    assert!(failure.message(Language::Id).contains("kode ini untuk 19.02.03.2001"));
    let same = join(&code(&server), state.path(), Existing::Keep).await.unwrap_err();
    assert!(same.message(Language::En).contains("nothing to do"), "{same:?}");
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
