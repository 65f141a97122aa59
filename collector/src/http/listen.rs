//! Accepts connections: bounded in number, with deadlines for the handshake, the first request and every
//! later one, and an orderly end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use suar_wire::bandwidth::messages;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::Client;
use crate::bandwidth::Desk;
use crate::ingest::{ConnectionFate, IngestCounters};

/// A handshake over a satellite takes three round trips of 0.7 s.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(15);
/// Whoever connects has something to say.
const FIRST_REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// After the last request: how long answers may take before connections are cut.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);
/// Wait after a failed accept (too many open files): at once would be a busy loop.
const ACCEPT_FAILED_WAIT: Duration = Duration::from_millis(200);
const HEADERS_MAX: usize = 64;
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    options: Options,
}

#[derive(Clone)]
pub struct Options {
    /// `None` is plain HTTP.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    pub router: Router,
    /// Takes the raw streams of bandwidth tests; plain connections never are one.
    pub tests: Option<Arc<Desk>>,
    pub counters: Arc<IngestCounters>,
    pub connections_max: usize,
    /// How long a kept-alive connection may be silent: longer than agents are between pushes.
    pub idle_time_max: Duration,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("connections_max", &self.connections_max).finish_non_exhaustive()
    }
}

impl Listener {
    /// The error names the address: the port may be taken.
    pub async fn bind(address: SocketAddr, options: Options) -> anyhow::Result<Self> {
        let tcp = TcpListener::bind(address).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
                "{address} is taken by another program; stop it or choose another port in [listen]"
            ),
            _ => anyhow::anyhow!("cannot listen on {address}: {error}"),
        })?;
        Ok(Self { tcp, options })
    }

    pub fn take_tests(&mut self, desk: Arc<Desk>) {
        self.options.tests = Some(desk);
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until `stop` turns true, then lets running requests end.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        let permits = Arc::new(Semaphore::new(self.options.connections_max));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_FAILED_WAIT).await;
                    continue;
                }
            };
            // At the bound a connection is closed at once: the agent backs off and comes again.
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
                self.options.counters.connection(ConnectionFate::Full);
                continue;
            };
            let (options, stop) = (self.options.clone(), stop.clone());
            connections.spawn(async move {
                connection(stream, peer, options, stop).await;
                drop(permit);
            });
        }
        drop(self.tcp);
        let ending = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIME_MAX, ending).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, options: Options, stop: watch::Receiver<bool>) {
    // Receipts are small and waited for.
    let _ = stream.set_nodelay(true);
    let client = Client(peer.ip());
    let Some(tls) = options.tls.clone() else {
        return requests(stream, client, options, stop).await;
    };
    match tokio::time::timeout(HANDSHAKE_TIME_MAX, TlsAcceptor::from(tls).accept(stream)).await {
        Ok(Ok(stream)) => match options.tests.clone() {
            Some(desk) if stream.get_ref().1.alpn_protocol() == Some(messages::ALPN) => {
                options.counters.connection(ConnectionFate::Served);
                desk.serve(stream, peer.ip()).await;
            }
            _ => requests(stream, client, options, stop).await,
        },
        Ok(Err(error)) => {
            options.counters.connection(ConnectionFate::HandshakeFailed);
            tracing::debug!(%peer, %error, "a handshake failed");
        }
        Err(_) => {
            options.counters.connection(ConnectionFate::HandshakeTooSlow);
            tracing::debug!(%peer, "a handshake took too long");
        }
    }
}

async fn requests<S>(stream: S, client: Client, options: Options, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let (router, asked) = (options.router.clone(), Arc::clone(&asked));
        let counters = Arc::clone(&options.counters);
        move |request: Request<Incoming>| {
            if !asked.swap(true, Ordering::Relaxed) {
                counters.connection(ConnectionFate::Served);
            }
            let router = router.clone();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(client);
            async move {
                Ok::<Response<Body>, Infallible>(
                    router.oneshot(request).await.unwrap_or_else(|never| match never {}),
                )
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.idle_time_max)
        .max_headers(HEADERS_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let first_request_by = tokio::time::Instant::now() + FIRST_REQUEST_TIME_MAX;
    let mut stopping = false;
    loop {
        tokio::select! {
            // What went wrong is the client's affair: it sees its connection end.
            _ = connection.as_mut() => break,
            () = tokio::time::sleep_until(first_request_by), if !asked.load(Ordering::Relaxed) => {
                if !asked.load(Ordering::Relaxed) {
                    break;
                }
            }
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
    if !asked.load(Ordering::Relaxed) {
        options.counters.connection(ConnectionFate::NoRequest);
    }
}
