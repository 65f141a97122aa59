//! A province's regencies, districts, villages and islands, by Kemendagri code.
//!
//! Province 19 is built in; another region can be read from files of the same shape. Names are no keys:
//! 18 island names and 15 village names occur more than once in this province alone.

mod builtin;
mod files;
mod read;

use std::collections::HashMap;

use serde::Serialize;

use crate::calendar::TimeZone;
use crate::registry::Point;

pub use builtin::builtin;
pub use files::RegionTexts;
pub use read::{RegionError, RegionFiles};

/// Kabupaten or kota.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Regency {
    pub code: String,
    /// Statistics Indonesia's code; differs from Kemendagri's for some, so it is never derived.
    pub bps_code: String,
    pub name: String,
    pub population: u32,
}

/// Kecamatan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct District {
    pub code: String,
    pub name: String,
    pub regency_code: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VillageKind {
    Desa,
    Kelurahan,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Village {
    pub code: String,
    pub name: String,
    pub kind: VillageKind,
    pub district_code: String,
    pub regency_code: String,
    /// The island of the village's seat.
    pub island_code: String,
    /// The centre of the land, not the office.
    pub point: Point,
}

impl Village {
    /// What the office calls itself: `Kantor Desa Petaling`.
    pub fn office_name(&self) -> String {
        match self.kind {
            VillageKind::Desa => format!("Kantor Desa {}", self.name),
            VillageKind::Kelurahan => format!("Kantor Kelurahan {}", self.name),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Island {
    pub code: String,
    /// The official name; the usual ones may differ.
    pub name: String,
    pub usual_names: Vec<String>,
    /// `19.00` for islands that belong to no single regency.
    pub regency_code: String,
    pub point: Point,
    pub populated: bool,
    pub area_km2: Option<f64>,
    /// The village that the island belongs to, where one is known.
    pub host_village: Option<String>,
    pub village_seats: u32,
}

/// Which outlines of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlines {
    Islands,
    Regencies,
    Districts,
    Villages,
}

/// A province. Lists are ascending by code.
#[derive(Debug, Clone)]
pub struct Region {
    code: String,
    name: String,
    population_source: [String; 2],
    regencies: Vec<Regency>,
    districts: Vec<District>,
    villages: Vec<Village>,
    islands: Vec<Island>,
    district_at: HashMap<String, usize>,
    village_at: HashMap<String, usize>,
    island_at: HashMap<String, usize>,
    /// South-west and north-east corner of all points, with a margin.
    bounds: (Point, Point),
    outlines: [String; 4],
}

/// What a code names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place<'a> {
    Province(&'a Region),
    Regency(&'a Regency),
    District(&'a District),
    Village(&'a Village),
    Island(&'a Island),
}

impl PartialEq for Region {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

/// Degrees around the outermost points that still count as the province: its seas.
const MARGIN_DEGREES: f64 = 0.25;

impl Region {
    pub fn code(&self) -> &str {
        &self.code
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who counted the people and when, in Indonesian and English; empty where the files do not say.
    pub fn population_source(&self) -> [&str; 2] {
        self.population_source.each_ref().map(String::as_str)
    }

    /// The zone of the province's clocks, after Keppres 41/1987; a site may say otherwise.
    pub fn time_zone(&self) -> TimeZone {
        match self.code.as_str() {
            "51" | "52" | "53" | "63" | "64" | "65" | "71" | "72" | "73" | "74" | "75" | "76" => {
                TimeZone::Wita
            }
            "81" | "82" | "91" | "92" | "93" | "94" | "95" | "96" => TimeZone::Wit,
            _ => TimeZone::Wib,
        }
    }

    pub fn regencies(&self) -> &[Regency] {
        &self.regencies
    }

    pub fn districts(&self) -> &[District] {
        &self.districts
    }

    pub fn villages(&self) -> &[Village] {
        &self.villages
    }

    pub fn islands(&self) -> &[Island] {
        &self.islands
    }

    pub fn regency(&self, code: &str) -> Option<&Regency> {
        self.regencies.iter().find(|regency| regency.code == code)
    }

    pub fn district(&self, code: &str) -> Option<&District> {
        self.district_at.get(code).map(|at| &self.districts[*at])
    }

    pub fn village(&self, code: &str) -> Option<&Village> {
        self.village_at.get(code).map(|at| &self.villages[*at])
    }

    pub fn island(&self, code: &str) -> Option<&Island> {
        self.island_at.get(code).map(|at| &self.islands[*at])
    }

    /// What a code names, whatever its kind.
    pub fn place(&self, code: &str) -> Option<Place<'_>> {
        if code == self.code {
            return Some(Place::Province(self));
        }
        None.or_else(|| self.regency(code).map(Place::Regency))
            .or_else(|| self.district(code).map(Place::District))
            .or_else(|| self.village(code).map(Place::Village))
            .or_else(|| self.island(code).map(Place::Island))
    }

    /// South-west and north-east corner that every point of the province lies between.
    pub fn bounds(&self) -> (Point, Point) {
        self.bounds
    }

    pub fn contains(&self, point: Point) -> bool {
        let (low, high) = self.bounds;
        (low.latitude..=high.latitude).contains(&point.latitude)
            && (low.longitude..=high.longitude).contains(&point.longitude)
    }

    /// GeoJSON with a `code` in each feature's properties; null for land that no island of the list could
    /// be matched with. Indicative, not legal boundaries: say so on a map.
    pub fn outlines(&self, which: Outlines) -> &str {
        &self.outlines[which as usize]
    }
}

impl Place<'_> {
    pub fn code(&self) -> &str {
        match self {
            Self::Province(region) => &region.code,
            Self::Regency(regency) => &regency.code,
            Self::District(district) => &district.code,
            Self::Village(village) => &village.code,
            Self::Island(island) => &island.code,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Province(region) => &region.name,
            Self::Regency(regency) => &regency.name,
            Self::District(district) => &district.name,
            Self::Village(village) => &village.name,
            Self::Island(island) => &island.name,
        }
    }

    /// Whether an office of this village on this island belongs to the place.
    pub fn holds(&self, village: &str, island: &str) -> bool {
        match self {
            Self::Island(of) => of.code == island,
            place => {
                let code = place.code();
                village.strip_prefix(code).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
        }
    }

    /// Whether an island belongs to the place: by the village it belongs to, else by its code.
    pub fn holds_island(&self, island: &Island) -> bool {
        match self {
            Self::Island(of) => of.code == island.code,
            place => {
                let under = |code: &str| {
                    code.strip_prefix(place.code())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                };
                under(&island.code) || island.host_village.as_deref().is_some_and(under)
            }
        }
    }
}
