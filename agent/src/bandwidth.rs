//! Bandwidth tests from the office's side: one direction of the line, now, within bounds of bytes and time.
//!
//! [`Tester`] runs them and makes records. [`memory`] holds what earlier tests of a line found, [`choice`]
//! takes the method from it, [`streams`] and [`paced`] are the two methods, [`pings`] tell what the line's queue
//! does meanwhile. Whether and when to test at all is decided elsewhere.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use serde::Serialize;
use suar_wire::bandwidth::messages::{ALPN, Bearer};
use suar_wire::bandwidth::{Bandwidth, Congestion, Direction, Method, TestEnd};
use suar_wire::{Plan, Purpose};

use crate::config::Config;
use crate::identity::Identity;
use crate::meter::{Bytes, Meter};
use crate::probe::net::System;
use crate::server::Server;
use crate::tls;

mod choice;
pub mod guard;
pub mod handed_in;
mod lock;
pub mod memory;
pub mod ndt7;
mod paced;
mod pings;
#[cfg_attr(target_os = "linux", path = "bandwidth/sender_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "bandwidth/sender_elsewhere.rs")]
mod sender;
mod streams;
mod talk;
mod traffic;

use memory::Known;
use pings::{Load, Pings};
use talk::{Dialer, Talk};

/// Longest test of one direction: handshakes, rounds and waits over the worst line that is known.
const TEST_TIME_MAX: Duration = Duration::from_secs(75);

/// What tests need of the agent.
#[derive(Debug, Clone)]
pub struct Tester {
    server: Server,
    tls: Arc<ClientConfig>,
    token: Bearer,
    targets: Vec<IpAddr>,
    meter: Meter,
}

/// What came of one direction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tested {
    pub record: Bandwidth,
    pub course: Course,
    /// What this machine sent and received for it; in the meter already.
    #[serde(skip)]
    pub used: Bytes,
}

/// Whether a test makes room for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Courtesy {
    /// It is not begun while the machine uses the line.
    Yields,
    /// Somebody asked for it.
    Insists,
}

/// How the test went, for a picture.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Course {
    #[default]
    Nothing,
    /// Bits a second in steps of [`suar_wire::bandwidth::plateau::COURSE_US`].
    Steps(Vec<u64>),
    Rounds(Vec<RoundSeen>),
}

/// One paced round: what was sent and what arrived, bits a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RoundSeen {
    pub sent_bps: u64,
    pub arrived_bps: Option<u64>,
}

/// A method's finding.
#[derive(Debug, Clone, PartialEq)]
struct Finding {
    method: Method,
    congestion: Option<Congestion>,
    rate_bps: u64,
    converged: bool,
    burst_bps: Option<u64>,
    loss_permille: Option<u32>,
    looks_policed: bool,
    /// What the other side knows to have been spent and this one does not see: lost packets.
    unseen_bytes: u64,
    course: Course,
}

/// Why there is no finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Failed {
    #[error("the collector does no tests")]
    NotOffered,
    #[error("the collector is busy with other tests")]
    Busy,
    #[error("the collector cannot be reached")]
    Unreachable,
    #[error("the line broke off")]
    BrokenOff,
    #[error("no datagrams come through")]
    UdpBlocked,
    #[error("what answers does not keep to the protocol")]
    Protocol,
}

impl From<Failed> for TestEnd {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotOffered => Self::SkippedNotOffered,
            Failed::Busy => Self::SkippedBusy,
            Failed::Unreachable => Self::FailedUnreachable,
            Failed::BrokenOff => Self::FailedBrokenOff,
            Failed::UdpBlocked => Self::FailedUdpBlocked,
            Failed::Protocol => Self::FailedProtocol,
        }
    }
}

impl Tester {
    /// `None`: the configured collector is no address of a server, which its own reader says better.
    pub fn new(config: &Config, identity: &Identity, plan: &Plan, meter: &Meter) -> Option<Self> {
        let mut tls = tls::client_config(config.fingerprint);
        tls.alpn_protocols = vec![ALPN.to_vec()];
        Some(Self {
            server: Server::parse(&config.collector, 443)?,
            tls: Arc::new(tls),
            token: Bearer(identity.token.reveal().to_owned()),
            targets: plan.targets.clone(),
            meter: meter.clone(),
        })
    }

    /// Tests the directions one after the other, each told as it ends. `None`: another test of this machine is
    /// under way.
    pub async fn run(
        &self,
        state: &Path,
        directions: &[Direction],
        courtesy: Courtesy,
        mut tell: impl FnMut(&Tested),
    ) -> io::Result<Option<Vec<Tested>>> {
        let Some(_lock) = lock::take(state)? else { return Ok(None) };
        let gateway = gateway();
        let mut memory = memory::read(state);
        let rest = self.look().await;
        let mut all = Vec::new();
        for &direction in directions {
            let mut known = memory.known(gateway, direction);
            let yields = courtesy == Courtesy::Yields && guard::is_in_use(rest.cross, direction, &known);
            let tested = match yields {
                true => left_alone(direction, &rest, &known),
                false => self.test(direction, &rest, &mut known).await,
            };
            memory.keep(gateway, direction, known);
            tell(&tested);
            all.push(tested);
        }
        memory::write(state, &memory)?;
        Ok(Some(all))
    }

    /// About what tests of both directions cost, by what is known of this line.
    pub fn expected_bytes(&self, state: &Path) -> u64 {
        let (memory, gateway) = (memory::read(state), gateway());
        let of = |direction: &Direction| guard::expected_bytes(&memory.known(gateway, *direction));
        Direction::ALL.iter().map(of).sum()
    }

    /// Looks at the line at rest: round trips, and what else goes over the machine's interfaces.
    async fn look(&self) -> Rest {
        let before = traffic::Look::now().await;
        let pings = Pings::at_rest(&self.targets, &self.meter).await;
        let after = traffic::Look::now().await;
        Rest { pings, cross: before.zip(after).map(|(before, after)| after.since(&before)) }
    }

    /// Tests one direction. What it finds goes into `known` too.
    async fn test(&self, direction: Direction, rest: &Rest, known: &mut Known) -> Tested {
        let meter = self.meter.part();
        let dialer = Dialer {
            server: self.server.clone(),
            tls: Arc::clone(&self.tls),
            token: self.token.clone(),
            meter: meter.clone(),
            load: Load::default(),
        };
        let prior_bps = known.prior_bps();
        let began_at = Instant::now();
        let loaded = rest.pings.go_on(dialer.load.clone(), &meter);
        let found = tokio::time::timeout(TEST_TIME_MAX, find(&dialer, direction, rest, known)).await;
        let elapsed = began_at.elapsed();
        let loaded_rtt_us = loaded.end(&dialer.load).await;
        let found = found.unwrap_or(Err(Failed::BrokenOff)).and_then(|finding| match finding.rate_bps {
            // The line died before anything could be said of it.
            0 => Err(Failed::BrokenOff),
            _ => Ok(finding),
        });
        let used = meter.so_far().get(&Purpose::Bandwidth).copied().unwrap_or_default();
        let end = match &found {
            Ok(finding) if finding.converged => TestEnd::Measured,
            Ok(_) => TestEnd::Unsteady,
            Err(failed) => (*failed).into(),
        };
        let mut record = Bandwidth {
            bytes: used.sent.saturating_add(used.received),
            elapsed_ms: u32::try_from(elapsed.as_millis()).unwrap_or(u32::MAX),
            prior_bps,
            cross_bps: rest.cross.map(|cross| cross.of(direction)),
            idle_rtt_us: rest.pings.rtt_us(),
            loaded_rtt_us,
            ..Bandwidth::without_rate(direction, end)
        };
        let Ok(finding) = found else { return Tested { record, course: Course::Nothing, used } };
        record.method = Some(finding.method);
        record.congestion = finding.congestion;
        record.rate_bps = Some(finding.rate_bps);
        record.bytes = record.bytes.saturating_add(finding.unseen_bytes);
        record.burst_bps = finding.burst_bps;
        record.loss_permille = finding.loss_permille;
        known.learn(finding.rate_bps);
        Tested { record, course: finding.course, used }
    }
}

/// Which line this is.
fn gateway() -> Option<IpAddr> {
    System::default().look().gateway.map(|gateway| gateway.address)
}

/// The office was using the line itself.
fn left_alone(direction: Direction, rest: &Rest, known: &Known) -> Tested {
    let record = Bandwidth {
        prior_bps: known.prior_bps(),
        cross_bps: rest.cross.map(|cross| cross.of(direction)),
        idle_rtt_us: rest.pings.rtt_us(),
        ..Bandwidth::without_rate(direction, TestEnd::SkippedCrossTraffic)
    };
    Tested { record, course: Course::Nothing, used: Bytes::default() }
}

/// The line before a test.
#[derive(Debug)]
struct Rest {
    pings: Pings,
    cross: Option<traffic::Cross>,
}

/// Finds the rate. What broke off while the line still carries echoes is begun once more: the talk of a test waits ever
/// longer for what a run of losses took, and then gives up.
async fn find(
    dialer: &Dialer,
    direction: Direction,
    rest: &Rest,
    known: &mut Known,
) -> Result<Finding, Failed> {
    let first = attempt(dialer, direction, rest, known).await;
    if !matches!(first, Err(Failed::BrokenOff)) {
        return first;
    }
    dialer.load.set(false);
    if !rest.pings.still_answered(&dialer.meter).await {
        return first;
    }
    attempt(dialer, direction, rest, known).await
}

/// Takes the method that suits the line, and the other one where the first cannot be believed.
async fn attempt(
    dialer: &Dialer,
    direction: Direction,
    rest: &Rest,
    known: &mut Known,
) -> Result<Finding, Failed> {
    let (talk, connect_us) = dialer.talk().await?;
    // A lost SYN is repeated after a second: such a time says nothing of the line.
    let rtt_us = rest.pings.rtt_us().map_or(connect_us, |ping_us| ping_us.min(connect_us));
    if !choice::is_by_udp(direction, rtt_us, known) {
        return by_tcp(dialer, talk, direction, rtt_us, 0, known).await;
    }
    let paced = match paced::run(dialer, talk, direction, rtt_us, known.prior_bps()).await {
        Ok(finding) if finding.looks_policed && known.must_compare() => Some(finding),
        Err(Failed::UdpBlocked | Failed::NotOffered) => {
            known.udp_failed();
            None
        }
        // What remains is an answer, for better or worse.
        other => return other,
    };
    let (talk, _) = dialer.talk().await?;
    let lost_bytes = paced.as_ref().map_or(0, |paced| paced.unseen_bytes);
    let other = by_tcp(dialer, talk, direction, rtt_us, lost_bytes, known).await;
    let Some(paced) = paced else { return other };
    Ok(choice::compared(paced, other.ok(), known))
}

async fn by_tcp(
    dialer: &Dialer,
    talk: Talk,
    direction: Direction,
    rtt_us: u32,
    lost_bytes: u64,
    known: &mut Known,
) -> Result<Finding, Failed> {
    let spent_bytes = dialer.spent_bytes().saturating_add(lost_bytes);
    let mut finding = streams::run(dialer, talk, direction, rtt_us, spent_bytes, known.prior_bps()).await?;
    finding.unseen_bytes = finding.unseen_bytes.saturating_add(lost_bytes);
    if !finding.converged {
        known.tcp_was_unsteady();
    }
    Ok(finding)
}
