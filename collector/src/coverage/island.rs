//! Islands and other areas: how many of their offices stand how.

use std::collections::BTreeMap;

use serde::Serialize;

use super::grades::Standing;
use super::ratio::Ratio;
use super::rules::Rules;
use super::site::SiteCoverage;
use crate::region::Region;

/// Offices of an area by standing, so that "3 of 4 offices" can always be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Registered offices.
    pub sites: u32,
    /// With an agent.
    pub monitored: u32,
    /// With enough data to be judged; reliable, limited and unreliable add up to it.
    pub judged: u32,
    pub reliable: u32,
    pub limited: u32,
    pub unreliable: u32,
    pub at_border: u32,
    pub limited_by_power: u32,
}

impl Counts {
    pub fn add(&mut self, site: &SiteCoverage) {
        self.add_standing(site.standing);
        self.at_border += u32::from(site.at_border);
        self.limited_by_power += u32::from(site.limited_by_power);
    }

    /// An office of which nothing but its standing is told.
    pub(super) fn add_standing(&mut self, standing: Standing) {
        self.sites += 1;
        self.monitored += u32::from(standing != Standing::NotMonitored);
        self.judged += u32::from(standing.is_judged());
        match standing {
            Standing::Reliable => self.reliable += 1,
            Standing::Limited => self.limited += 1,
            Standing::Unreliable => self.unreliable += 1,
            Standing::NotEnoughData | Standing::NotMonitored => {}
        }
    }

    /// At least half (a rule) of the judged offices unreliable: unreliable. All reliable: reliable.
    /// Nothing judged: not assessable, never good or bad.
    pub fn standing(&self, rules: &Rules) -> IslandStanding {
        match Ratio::of(u64::from(self.unreliable), u64::from(self.judged)) {
            None => IslandStanding::NotAssessable,
            Some(bad) if self.unreliable > 0 && bad.at_least(rules.island_unreliable_share) => {
                IslandStanding::Unreliable
            }
            Some(_) if self.reliable == self.judged => IslandStanding::Reliable,
            Some(_) => IslandStanding::Limited,
        }
    }
}

/// An island's standing; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IslandStanding {
    Unreliable,
    Limited,
    Reliable,
    NotAssessable,
}

impl IslandStanding {
    pub const ALL: [Self; 4] = [Self::Unreliable, Self::Limited, Self::Reliable, Self::NotAssessable];

    /// The stable name, as in metric labels and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unreliable => "unreliable",
            Self::Limited => "limited",
            Self::Reliable => "reliable",
            Self::NotAssessable => "not_assessable",
        }
    }
}

/// One island with at least one registered office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IslandCoverage {
    pub code: String,
    pub name: String,
    pub usual_names: Vec<String>,
    pub populated: bool,
    pub counts: Counts,
    pub standing: IslandStanding,
}

/// A populated island without a registered office: outside the measure, neither good nor bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutsideIsland {
    pub code: String,
    pub name: String,
    pub usual_names: Vec<String>,
    /// Village seats on it: above zero means an office is there and not registered yet.
    pub village_seats: u32,
}

/// The islands of these offices, worst first, and the populated islands without one. `within` keeps only
/// islands that belong to the report's scope in the second list.
pub fn judge_islands(
    region: &Region,
    sites: &[SiteCoverage],
    rules: &Rules,
    within: impl Fn(&crate::region::Island) -> bool,
) -> (Vec<IslandCoverage>, Vec<OutsideIsland>) {
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    for site in sites {
        counts.entry(site.site.island.as_str()).or_default().add(site);
    }
    let mut islands: Vec<IslandCoverage> = counts
        .iter()
        .map(|(code, counts)| {
            let island = region.island(code);
            IslandCoverage {
                code: (*code).to_owned(),
                name: island.map_or_else(|| (*code).to_owned(), |island| island.name.clone()),
                usual_names: island.map(|island| island.usual_names.clone()).unwrap_or_default(),
                populated: island.is_none_or(|island| island.populated),
                counts: *counts,
                standing: counts.standing(rules),
            }
        })
        .collect();
    islands.sort_by(|a, b| {
        // More unreliable offices first within a standing; the code keeps the order stable.
        (a.standing, b.counts.unreliable, &a.code).cmp(&(b.standing, a.counts.unreliable, &b.code))
    });
    let outside = region
        .islands()
        .iter()
        .filter(|island| island.populated && !counts.contains_key(island.code.as_str()) && within(island))
        .map(|island| OutsideIsland {
            code: island.code.clone(),
            name: island.name.clone(),
            usual_names: island.usual_names.clone(),
            village_seats: island.village_seats,
        })
        .collect();
    (islands, outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(reliable: u32, limited: u32, unreliable: u32) -> IslandStanding {
        let judged = reliable + limited + unreliable;
        Counts { sites: judged + 1, judged, reliable, limited, unreliable, ..Counts::default() }
            .standing(&Rules::default())
    }

    #[test]
    fn half_of_the_judged_offices_decide_an_island() {
        assert_eq!(counts(1, 0, 1), IslandStanding::Unreliable);
        assert_eq!(counts(2, 0, 1), IslandStanding::Limited);
        assert_eq!(counts(3, 0, 0), IslandStanding::Reliable);
        assert_eq!(counts(3, 1, 0), IslandStanding::Limited);
        assert_eq!(counts(0, 0, 1), IslandStanding::Unreliable);
        assert_eq!(counts(0, 0, 0), IslandStanding::NotAssessable);
    }
}
