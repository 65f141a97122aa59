//! The probes with what they need (sockets, clients, the collector's address) and what they learn from
//! round to round: whether the gateway ever answered, whether ICMP comes through at all.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use suar_wire::{Echo, EchoMethod, Failure, Outcome, Plan, Purpose, Verdict};

use super::{Answers, Asks, SPACING_MAX, Window, cut_short};
use crate::http::{Client, HttpError};
use crate::meter::Meter;
use crate::probe::dns::{Answer, Scope};
use crate::probe::echo::{Echoer, Host, Tally};
use crate::probe::net::{Neighbour, Network, System};
use crate::probe::{TIMEOUT, dns, http, tcp};
use crate::tls::Fingerprint;

/// Rounds in a row in which the link was up and no echo came back, after which ICMP is taken to be blocked
/// on the way and TCP is measured instead.
const MUTED_AFTER: u32 = 3;
/// While ICMP is taken to be blocked, it is tried again in every round whose number this divides.
const MUTED_RETRY_EVERY: u64 = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Learned {
    /// The gateway that the next two are about.
    gateway: Option<Host>,
    gateway_seen: bool,
    /// It answers pings: then its silence is silence, whatever the neighbour table still says.
    gateway_echoes: bool,
    rounds_muted: u32,
    /// Where the plan's name lies, as the public resolver said it last.
    name_scope: Option<Scope>,
}

#[derive(Debug)]
pub struct Prober {
    echoer: Echoer,
    system: System,
    pinned: Client,
    meter: Meter,
    collector: String,
    online_key: Vec<u8>,
    /// Asked instead of the system's resolvers, in tests.
    resolver: Option<SocketAddr>,
    learned: Mutex<Learned>,
}

impl Prober {
    /// `online_key` is the key itself, not its hexadecimal form.
    pub fn new(
        collector: &str,
        fingerprint: Fingerprint,
        online_key: Vec<u8>,
        meter: &Meter,
    ) -> Result<Self, HttpError> {
        Ok(Self {
            echoer: Echoer::new(meter),
            system: System::default(),
            pinned: Client::pinned(collector, fingerprint, meter)?,
            meter: meter.clone(),
            collector: collector.to_owned(),
            online_key,
            resolver: None,
            learned: Mutex::default(),
        })
    }

    #[cfg(all(test, target_os = "linux"))]
    pub fn with_system(self, system: System, resolver: SocketAddr) -> Self {
        Self { system, resolver: Some(resolver), ..self }
    }

    pub fn look(&self) -> Network {
        let mut network = self.system.look();
        if let Some(resolver) = self.resolver {
            network.resolvers = vec![resolver];
        }
        network
    }

    /// A round trip to the collector by TCP.
    pub async fn connect(&self, limit: Duration) -> Echo {
        tcp::probe(&self.meter, &self.collector, limit).await
    }

    fn learn<R>(&self, act: impl FnOnce(&mut Learned) -> R) -> R {
        act(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One echo to each target.
    pub async fn ping_all(&self, plan: &Plan, tallies: &[Tally]) {
        for (target, tally) in plan.targets.iter().zip(tallies) {
            self.echoer.send(Purpose::Echo, (*target).into(), tally).await;
        }
    }

    /// The echoes after the first, spaced so that all leave inside the slot.
    pub async fn ping_more(&self, plan: &Plan, tallies: &[Tally], window: Window) {
        let more = u32::from(plan.echoes.saturating_sub(1));
        let spacing = SPACING_MAX.min(window.left() / (more + 2));
        for number in 1..=more {
            tokio::time::sleep_until((window.started_at + spacing * number).into()).await;
            // A timer that fired late must not push packets into the next slot.
            if Instant::now() >= window.ends_at {
                return;
            }
            self.ping_all(plan, tallies).await;
        }
    }

    pub async fn ping_gateway(&self, network: &Network, tally: &Tally) {
        if let Some(gateway) = network.gateway {
            self.echoer.send(Purpose::Gateway, gateway, tally).await;
        }
    }

    /// What is known of the gateway after a packet to it, and whether it has ever answered.
    pub fn gateway_outcome(&self, network: &Network, echo: Outcome) -> (Outcome, bool) {
        let Some(gateway) = network.gateway else { return (Outcome::NotSent, false) };
        self.learn(|learned| {
            if learned.gateway != Some(gateway) {
                *learned = Learned {
                    gateway: Some(gateway),
                    gateway_seen: false,
                    gateway_echoes: false,
                    ..*learned
                };
            }
            let outcome = if echo.is_ok() {
                learned.gateway_echoes = true;
                echo
            } else if !learned.gateway_echoes && self.system.neighbour(gateway.address) == Neighbour::Complete
            {
                // There, but mute: no time was measured, which 0 stands for.
                Outcome::Ok { elapsed_us: 0 }
            } else {
                echo
            };
            learned.gateway_seen |= outcome.is_ok();
            (outcome, learned.gateway_seen)
        })
    }

    pub fn icmp_is_muted(&self, round: u64) -> bool {
        self.learn(|learned| learned.rounds_muted) >= MUTED_AFTER && !round.is_multiple_of(MUTED_RETRY_EVERY)
    }

    /// Learns from a finished round whether ICMP comes through.
    pub fn remember(&self, verdict: Verdict, echoes: &[Echo]) {
        let mut by_icmp =
            echoes.iter().filter(|echo| echo.method == EchoMethod::Icmp && echo.sent > 0).peekable();
        if by_icmp.peek().is_none() {
            return;
        }
        let answered = by_icmp.any(|echo| echo.received() > 0);
        self.learn(|learned| {
            if answered {
                learned.rounds_muted = 0;
            } else if verdict.is_up() {
                learned.rounds_muted = learned.rounds_muted.saturating_add(1);
            }
        });
    }

    pub async fn ask(&self, plan: &Plan, network: &Network, asks: Asks, window: Window) -> Answers {
        let limit = TIMEOUT.min(window.left());
        let dns = async {
            match asks.dns {
                true => Some(self.system_resolver(plan, network, window).await),
                false => None,
            }
        };
        let dns_public = async {
            if !asks.dns_public {
                return None;
            }
            let resolver = SocketAddr::new(plan.public_resolver, dns::PORT);
            let answer = dns::probe(&self.meter, resolver, &plan.dns_name, window.ends_at).await;
            if let Ok(answer) = answer {
                self.learn(|learned| learned.name_scope = Some(answer.scope));
            }
            Some(answer)
        };
        let online = async {
            match plan.online_url.as_deref().filter(|_| asks.online && !self.online_key.is_empty()) {
                Some(url) => {
                    let (outcome, peer) = http::online(&self.meter, url, &self.online_key, limit).await;
                    (cut_short(outcome, limit), peer)
                }
                None => (Outcome::NotSent, None),
            }
        };
        let collector = async {
            if !asks.collector {
                return (Outcome::NotSent, None);
            }
            (cut_short(http::collector(&self.pinned, limit).await, limit), self.pinned.peer())
        };
        let (dns, dns_public, (online, online_peer), (collector, collector_peer)) =
            tokio::join!(dns, dns_public, online, collector);
        let dns = dns.map(|answer| self.unless_lie(answer));
        let mut peers = [online_peer, collector_peer].into_iter().flatten();
        Answers {
            dns: outcome(dns),
            dns_public: outcome(dns_public),
            online,
            collector,
            collector_near: peers.any(|peer| !network.is_beyond(peer)),
        }
    }

    /// A local address for a name that has a public one is the answer of a portal or a filter. Names of an
    /// intranet have local addresses rightly, and then the public resolver does not know better.
    fn unless_lie(&self, answer: Result<Answer, Failure>) -> Result<Answer, Failure> {
        let is_public = || self.learn(|learned| learned.name_scope) == Some(Scope::Public);
        match answer {
            Ok(Answer { scope: Scope::Local, .. }) if is_public() => Err(Failure::WrongAnswer),
            answer => answer,
        }
    }

    /// All of the system's resolvers at once; the first right answer counts, as it does for the office's
    /// programs, only that they wait longer for it.
    async fn system_resolver(
        &self,
        plan: &Plan,
        network: &Network,
        window: Window,
    ) -> Result<Answer, Failure> {
        let mut asked = tokio::task::JoinSet::new();
        for resolver in &network.resolvers {
            let (resolver, name, until) = (*resolver, plan.dns_name.clone(), window.ends_at);
            let meter = self.meter.clone();
            asked.spawn(async move { dns::probe(&meter, resolver, &name, until).await });
        }
        // A machine that knows no resolver cannot even ask.
        let mut failed = Err(Failure::Local);
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failed = Err(failure),
                Err(error) => tracing::error!(%error, "a DNS probe broke off"),
            }
        }
        failed
    }
}

fn outcome(answer: Option<Result<Answer, Failure>>) -> Outcome {
    match answer {
        None => Outcome::NotSent,
        Some(Ok(answer)) => Outcome::Ok { elapsed_us: answer.elapsed_us },
        Some(Err(failure)) => Outcome::Failed(failure),
    }
}
