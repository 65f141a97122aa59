//! What is shown beside the live state: where sites and islands are, and how they stand.
//!
//! Made now and then from the registry, the region and an assessment; read at every scrape.

use std::collections::{BTreeMap, BTreeSet};

use suar_wire::{Month, SiteCode};

use crate::assessment::Assessment;
use crate::calendar::{Holidays, PeriodName, Span};
use crate::coverage::{IslandCoverage, OutsideIsland, Ratio, SharedOutage, Standing, shared_outages};
use crate::live::Hours;
use crate::region::Region;
use crate::registry::{Point, Site, SiteKind};

/// What a site is called and where it lies. An area that the region does not know is called by its code.
#[derive(Debug, Clone, PartialEq)]
pub struct SitePlace {
    pub site: Site,
    pub village_name: String,
    pub district: String,
    pub district_name: String,
    pub regency: String,
    pub regency_name: String,
    pub island_name: String,
    /// The office's own point, else the middle of its village.
    pub point: Option<Point>,
}

impl SitePlace {
    fn of(site: &Site, region: &Region) -> Self {
        let area = |parts: usize| site.village.split('.').take(parts).collect::<Vec<_>>().join(".");
        let village = region.village(&site.village);
        let (regency, district) = (area(2), area(3));
        let or_code = |name: Option<&String>, code: &str| name.cloned().unwrap_or_else(|| code.to_owned());
        Self {
            village_name: or_code(village.map(|village| &village.name), &site.village),
            district_name: or_code(region.district(&district).map(|district| &district.name), &district),
            regency_name: or_code(region.regency(&regency).map(|regency| &regency.name), &regency),
            island_name: or_code(region.island(&site.island).map(|island| &island.name), &site.island),
            point: site.point.or(village.map(|village| village.point)),
            site: site.clone(),
            district,
            regency,
        }
    }

    pub fn code(&self) -> &SiteCode {
        &self.site.code
    }

    /// The office's own calendar month.
    pub fn month_at(&self, unix_ms: i64) -> Month {
        Month::at(unix_ms, self.site.time_zone.offset_minutes())
    }

    pub fn kind_label(&self) -> &'static str {
        match self.site.kind {
            SiteKind::VillageOffice => "village_office",
            SiteKind::School => "school",
            SiteKind::HealthPost => "health_post",
            SiteKind::Hamlet => "hamlet",
            SiteKind::Other => "other",
        }
    }

    /// Whether a moment lies in its office hours.
    pub fn hours_at(&self, at_ms: i64, holidays: &Holidays) -> Hours {
        let at_s = at_ms.div_euclid(1000);
        if self.open_within(Span::new(at_s, at_s + 1), holidays).is_empty() {
            Hours::Off
        } else {
            Hours::Office
        }
    }

    /// Its office hours in a window.
    pub fn open_within(&self, window: Span, holidays: &Holidays) -> Vec<Span> {
        self.site.hours.within(window, self.site.time_zone, holidays, &self.site.village)
    }
}

/// An island that has a site.
#[derive(Debug, Clone, PartialEq)]
pub struct IslandPlace {
    pub code: String,
    pub name: String,
    pub usual_names: Vec<String>,
    pub point: Option<Point>,
}

/// Every place that `/metrics` and `/api` speak of, ascending by code.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Places {
    pub sites: Vec<SitePlace>,
    pub islands: Vec<IslandPlace>,
}

impl Places {
    pub fn of(sites: &[Site], region: &Region) -> Self {
        let mut sites: Vec<SitePlace> = sites.iter().map(|site| SitePlace::of(site, region)).collect();
        sites.sort_by(|a, b| a.code().cmp(b.code()));
        let mut islands: BTreeMap<&str, IslandPlace> = BTreeMap::new();
        for place in &sites {
            islands.entry(&place.site.island).or_insert_with(|| {
                let known = region.island(&place.site.island);
                IslandPlace {
                    code: place.site.island.clone(),
                    name: place.island_name.clone(),
                    usual_names: known.map(|island| island.usual_names.clone()).unwrap_or_default(),
                    point: known.map(|island| island.point),
                }
            });
        }
        let islands = islands.into_values().collect();
        Self { sites, islands }
    }

    /// Those of a region, an island or one site; `None` when nothing has this code. An island is there with
    /// those of its sites that are.
    pub fn within(&self, code: &str, region: &Region) -> Option<Self> {
        let place = region.place(code);
        let is_site = |site: &SitePlace| site.code().as_str() == code;
        if place.is_none() && !self.sites.iter().any(is_site) {
            return None;
        }
        let holds = |site: &SitePlace| match &place {
            Some(place) => place.holds(&site.site.village, &site.site.island),
            None => is_site(site),
        };
        let sites: Vec<SitePlace> = self.sites.iter().filter(|site| holds(site)).cloned().collect();
        let on: BTreeSet<&str> = sites.iter().map(|site| site.site.island.as_str()).collect();
        let islands = self.islands.iter().filter(|island| on.contains(island.code.as_str()));
        let islands = islands.cloned().collect();
        Some(Self { sites, islands })
    }

    pub fn site(&self, code: &SiteCode) -> Option<&SitePlace> {
        self.sites.binary_search_by(|place| place.code().cmp(code)).ok().map(|at| &self.sites[at])
    }
}

/// A site's numbers in the running quarter; a ratio over nothing is missing, never zero.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteGrade {
    pub standing: Standing,
    pub availability: Option<f64>,
    pub observed: Option<f64>,
    pub worst_case: Option<f64>,
    pub at_border: bool,
    pub limited_by_power: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct IslandGrade {
    pub coverage: IslandCoverage,
    /// Of all its offices together.
    pub availability: Option<f64>,
}

/// How everything stands in the running quarter.
#[derive(Debug, Clone, PartialEq)]
pub struct Standings {
    pub computed_ms: i64,
    pub quarter: PeriodName,
    pub sites: BTreeMap<SiteCode, SiteGrade>,
    /// By island code.
    pub islands: BTreeMap<String, IslandGrade>,
    /// Populated islands without an office.
    pub outside: Vec<OutsideIsland>,
    /// Outages that offices share, ascending by start.
    pub shared: Vec<SharedOutage>,
}

impl Standings {
    /// Shared outages that were seen at or after a moment, ascending by start.
    pub fn shared_since(&self, since_ms: i64) -> impl Iterator<Item = &SharedOutage> {
        self.shared.iter().filter(move |event| event.end_s.saturating_mul(1_000) >= since_ms)
    }

    pub fn of(assessment: &Assessment, computed_ms: i64) -> Self {
        let mut seconds: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for site in &assessment.sites {
            let (up_s, observed_s) = seconds.entry(&site.site.island).or_default();
            *up_s += site.up_s;
            *observed_s += site.observed_s();
        }
        let value = |ratio: Option<Ratio>| ratio.map(Ratio::as_f64);
        Self {
            computed_ms,
            quarter: assessment.name,
            sites: (assessment.sites.iter())
                .map(|site| {
                    let grade = SiteGrade {
                        standing: site.standing,
                        availability: value(site.availability),
                        observed: value(site.observed),
                        worst_case: value(site.worst_case),
                        at_border: site.at_border,
                        limited_by_power: site.limited_by_power,
                    };
                    (site.site.code.clone(), grade)
                })
                .collect(),
            islands: (assessment.islands.iter())
                .map(|island| {
                    let (up_s, observed_s) = seconds.get(island.code.as_str()).copied().unwrap_or_default();
                    let grade = IslandGrade {
                        coverage: island.clone(),
                        availability: value(Ratio::of(up_s, observed_s)),
                    };
                    (island.code.clone(), grade)
                })
                .collect(),
            outside: assessment.outside.clone(),
            shared: shared_outages(&assessment.sites),
        }
    }
}
