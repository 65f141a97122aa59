//! Records of single agents -> samples that never change: what remote write sends.
//!
//! Nothing is merged and no series is ended: a receiver keeps what it was given, so a sample may depend on its
//! own record only. Each record has a time and an agent of its own, which makes each sample one of a kind.

use std::collections::{BTreeMap, HashMap};

use suar_wire::{AgentId, Body, SiteCode, Verdict};

use super::measure::Measure;
use super::plan::Place;
use super::series::{Labels, NAME};
use super::{device, slots};
use crate::exposition::families::Family;
use crate::exposition::record_families as families;
use crate::registry::Site;
use crate::store::{Agent, StoredRecord};

/// What is told of records, and by which family.
const TOLD: [(Measure, &Family); 9] = [
    (Measure::Cpu, &families::CPU),
    (Measure::DiskFree, &families::DISK_FREE),
    (Measure::DownCause, &families::DOWN_CAUSE),
    (Measure::Loss, &families::LOSS),
    (Measure::MemoryAvailable, &families::MEMORY_AVAILABLE),
    (Measure::MemoryTotal, &families::MEMORY_TOTAL),
    (Measure::Rtt, &families::RTT),
    (Measure::TcpConnect, &families::TCP_CONNECT),
    (Measure::Up, &families::UP),
];

/// Where every agent stood, at any time.
#[derive(Debug, Clone, Default)]
pub struct Stands {
    sites: HashMap<SiteCode, Vec<(i64, Place)>>,
    agents: HashMap<AgentId, SiteCode>,
}

impl Stands {
    /// `versions` of sites with when each began, ascending.
    pub fn new(versions: Vec<(i64, Site)>, agents: Vec<Agent>) -> Self {
        let mut stands = Self::default();
        for (from_ms, site) in versions {
            let place = Place::of(&site);
            stands.sites.entry(site.code).or_default().push((from_ms, place));
        }
        stands.agents = agents.into_iter().map(|agent| (agent.id, agent.site)).collect();
        stands
    }

    pub fn know(&self, agent: AgentId) -> bool {
        self.agents.contains_key(&agent)
    }

    /// What was measured before the first version was written down belongs to it.
    fn at(&self, agent: AgentId, at_ms: i64) -> Option<&Place> {
        let versions = self.sites.get(self.agents.get(&agent)?)?;
        let begun = versions.partition_point(|(from_ms, _)| *from_ms <= at_ms);
        versions.get(begun.saturating_sub(1)).map(|(_, place)| place)
    }
}

/// Series with their samples, each ascending by time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Written {
    pub series: BTreeMap<Labels, Vec<(i64, f64)>>,
}

impl Written {
    pub fn samples(&self) -> u64 {
        self.series.values().map(|samples| samples.len() as u64).sum()
    }

    /// Adds records of one agent. What stands at a time already stays.
    pub fn add(&mut self, stands: &Stands, records: &[StoredRecord]) {
        for stored in records {
            let Some(place) = stands.at(stored.agent, stored.at_ms) else { continue };
            for (measure, family) in TOLD {
                for (found, at_ms, value) in told(measure, stored) {
                    let labels = labels(family, measure, place, stored.agent, &found);
                    let samples = self.series.entry(labels).or_default();
                    let at = samples.partition_point(|(before_ms, _)| *before_ms < at_ms);
                    if samples.get(at).is_none_or(|(there_ms, _)| *there_ms != at_ms) {
                        samples.insert(at, (at_ms, value));
                    }
                }
            }
        }
    }
}

/// (value of the found label, time, value) of one record.
fn told(measure: Measure, stored: &StoredRecord) -> Vec<(String, i64, f64)> {
    let one = std::slice::from_ref(stored);
    match (&stored.record.body, measure) {
        (Body::Round(round), Measure::Up | Measure::DownCause) => {
            let at_ms = round.slot.width.slot_at(stored.at_ms).start_ms();
            match (measure, round.verdict) {
                (Measure::Up, verdict) => vec![(String::new(), at_ms, f64::from(u8::from(verdict.is_up())))],
                (_, Verdict::Down(cause)) => vec![(cause.label().to_owned(), at_ms, 1.0)],
                _ => Vec::new(),
            }
        }
        (Body::Round(_), Measure::Loss | Measure::Rtt | Measure::TcpConnect) => {
            let seen = vec![slots::Seen::of(measure, one)];
            let samples = slots::samples(measure, stored.day(), seen).into_iter();
            samples.map(|sample| (sample.found, sample.at_ms, sample.value)).collect()
        }
        (Body::Health(_), _) => device::samples(measure, one).collect(),
        _ => Vec::new(),
    }
}

fn labels(family: &Family, measure: Measure, place: &Place, agent: AgentId, found: &str) -> Labels {
    let mut labels: Labels = vec![(NAME, family.name.to_owned())];
    for &label in family.labels {
        let value = match label {
            "agent" => agent.to_string(),
            label if Some(label) == measure.found_label() => found.to_owned(),
            label => place.value(label).unwrap_or_default().to_owned(),
        };
        labels.push((label, value));
    }
    labels
}

#[cfg(test)]
mod tests {
    use suar_wire::record::{Disk, Health, Round};
    use suar_wire::{BootId, Cause, Echo, EchoMethod, Epoch, Note, Outcome, Record, SlotWidth, Stamp};

    use super::*;
    use crate::clock::Quality;
    use crate::registry::fields::site_of_village;

    const AGENT: AgentId = AgentId([7; 16]);

    fn stored(at_ms: i64, body: Body) -> StoredRecord {
        let stamp = Stamp { boot: BootId([1; 16]), boot_ms: 1, wall_ms: at_ms };
        let record = Record { sequence: 1, stamp, body };
        StoredRecord { agent: AGENT, epoch: Epoch([1; 8]), record, at_ms, quality: Quality::Synced }
    }

    fn round(at_ms: i64, verdict: Verdict, answered: u8) -> StoredRecord {
        let echo = |method, target: [u8; 4]| Echo {
            target: target.into(),
            method,
            sent: 2,
            late: 0,
            duplicates: 0,
            error: None,
            rtt_us: (0..answered).map(|at| 50_000 - u32::from(at) * 10_000).collect(),
        };
        let slot = SlotWidth::STANDARD.slot_at(at_ms);
        let not_sent = || Outcome::NotSent;
        let echoes = vec![echo(EchoMethod::Icmp, [1, 1, 1, 1]), echo(EchoMethod::TcpConnect, [9, 9, 9, 9])];
        stored(
            at_ms,
            Body::Round(Round {
                slot,
                verdict,
                note: Note::None,
                gateway: not_sent(),
                dns: not_sent(),
                dns_public: not_sent(),
                online: not_sent(),
                collector: not_sent(),
                echoes,
            }),
        )
    }

    /// Every sample as `family{labels that are not the place's} time value`.
    fn shown(written: &Written) -> Vec<String> {
        let place = [NAME, "site", "village", "regency", "island", "agent"];
        let mut lines = Vec::new();
        for (labels, samples) in &written.series {
            let more: Vec<&str> = labels
                .iter()
                .filter(|(name, _)| !place.contains(name))
                .map(|(_, value)| value.as_str())
                .collect();
            for (at_ms, value) in samples {
                lines.push(format!("{}{more:?} {at_ms} {value}", labels[0].1));
            }
        }
        lines
    }

    fn stands() -> Stands {
        let region = crate::region::builtin("19").expect("built in");
        let site = |village: &str, island: &str| {
            let mut site = site_of_village("19.02.02.2009", village, region).expect("a village");
            site.island = island.to_owned();
            (0, site)
        };
        let mut moved = site("19.01.01.1001", "B");
        moved.0 = 86_400_000;
        let agent = Agent {
            id: AGENT,
            site: moved.1.code.clone(),
            joined_ms: 0,
            revoked_ms: None,
            version: String::new(),
            system: String::new(),
            last_seen_ms: None,
        };
        Stands::new(vec![site("19.02.02.2009", "A"), moved], vec![agent])
    }

    #[test]
    fn a_round_tells_its_slot_and_an_outage_is_not_told_again_as_loss() {
        let mut written = Written::default();
        let up = round(90_000, Verdict::Up, 1);
        written.add(&stands(), &[round(30_000, Verdict::Down(Cause::Internet), 0), up.clone(), up]);
        assert_eq!(
            shown(&written),
            [
                "suar_record_down_cause[\"internet\"] 0 1",
                "suar_record_loss_ratio[\"1.1.1.1\"] 60000 0.5",
                "suar_record_rtt_seconds[\"1.1.1.1\"] 60000 0.05",
                "suar_record_tcp_connect_seconds[\"9.9.9.9\"] 60000 0.05",
                "suar_record_up[] 0 0",
                "suar_record_up[] 60000 1",
            ]
        );
        assert_eq!(written.samples(), 6);
    }

    #[test]
    fn a_look_at_the_machine_tells_what_it_could_read() {
        let disk = Disk { mount: "/".to_owned(), total_mib: 10, free_mib: 3, read_only: false };
        let health = Health { cpu_permille: Some(250), disks: vec![disk], ..Health::default() };
        let mut written = Written::default();
        written.add(&stands(), &[stored(5, Body::Health(Box::new(health)))]);
        assert_eq!(
            shown(&written),
            ["suar_record_cpu_ratio[] 5 0.25", "suar_record_disk_free_bytes[\"/\"] 5 3145728"]
        );
    }

    #[test]
    fn a_record_carries_the_place_of_its_own_time_and_labels_are_sorted() {
        let mut written = Written::default();
        let days = [-5, 86_400_000 - 60_000, 86_400_000].map(|at_ms| round(at_ms, Verdict::Up, 0));
        written.add(&stands(), &days);
        let islands: Vec<_> = (written.series.iter())
            .filter(|(labels, _)| labels[0].1 == families::UP.name)
            .map(|(labels, samples)| (labels[2].1.as_str(), samples.len()))
            .collect();
        assert_eq!(islands, [("A", 2), ("B", 1)]);
        assert!(written.series.keys().all(|labels| labels.is_sorted_by(|a, b| a.0 < b.0)));
        written.add(&Stands::default(), &days);
        assert_eq!(written.samples(), 6, "an agent that nobody knows has no labels");
    }

    #[test]
    fn the_table_is_told_in_full() {
        let told: Vec<_> = TOLD.iter().map(|(_, family)| family.name).collect();
        let table: Vec<_> = families::ALL.iter().map(|family| family.name).collect();
        assert_eq!(told, table);
        for (measure, family) in TOLD {
            assert!(measure.found_label().is_none_or(|label| family.labels.contains(&label)), "{measure:?}");
        }
    }
}
