//! From what the probes of one slot found to up or down with a cause. Pure, and nothing is remembered
//! here but the two results that [`Debounce`] compares.
//!
//! The table that the rules come from is in `docs/method.md`; the tests below hold it row by row.

use suar_wire::{Cause, Echo, EchoError, EchoMethod, Failure, Note, Outcome, Verdict};

/// Everything a verdict rests on. All of it was sent inside the slot.
#[derive(Debug, Clone, Copy)]
pub struct Findings<'a> {
    /// Some interface other than loopback is up and has an address or a route.
    pub network: bool,
    pub gateway: Outcome,
    /// The gateway has answered at least once since the agent started. Some never do (mobile modems,
    /// point-to-point links): then their silence accuses nobody.
    pub gateway_seen: bool,
    pub echoes: &'a [Echo],
    pub dns: Outcome,
    pub dns_public: Outcome,
    pub online: Outcome,
    pub collector: Outcome,
    /// The collector is in a network of this machine: that it answers says nothing about what lies beyond.
    pub collector_near: bool,
    /// The collector's time proves the wall clock wrong.
    pub clock_wrong: bool,
}

/// From here on a wrong clock breaks more than labels: certificates, tickets and one-time codes of others.
const CLOCK_WRONG_MS: u64 = 300_000;

/// Whether a wall clock that is apart from the collector's time by so much, itself known to within `error_ms`, is
/// wrong beyond doubt.
pub fn is_clock_wrong(apart_ms: i64, error_ms: u64) -> bool {
    apart_ms.unsigned_abs().saturating_sub(error_ms) > CLOCK_WRONG_MS
}

pub fn judge(found: &Findings<'_>) -> (Verdict, Note) {
    if is_portal(found) {
        return (Verdict::Down(Cause::CaptivePortal), Note::None);
    }
    if addresses_answer(found) {
        return if resolver_broken(found) {
            (Verdict::Down(Cause::Dns), Note::None)
        } else {
            (Verdict::Up, note(found))
        };
    }
    (Verdict::Down(where_it_stops(found)), Note::None)
}

/// Something answers in the name of others. A wrong answer to the online check is that, unless the pinned
/// collector is reached all the same: then the plan's address is wrong and not the office's link. A wrong
/// certificate, or none, is that only when nothing else answers: a collector that was given a new certificate
/// must not turn every office down.
fn is_portal(found: &Findings<'_>) -> bool {
    if found.collector.is_ok() {
        return false;
    }
    found.online == Outcome::Failed(Failure::WrongAnswer)
        || (!echo_answered(found)
            && !found.online.is_ok()
            && matches!(found.collector, Outcome::Failed(Failure::CertificateWrong | Failure::WrongAnswer)))
}

/// Connections by TCP go to the collector.
fn echo_answered(found: &Findings<'_>) -> bool {
    let counts = |echo: &&Echo| echo.method == EchoMethod::Icmp || !found.collector_near;
    found.echoes.iter().filter(counts).any(|echo| echo.received() > 0)
}

/// The online check and the collector prove who they are, so either is as good as an echo: networks that
/// drop ICMP are not down. Not so a collector that stands beside the agent, as in the agency's own office: it
/// answers whatever the line does. A resolver's answer proves nothing (routers answer for any address from their
/// cache), except where ICMP is refused to us and there is little else to go by.
fn addresses_answer(found: &Findings<'_>) -> bool {
    echo_answered(found)
        || (!found.collector_near && (found.online.is_ok() || found.collector.is_ok()))
        || (icmp_refused(found) && found.dns_public.is_ok())
}

fn icmp_refused(found: &Findings<'_>) -> bool {
    found.echoes.iter().any(|echo| echo.error == Some(EchoError::NoPermission))
}

/// Only when a public resolver answers the same question is the office's own to blame. When both fail, the
/// name itself may be broken or slow at its source: that cannot be told apart, so it is not called down.
fn resolver_broken(found: &Findings<'_>) -> bool {
    found.dns.is_failed() && found.dns_public.is_ok()
}

fn where_it_stops(found: &Findings<'_>) -> Cause {
    match found.gateway {
        _ if !found.network => Cause::NoNetwork,
        Outcome::Failed(_) if found.gateway_seen => Cause::Gateway,
        Outcome::Failed(_) | Outcome::Ok { .. } | Outcome::NotSent => Cause::Internet,
    }
}

/// The most surprising thing first: a wrong clock breaks more than an absent collector, and refused ICMP
/// is usually there for good.
fn note(found: &Findings<'_>) -> Note {
    if found.clock_wrong || found.collector == Outcome::Failed(Failure::CertificateTime) {
        Note::ClockWrong
    } else if found.collector.is_failed() {
        Note::CollectorUnreachable
    } else if !found.echoes.iter().any(|echo| echo.method == EchoMethod::Icmp && echo.received() > 0) {
        Note::IcmpUnavailable
    } else {
        Note::None
    }
}

/// The state that is shown and acted on: it changes after two equal results. Records keep the raw verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Debounce {
    shown: Option<Verdict>,
    last: Option<Verdict>,
}

impl Debounce {
    /// Takes a slot's verdict; returns the state before when the shown state just changed.
    pub fn observe(&mut self, verdict: Verdict) -> Option<Verdict> {
        let twice = self.last.replace(verdict) == Some(verdict);
        match self.shown {
            None => {
                self.shown = Some(verdict);
                None
            }
            Some(before) if twice && before != verdict => self.shown.replace(verdict),
            Some(_) => None,
        }
    }

    pub fn shown(&self) -> Option<Verdict> {
        self.shown
    }
}

#[cfg(test)]
#[path = "verdict/tests.rs"]
mod tests;
