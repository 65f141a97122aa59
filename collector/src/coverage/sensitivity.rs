//! How much of a report hangs on its thresholds: the same data judged by milder and by stricter ones.

use std::collections::BTreeMap;

use super::island::{Counts, IslandStanding};
use super::rules::Rules;
use super::site::SiteCoverage;

/// One other set of thresholds, and who would stand where by it.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    pub rules: Rules,
    pub offices: Counts,
    /// Every island with an office, by code.
    pub islands: BTreeMap<String, IslandStanding>,
}

impl Variant {
    fn of(sites: &[SiteCoverage], rules: Rules) -> Self {
        let mut offices = Counts::default();
        let mut islands: BTreeMap<String, Counts> = BTreeMap::new();
        for site in sites {
            let standing = site.standing_by(&rules);
            offices.add_standing(standing);
            islands.entry(site.site.island.clone()).or_default().add_standing(standing);
        }
        let islands = islands.into_iter().map(|(code, counts)| (code, counts.standing(&rules))).collect();
        Self { rules, offices, islands }
    }

    pub fn islands_that_are(&self, standing: IslandStanding) -> usize {
        self.islands.values().filter(|island| **island == standing).count()
    }
}

/// Who stands where by milder thresholds, by those that count, and by stricter ones.
pub fn sensitivity(sites: &[SiteCoverage], rules: &Rules) -> [Variant; 3] {
    [rules.milder(), rules.clone(), rules.stricter()].map(|rules| Variant::of(sites, rules))
}
