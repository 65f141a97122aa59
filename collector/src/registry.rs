//! Sites: what is measured, and everything about a site that changes what a number means.
//!
//! Reading them from CSV is [`csv`], from words [`fields`]; keeping them, with dates, is the store's work.

pub mod csv;
pub mod fields;

use serde::{Deserialize, Serialize};
use suar_wire::SiteCode;
use suar_wire::bandwidth::Direction;

use crate::calendar::{OfficeHours, TimeZone};

/// One site as it is from some day on. Kemendagri codes keep their dots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub code: SiteCode,
    pub name: String,
    pub kind: SiteKind,
    /// Kemendagri code of the village, e.g. `19.02.02.2009`; regency and district follow from it.
    pub village: String,
    /// Code of the island; from the village when the file did not say.
    pub island: String,
    pub point: Option<Point>,
    pub link: LinkKind,
    pub provider: String,
    pub time_zone: TimeZone,
    pub hours: OfficeHours,
    /// Declared hours of power supply; `None` means not declared.
    pub power_hours: Option<OfficeHours>,
    /// What monitoring may use in a month, all agents of the site together.
    pub allowance_mib: Option<u32>,
    /// Whether the link is paid by the amount of data; `None`: what each agent's system says counts.
    #[serde(default)]
    pub metered: Option<bool>,
    /// What the office pays for, kbit/s.
    #[serde(default)]
    pub subscribed_download_kbps: Option<u32>,
    #[serde(default)]
    pub subscribed_upload_kbps: Option<u32>,
    /// First day (of the site's time zone, ISO) that counts; default: the day its first agent joined.
    pub measured_from: Option<jiff::civil::Date>,
    #[serde(default)]
    pub papers: Papers,
}

/// What an administration keeps about an office. No figure depends on it, and neither reports nor the API show it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Papers {
    /// Number of the contract for the link.
    pub contract: String,
    /// Who stated the hours of power, and when.
    pub power_source: String,
    pub power_stated: Option<jiff::civil::Date>,
    /// Whom to call.
    pub contact: String,
}

impl Site {
    /// Bits a second that the office pays for.
    pub fn subscribed_bits(&self, direction: Direction) -> Option<u64> {
        let kbps = match direction {
            Direction::Download => self.subscribed_download_kbps,
            Direction::Upload => self.subscribed_upload_kbps,
        };
        kbps.map(|kbps| u64::from(kbps) * 1_000)
    }

    pub fn allowance_bytes(&self) -> Option<u64> {
        self.allowance_mib.map(|mib| u64::from(mib) * 1024 * 1024)
    }
}

/// Degrees, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub latitude: f64,
    pub longitude: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteKind {
    VillageOffice,
    School,
    HealthPost,
    /// A dusun, without an office of its own.
    Hamlet,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    Fiber,
    Radio,
    Cellular,
    /// Low orbit, e.g. Starlink.
    LeoSatellite,
    /// Geostationary, VSAT: round trips of half a second are its nature.
    GeoSatellite,
    Unknown,
}

impl LinkKind {
    /// The stable name, as in metric labels, CSV and JSON.
    pub fn label(self) -> &'static str {
        match self {
            Self::Fiber => "fiber",
            Self::Radio => "radio",
            Self::Cellular => "cellular",
            Self::LeoSatellite => "leo_satellite",
            Self::GeoSatellite => "geo_satellite",
            Self::Unknown => "unknown",
        }
    }
}
