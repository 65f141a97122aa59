//! A framed talk with the collector over a raw TLS stream (see [`suar_wire::bandwidth::messages`]).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use suar_wire::Purpose;
use suar_wire::bandwidth::messages::{self, ALPN, Answer, Bearer, FRAME_BYTES_MAX, Granted, Request};
use suar_wire::bandwidth::{Direction, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Failed;
use super::pings::Load;
use crate::http::CONNECT_SECONDS_MAX;
use crate::meter::Meter;
use crate::server::Server;
use crate::tcp::{Connection, Label};

/// A grant is one round trip away.
const GRANT_TIME_MAX: Duration = Duration::from_secs(15);

pub type Stream = TlsStream<Connection>;

/// Opens streams to the collector, for one test.
#[derive(Debug)]
pub struct Dialer {
    pub server: Server,
    pub tls: Arc<ClientConfig>,
    pub token: Bearer,
    pub meter: Meter,
    /// A method says by it when it fills the line.
    pub load: Load,
}

#[derive(Debug)]
pub struct Talk {
    stream: Stream,
}

impl Dialer {
    /// What the test has cost so far, as this machine sees it.
    pub fn spent_bytes(&self) -> u64 {
        let used = self.meter.so_far().get(&Purpose::Bandwidth).copied().unwrap_or_default();
        used.sent.saturating_add(used.received)
    }

    /// A talk, and how long the TCP handshake took: a round trip, in microseconds.
    pub async fn talk(&self) -> Result<(Talk, u32), Failed> {
        let (stream, connect_us) = self.stream().await?;
        Ok((Talk { stream }, connect_us))
    }

    /// A stream on which both sides speak the protocol of tests.
    pub async fn stream(&self) -> Result<(Stream, u32), Failed> {
        let limit = Duration::from_secs(CONNECT_SECONDS_MAX);
        match tokio::time::timeout(limit, self.open()).await {
            Ok(opened) => opened,
            Err(_) => Err(Failed::Unreachable),
        }
    }

    async fn open(&self) -> Result<(Stream, u32), Failed> {
        let name = ServerName::try_from(self.server.host.clone()).map_err(|_| Failed::Unreachable)?;
        let label = Label::new(Purpose::Bandwidth);
        let began_at = Instant::now();
        let connection = self.server.connect(&self.meter, &label).await.map_err(|_| Failed::Unreachable)?;
        let connect_us = u32::try_from(began_at.elapsed().as_micros()).unwrap_or(u32::MAX);
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, connection).await;
        let stream = stream.map_err(|error| {
            if no_such_protocol(&error) { Failed::NotOffered } else { Failed::Unreachable }
        })?;
        // A collector that is older than tests, or a proxy that ends TLS, has not named the protocol.
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err(Failed::NotOffered);
        }
        Ok((stream, connect_us))
    }
}

fn no_such_protocol(error: &io::Error) -> bool {
    use rustls::{AlertDescription, Error};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(inner, Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)))
}

impl Talk {
    /// Asks for a test.
    pub async fn open(
        &mut self,
        dialer: &Dialer,
        direction: Direction,
        method: Method,
        rtt_us: u32,
        spent_bytes: u64,
    ) -> Result<Granted, Failed> {
        let token = dialer.token.clone();
        self.say(&Request::Open { token, direction, method, rtt_us, spent_bytes }).await?;
        match self.hear(GRANT_TIME_MAX).await? {
            Answer::Granted(granted) => Ok(granted),
            Answer::Refused(refused) => {
                tracing::info!(message = refused.message, "the collector refuses a bandwidth test");
                Err(if refused.for_good { Failed::NotOffered } else { Failed::Busy })
            }
            _ => Err(Failed::Protocol),
        }
    }

    pub async fn hear<T: DeserializeOwned>(&mut self, at_most: Duration) -> Result<T, Failed> {
        let read = async {
            let length = usize::from(self.stream.read_u16().await.map_err(|_| Failed::BrokenOff)?);
            if length > FRAME_BYTES_MAX {
                return Err(Failed::Protocol);
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.map_err(|_| Failed::BrokenOff)?;
            messages::read_body(&body).ok_or(Failed::Protocol)
        };
        tokio::time::timeout(at_most, read).await.unwrap_or(Err(Failed::BrokenOff))
    }

    pub async fn say<T: Serialize>(&mut self, message: &T) -> Result<(), Failed> {
        say(&mut self.stream, message).await
    }

    /// Whom this talk is with.
    pub fn peer(&self) -> Result<SocketAddr, Failed> {
        self.stream.get_ref().0.stream().peer_addr().map_err(|_| Failed::BrokenOff)
    }
}

pub async fn say<T: Serialize>(stream: &mut Stream, message: &T) -> Result<(), Failed> {
    let written = async {
        stream.write_all(&messages::frame(message)).await?;
        stream.flush().await
    };
    written.await.map_err(|_: io::Error| Failed::BrokenOff)
}
