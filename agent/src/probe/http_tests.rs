//! A server on loopback that says what it is told to.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const KEY: &[u8] = b"key of the online check";
const LIMIT: Duration = Duration::from_secs(3);

/// Answers every request by the function, which gets its first line.
async fn server(answer: impl Fn(&str) -> String + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = vec![0; 4096];
            let bytes = stream.read(&mut request).await.expect("a request");
            let request = String::from_utf8_lossy(&request[..bytes]).into_owned();
            let first = request.lines().next().unwrap_or_default();
            // The client may hang up before it has read everything: that is part of the test.
            let _ = stream.write_all(answer(first).as_bytes()).await;
        }
    });
    address
}

fn page(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn nonce_of(line: &str) -> &str {
    line.split("nonce=").nth(1).and_then(|rest| rest.split([' ', '&']).next()).expect("a nonce")
}

async fn check(answer: impl Fn(&str) -> String + Send + 'static) -> Outcome {
    let url = format!("http://{}/v1/online", server(answer).await);
    online(&Meter::default(), &url, KEY, LIMIT).await.0
}

#[test]
fn the_answer_is_the_hmac_of_rfc_4231() {
    // Test case 2 of RFC 4231.
    assert_eq!(
        answer_to("what do ya want for nothing?", b"Jefe"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
}

#[tokio::test]
async fn the_right_answer_is_online_and_every_other_is_a_portal() {
    assert!(check(|line| page(&answer_to(nonce_of(line), KEY))).await.is_ok());
    assert!(check(|line| page(&format!("{}\n", answer_to(nonce_of(line), KEY)))).await.is_ok());
    let portal = Outcome::Failed(Failure::WrongAnswer);
    assert_eq!(check(|line| page(&answer_to(nonce_of(line), b"another key"))).await, portal);
    assert_eq!(check(|_| page(&answer_to("an old nonce", KEY))).await, portal);
    assert_eq!(check(|_| page("<html>Silakan masuk</html>")).await, portal);
    assert_eq!(check(|_| page(&"x".repeat(BODY_BYTES_MAX + 1))).await, portal);
    assert_eq!(check(|_| "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()).await, portal);
    assert_eq!(check(|_| "no HTTP at all\r\n\r\n".to_owned()).await, portal);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let to = server(|line| page(&answer_to(nonce_of(line), KEY))).await;
    let outcome = check(move |line| {
        let nonce = nonce_of(line);
        format!("HTTP/1.1 302 Found\r\nlocation: http://{to}/?nonce={nonce}\r\ncontent-length: 0\r\n\r\n")
    })
    .await;
    assert_eq!(outcome, Outcome::Failed(Failure::WrongAnswer));
}

#[tokio::test]
async fn a_busy_collector_is_no_portal() {
    let busy = check(|_| "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
    assert_eq!(busy, Outcome::Failed(Failure::Status));
}

#[tokio::test]
async fn a_closed_port_and_a_silent_server_are_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let meter = Meter::default();
    let (refused, nobody) = online(&meter, &format!("http://{closed}/"), KEY, LIMIT).await;
    assert_eq!(nobody, None);
    assert_eq!(refused, Outcome::Failed(Failure::Refused));

    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let (outcome, _) = online(&meter, &url, KEY, Duration::from_millis(50)).await;
    assert_eq!(outcome, Outcome::Failed(Failure::Timeout));
}

#[test]
fn an_address_with_a_question_keeps_it() {
    let halves = ["http://h:1/v1/online", "http://h:1/a?b=c", "http://h:1", "http://h?x", "https://h/"];
    let expect =
        [Some(("h:1", "/v1/online")), Some(("h:1", "/a?b=c")), Some(("h:1", "/")), Some(("h", "/")), None];
    assert_eq!(halves.map(server_and_path), expect);
}
