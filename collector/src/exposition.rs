//! `/metrics`: what is known now, as text for Prometheus. The only module that knows metric names.
//!
//! Pure: everything it shows is handed in. Families of sites are written from state without a registry,
//! which is twenty times cheaper at 100,000 series; the collector's own few go through one.

mod agents;
pub mod families;
pub mod history_families;
mod own;
pub mod record_families;
mod scene;
mod shared;
mod sites;
mod text;

pub use own::Own;
pub use scene::{IslandGrade, IslandPlace, Places, SiteGrade, SitePlace, Standings};
pub use text::Format;

use std::collections::BTreeSet;

use suar_wire::SiteCode;

use crate::calendar::Holidays;
use crate::live::Live;

/// Bytes a site takes on the page, about; saves the growing of the text.
const SITE_BYTES: usize = 6 * 1024;

/// Everything that is shown.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub now_ms: i64,
    /// What is shown: all places, those of one scope, or none.
    pub places: &'a Places,
    pub holidays: &'a Holidays,
    pub live: &'a Live,
    /// The sites that are in their office hours at this moment.
    pub open: &'a BTreeSet<SiteCode>,
    /// `None` before they were first computed.
    pub standings: Option<&'a Standings>,
    /// The collector's own counters; `None` on a page of one scope, which has places only.
    pub own: Option<&'a Own>,
}

/// The page, as text or packed with gzip.
pub fn render(scene: &Scene<'_>, format: Format, zipped: bool) -> Vec<u8> {
    let mut page = match zipped {
        true => text::Page::packed(format),
        false => text::Page::new(format, scene.places.sites.len() * SITE_BYTES),
    };
    sites::render(scene, &mut page);
    shared::render(scene, &mut page);
    agents::render(scene, &mut page);
    if let Some(own) = scene.own {
        collector(scene, own, &mut page);
    }
    page.into_bytes()
}

fn collector(scene: &Scene<'_>, own: &Own, page: &mut text::Page) {
    own.render(page);
    let mut records = page.family(&families::COLLECTOR_RECORDS);
    for (kind, count) in scene.live.records().by_kind() {
        records.sample(&[kind], count);
    }
    if let Some(standings) = scene.standings {
        page.family(&families::COLLECTOR_STANDINGS).sample(&[], text::Value::millis(standings.computed_ms));
    }
}
