//! From nothing to a WebSocket: TCP, TLS, and HTTP's upgrade.

use std::io;
use std::time::Duration;

use data_encoding::BASE64;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, HOST, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use suar_wire::Purpose;
use suar_wire::bandwidth::Direction;
use tokio_rustls::TlsConnector;

use super::{Address, Server};
use crate::bandwidth::sender;
use crate::meter::Meter;
use crate::random;
use crate::server::ConnectError;
use crate::tcp::{Connection, Label};

const SUBPROTOCOL: &str = "net.measurementlab.ndt.v7";
/// What RFC 6455 adds to a key before it is hashed.
const KEY_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const AGENT: &str = concat!("suar-agent/", env!("CARGO_PKG_VERSION"), " ndt7");

/// Why there is no test.
#[derive(Debug)]
pub enum Refused {
    /// The name of the server cannot be resolved.
    Name,
    /// Nothing answers there.
    Connect(io::Error),
    Certificate(CertificateFault),
    /// What answers there speaks no TLS.
    Tls,
    /// An answer of HTTP that begins no test.
    Status(StatusCode),
    /// Another kind of server.
    NotNdt7,
    /// Nothing came of it in [`super::HANDSHAKE_TIME_MAX`].
    Timeout,
    /// The system gives no random numbers.
    Random,
}

/// What is wrong with a certificate, as far as somebody at the machine can do something about it.
#[derive(Debug, Clone)]
pub enum CertificateFault {
    UnknownAuthority,
    OtherName,
    /// Not valid now, or this machine's clock is wrong.
    Time,
    Other(CertificateError),
}

impl From<&CertificateError> for CertificateFault {
    fn from(error: &CertificateError) -> Self {
        use CertificateError as Error;
        match error {
            // A bad signature: an authority of the same name with another key, as one that was set up anew.
            Error::UnknownIssuer | Error::BadSignature => Self::UnknownAuthority,
            Error::NotValidForName | Error::NotValidForNameContext { .. } => Self::OtherName,
            Error::Expired | Error::ExpiredContext { .. } => Self::Time,
            Error::NotValidYet | Error::NotValidYetContext { .. } => Self::Time,
            other => Self::Other(other.clone()),
        }
    }
}

impl Refused {
    fn by_tls(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(error)) => Self::Certificate(error.into()),
            _ => Self::Tls,
        }
    }
}

pub async fn open(to: &Server, direction: Direction, meter: &Meter) -> Result<TokioIo<Upgraded>, Refused> {
    let Server { address, trust } = to;
    let connection = connect(address, direction, meter).await?;
    let name = ServerName::try_from(address.server.host.clone());
    let name = name.map_err(|_| Refused::Certificate(CertificateFault::OtherName))?;
    let stream = TlsConnector::from(trust.0.clone()).connect(name, connection).await;
    let stream = stream.map_err(|error| Refused::by_tls(&error))?;
    upgrade(TokioIo::new(stream), address, direction).await
}

async fn connect(address: &Address, direction: Direction, meter: &Meter) -> Result<Connection, Refused> {
    let connection = address.server.connect(meter, &Label::new(Purpose::Bandwidth)).await;
    let connection = connection.map_err(|error| match error {
        ConnectError::Name(_) => Refused::Name,
        ConnectError::Connect(error) => Refused::Connect(error),
    })?;
    if direction == Direction::Upload {
        sender::prepare(connection.stream());
        // What is written and not yet sent when the time is over would cost bytes and say nothing.
        let socket = socket2::SockRef::from(connection.stream());
        socket.set_linger(Some(Duration::ZERO)).map_err(Refused::Connect)?;
    }
    Ok(connection)
}

async fn upgrade<S>(stream: S, address: &Address, direction: Direction) -> Result<TokioIo<Upgraded>, Refused>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut requests, connection) = http1::handshake(stream).await.map_err(|_| Refused::NotNdt7)?;
    // What goes wrong there is told to whoever waits for the answer.
    let driving = tokio::spawn(connection.with_upgrades());
    let key = BASE64.encode(&random::bytes::<16>().map_err(|_| Refused::Random)?);
    let request = request(address, direction, &key)?;
    let upgraded = async {
        let answer = requests.send_request(request).await.map_err(|_| Refused::NotNdt7)?;
        check(&answer, &key)?;
        hyper::upgrade::on(answer).await.map_err(|_| Refused::NotNdt7)
    };
    let upgraded = upgraded.await.inspect_err(|_| driving.abort());
    Ok(TokioIo::new(upgraded?))
}

fn request(address: &Address, direction: Direction, key: &str) -> Result<Request<Empty<Bytes>>, Refused> {
    let request = Request::get(address.path_and_query(direction))
        .header(HOST, &address.authority)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
        .header(USER_AGENT, AGENT);
    request.body(Empty::new()).map_err(|_| Refused::NotNdt7)
}

/// Whether the answer begins the protocol that was asked for, by this key.
fn check<B>(answer: &Response<B>, key: &str) -> Result<(), Refused> {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Refused::Status(answer.status()));
    }
    let said = |name| answer.headers().get(name).map(HeaderValue::as_bytes);
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{KEY_SUFFIX}").as_bytes());
    let takes_key = said(SEC_WEBSOCKET_ACCEPT) == Some(BASE64.encode(hash.as_ref()).as_bytes());
    let takes_protocol = said(SEC_WEBSOCKET_PROTOCOL) == Some(SUBPROTOCOL.as_bytes());
    if takes_key && takes_protocol { Ok(()) } else { Err(Refused::NotNdt7) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_that_takes_key_and_protocol_begins_a_test() {
        // The key and its answer are those of RFC 6455, section 1.3.
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let answer = |status: u16, accept: &str, protocol: &str| {
            let answer = Response::builder()
                .status(status)
                .header(SEC_WEBSOCKET_ACCEPT, accept)
                .header(SEC_WEBSOCKET_PROTOCOL, protocol)
                .body(())
                .expect("an answer");
            check(&answer, key)
        };
        let right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert!(answer(101, right, SUBPROTOCOL).is_ok());
        assert!(matches!(answer(302, right, SUBPROTOCOL), Err(Refused::Status(StatusCode::FOUND))));
        for other in [answer(101, "other", SUBPROTOCOL), answer(101, right, "chat")] {
            assert!(matches!(other, Err(Refused::NotNdt7)), "{other:?}");
        }
    }
}
