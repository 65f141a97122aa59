//! What is shown, by names and numbers alone: where sites and islands are, and how they stand.
//!
//! Made now and then from the registry, the region and the coverage results; read at every scrape.

use std::collections::BTreeMap;

use suar_wire::SiteCode;

use crate::registry::Point;

/// What a site is called and where it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct SitePlace {
    pub code: SiteCode,
    pub name: String,
    pub kind: &'static str,
    pub village: String,
    pub village_name: String,
    pub district: String,
    pub district_name: String,
    pub regency: String,
    pub regency_name: String,
    pub island: String,
    pub island_name: String,
    pub link: &'static str,
    pub provider: String,
    pub point: Option<Point>,
}

/// An island that has a site.
#[derive(Debug, Clone, PartialEq)]
pub struct IslandPlace {
    pub code: String,
    pub name: String,
    pub point: Option<Point>,
}

/// Every place that `/metrics` and `/api` speak of, in the order of codes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Places {
    pub sites: Vec<SitePlace>,
    pub islands: Vec<IslandPlace>,
}

/// Labels of a site's standing; the graded ones first.
pub const SITE_STANDINGS: [&str; 5] =
    ["reliable", "limited", "unreliable", "not_enough_data", "not_monitored"];
/// Labels of an island's standing.
pub const ISLAND_STANDINGS: [&str; 4] = ["reliable", "limited", "unreliable", "not_assessable"];

/// A site's numbers in the running quarter; a ratio over nothing is missing, never zero.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteGrade {
    pub standing: &'static str,
    pub availability: Option<f64>,
    pub observed: Option<f64>,
    pub worst_case: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct IslandGrade {
    pub standing: &'static str,
    pub availability: Option<f64>,
}

/// How everything stands in the running quarter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standings {
    pub computed_ms: i64,
    pub sites: BTreeMap<SiteCode, SiteGrade>,
    /// By island code.
    pub islands: BTreeMap<String, IslandGrade>,
}
