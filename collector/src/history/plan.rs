//! Which series a question may touch, and what reading them would cost: decided before anything is read.
//!
//! What comes out is in the order of an answer. Series whose labels are known only from what was measured
//! (a target, a cause) lie together in one unit when their order among the others depends on that label.

use std::collections::BTreeMap;
use std::sync::Arc;

use suar_wire::{AgentId, SiteCode};

use super::limits::{Limits, Over};
use super::matchers::Matchers;
use super::measure::{Grain, Measure};
use super::series::{Labels, NAME};
use crate::registry::Site;
use crate::store::Agent;
use crate::wall_clock::MS_A_DAY;

/// What is asked: matchers and a range, both ends included, milliseconds since 1970.
#[derive(Debug, Clone)]
pub struct Question {
    pub matchers: Matchers,
    pub from_ms: i64,
    pub to_ms: i64,
}

/// Series that are made together and sent one after the other.
#[derive(Debug, Clone)]
pub struct Unit {
    pub measure: Measure,
    pub members: Vec<Member>,
}

/// A site, or one machine of a site, under one set of labels.
#[derive(Debug, Clone)]
pub struct Member {
    /// All but the one that is found by reading.
    pub labels: Labels,
    /// When it had these labels, within the range; ascending.
    pub windows: Vec<Window>,
    pub agents: Vec<Watcher>,
}

/// From `from_ms` until and without `to_ms`.
#[derive(Debug, Clone)]
pub struct Window {
    pub from_ms: i64,
    pub to_ms: i64,
    /// The site as it was.
    pub site: Arc<Site>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watcher {
    pub agent: AgentId,
    pub joined_ms: i64,
}

/// Everything that is known about sites and agents.
#[derive(Debug, Clone)]
pub struct Registry {
    sites: BTreeMap<SiteCode, Vec<(i64, Arc<Site>)>>,
    agents: BTreeMap<SiteCode, Vec<Watcher>>,
}

impl Registry {
    /// `versions` of sites with when each began, ascending.
    pub fn new(versions: Vec<(i64, Site)>, agents: Vec<Agent>) -> Self {
        let mut registry = Self { sites: BTreeMap::new(), agents: BTreeMap::new() };
        for (from_ms, site) in versions {
            registry.sites.entry(site.code.clone()).or_default().push((from_ms, Arc::new(site)));
        }
        for Agent { id, site, joined_ms, .. } in agents {
            registry.agents.entry(site).or_default().push(Watcher { agent: id, joined_ms });
        }
        registry
    }

    /// The windows of a site by its labels there. What was measured before the first version was written
    /// down belongs to it.
    fn windows(&self, versions: &[(i64, Arc<Site>)], question: &Question) -> Vec<(Place, Vec<Window>)> {
        let mut places: Vec<(Place, Vec<Window>)> = Vec::new();
        for (at, (begun_ms, site)) in versions.iter().enumerate() {
            let begun_ms = if at == 0 { i64::MIN } else { *begun_ms };
            let ended_ms = versions.get(at + 1).map_or(i64::MAX, |(next_ms, _)| *next_ms);
            let window = Window {
                from_ms: begun_ms.max(question.from_ms),
                to_ms: ended_ms.min(question.to_ms.saturating_add(1)),
                site: Arc::clone(site),
            };
            let place = Place::of(site);
            if window.from_ms >= window.to_ms || !place.is_wanted(&question.matchers) {
                continue;
            }
            match places.iter_mut().find(|(known, _)| *known == place) {
                Some((_, windows)) => windows.push(window),
                None => places.push((place, vec![window])),
            }
        }
        places
    }
}

/// The labels that say where a site lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    site: String,
    village: String,
    regency: String,
    island: String,
}

impl Place {
    pub(super) fn of(site: &Site) -> Self {
        Self {
            site: site.code.to_string(),
            village: site.village.clone(),
            // A village's code begins with its regency's.
            regency: site.village.split('.').take(2).collect::<Vec<_>>().join("."),
            island: site.island.clone(),
        }
    }

    pub(super) fn value(&self, label: &str) -> Option<&str> {
        match label {
            "site" => Some(&self.site),
            "village" => Some(&self.village),
            "regency" => Some(&self.regency),
            "island" => Some(&self.island),
            _ => None,
        }
    }

    fn is_wanted(&self, matchers: &Matchers) -> bool {
        ["site", "village", "regency", "island"]
            .iter()
            .all(|label| matchers.accept(label, self.value(label).unwrap_or_default()))
    }
}

impl Question {
    /// What can be meant, from the matchers alone. Prometheus asks for every selector of every rule, and
    /// most of them are none of history's.
    pub fn measures(&self) -> Vec<Measure> {
        let wanted = |measure: &Measure| {
            let family = measure.family();
            let mut labels = family.labels.to_vec();
            labels.push(NAME);
            self.matchers.accept(NAME, family.name) && self.matchers.accept_without_others(&labels)
        };
        if self.from_ms > self.to_ms {
            return Vec::new();
        }
        Measure::ALL.into_iter().filter(wanted).collect()
    }
}

/// The units of a question in the order of an answer.
pub fn plan(
    registry: &Registry,
    question: &Question,
    limits: &Limits,
    now_ms: i64,
) -> Result<Vec<Unit>, Over> {
    let measures = question.measures();
    let mut units: BTreeMap<(Measure, Vec<String>), Vec<Member>> = BTreeMap::new();
    let mut series = 0;
    let mut cost = Cost::default();
    for (code, versions) in &registry.sites {
        let Some(agents) = registry.agents.get(code) else { continue };
        for (place, windows) in registry.windows(versions, question) {
            for &measure in &measures {
                for (agent, agents) in watchers(measure, agents, &question.matchers) {
                    let labels = labels(measure, &place, agent.as_deref());
                    let member = Member { labels, windows: windows.clone(), agents };
                    cost.add(measure, &member, now_ms);
                    series += 1;
                    if series > limits.series {
                        return Err(Over::Series { max: limits.series });
                    }
                    units.entry((measure, key(measure, &member.labels))).or_default().push(member);
                }
            }
        }
    }
    cost.check(question, limits)?;
    Ok(units.into_iter().map(|((measure, _), members)| Unit { measure, members }).collect())
}

/// Together for what is merged, one by one for what is a machine's own.
fn watchers(
    measure: Measure,
    agents: &[Watcher],
    matchers: &Matchers,
) -> Vec<(Option<String>, Vec<Watcher>)> {
    if measure.grain() != Grain::Device {
        return vec![(None, agents.to_vec())];
    }
    let named = agents.iter().map(|watcher| (watcher.agent.to_string(), *watcher));
    named
        .filter(|(name, _)| matchers.accept("agent", name))
        .map(|(name, watcher)| (Some(name), vec![watcher]))
        .collect()
}

fn labels(measure: Measure, place: &Place, agent: Option<&str>) -> Labels {
    let family = measure.family();
    let mut labels: Labels = vec![(NAME, family.name.to_owned())];
    for &label in family.labels {
        let value = if label == "agent" { agent } else { place.value(label) };
        labels.extend(value.map(|value| (label, value.to_owned())));
    }
    labels
}

/// Values of the labels that decide the order before the one that is found by reading does.
fn key(measure: Measure, labels: &Labels) -> Vec<String> {
    let before = |(label, _): &&(&str, String)| measure.found_label().is_none_or(|found| *label < found);
    labels.iter().filter(before).map(|(_, value)| value.clone()).collect()
}

/// What reading would cost.
#[derive(Debug, Default)]
struct Cost {
    agent_days: u64,
    raw: bool,
    hourly: bool,
}

impl Cost {
    fn add(&mut self, measure: Measure, member: &Member, now_ms: i64) {
        match measure.grain() {
            Grain::Slots | Grain::Device => self.raw = true,
            Grain::Hours => self.hourly = true,
        }
        for window in &member.windows {
            for watcher in &member.agents {
                // Nothing lies before an agent joined or after now.
                let length_ms =
                    window.to_ms.min(now_ms).saturating_sub(window.from_ms.max(watcher.joined_ms));
                self.agent_days += if length_ms > 0 { (length_ms / MS_A_DAY + 1).unsigned_abs() } else { 0 };
            }
        }
    }

    fn check(&self, question: &Question, limits: &Limits) -> Result<(), Over> {
        let length_ms = question.to_ms.saturating_sub(question.from_ms);
        let days = length_ms / MS_A_DAY + i64::from(length_ms % MS_A_DAY > 0);
        if self.raw && days > i64::from(limits.raw_days) {
            return Err(Over::RawDays { found: days, max: limits.raw_days });
        }
        if self.hourly && days > i64::from(limits.hourly_days) {
            return Err(Over::HourlyDays { found: days, max: limits.hourly_days });
        }
        if self.agent_days > limits.agent_days {
            return Err(Over::AgentDays { found: self.agent_days, max: limits.agent_days });
        }
        Ok(())
    }
}
