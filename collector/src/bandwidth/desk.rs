//! Takes the raw streams of tests: hears what is wanted, checks who wants it, and runs it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use suar_wire::bandwidth::messages::{
    self, Answer, Bearer, FRAME_BYTES_MAX, Granted, Refused, Request, Ticket,
};
use suar_wire::bandwidth::{Direction, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::datagrams::{Datagrams, Invited};
use super::gauge::Gauge;
use super::quota::{MB, Quota, Reservation};
use super::tickets::{Joined, Tickets};
use super::{Options, paced, streams};
use crate::http::App;
use crate::http::auth;
use crate::secrets;

/// Whoever connects has something to say.
const FIRST_FRAME_TIME_MAX: Duration = Duration::from_secs(20);
/// A frame that is not taken by then has no reader any more.
const SAY_TIME_MAX: Duration = Duration::from_secs(20);
/// No line has a longer round trip; an agent's own word is not trusted beyond that.
const RTT_US_MAX: u64 = 2_000_000;

/// A framed talk over one stream.
#[derive(Debug)]
pub struct Talk {
    stream: TlsStream<TcpStream>,
}

impl Talk {
    /// This machine's address as the other side reached it.
    fn here(&self) -> Option<IpAddr> {
        self.stream.get_ref().0.local_addr().ok().map(|address| address.ip().to_canonical())
    }

    /// `None`: the other side is silent, gone, or says something else.
    pub async fn hear<T: DeserializeOwned>(&mut self, at_most: Duration) -> Option<T> {
        let read = async {
            let length = usize::from(self.stream.read_u16().await.ok()?);
            if length > FRAME_BYTES_MAX {
                return None;
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.ok()?;
            messages::read_body(&body)
        };
        tokio::time::timeout(at_most, read).await.ok()?
    }

    pub async fn say<T: Serialize>(&mut self, message: &T) -> Option<()> {
        let frame = messages::frame(message);
        let write = async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await
        };
        tokio::time::timeout(SAY_TIME_MAX, write).await.ok()?.ok()
    }
}

/// A test as it was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub direction: Direction,
    pub method: Method,
    pub rtt_us: u64,
    /// By the method that was tried before.
    pub spent_bytes: u64,
}

#[derive(Debug)]
pub struct Desk {
    app: Arc<App>,
    options: Options,
    quota: Arc<Quota>,
    tickets: Arc<Tickets>,
    datagrams: Option<Arc<Datagrams>>,
}

impl Desk {
    pub fn new(app: Arc<App>, datagrams: Option<Arc<Datagrams>>) -> Self {
        let options = app.config.bandwidth.clone();
        let quota = Arc::new(Quota::new(options.clone(), Instant::now()));
        Self { app, options, quota, tickets: Arc::default(), datagrams }
    }

    /// One raw stream, to its end.
    pub async fn serve(&self, stream: TlsStream<TcpStream>, peer: IpAddr) {
        let Ok(gauge) = Gauge::on(stream.get_ref().0) else { return };
        let mut talk = Talk { stream };
        match talk.hear(FIRST_FRAME_TIME_MAX).await {
            Some(Request::Open { token, direction, method, rtt_us, spent_bytes }) => {
                let rtt_us = match gauge.look().rtt_min_us {
                    0 => u64::from(rtt_us),
                    known => known,
                };
                let wanted = Wanted { direction, method, rtt_us: rtt_us.min(RTT_US_MAX), spent_bytes };
                self.open(talk, peer, &token, wanted).await;
            }
            Some(Request::Join { ticket, number }) => {
                self.tickets.join(ticket, number, Joined { stream: talk.stream, gauge });
            }
            Some(Request::Round { .. } | Request::Sent(_)) | None => {}
        }
    }

    async fn open(&self, mut talk: Talk, peer: IpAddr, token: &Bearer, wanted: Wanted) {
        let mut reservation = match self.reserve(token, peer) {
            Ok(reservation) => reservation,
            Err(refusal) => return self.refuse(&mut talk, refusal).await,
        };
        let Ok(ticket) = secrets::random().map(Ticket) else { return };
        let rate_bps_max = u64::from(self.options.mbps_max) * MB;
        let granted = Granted {
            ticket,
            udp_port: self.datagrams.as_ref().map(|datagrams| datagrams.port),
            rate_bps_max,
            bytes_max: reservation.bytes_max,
        };
        match (wanted.method, &self.datagrams) {
            (Method::Udp, Some(datagrams)) => {
                let Some(invited) = talk.here().and_then(|at| invite(datagrams, at, ticket)) else {
                    return self.refuse(&mut talk, no_datagrams()).await;
                };
                if talk.say(&Answer::Granted(granted)).await.is_some() {
                    paced::run(wanted.direction, &mut talk, &invited, rate_bps_max, &mut reservation).await;
                }
            }
            (Method::Udp, None) => {
                self.refuse(&mut talk, no_datagrams()).await;
            }
            (Method::Tcp | Method::TcpByProgram, _) => {
                let mut open = self.tickets.open(ticket);
                if talk.say(&Answer::Granted(granted)).await.is_none() {
                    return;
                }
                let measured = streams::run(wanted, rate_bps_max, &mut open, &mut reservation).await;
                if let Some(measured) = measured {
                    talk.say(&Answer::Measured(Box::new(measured))).await;
                }
            }
        }
    }

    async fn refuse(&self, talk: &mut Talk, (reason, refused): Refusal) {
        tracing::debug!(reason, message = refused.message, "a bandwidth test was refused");
        self.app.counters.own().request_refused("bandwidth", reason);
        talk.say(&Answer::Refused(refused)).await;
    }

    fn reserve(&self, token: &Bearer, peer: IpAddr) -> Result<Reservation, Refusal> {
        let agent = auth::agent_by_token(&self.app, &token.0).map_err(|(reason, refusal)| {
            (reason.label(), Refused { for_good: true, message: refusal.message })
        })?;
        self.quota
            .reserve(agent.id, peer.to_canonical(), Instant::now())
            .map_err(|full| (full.label(), Refused { for_good: false, message: full.to_string() }))
    }
}

/// With the stable word by which it is counted.
type Refusal = (&'static str, Refused);

/// Why a test over UDP is not done where there is no port for it.
pub const NO_DATAGRAMS: &str = "no_datagrams";

fn no_datagrams() -> Refusal {
    (NO_DATAGRAMS, Refused { for_good: true, message: "this collector tests over TCP only".to_owned() })
}

fn invite(datagrams: &Arc<Datagrams>, at: IpAddr, ticket: Ticket) -> Option<Invited> {
    let invited = datagrams.invite(at, ticket);
    invited
        .inspect_err(|error| {
            tracing::error!(%error, %at, port = datagrams.port, "no UDP port for bandwidth tests; TCP alone is used");
        })
        .ok()
}
