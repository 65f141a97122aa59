//! What an assessment asks of the store.

use std::collections::BTreeMap;

use suar_wire::{AgentId, SiteCode};

use super::{Reader, StoreError};
use crate::assessment::{AgentAt, Source};
use crate::day::{Day, DaySummary};
use crate::registry::Site;

impl Source for Reader {
    type Error = StoreError;

    fn sites_at(&self, at_s: i64) -> Result<Vec<(Site, bool)>, StoreError> {
        let at_ms = at_s.saturating_mul(1000);
        let mut sites: BTreeMap<SiteCode, (Site, bool)> = BTreeMap::new();
        // Versions come by code and time: the first one stays unless a later one was valid by then.
        for (valid_from_ms, site) in self.site_versions()? {
            let existed = valid_from_ms <= at_ms;
            if existed || !sites.contains_key(&site.code) {
                sites.insert(site.code.clone(), (site, existed));
            }
        }
        Ok(sites.into_values().collect())
    }

    fn agents(&self) -> Result<BTreeMap<SiteCode, Vec<AgentAt>>, StoreError> {
        let mut by_site: BTreeMap<SiteCode, Vec<AgentAt>> = BTreeMap::new();
        for agent in Reader::agents(self)? {
            let at = AgentAt { agent: agent.id, joined_s: agent.joined_ms.div_euclid(1000) };
            by_site.entry(agent.site).or_default().push(at);
        }
        Ok(by_site)
    }

    fn days(&self, agent: AgentId, first: Day, last: Day) -> Result<BTreeMap<Day, DaySummary>, StoreError> {
        Ok(self.day_summaries(agent, first, last)?.into_iter().collect())
    }
}
