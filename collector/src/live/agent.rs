//! One agent's newest readings and the state that is shown for it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use suar_wire::bandwidth::{Bandwidth, Direction};
use suar_wire::outcome::EchoMethod;
use suar_wire::record::{Attachment, Health, Round};
use suar_wire::{Body, DataUse, Month, Note, Outcome, PlanFault, PlanRefused, Verdict};

use super::{Accepted, Timed};

/// Two verdicts further apart than this many slots do not confirm each other.
const CONFIRM_WITHIN_SLOTS: i64 = 3;

/// The probes with a single answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    Gateway,
    Dns,
    DnsPublic,
    Online,
    Collector,
}

impl ProbeKind {
    pub const ALL: [Self; 5] = [Self::Gateway, Self::Dns, Self::DnsPublic, Self::Online, Self::Collector];

    /// The stable name, as in metric labels and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Dns => "dns",
            Self::DnsPublic => "dns_public",
            Self::Online => "online",
            Self::Collector => "collector",
        }
    }

    fn outcome(self, round: &Round) -> Outcome {
        match self {
            Self::Gateway => round.gateway,
            Self::Dns => round.dns,
            Self::DnsPublic => round.dns_public,
            Self::Online => round.online,
            Self::Collector => round.collector,
        }
    }
}

/// A value with the repaired time of its measuring, milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<T> {
    pub at_ms: i64,
    pub value: T,
}

/// A round trip to one target, and how it was measured: methods are never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rtt {
    pub method: EchoMethod,
    pub rtt_us: u32,
}

/// What is known of one agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentLive {
    /// When its newest push arrived, by our clock.
    pub heard_ms: i64,
    /// Part of the silence since then that is ours, not the agent's.
    excused_ms: i64,
    pub plan_version: u32,
    /// The agent's wall clock minus ours at its newest push.
    pub clock_offset_ms: Option<i64>,
    /// The newest round, whatever is shown.
    pub newest: Option<Reading<(Verdict, Note)>>,
    /// The debounced verdict.
    pub shown: Option<Verdict>,
    /// Slots as wide as the newest round's, milliseconds.
    slot_ms: i64,
    /// Targets that answered in the newest round.
    pub rtts: BTreeMap<IpAddr, Rtt>,
    /// The newest outcome of each probe that was sent at all.
    pub probes: BTreeMap<ProbeKind, Reading<Outcome>>,
    /// The newest bandwidth test of each direction that found a rate.
    pub rates: BTreeMap<Direction, Reading<Bandwidth>>,
    pub health: Option<Reading<Health>>,
    /// What its machine hangs on, from the newest look that told it.
    pub attachment: Option<Reading<Attachment>>,
    /// When it was last heard to work by another plan than before, or by the one that it is to; 0 before that.
    /// What it refused earlier is over.
    plan_agreed_ms: i64,
    /// The newest plan that it could not use.
    refused: Option<Reading<PlanRefused>>,
    /// What it has used of a month, and how far it saves.
    pub data: Option<Reading<DataUse>>,
    /// Version of the agent, and its system.
    pub program: Option<Reading<(String, String)>>,
}

impl AgentLive {
    pub(super) fn new(heard_ms: i64) -> Self {
        Self {
            heard_ms,
            excused_ms: 0,
            plan_version: 0,
            clock_offset_ms: None,
            newest: None,
            shown: None,
            slot_ms: 0,
            rtts: BTreeMap::new(),
            probes: BTreeMap::new(),
            rates: BTreeMap::new(),
            health: None,
            attachment: None,
            plan_agreed_ms: 0,
            refused: None,
            data: None,
            program: None,
        }
    }

    /// When it last measured the link, by repaired time.
    pub fn measured_ms(&self) -> Option<i64> {
        self.newest.as_ref().map(|newest| newest.at_ms)
    }

    /// The plan that it was given and does not work by, or not in all.
    pub fn refused(&self) -> Option<&PlanRefused> {
        let stands = |refused: &&Reading<PlanRefused>| match refused.value.fault {
            // The rest of that plan is in force.
            PlanFault::Program => refused.value.version == self.plan_version,
            PlanFault::Unreadable | PlanFault::Mistakes => refused.at_ms > self.plan_agreed_ms,
        };
        self.refused.as_ref().filter(stands).map(|refused| &refused.value)
    }

    /// `silent_after_ms` is that of an agent that does all that its plan says; one that saves data pushes less often.
    pub fn is_silent(&self, now_ms: i64, silent_after_ms: i64) -> bool {
        let saving = self.data.as_ref().map_or(1, |data| data.value.step.push_factor());
        now_ms - self.unheard_since_ms() > silent_after_ms * i64::from(saving)
    }

    /// Since when nothing was heard of it, without the time in which nobody could be heard.
    pub fn unheard_since_ms(&self) -> i64 {
        self.heard_ms + self.excused_ms
    }

    /// What it has used of a month, if that is the newest that it told of.
    pub fn data_of(&self, month: Month) -> Option<&DataUse> {
        self.data.as_ref().map(|data| &data.value).filter(|data| data.month == month)
    }

    pub(super) fn excuse_ms(&mut self, ours_ms: i64) {
        self.excused_ms = ours_ms;
    }

    pub(super) fn apply(&mut self, accepted: &Accepted, now_ms: i64) {
        self.heard_ms = self.heard_ms.max(now_ms);
        self.excused_ms = 0;
        let has_changed = self.plan_version > 0 && self.plan_version != accepted.plan_version;
        if has_changed || accepted.plan_is_right {
            self.plan_agreed_ms = now_ms;
        }
        self.plan_version = accepted.plan_version;
        if accepted.clock_offset_ms.is_some() {
            self.clock_offset_ms = accepted.clock_offset_ms;
        }
        // A push may bring its records in any order; two equal verdicts count in the order of measuring.
        let mut in_time: Vec<&Timed> = accepted.records.iter().collect();
        in_time.sort_by_key(|timed| timed.at_ms);
        for Timed { at_ms, record } in in_time {
            match &record.body {
                Body::Round(round) => self.take_round(*at_ms, round),
                Body::Health(health) => {
                    take_newer(&mut self.health, *at_ms, || (**health).clone());
                    if let Some(attachment) = health.attachment {
                        take_newer(&mut self.attachment, *at_ms, || attachment);
                    }
                }
                Body::SessionStart(start) => {
                    take_newer(&mut self.program, *at_ms, || {
                        (start.agent_version.clone(), start.system.clone())
                    });
                }
                Body::Bandwidth(test) => self.take_test(*at_ms, test),
                Body::PlanRefused(refused) => take_newer(&mut self.refused, *at_ms, || refused.clone()),
                // The end of a month and the beginning of the next are told in one moment.
                Body::DataUse(data) if self.data.as_ref().is_none_or(|known| *at_ms >= known.at_ms) => {
                    self.data = Some(Reading { at_ms: *at_ms, value: data.clone() });
                }
                Body::DataUse(_)
                | Body::SessionEnd(_)
                | Body::Gap(_)
                | Body::Dropped(_)
                | Body::ClockStep(_)
                | Body::Unknown(_) => {}
            }
        }
    }

    /// A test without a rate leaves the last rate standing.
    fn take_test(&mut self, at_ms: i64, test: &Bandwidth) {
        let known = self.rates.get(&test.direction);
        if test.end.is_measured() && known.is_none_or(|known| at_ms > known.at_ms) {
            self.rates.insert(test.direction, Reading { at_ms, value: test.clone() });
        }
    }

    fn take_round(&mut self, at_ms: i64, round: &Round) {
        if self.newest.as_ref().is_some_and(|newest| at_ms <= newest.at_ms) {
            return;
        }
        self.slot_ms = round.slot.width.millis();
        self.shown = Some(self.debounced(at_ms, round.verdict));
        self.newest = Some(Reading { at_ms, value: (round.verdict, round.note) });
        self.rtts = round
            .echoes
            .iter()
            .filter_map(|echo| {
                let rtt_us = *echo.rtt_us.iter().min()?;
                Some((echo.target, Rtt { method: echo.method, rtt_us }))
            })
            .collect();
        for kind in ProbeKind::ALL {
            let outcome = kind.outcome(round);
            if outcome != Outcome::NotSent {
                self.probes.insert(kind, Reading { at_ms, value: outcome });
            }
        }
    }

    /// The shown verdict changes between up and down when two neighbouring rounds agree; which cause is
    /// shown follows the newest of the two. The first verdict of all is shown at once.
    fn debounced(&self, at_ms: i64, verdict: Verdict) -> Verdict {
        let (Some(shown), Some(newest)) = (self.shown, &self.newest) else { return verdict };
        let before = newest.value.0;
        let neighbours = at_ms - newest.at_ms <= CONFIRM_WITHIN_SLOTS * self.slot_ms;
        let agrees = neighbours && before.is_up() == verdict.is_up();
        // A cause that flickers between rounds of one outage must not flicker on the wall.
        let new_cause = shown.is_up() != verdict.is_up() || before == verdict;
        if agrees && new_cause { verdict } else { shown }
    }
}

fn take_newer<T>(known: &mut Option<Reading<T>>, at_ms: i64, value: impl FnOnce() -> T) {
    if known.as_ref().is_none_or(|known| at_ms > known.at_ms) {
        *known = Some(Reading { at_ms, value: value() });
    }
}
