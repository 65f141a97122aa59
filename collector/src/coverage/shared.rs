//! Outages that offices share: three or more of one island, or of one provider, that fell within five minutes
//! are one event with one cause outside all of them.
//!
//! Only causes beyond an office's own router count: a cable that is out is nobody else's matter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use suar_wire::{Cause, SiteCode};

use super::grades::Standing;
use super::outages::Outage;
use super::site::SiteCoverage;

/// From the first office that falls to the last one that belongs to it.
pub const FALL_SECONDS_MAX: i64 = 300;
pub const SITES_MIN: usize = 3;

/// What the offices of an event have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedBy {
    /// Code of the island.
    Island(String),
    /// Name of the provider, as the registry has it.
    Provider(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedOutage {
    pub by: SharedBy,
    /// When the first office fell, seconds since 1970.
    pub start_s: i64,
    /// When the last one was seen down last.
    pub end_s: i64,
    /// What most of them saw; where as many saw another, the one further out.
    pub cause: Cause,
    pub sites: BTreeSet<SiteCode>,
    /// Monitored offices there are on that island or with that provider: three of four say more than three of
    /// two hundred.
    pub of_sites: usize,
}

/// One office's outage, with what the office may share.
#[derive(Debug, Clone, Copy)]
struct Fall<'a> {
    site: &'a SiteCode,
    island: &'a str,
    /// Empty where the registry does not say.
    provider: &'a str,
    outage: &'a Outage,
}

/// Ascending by start.
pub fn shared_outages(sites: &[SiteCoverage]) -> Vec<SharedOutage> {
    let mut monitored: BTreeMap<SharedBy, usize> = BTreeMap::new();
    for SiteCoverage { site, .. } in sites.iter().filter(|site| site.standing != Standing::NotMonitored) {
        for by in shares(&site.island, &site.provider) {
            *monitored.entry(by).or_default() += 1;
        }
    }
    let falls = sites.iter().flat_map(|SiteCoverage { site, outages, .. }| {
        outages.iter().map(|outage| Fall {
            site: &site.code,
            island: &site.island,
            provider: &site.provider,
            outage,
        })
    });
    let mut events = events(falls);
    for event in &mut events {
        event.of_sites = monitored.get(&event.by).copied().unwrap_or_default();
    }
    events
}

/// The event that an office's outage is a part of; of several the widest, an island's before a provider's.
/// `events` are those of [`shared_outages`].
pub fn event_of<'e>(
    events: &'e [SharedOutage],
    site: &SiteCode,
    outage: &Outage,
) -> Option<&'e SharedOutage> {
    if !is_beyond_the_router(outage.cause) {
        return None;
    }
    let first = events.partition_point(|event| event.start_s < outage.start_s - FALL_SECONDS_MAX);
    events[first..]
        .iter()
        .take_while(|event| event.start_s <= outage.start_s)
        .filter(|event| event.sites.contains(site))
        .max_by_key(|event| (event.sites.len(), Reverse(&event.by)))
}

/// What an office may share; the provider only where the registry says it.
fn shares(island: &str, provider: &str) -> impl Iterator<Item = SharedBy> {
    let provider = (!provider.is_empty()).then(|| SharedBy::Provider(provider.to_owned()));
    std::iter::once(SharedBy::Island(island.to_owned())).chain(provider)
}

/// An event whose offices all belong to a wider one of the same minutes is told with that one; where both
/// are as wide, as the island's.
fn events<'a>(all: impl Iterator<Item = Fall<'a>>) -> Vec<SharedOutage> {
    let mut falls: BTreeMap<SharedBy, Vec<Fall<'a>>> = BTreeMap::new();
    for fall in all.filter(|fall| is_beyond_the_router(fall.outage.cause)) {
        for by in shares(fall.island, fall.provider) {
            falls.entry(by).or_default().push(fall);
        }
    }
    let mut events: Vec<SharedOutage> =
        falls.into_iter().flat_map(|(by, falls)| together(&by, falls)).collect();
    // The widest first; an island stands before a provider.
    events.sort_by_key(|event| (Reverse(event.sites.len()), event.by.clone(), event.start_s));
    let mut told: Vec<SharedOutage> = Vec::new();
    for event in events {
        let same_minutes =
            |wider: &SharedOutage| wider.start_s.abs_diff(event.start_s) <= FALL_SECONDS_MAX as u64;
        if !told.iter().any(|wider| same_minutes(wider) && event.sites.is_subset(&wider.sites)) {
            told.push(event);
        }
    }
    told.sort_by_key(|event| (event.start_s, event.by.clone()));
    told
}

fn is_beyond_the_router(cause: Cause) -> bool {
    match cause {
        Cause::Internet | Cause::Dns | Cause::CaptivePortal => true,
        Cause::NoNetwork | Cause::Gateway => false,
    }
}

fn together(by: &SharedBy, mut falls: Vec<Fall<'_>>) -> Vec<SharedOutage> {
    falls.sort_by_key(|fall| (fall.outage.start_s, fall.site));
    let mut events = Vec::new();
    let mut rest = falls.as_slice();
    while let Some(Fall { outage: first, .. }) = rest.first() {
        let end = rest.partition_point(|fall| fall.outage.start_s - first.start_s <= FALL_SECONDS_MAX);
        let (near, later) = rest.split_at(end);
        let sites: BTreeSet<SiteCode> = near.iter().map(|fall| fall.site.clone()).collect();
        if sites.len() < SITES_MIN {
            rest = &rest[1..];
            continue;
        }
        let mut causes: BTreeMap<Cause, usize> = BTreeMap::new();
        near.iter().for_each(|fall| *causes.entry(fall.outage.cause).or_default() += 1);
        // `max_by_key` keeps the last of equals, and causes are declared from the office outwards.
        let cause = causes.into_iter().max_by_key(|(_, seen)| *seen).map_or(first.cause, |(cause, _)| cause);
        let end_s = near.iter().map(|fall| fall.outage.end_s).max().unwrap_or(first.end_s);
        events.push(SharedOutage {
            by: by.clone(),
            start_s: first.start_s,
            end_s,
            cause,
            sites,
            of_sites: 0,
        });
        rest = later;
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [(&str, &str); 5] = [("A", "x"), ("A", "x"), ("A", "y"), ("B", "x"), ("B", "")];

    /// Offices with island and provider of [`PLACES`], each down from that second on for ten minutes.
    fn told(falls: &[(usize, i64, Cause)]) -> Vec<SharedOutage> {
        let code = |site: usize| -> SiteCode { format!("19.01.01.200{site}").parse().expect("a code") };
        let falls: Vec<(usize, SiteCode, Outage)> = falls
            .iter()
            .map(|&(site, start_s, cause)| {
                (site, code(site), Outage { start_s, end_s: start_s + 600, cause, seconds_down: 600 })
            })
            .collect();
        events(falls.iter().map(|(place, site, outage)| {
            let (island, provider) = PLACES[*place];
            Fall { site, island, provider, outage }
        }))
    }

    #[test]
    fn three_offices_of_an_island_within_five_minutes_are_one_event() {
        let found = told(&[(0, 1_000, Cause::Internet), (1, 1_100, Cause::Dns), (2, 1_300, Cause::Internet)]);
        let [event] = &found[..] else { panic!("{found:?}") };
        assert_eq!(event.by, SharedBy::Island("A".to_owned()));
        assert_eq!((event.start_s, event.end_s, event.cause), (1_000, 1_900, Cause::Internet));
        assert_eq!(event.sites.len(), 3);
    }

    #[test]
    fn two_offices_or_a_second_too_late_or_a_cable_is_no_event() {
        let internet = Cause::Internet;
        assert_eq!(told(&[(0, 0, internet), (1, 0, internet)]), []);
        assert_eq!(told(&[(0, 0, internet), (1, 0, internet), (2, 301, internet)]), []);
        assert_eq!(told(&[(0, 0, internet), (0, 60, internet), (1, 90, internet)]), [], "one office twice");
        assert_eq!(told(&[(0, 0, internet), (1, 0, internet), (2, 0, Cause::NoNetwork)]), []);
    }

    #[test]
    fn a_provider_that_takes_several_islands_along_is_told_once() {
        let all = [0, 1, 3].map(|site| (site, 50, Cause::Internet));
        let found = told(&all);
        let [event] = &found[..] else { panic!("{found:?}") };
        assert_eq!(event.by, SharedBy::Provider("x".to_owned()));
        assert_eq!(event.sites.len(), 3);
    }

    #[test]
    fn an_outage_knows_its_event_by_office_moment_and_cause() {
        let events = told(&[0, 1, 2].map(|site| (site, 1_000 + site as i64, Cause::Internet)));
        let found = |site: &str, start_s, cause| {
            let outage = Outage { start_s, end_s: start_s + 60, cause, seconds_down: 60 };
            event_of(&events, &site.parse().expect("a code"), &outage).map(|event| event.sites.len())
        };
        assert_eq!(found("19.01.01.2001", 1_001, Cause::Internet), Some(3));
        assert_eq!(found("19.01.01.2003", 1_003, Cause::Internet), None, "an office that did not fall");
        assert_eq!(found("19.01.01.2001", 1_001, Cause::Gateway), None, "a matter of its own");
        assert_eq!(found("19.01.01.2001", 999, Cause::Internet), None, "before the event");
        assert_eq!(found("19.01.01.2001", 1_301, Cause::Internet), None, "after all had fallen");
    }

    #[test]
    fn a_lone_office_before_the_event_does_not_hide_it() {
        let falls =
            [(0, 0, Cause::Internet), (0, 700, Cause::Dns), (1, 290, Cause::Dns), (2, 580, Cause::Dns)];
        assert_eq!(told(&falls), []);
        let falls =
            [(3, 0, Cause::Internet), (0, 200, Cause::Dns), (1, 400, Cause::Dns), (2, 500, Cause::Dns)];
        assert_eq!(told(&falls).len(), 1, "within five minutes of the second");
    }
}
