//! HTTP/1.1 to one server over counted connections. Small on purpose: no redirects (another address would
//! have another certificate, and a portal's redirect is a finding, not something to obey), no proxy from the
//! environment (the agent runs as a service, and what a user once set must not decide whether an office is
//! heard), no repeated requests but those of which no byte had left.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use suar_wire::Purpose;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::meter::Meter;
use crate::server::{ConnectError, Server};
use crate::tcp::{Connection, Label};
use crate::tls::{self, Fingerprint};

/// Longest wait for TCP and TLS together; a GEO link takes four round trips of 0.7 s.
pub const CONNECT_SECONDS_MAX: u64 = 20;
/// How long an idle connection is kept: the push after next still finds it with 300 s between pushes.
pub const IDLE_SECONDS_MAX: u64 = 900;
/// Idle time after which the system asks the other side whether it is still there. One small packet
/// between two pushes keeps the mapping in an office router alive; a new handshake costs twenty times that.
pub const KEEPALIVE_SECONDS: u64 = 150;

pub type Body = Full<Bytes>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("{0:?} is no address of a server")]
    Address(String),
    #[error("the name of the server cannot be resolved")]
    Name(#[source] io::Error),
    #[error("no connection")]
    Connect(#[source] io::Error),
    #[error("the connection was not ready in time")]
    ConnectTimeout,
    #[error("no answer")]
    Exchange(#[source] hyper::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("the answer is longer than it may be")]
    TooLarge,
}

impl From<ConnectError> for HttpError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Name(error) => Self::Name(error),
            ConnectError::Connect(error) => Self::Connect(error),
        }
    }
}

/// Where requests go.
#[derive(Debug)]
pub struct Client {
    server: Server,
    /// As requests name it.
    authority: HeaderValue,
    tls: Option<Arc<ClientConfig>>,
    meter: Meter,
    /// Whether connections are kept for the next request.
    keeps: bool,
    kept: Mutex<Option<Kept>>,
    /// The address that was reached last.
    peer: StdMutex<Option<IpAddr>>,
}

#[derive(Debug)]
struct Kept {
    sender: SendRequest<Body>,
    label: Label,
    used_at: Arc<StdMutex<Instant>>,
}

impl Client {
    /// The collector over TLS with the pinned certificate; the connection is kept.
    pub fn kept(collector: &str, fingerprint: Fingerprint, meter: &Meter) -> Result<Self, HttpError> {
        Ok(Self { keeps: true, ..Self::pinned(collector, fingerprint, meter)? })
    }

    /// The same with a new connection for each request.
    pub fn pinned(collector: &str, fingerprint: Fingerprint, meter: &Meter) -> Result<Self, HttpError> {
        let tls = Some(Arc::new(tls::client_config(fingerprint)));
        Self::new(collector, tls, meter)
    }

    /// Without TLS, a new connection for each request.
    pub fn plain(server: &str, meter: &Meter) -> Result<Self, HttpError> {
        Self::new(server, None, meter)
    }

    fn new(server: &str, tls: Option<Arc<ClientConfig>>, meter: &Meter) -> Result<Self, HttpError> {
        let wrong = || HttpError::Address(server.to_owned());
        let authority = HeaderValue::try_from(server).map_err(|_| wrong())?;
        let server = Server::parse(server, if tls.is_some() { 443 } else { 80 }).ok_or_else(wrong)?;
        let (keeps, kept, peer) = (false, Mutex::new(None), StdMutex::new(None));
        Ok(Self { server, authority, tls, meter: meter.clone(), keeps, kept, peer })
    }

    /// Which address of the server the last connection went to; `None` before there was one.
    pub fn peer(&self) -> Option<IpAddr> {
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request and waits for the head of its answer. The caller bounds the time of all of it.
    pub async fn send(
        &self,
        purpose: Purpose,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, HttpError> {
        request.headers_mut().insert(HOST, self.authority.clone());
        let mut kept = self.kept.lock().await;
        if let Some(mut connection) = kept.take() {
            connection.label.set(purpose);
            connection.touch();
            if connection.sender.ready().await.is_ok() {
                match connection.sender.try_send_request(request).await {
                    Ok(response) => {
                        *kept = Some(connection);
                        return Ok(response);
                    }
                    // The server had ended the connection meanwhile: nothing of the request has left.
                    Err(mut error) => match error.take_message() {
                        Some(unsent) => request = unsent,
                        None => return Err(HttpError::Exchange(error.into_error())),
                    },
                }
            }
        }
        let mut connection = self.connect(purpose).await?;
        let response = connection.sender.send_request(request).await.map_err(HttpError::Exchange)?;
        if self.keeps {
            *kept = Some(connection);
        }
        Ok(response)
    }

    async fn connect(&self, purpose: Purpose) -> Result<Kept, HttpError> {
        let label = Label::new(purpose);
        let limit = Duration::from_secs(CONNECT_SECONDS_MAX);
        let stream = match tokio::time::timeout(limit, self.connect_tcp(&label)).await {
            Ok(connected) => connected?,
            Err(_) => return Err(HttpError::ConnectTimeout),
        };
        let used_at = Arc::new(StdMutex::new(Instant::now()));
        let sender = match &self.tls {
            None => shake_hands(stream, &used_at).await?,
            Some(tls) => {
                let host = &self.server.host;
                let name =
                    ServerName::try_from(host.clone()).map_err(|_| HttpError::Address(host.clone()))?;
                let secured = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
                match tokio::time::timeout(limit, secured).await {
                    Ok(stream) => shake_hands(stream.map_err(HttpError::Connect)?, &used_at).await?,
                    Err(_) => return Err(HttpError::ConnectTimeout),
                }
            }
        };
        Ok(Kept { sender, label, used_at })
    }

    async fn connect_tcp(&self, label: &Label) -> Result<Connection, HttpError> {
        let connection = self.server.connect(&self.meter, label).await?;
        let peer = connection.stream().peer_addr().map_err(HttpError::Connect)?;
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(peer.ip());
        if self.keeps {
            let after = Duration::from_secs(KEEPALIVE_SECONDS);
            connection.keep_alive(after).map_err(HttpError::Connect)?;
        }
        Ok(connection)
    }
}

impl Kept {
    fn touch(&self) {
        *self.used_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// Starts HTTP on a connection, and a task that moves its bytes until either side ends it or nobody has used
/// it for too long.
async fn shake_hands<S>(stream: S, used_at: &Arc<StdMutex<Instant>>) -> Result<SendRequest<Body>, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(HttpError::Exchange)?;
    let used_at = Arc::clone(used_at);
    tokio::spawn(async move {
        let mut connection = std::pin::pin!(connection);
        loop {
            let used_at = *used_at.lock().unwrap_or_else(PoisonError::into_inner);
            let idle_until = used_at + Duration::from_secs(IDLE_SECONDS_MAX);
            if Instant::now() >= idle_until {
                return;
            }
            tokio::select! {
                // What went wrong is told to whoever waits for an answer.
                _ = &mut connection => return,
                () = tokio::time::sleep_until(idle_until) => {}
            }
        }
    });
    Ok(sender)
}

/// Reads a body of at most `bytes_max` bytes; a longer one is given up on, not held in memory.
pub async fn read_bounded(response: Response<Incoming>, bytes_max: usize) -> Result<Vec<u8>, HttpError> {
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(HttpError::Exchange)?;
        let Some(chunk) = frame.data_ref() else { continue };
        if body.len() + chunk.len() > bytes_max {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(chunk);
    }
    Ok(body)
}

/// A request without a body.
pub fn get(path: &str) -> Result<Request<Body>, HttpError> {
    Request::get(path).body(Body::default()).map_err(|_| HttpError::Address(path.to_owned()))
}
