//! What the agents of one site are to do: the plan of all, and what the site says about it. Pure.

use suar_wire::Plan;

use crate::registry::Site;
use crate::rollout::Rollout;
use crate::secrets;

/// A version in four bytes on the wire.
const VERSION_BITS: u32 = 28;

/// The plan for each of `agents` that a site has now. Its version follows from what it says, so that it is another
/// whenever the configuration, the site or the number of its agents makes it say something else, also after the
/// store was taken back from a backup.
pub fn of_site(base: &Plan, site: &Site, agents: u32, rollout: Option<&Rollout>) -> Plan {
    let plan = Plan {
        allowance_bytes: site.allowance_bytes().map(|bytes| bytes / u64::from(agents.max(1))),
        metered: site.metered,
        utc_offset_minutes: site.time_zone.offset_minutes(),
        program: rollout.and_then(|rollout| rollout.for_site(&site.code)).cloned(),
        ..base.clone()
    };
    Plan { version: version_of(&plan), ..plan }
}

/// Never 0: that stands for a plan that no collector has handed out.
pub fn version_of(plan: &Plan) -> u32 {
    let unnumbered = Plan { version: 0, ..plan.clone() };
    let text = serde_json::to_vec(&unnumbered).expect("a plan is plain data");
    let [a, b, c, d, ..] = secrets::hash(&text);
    (u32::from_be_bytes([a, b, c, d]) >> (u32::BITS - VERSION_BITS)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::Audience;
    use crate::calendar::TimeZone;
    use crate::region::builtin;
    use crate::registry::fields;
    use suar_wire::release::Offer;

    fn site(changes: &[(&str, &str)]) -> Site {
        let region = builtin("19").expect("built in");
        let mut site = fields::site_of_village("a", "19.02.03.2002", region).expect("known");
        for (field, text) in changes {
            fields::set(&mut site, field, text, region).expect("right");
        }
        site
    }

    fn rollout() -> Rollout {
        let offer = Offer { version: "0.2.0".parse().expect("a version"), older: false, files: Vec::new() };
        Rollout { offer, to: Audience::Sites(["a".parse().expect("a code")].into()) }
    }

    fn plan(changes: &[(&str, &str)], agents: u32) -> Plan {
        of_site(&Plan::standard(), &site(changes), agents, None)
    }

    #[test]
    fn the_agents_of_a_site_share_its_allowance() {
        let of = |agents| plan(&[("allowance_mib", "30")], agents).allowance_bytes;
        assert_eq!([0, 1, 3].map(of), [30, 30, 10].map(|mib| Some(mib * 1024 * 1024)));
        assert_eq!(plan(&[], 3).allowance_bytes, None);
    }

    #[test]
    fn months_begin_by_the_clock_of_the_office_and_a_link_is_what_the_site_says() {
        let east = plan(&[("time_zone", "wit"), ("metered", "no")], 1);
        assert_eq!((east.utc_offset_minutes, east.metered), (540, Some(false)));
        let west = plan(&[], 1);
        assert_eq!((west.utc_offset_minutes, west.metered), (420, None));
        for zone in TimeZone::ALL {
            assert_eq!(
                of_site(&Plan::standard(), &Site { time_zone: zone, ..site(&[]) }, 1, None).mistakes(),
                [""; 0]
            );
        }
    }

    #[test]
    fn whatever_changes_the_plan_changes_its_version_and_nothing_else_does() {
        let allowed = [("allowance_mib", "30")];
        let fine = Plan { echoes: 6, ..Plan::standard() };
        let versions = [
            plan(&[], 1).version,
            plan(&allowed, 1).version,
            plan(&allowed, 2).version,
            plan(&[("metered", "yes")], 1).version,
            plan(&[("time_zone", "wita")], 1).version,
            of_site(&fine, &site(&[]), 1, None).version,
            of_site(&Plan::standard(), &site(&[]), 1, Some(&rollout())).version,
        ];
        let mut distinct = versions.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), versions.len(), "{versions:?}");
        assert!(versions.iter().all(|version| (1..1 << VERSION_BITS).contains(version)), "{versions:?}");

        assert_eq!(plan(&[("name", "Balai")], 2).version, plan(&[], 1).version, "it says the same");
        let renumbered = Plan { version: 7, ..Plan::standard() };
        assert_eq!(of_site(&renumbered, &site(&[]), 1, None).version, plan(&[], 1).version);
    }
}
