//! The store as what an assessment asks for.

use std::collections::BTreeMap;

use suar_wire::{AgentId, Month, SiteCode};

use crate::assessment::{AgentAt, Known, Source};
use crate::coverage::{Earlier, InForce, MonthData};
use crate::day::{Day, DaySummary};
use crate::store::{Reader, StoreError};

impl Source for Reader {
    type Error = StoreError;

    fn sites_at(&self, at_s: i64) -> Result<Vec<Known>, StoreError> {
        let at_ms = at_s.saturating_mul(1000);
        // Versions come by code and time: the last one that had begun counts, else the first of all.
        let mut sites: BTreeMap<SiteCode, Known> = BTreeMap::new();
        for (valid_from_ms, site) in self.site_versions()? {
            let existed = valid_from_ms <= at_ms;
            match sites.get_mut(&site.code) {
                Some(known) if existed => {
                    let until_s = valid_from_ms.div_euclid(1000);
                    let before = std::mem::replace(&mut known.site, site);
                    known.earlier.push(Earlier { until_s, site: before });
                }
                Some(_) => {}
                None => {
                    sites.insert(site.code.clone(), Known { site, existed, earlier: Vec::new() });
                }
            }
        }
        Ok(sites.into_values().collect())
    }

    fn rules_at(&self, at_s: i64) -> Result<Option<InForce>, StoreError> {
        self.rules_in_force(at_s.saturating_mul(1000))
    }

    fn agents(&self) -> Result<BTreeMap<SiteCode, Vec<AgentAt>>, StoreError> {
        let mut agents: BTreeMap<SiteCode, Vec<AgentAt>> = BTreeMap::new();
        for agent in Self::agents(self)? {
            let at = AgentAt { agent: agent.id, joined_s: agent.joined_ms.div_euclid(1000) };
            agents.entry(agent.site).or_default().push(at);
        }
        Ok(agents)
    }

    fn data_use(&self, first: Month, last: Month) -> Result<BTreeMap<SiteCode, Vec<MonthData>>, StoreError> {
        Self::data_use(self, first, last)
    }

    fn days(&self, agent: AgentId, first: Day, last: Day) -> Result<BTreeMap<Day, DaySummary>, StoreError> {
        Ok(self.day_summaries(agent, first, last)?.into_iter().collect())
    }
}
