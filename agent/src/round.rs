//! One slot's probes, in parallel, each under its deadline; then the verdict.
//!
//! A slot is judged only by packets that were sent inside it. When nothing answers within a second, or a
//! probe fails, everything that was not asked yet is asked at once, and each address is pinged again. That
//! is done only where three seconds are left in the slot; where a slot is too short for it, whatever is
//! needed to explain a failure goes out together with the probe that may fail.

use std::pin::pin;
use std::time::{Duration, Instant};

use suar_wire::record::Round;
use suar_wire::{Echo, Outcome, Plan, Slot};

use crate::probe::echo::{Board, Tally};
use crate::probe::net::Network;
use crate::probe::{TIMEOUT, tcp};
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

    pub fn is_short(&self) -> bool {
        !self.fits(CONFIRM_AFTER + TIMEOUT)
    }
}

/// What the single-answer probes of a round found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answers {
    pub dns: Outcome,
    pub dns_public: Outcome,
    pub online: Outcome,
    pub collector: Outcome,
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
    // Without ICMP the round trip is that of a TCP connection, and a public resolver is the second witness.
    let by_tcp = !by_icmp || tallies.iter().all(Tally::forbidden);
    let asks = Asks { dns_public: due.asks.dns_public || by_tcp, ..due.asks };

    let more_echoes = async {
        if by_icmp {
            prober.ping_more(plan, &tallies, window).await;
        }
    };
    let connect = async { if by_tcp { prober.connect(window).await } else { None } };
    let asking = ask_and_confirm(prober, plan, &network, &board, &tallies, asks, window, by_tcp);
    let ((), connected, answers) = tokio::join!(more_echoes, connect, asking);

    gateway.decided().await;
    for tally in &tallies {
        tally.settled().await;
    }
    finish(prober, plan, slot, &network, &tallies, &gateway, connected, answers)
}

/// The probes that are due, then, in trouble, all others.
#[allow(clippy::too_many_arguments)] // all of one round, used once
async fn ask_and_confirm(
    prober: &Prober,
    plan: &Plan,
    network: &Network,
    board: &Board,
    tallies: &[Tally],
    asks: Asks,
    window: Window,
    by_tcp: bool,
) -> Answers {
    let confirm_at = window.started_at + CONFIRM_AFTER;
    let silent = async {
        // Without ICMP, silence says nothing; a failed probe does.
        !by_tcp && !board.first_reply(tallies, confirm_at).await
    };
    let mut first = pin!(prober.ask(plan, network, asks, window));
    let mut silent = pin!(silent);
    let mut is_silent = None;
    let early = loop {
        tokio::select! {
            answers = &mut first => break Some(answers),
            found = &mut silent, if is_silent.is_none() => {
                is_silent = Some(found);
                if found {
                    break None;
                }
            }
        }
    };
    let trouble = match &early {
        Some(answers) if answers.any_failed() => true,
        Some(_) => match is_silent {
            Some(found) => found,
            None => silent.await,
        },
        None => true,
    };
    let confirm = trouble && window.fits(TIMEOUT);
    let second = async {
        if !confirm {
            return Answers::default();
        }
        let again = prober.ping_all(plan, tallies);
        let rest = prober.ask(plan, network, Asks::ALL.without(asks), window);
        tokio::join!(again, rest).1
    };
    match early {
        Some(answers) => answers.or(second.await),
        None => {
            let (answers, second) = tokio::join!(first, second);
            answers.or(second)
        }
    }
}

#[allow(clippy::too_many_arguments)] // all of one round, used once
fn finish(
    prober: &Prober,
    plan: &Plan,
    slot: Slot,
    network: &Network,
    tallies: &[Tally],
    gateway: &Tally,
    connected: Option<Echo>,
    answers: Answers,
) -> Round {
    let (gateway, gateway_seen) = prober.gateway_outcome(network, gateway.outcome());
    let echoes: Vec<Echo> = plan
        .targets
        .iter()
        .zip(tallies)
        .map(|(target, tally)| tally.echo(*target))
        // An address that nobody tried to ping (ICMP muted) has nothing to tell.
        .filter(|echo| echo.sent > 0 || echo.error.is_some())
        .chain(connected)
        .collect();
    let found = Findings {
        network: network.present,
        gateway,
        gateway_seen,
        echoes: &echoes,
        dns: answers.dns,
        dns_public: answers.dns_public,
        online: answers.online,
        collector: answers.collector,
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

impl Prober {
    async fn connect(&self, window: Window) -> Option<Echo> {
        let limit = TIMEOUT.min(window.left());
        let echo = tcp::probe(self.collector_address(), limit).await;
        let cut = limit < TIMEOUT && echo.received() == 0 && echo.error.is_none();
        (!cut).then_some(echo)
    }
}
