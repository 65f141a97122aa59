//! What is known of every site at this moment: up, down with its cause, silent, or never heard; the newest
//! readings; running counters.
//!
//! Pure state: `now_ms` is an argument, nothing is read or written. Late data (older than the newest that
//! is known of its agent) grows counters and changes nothing else, so a backlog never alerts anybody.
//! Nothing here knows metric names, SQL or HTTP.

mod agent;
mod counters;
mod site;

use std::collections::BTreeMap;
use std::sync::Arc;

use suar_wire::{AgentId, Cause, Record, SiteCode, Verdict};

pub use agent::{AgentLive, ProbeKind, Reading, Rtt};
pub use counters::{Counters, Hours};
pub use site::SiteLive;

/// An agent that was not heard for this many push intervals is silent.
pub const SILENT_AFTER_PUSHES: i64 = 3;

/// A record with the time it got from clock repair.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// Repaired time of measuring, milliseconds since 1970.
    pub at_ms: i64,
    pub record: Record,
}

/// One push after ingest: what was new in it. An empty list still says that the agent was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    pub site: SiteCode,
    pub agent: AgentId,
    /// The plan the agent works by; 0 when that is not known.
    pub plan_version: u32,
    /// That is the plan which the collector has for it now.
    pub plan_is_right: bool,
    /// The agent's wall clock minus ours at this push; `None` when it was not measured.
    pub clock_offset_ms: Option<i64>,
    /// Carried here in a file: grows counters and is no sign that the agent is heard.
    pub carried: bool,
    /// New records only, in any order: neither refused nor set aside nor known before.
    pub records: Vec<Timed>,
}

/// What the store knows of an agent when the collector starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    pub accepted: Accepted,
    /// When the agent's newest push arrived.
    pub heard_ms: i64,
    /// Version and system that it told when it joined or later.
    pub program: (String, String),
}

/// What is shown for a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Up,
    Down(Cause),
    /// No agent was heard for three push intervals. Says nothing about the link.
    Silent,
    /// No agent of this site has ever told a verdict.
    NeverHeard,
}

impl State {
    pub const LABELS: [&'static str; 4] = ["up", "down", "silent", "never_heard"];

    /// The stable name, as in metric labels and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down(_) => "down",
            Self::Silent => "silent",
            Self::NeverHeard => "never_heard",
        }
    }

    pub fn cause(self) -> Option<Cause> {
        match self {
            Self::Down(cause) => Some(cause),
            Self::Up | Self::Silent | Self::NeverHeard => None,
        }
    }
}

impl From<Verdict> for State {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Up => Self::Up,
            Verdict::Down(cause) => Self::Down(cause),
        }
    }
}

/// All sites. `Hours` of a moment come from the caller, who has the calendars.
///
/// A clone shares the sites with the original until either changes them: cheap even of a country's fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    push_ms: i64,
    sites: BTreeMap<SiteCode, Arc<SiteLive>>,
    records: RecordCounts,
}

impl Live {
    /// `push_seconds` is the plan's.
    pub fn new(push_seconds: u32) -> Self {
        Self {
            push_ms: i64::from(push_seconds) * 1000,
            sites: BTreeMap::new(),
            records: RecordCounts::default(),
        }
    }

    /// Between two pushes of an agent.
    pub fn push_ms(&self) -> i64 {
        self.push_ms
    }

    /// Takes one push that arrived at `now_ms`.
    pub fn apply(&mut self, accepted: &Accepted, now_ms: i64, hours: impl Fn(&SiteCode, i64) -> Hours) {
        for timed in &accepted.records {
            self.records.count(&timed.record.body);
        }
        let site = self.site_mut(&accepted.site);
        for timed in &accepted.records {
            site.counters.count(timed, |at_ms| hours(&accepted.site, at_ms));
        }
        if !accepted.carried {
            site.agent(accepted.agent, now_ms).apply(accepted, now_ms);
        }
    }

    /// Takes what the store knows when the collector starts at `now_ms`. Silence is counted without the
    /// time in which the collector itself was away, for nobody could be heard then; the newest push of
    /// all tells when that began. Counters are not touched: [`Live::restore_counters`] brings them.
    pub fn restore(&mut self, agents: &[Remembered], now_ms: i64) {
        let last_alive_ms = agents.iter().map(|agent| agent.heard_ms).max().unwrap_or(now_ms);
        let away_ms = (now_ms - last_alive_ms).max(0);
        for Remembered { accepted, heard_ms, program } in agents {
            let agent = self.site_mut(&accepted.site).agent(accepted.agent, *heard_ms);
            agent.program = Some(Reading { at_ms: i64::MIN, value: program.clone() });
            agent.apply(accepted, *heard_ms);
            agent.excuse_ms(away_ms);
        }
    }

    /// Adds what the day summaries of a site's agents come to.
    pub fn restore_counters(&mut self, site: &SiteCode, counters: &Counters) {
        self.site_mut(site).counters.add(counters);
    }

    /// Forgets an agent that was revoked; the counters stay, its slots were measured.
    pub fn forget_agent(&mut self, site: &SiteCode, agent: AgentId) {
        if self.knows(site, agent) {
            self.site_mut(site).agents.remove(&agent);
        }
    }

    pub fn knows(&self, site: &SiteCode, agent: AgentId) -> bool {
        self.site(site).is_some_and(|known| known.agents.contains_key(&agent))
    }

    pub fn site(&self, code: &SiteCode) -> Option<&SiteLive> {
        self.sites.get(code).map(Arc::as_ref)
    }

    fn site_mut(&mut self, code: &SiteCode) -> &mut SiteLive {
        Arc::make_mut(self.sites.entry(code.clone()).or_default())
    }

    pub fn state(&self, code: &SiteCode, now_ms: i64) -> State {
        self.site(code).map_or(State::NeverHeard, |site| site.state(now_ms, self.silent_after_ms()))
    }

    /// Milliseconds without a push after which an agent is silent.
    pub fn silent_after_ms(&self) -> i64 {
        self.push_ms * SILENT_AFTER_PUSHES
    }

    pub fn records(&self) -> &RecordCounts {
        &self.records
    }
}

/// Records accepted since the collector started, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordCounts {
    counts: BTreeMap<&'static str, u64>,
}

impl RecordCounts {
    fn count(&mut self, body: &suar_wire::Body) {
        *self.counts.entry(kind_label(body)).or_default() += 1;
    }

    pub fn by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(kind, count)| (*kind, *count))
    }
}

/// The stable name of a kind of record.
fn kind_label(body: &suar_wire::Body) -> &'static str {
    use suar_wire::Body;
    match body {
        Body::Round(_) => "round",
        Body::Health(_) => "health",
        Body::SessionStart(_) => "session_start",
        Body::SessionEnd(_) => "session_end",
        Body::Gap(_) => "gap",
        Body::Dropped(_) => "dropped",
        Body::ClockStep(_) => "clock_step",
        Body::Bandwidth(_) => "bandwidth",
        Body::PlanRefused(_) => "plan_refused",
        Body::DataUse(_) => "data_use",
        Body::Unknown(_) => "unknown",
    }
}

#[cfg(test)]
mod tests;
