//! One slot's probes, in parallel, each under its deadline; then the verdict.
//!
//! A slot is judged only by packets that were sent inside it. When nothing answers within a second, or a
//! probe fails, everything that was not asked yet is asked at once, and each address is pinged again. That
//! is done only where three seconds are left in the slot; where a slot is too short for it, whatever is
//! needed to explain a failure goes out together with the probe that may fail.

use std::pin::pin;
use std::time::{Duration, Instant};

use suar_wire::record::Round;
use suar_wire::{Echo, EchoMethod, Outcome, Plan, Slot};

use crate::probe::TIMEOUT;
use crate::probe::echo::{Board, Tally};
use crate::probe::net::Network;
use crate::verdict::{Findings, judge};

mod due;
mod prober;

pub use due::{Asks, Due, Worries};
pub use prober::Prober;

/// Silence after which the confirmation is sent. Twice the round trip of a geostationary link is 1.3 s, so
/// such a link pays for a few needless confirmations and is never judged by them alone.
const CONFIRM_AFTER: Duration = Duration::from_secs(1);
/// Longest space between the echoes to one address.
const SPACING_MAX: Duration = Duration::from_millis(250);

/// The part of the slot in which packets may leave, by the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub started_at: Instant,
    pub ends_at: Instant,
}

impl Window {
    pub fn left(&self) -> Duration {
        self.ends_at.saturating_duration_since(Instant::now())
    }

    /// Time for a whole probe, so that even what a connection sends late is sent inside the slot.
    fn fits(&self, needed: Duration) -> bool {
        self.left() >= needed
    }

    /// No time for a question that fails and then for the one that explains it, with some to spare: a busy
    /// machine is late.
    pub fn is_short(&self) -> bool {
        !self.fits(TIMEOUT + TIMEOUT + CONFIRM_AFTER)
    }
}

/// What the single-answer probes of a round found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    pub dns: Outcome,
    pub dns_public: Outcome,
    pub online: Outcome,
    pub collector: Outcome,
    /// Whoever answered for the collector is in a network of this machine.
    pub collector_near: bool,
}

impl Answers {
    fn any_failed(&self) -> bool {
        [self.dns, self.dns_public, self.online, self.collector].into_iter().any(Outcome::is_failed)
    }

    /// What the confirmation asked again does not replace what is known.
    fn or(self, later: Self) -> Self {
        let first = |one: Outcome, other: Outcome| if one == Outcome::NotSent { other } else { one };
        Self {
            dns: first(self.dns, later.dns),
            dns_public: first(self.dns_public, later.dns_public),
            online: first(self.online, later.online),
            collector: first(self.collector, later.collector),
            collector_near: self.collector_near || later.collector_near,
        }
    }
}

/// Does the slot's round. Takes up to [`crate::probe::echo::LATE_WINDOW`] after the last packet.
pub async fn run(prober: &Prober, plan: &Plan, slot: Slot, window: Window, due: Due) -> Round {
    let network = prober.look();
    let board = Board::default();
    let tallies: Vec<Tally> = plan.targets.iter().map(|_| Tally::on(&board)).collect();
    let gateway = Tally::on(&board);

    let by_icmp = !prober.icmp_is_muted(due.number);
    if by_icmp {
        prober.ping_all(plan, &tallies).await;
    }
    prober.ping_gateway(&network, &gateway).await;
    // Without ICMP the round trip is that of a TCP connection; where there is no time to ask more after that
    // fails, a public resolver is the second witness.
    let by_tcp = !by_icmp || tallies.iter().all(Tally::forbidden);
    let asks = Asks { dns_public: due.asks.dns_public || (by_tcp && window.is_short()), ..due.asks };

    let more_echoes = async {
        if by_icmp {
            prober.ping_more(plan, &tallies, window).await;
        }
    };
    let scene = Scene { prober, plan, network: &network, tallies: &tallies, window };
    let ((), (answers, connected)) = tokio::join!(more_echoes, ask_and_confirm(scene, &board, asks, by_tcp));

    gateway.decided().await;
    // Now, and not when the last late reply has been waited for: a gateway that came back since was not there.
    let gateway = prober.gateway_outcome(&network, gateway.outcome());
    for tally in &tallies {
        tally.settled().await;
    }
    finish(scene, slot, gateway, connected, answers, due.clock_wrong)
}

/// What one round is about, for its steps.
#[derive(Clone, Copy)]
struct Scene<'r> {
    prober: &'r Prober,
    plan: &'r Plan,
    network: &'r Network,
    /// One for each target, in the plan's order.
    tallies: &'r [Tally],
    window: Window,
}

/// The probes that are due, then, in trouble, all others. Trouble is a failed probe, or silence.
async fn ask_and_confirm(
    scene: Scene<'_>,
    board: &Board,
    asks: Asks,
    by_tcp: bool,
) -> (Answers, Option<Echo>) {
    let Scene { prober, plan, network, tallies, window } = scene;
    let confirm_at = window.started_at + CONFIRM_AFTER;
    let silence = async {
        if by_tcp {
            let connected = connect(prober, window).await;
            (connected.as_ref().is_none_or(|echo| echo.received() == 0), connected)
        } else {
            (!board.first_reply(tallies, confirm_at).await, None)
        }
    };
    let mut first = pin!(prober.ask(plan, network, asks, window));
    let mut silence = pin!(silence);
    let (mut answers, mut heard) = (None, None);
    let trouble = loop {
        match (&answers, &heard) {
            (_, Some((true, _))) => break true,
            (Some(answers), _) if Answers::any_failed(answers) => break true,
            (Some(_), Some((false, _))) => break false,
            _ => {}
        }
        tokio::select! {
            found = &mut first, if answers.is_none() => answers = Some(found),
            found = &mut silence, if heard.is_none() => heard = Some(found),
        }
    };
    let confirm = async {
        if trouble && window.fits(TIMEOUT) {
            let again = prober.ping_all(plan, tallies);
            let rest = prober.ask(plan, network, Asks::ALL.without(asks), window);
            tokio::join!(again, rest).1
        } else {
            Answers::default()
        }
    };
    let rest_of_first = async {
        match answers {
            Some(answers) => answers,
            None => first.await,
        }
    };
    let rest_of_silence = async {
        match heard {
            Some((_, connected)) => connected,
            None => silence.await.1,
        }
    };
    let (first, second, connected) = tokio::join!(rest_of_first, confirm, rest_of_silence);
    (first.or(second), connected)
}

fn finish(
    scene: Scene<'_>,
    slot: Slot,
    (gateway, gateway_seen): (Outcome, bool),
    connected: Option<Echo>,
    answers: Answers,
    clock_wrong: bool,
) -> Round {
    let Scene { prober, plan, network, tallies, .. } = scene;
    let echoes: Vec<Echo> = plan
        .targets
        .iter()
        .zip(tallies)
        .map(|(target, tally)| tally.echo(*target))
        // An address that nobody tried to ping (ICMP muted) has nothing to tell.
        .filter(|echo| echo.sent > 0 || echo.error.is_some())
        .chain(connected)
        .collect();
    let tcp_peer = echoes.iter().find(|echo| echo.method == EchoMethod::TcpConnect && echo.received() > 0);
    let found = Findings {
        network: network.present,
        gateway,
        gateway_seen,
        echoes: &echoes,
        dns: answers.dns,
        dns_public: answers.dns_public,
        online: answers.online,
        collector: answers.collector,
        collector_near: answers.collector_near
            || tcp_peer.is_some_and(|echo| !network.is_beyond(echo.target)),
        clock_wrong,
    };
    let (verdict, note) = judge(&found);
    prober.remember(verdict, &echoes);
    Round {
        slot,
        verdict,
        note,
        gateway,
        dns: answers.dns,
        dns_public: answers.dns_public,
        online: answers.online,
        collector: answers.collector,
        echoes,
    }
}

/// A connection that the end of the slot cut short was not looked at long enough to say anything.
fn cut_short(outcome: Outcome, limit: Duration) -> Outcome {
    match outcome {
        Outcome::Failed(suar_wire::Failure::Timeout) if limit < TIMEOUT => Outcome::NotSent,
        outcome => outcome,
    }
}

async fn connect(prober: &Prober, window: Window) -> Option<Echo> {
    let limit = TIMEOUT.min(window.left());
    let echo = prober.connect(limit).await;
    let cut = limit < TIMEOUT && echo.received() == 0 && echo.error.is_none();
    (!cut).then_some(echo)
}

#[cfg(all(test, target_os = "linux"))]
#[path = "round/tests.rs"]
mod tests;
