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
