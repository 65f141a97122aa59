//! Offices of one island that fell within five minutes, counted from their outages.
//!
//! The simulated fleet names no providers, so events of a provider do not occur in it.

use std::collections::{BTreeMap, BTreeSet};

use suar_wire::Cause;

use super::judge::Judged;

const FIVE_MINUTES_S: i64 = 300;
const OFFICES_MIN: usize = 3;

/// One event of an island.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub island: String,
    pub start_s: i64,
    pub end_s: i64,
    pub cause: &'static str,
    /// Ascending.
    pub offices: Vec<String>,
    /// Offices of the island that are monitored.
    pub of_offices: usize,
}

/// Ascending by start, then by island.
pub fn events(islands: &BTreeMap<String, Vec<&Judged>>) -> Vec<Event> {
    let mut events = Vec::new();
    for (island, offices) in islands {
        // Start, office, end, cause: of what lies beyond an office's own router.
        let mut falls: Vec<(i64, &str, i64, &'static str)> = Vec::new();
        for office in offices {
            for (start_s, end_s, cause, _) in &office.outages {
                if ["internet", "dns", "captive_portal"].contains(cause) {
                    falls.push((*start_s, &office.site, *end_s, *cause));
                }
            }
        }
        falls.sort_unstable();
        let monitored = offices.iter().filter(|office| office.standing != "not_monitored").count();
        let mut at = 0;
        while at < falls.len() {
            let until_s = falls[at].0 + FIVE_MINUTES_S;
            let near: Vec<_> = falls[at..].iter().take_while(|fall| fall.0 <= until_s).collect();
            let fallen: BTreeSet<&str> = near.iter().map(|fall| fall.1).collect();
            if fallen.len() < OFFICES_MIN {
                at += 1;
                continue;
            }
            let saw = |cause: Cause| near.iter().filter(|fall| fall.3 == cause.label()).count();
            // Of causes that as many saw, the one further out, which stands later.
            let cause = Cause::ALL.into_iter().max_by_key(|cause| saw(*cause));
            events.push(Event {
                island: island.clone(),
                start_s: falls[at].0,
                end_s: near.iter().map(|fall| fall.2).max().unwrap_or_default(),
                cause: cause.map_or("", Cause::label),
                offices: fallen.into_iter().map(str::to_owned).collect(),
                of_offices: monitored,
            });
            at += near.len();
        }
    }
    events.sort_by_key(|event| (event.start_s, event.island.clone()));
    events
}
