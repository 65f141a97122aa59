//! A site: its agents merged.

use std::collections::BTreeMap;

use suar_wire::{AgentId, Verdict};

use super::{AgentLive, Counters, State};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct SiteLive {
    pub agents: BTreeMap<AgentId, AgentLive>,
    pub counters: Counters,
}

impl SiteLive {
    pub(super) fn agent(&mut self, id: AgentId, heard_ms: i64) -> &mut AgentLive {
        self.agents.entry(id).or_insert_with(|| AgentLive::new(heard_ms))
    }

    /// Up when any agent that is heard shows up; down when all of them show down, with the cause of the
    /// one that measured last.
    pub fn state(&self, now_ms: i64, silent_after_ms: i64) -> State {
        if self.agents.values().all(|agent| agent.shown.is_none()) {
            return State::NeverHeard;
        }
        let heard = || {
            self.agents
                .values()
                .filter(|agent| agent.shown.is_some() && !agent.is_silent(now_ms, silent_after_ms))
        };
        if heard().any(|agent| agent.shown == Some(Verdict::Up)) {
            return State::Up;
        }
        heard()
            .max_by_key(|agent| agent.measured_ms())
            .and_then(|agent| agent.shown)
            .map_or(State::Silent, State::from)
    }

    /// The agent whose readings stand for the site: of those that are heard the one that measured last.
    pub fn speaker(&self, now_ms: i64, silent_after_ms: i64) -> Option<&AgentLive> {
        self.agents
            .values()
            .filter(|agent| agent.newest.is_some() && !agent.is_silent(now_ms, silent_after_ms))
            .max_by_key(|agent| agent.measured_ms())
    }

    /// When any of its agents last measured, by repaired time.
    pub fn measured_ms(&self) -> Option<i64> {
        self.agents.values().filter_map(AgentLive::measured_ms).max()
    }

    /// When a push of any of its agents last arrived.
    pub fn heard_ms(&self) -> Option<i64> {
        self.agents.values().map(|agent| agent.heard_ms).max()
    }

    /// Since when none of its agents was heard, without the time in which nobody could be heard.
    pub fn unheard_since_ms(&self) -> Option<i64> {
        self.agents.values().map(AgentLive::unheard_since_ms).max()
    }
}
