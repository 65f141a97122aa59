//! What a part of the fleet gets before the others: a release of the agent, a plan that holds from a day on. Pure.

use serde::{Deserialize, Serialize};
use suar_wire::release::Offer;
use suar_wire::{Plan, SiteCode};

use crate::audience::Audience;
use crate::site_plan;

/// A release, and to whom it is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    pub offer: Offer,
    pub to: Audience,
}

impl Rollout {
    /// What the agents of a site are offered.
    pub fn for_site(&self, site: &SiteCode) -> Option<&Offer> {
        self.to.holds(&self.offer.version.to_string(), site).then_some(&self.offer)
    }
}

/// A plan that a part of the fleet works by from a moment on, instead of the configuration's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedPlan {
    pub plan: Plan,
    /// Milliseconds since 1970.
    pub from_ms: i64,
    pub to: Audience,
}

impl StagedPlan {
    /// Whether a site will work by it.
    pub fn is_for(&self, site: &SiteCode) -> bool {
        // By what it says: the same plan for a larger part of the fleet goes to those who have it and others.
        self.to.holds(&format!("plan {}", site_plan::version_of(&self.plan)), site)
    }

    pub fn holds(&self, site: &SiteCode, now_ms: i64) -> bool {
        now_ms >= self.from_ms && self.is_for(site)
    }
}
