//! The families of outages that offices share.

use std::collections::{BTreeMap, BTreeSet};

use super::families;
use super::text::Page;
use super::{Scene, Standings};
use crate::coverage::{SharedBy, SharedOutage};

/// How long after it was last seen an outage is still shown: a link that is cut tells of it when it is back, and
/// then it is judged.
const SHOWN_MS: i64 = 3_600_000;

pub(super) fn render(scene: &Scene<'_>, page: &mut Page) {
    let Some(standings) = scene.standings else { return };
    let newest = newest(standings, scene.now_ms);
    let islands = scene.places.islands.iter().map(|island| {
        (["island", island.name.as_str(), island.code.as_str()], SharedBy::Island(island.code.clone()))
    });
    let providers: BTreeSet<&str> =
        scene.places.sites.iter().map(|place| place.site.provider.as_str()).collect();
    let providers = (providers.into_iter().filter(|name| !name.is_empty()))
        .map(|name| (["provider", name, ""], SharedBy::Provider(name.to_owned())));
    let rows: Vec<([&str; 3], Option<&SharedOutage>)> =
        islands.chain(providers).map(|(labels, by)| (labels, newest.get(&by).copied())).collect();
    let mut sites = page.family(&families::SHARED_OUTAGE);
    for (labels, event) in &rows {
        sites.sample(labels, event.map_or(0, |event| event.sites.len() as u64));
    }
    let mut ratios = page.family(&families::SHARED_OUTAGE_RATIO);
    for (labels, event) in &rows {
        let of = |event: &SharedOutage| event.sites.len() as f64 / event.of_sites.max(1) as f64;
        ratios.sample(labels, event.map_or(0.0, of));
    }
}

/// They ascend by start, so the newest of each island and provider stays.
fn newest(standings: &Standings, now_ms: i64) -> BTreeMap<SharedBy, &SharedOutage> {
    standings.shared_since(now_ms - SHOWN_MS).map(|event| (event.by.clone(), event)).collect()
}
