//! A part of the fleet that gets something first: a plan, a release of the agent. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use suar_wire::SiteCode;

use crate::secrets;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    All,
    /// So many of a hundred sites; a larger part holds every smaller one.
    Percent(u8),
    Sites(BTreeSet<SiteCode>),
}

impl Audience {
    /// Whether a site belongs to it. For another `thing` other sites go first.
    pub fn holds(&self, thing: &str, site: &SiteCode) -> bool {
        match self {
            Self::All => true,
            Self::Percent(percent) => draw(thing, site) < *percent,
            Self::Sites(sites) => sites.contains(site),
        }
    }
}

/// A number from 0 to 99 that a site keeps for a thing.
fn draw(thing: &str, site: &SiteCode) -> u8 {
    let hash = secrets::hash(format!("{thing} {}", site.as_str()).as_bytes());
    (u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) % 100) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(thing: &str, audience: Audience) -> BTreeSet<SiteCode> {
        let site = |number| format!("19.02.02.{number}").parse::<SiteCode>().expect("a code");
        (0..1000).map(site).filter(|site| audience.holds(thing, site)).collect()
    }

    #[test]
    fn a_larger_part_of_the_fleet_holds_every_smaller_one() {
        let parts: Vec<_> =
            [0, 1, 10, 50, 100].map(|percent| held("0.2.0", Audience::Percent(percent))).into();
        assert!(parts.windows(2).all(|pair| pair[0].is_subset(&pair[1])));
        assert_eq!((parts[0].len(), parts[4].len()), (0, 1000));
        assert!((70..130).contains(&parts[2].len()), "{} of 1000 are ten percent", parts[2].len());
        assert_eq!(parts[4], held("0.2.0", Audience::All));
        assert_ne!(parts[2], held("0.3.0", Audience::Percent(10)), "others go first next time");
    }

    #[test]
    fn named_sites_belong_to_it_and_nobody_else() {
        let named = BTreeSet::from(["19.02.02.7", "19.02.02.9"].map(|code| code.parse().expect("a code")));
        assert_eq!(held("0.2.0", Audience::Sites(named.clone())), named);
    }
}
