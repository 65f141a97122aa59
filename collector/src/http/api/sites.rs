//! `/api/sites`: every site as it is now, and one in depth.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::{Value, json};
use suar_wire::{AgentId, Outcome, SiteCode};

use super::{Api, ApiError};
use crate::board::Moment;
use crate::exposition::SitePlace;
use crate::live::{AgentLive, Counters, Hours, Live, Reading};
use crate::wall_clock::now_ms;

pub(super) async fn all(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    super::aside(api, |board| {
        let (moment, live) = (board.at(now_ms()), board.live());
        let sites: Vec<SiteNow<'_>> =
            moment.places.sites.iter().map(|place| SiteNow::of(place, &live, &moment)).collect();
        json!({ "now_ms": moment.now_ms, "sites": sites })
    })
    .await
}

pub(super) async fn one(State(api): State<Api>, Path(code): Path<String>) -> Result<Json<Value>, ApiError> {
    let moment = api.board.at(now_ms());
    let unknown = || {
        let found: String = code.chars().take(SiteCode::BYTES_MAX).collect();
        ApiError::NotFound(format!("no site has the code {found:?}; GET /api/sites lists them"))
    };
    let place = code.parse().ok().and_then(|code| moment.places.site(&code)).ok_or_else(unknown)?;
    let live = api.board.live();
    let known = live.site(place.code());
    let agents: Vec<Value> = (known.iter().flat_map(|site| &site.agents))
        .map(|(id, agent)| agent_now(*id, agent, &live, moment.now_ms))
        .collect();
    let counters = known.map(|site| site.counters.clone()).unwrap_or_default();
    Ok(Json(json!({
        "now_ms": moment.now_ms,
        "site": SiteNow::of(place, &live, &moment),
        "agents": agents,
        "counters": counters_json(&counters),
    })))
}

/// A site as it is now. Field names are a contract.
#[derive(Debug, Serialize)]
struct SiteNow<'a> {
    code: &'a SiteCode,
    name: &'a str,
    kind: &'static str,
    village: &'a str,
    village_name: &'a str,
    district: &'a str,
    district_name: &'a str,
    regency: &'a str,
    regency_name: &'a str,
    island: &'a str,
    island_name: &'a str,
    latitude: Option<f64>,
    longitude: Option<f64>,
    link: &'static str,
    provider: &'a str,
    state: &'static str,
    cause: Option<&'static str>,
    last_measured_ms: Option<i64>,
    last_heard_ms: Option<i64>,
    agents: usize,
    /// In the running quarter; `null` before it was first computed.
    standing: Option<&'static str>,
    at_border: Option<bool>,
    limited_by_power: Option<bool>,
    availability_ratio: Option<f64>,
    observed_ratio: Option<f64>,
    worst_case_ratio: Option<f64>,
}

impl<'a> SiteNow<'a> {
    fn of(place: &'a SitePlace, live: &Live, moment: &Moment) -> Self {
        let state = live.state(place.code(), moment.now_ms);
        let known = live.site(place.code());
        let grade = moment.standings.as_ref().and_then(|standings| standings.sites.get(place.code()));
        Self {
            code: place.code(),
            name: &place.site.name,
            kind: place.kind_label(),
            village: &place.site.village,
            village_name: &place.village_name,
            district: &place.district,
            district_name: &place.district_name,
            regency: &place.regency,
            regency_name: &place.regency_name,
            island: &place.site.island,
            island_name: &place.island_name,
            latitude: place.point.map(|point| point.latitude),
            longitude: place.point.map(|point| point.longitude),
            link: place.site.link.label(),
            provider: &place.site.provider,
            state: state.label(),
            cause: state.cause().map(suar_wire::Cause::label),
            last_measured_ms: known.and_then(crate::live::SiteLive::measured_ms),
            last_heard_ms: known.and_then(crate::live::SiteLive::heard_ms),
            agents: known.map_or(0, |site| site.agents.len()),
            standing: grade.map(|grade| grade.standing.label()),
            at_border: grade.map(|grade| grade.at_border),
            limited_by_power: grade.map(|grade| grade.limited_by_power),
            availability_ratio: grade.and_then(|grade| grade.availability),
            observed_ratio: grade.and_then(|grade| grade.observed),
            worst_case_ratio: grade.and_then(|grade| grade.worst_case),
        }
    }
}

fn agent_now(id: AgentId, agent: &AgentLive, live: &Live, now_ms: i64) -> Value {
    let (version, system) = agent.program.as_ref().map(|program| program.value.clone()).unzip();
    let newest = agent.newest.as_ref();
    let rtts: Vec<Value> = (agent.rtts.iter())
        .map(|(target, rtt)| json!({ "target": target, "method": rtt.method.label(), "rtt_us": rtt.rtt_us }))
        .collect();
    let probes: Vec<Value> = (agent.probes.iter())
        .map(|(kind, reading)| {
            let (outcome, elapsed_us) = outcome_words(reading.value);
            json!({
                "probe": kind.label(),
                "outcome": outcome,
                "elapsed_us": elapsed_us,
                "measured_ms": reading.at_ms,
            })
        })
        .collect();
    // What a machine hangs on is not in each look, and is told beside it.
    let health = agent.health.as_ref().map(|health| {
        let mut told = reading_json(health);
        told.as_object_mut().map(|fields| fields.remove("attachment"));
        told
    });
    json!({
        "agent": id,
        "version": version,
        "system": system,
        "plan_version": (agent.plan_version > 0).then_some(agent.plan_version),
        "silent": agent.is_silent(now_ms, live.silent_after_ms()),
        "last_heard_ms": agent.heard_ms,
        "last_measured_ms": agent.measured_ms(),
        "clock_offset_ms": agent.clock_offset_ms,
        "verdict": newest.map(|newest| if newest.value.0.is_up() { "up" } else { "down" }),
        "cause": newest.and_then(|newest| newest.value.0.cause()).map(suar_wire::Cause::label),
        "note": newest.map(|newest| newest.value.1.label()),
        "rtts": rtts,
        "probes": probes,
        "health": health,
        "attachment": agent.attachment.as_ref().map(reading_json),
    })
}

fn outcome_words(outcome: Outcome) -> (&'static str, Option<u32>) {
    match outcome {
        Outcome::NotSent => ("not_sent", None),
        Outcome::Ok { elapsed_us } => ("ok", Some(elapsed_us)),
        Outcome::Failed(failure) => (failure.label(), None),
    }
}

/// The record's own field names, which carry their units, with the time of the look.
fn reading_json<T: Serialize>(reading: &Reading<T>) -> Value {
    let mut value = serde_json::to_value(&reading.value).unwrap_or_default();
    value["measured_ms"] = json!(reading.at_ms);
    value
}

fn counters_json(counters: &Counters) -> Value {
    let slots = |hours| json!({ "up": counters.slots_up(hours), "down": counters.slots_down(hours) });
    json!({
        "slots_office_hours": slots(Hours::Office),
        "slots_off_hours": slots(Hours::Off),
        "echoes_sent": counters.echoes_sent,
        "echoes_lost": counters.echoes_lost,
    })
}
