//! Rounds -> samples by slot. Agents of a site are merged as coverage merges them, by coverage's own code,
//! so that a graph of history and a report never disagree about a second.

use std::collections::BTreeMap;
use std::net::IpAddr;

use suar_wire::record::Round;
use suar_wire::{Body, Echo, EchoMethod};

use super::measure::Measure;
use crate::calendar::Span;
use crate::coverage::{AgentDays, merge};
use crate::day::{DAY_S, Day, DaySummary, State};
use crate::store::StoredRecord;
use crate::summary;

/// What one agent saw in one UTC day, as far as a measure needs it: a fraction of the records' size.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Start and end of every slot with a round, milliseconds.
    slots: Vec<(i64, i64)>,
    states: DaySummary,
    echoes: Vec<Echoes>,
}

/// Echoes of one round to one target.
#[derive(Debug, Clone, Copy)]
struct Echoes {
    slot: (i64, i64),
    target: IpAddr,
    sent: u32,
    lost: u32,
    shortest_us: Option<u32>,
}

impl Seen {
    /// From the records of one agent's UTC day.
    pub fn of(measure: Measure, records: &[StoredRecord]) -> Self {
        let mut seen = Self::default();
        if matches!(measure, Measure::Up | Measure::DownCause) {
            seen.states = summary::measured(records);
        }
        for stored in records {
            let (Body::Round(round), Some(slot)) = (&stored.record.body, stored.slot()) else { continue };
            let slot = (slot.start_ms(), slot.end_ms());
            seen.slots.push(slot);
            match measure {
                Measure::Loss => {
                    seen.echoes.extend(summary::echoes_that_tell_loss(round).map(Echoes::of(slot)))
                }
                Measure::Rtt => seen.echoes.extend(by(round, EchoMethod::Icmp).map(Echoes::of(slot))),
                Measure::TcpConnect => {
                    seen.echoes.extend(by(round, EchoMethod::TcpConnect).map(Echoes::of(slot)));
                }
                _ => {}
            }
        }
        seen
    }

    /// Where the newest slot ends.
    pub fn newest_ms(&self) -> Option<i64> {
        self.slots.iter().map(|(_, end_ms)| *end_ms).max()
    }
}

fn by(round: &Round, method: EchoMethod) -> impl Iterator<Item = &Echo> {
    round.echoes.iter().filter(move |echo| echo.method == method && echo.sent > 0)
}

impl Echoes {
    fn of(slot: (i64, i64)) -> impl Fn(&Echo) -> Self {
        move |echo| Self {
            slot,
            target: echo.target,
            sent: u32::from(echo.sent),
            lost: u32::from(echo.lost()),
            shortest_us: echo.rtt_us.iter().min().copied(),
        }
    }
}

/// A value that holds for a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotSample {
    /// Value of the label that is found by reading; empty where there is none.
    pub found: String,
    pub at_ms: i64,
    pub until_ms: i64,
    pub value: f64,
}

/// The samples of a site's UTC day, ascending for each `found`.
pub fn samples(measure: Measure, day: Day, agents: Vec<Seen>) -> Vec<SlotSample> {
    match measure {
        Measure::Up | Measure::DownCause => states(measure, day, agents),
        _ => targets(measure, agents),
    }
}

/// One sample where a merged state begins and one at each slot in it: read as steps, the series says
/// for every second what coverage says.
fn states(measure: Measure, day: Day, agents: Vec<Seen>) -> Vec<SlotSample> {
    let mut starts: Vec<i64> =
        agents.iter().flat_map(|seen| &seen.slots).map(|(start_ms, _)| *start_ms).collect();
    starts.sort_unstable();
    starts.dedup();
    let days: Vec<AgentDays> =
        agents.into_iter().map(|seen| AgentDays { days: BTreeMap::from([(day, seen.states)]) }).collect();
    let midnight_s = i64::from(day) * DAY_S;
    let mut samples = Vec::new();
    for segment in merge(&days, Span::new(midnight_s, midnight_s + DAY_S)) {
        let (found, value) = match (measure, segment.state) {
            (_, State::Unobserved(_)) | (Measure::DownCause, State::Up) => continue,
            (Measure::DownCause, State::Down(cause)) => (cause.label(), 1.0),
            (_, State::Up) => ("", 1.0),
            (_, State::Down(_)) => ("", 0.0),
        };
        let (from_ms, until_ms) = (segment.span.start_s * 1000, segment.span.end_s * 1000);
        let first = starts.partition_point(|start_ms| *start_ms <= from_ms);
        let inside = starts[first..].iter().copied().take_while(|start_ms| *start_ms < until_ms);
        for at_ms in std::iter::once(from_ms).chain(inside) {
            samples.push(SlotSample { found: found.to_owned(), at_ms, until_ms, value });
        }
    }
    samples
}

/// Echoes of all agents to one target in one slot together.
fn targets(measure: Measure, agents: Vec<Seen>) -> Vec<SlotSample> {
    let mut slots: BTreeMap<(IpAddr, i64), Echoes> = BTreeMap::new();
    for echoes in agents.into_iter().flat_map(|seen| seen.echoes) {
        slots
            .entry((echoes.target, echoes.slot.0))
            .and_modify(|all| {
                all.slot.1 = all.slot.1.max(echoes.slot.1);
                all.sent += echoes.sent;
                all.lost += echoes.lost;
                all.shortest_us = [all.shortest_us, echoes.shortest_us].into_iter().flatten().min();
            })
            .or_insert(echoes);
    }
    let sample = |echoes: Echoes| {
        let value = match measure {
            Measure::Loss => f64::from(echoes.lost) / f64::from(echoes.sent),
            _ => f64::from(echoes.shortest_us?) / 1e6,
        };
        let (at_ms, until_ms) = echoes.slot;
        Some(SlotSample { found: echoes.target.to_string(), at_ms, until_ms, value })
    };
    slots.into_values().filter_map(sample).collect()
}
