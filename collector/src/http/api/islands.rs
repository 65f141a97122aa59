//! `/api/islands`: every island with a site, how it stands in the running quarter, and the populated
//! islands that are outside the measure, and the outages of the last day that offices share.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::{Api, ApiError};
use crate::board::{Board, Moment};
use crate::coverage::{Counts, IslandStanding};
use crate::exposition::IslandPlace;
use crate::live::{Live, State as SiteState};
use crate::report::{island_json, shared_json};
use crate::wall_clock::{MS_A_DAY, now_ms};

/// How far back shared outages are told here; those of a whole period are in `/api/coverage`.
const SHARED_MS: i64 = MS_A_DAY;

pub(super) async fn all(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    super::aside(api, islands).await
}

fn islands(board: &Board) -> Value {
    let (moment, live) = (board.at(now_ms()), board.live());
    let standings = moment.standings.as_deref();
    let islands: Vec<Value> =
        moment.places.islands.iter().map(|island| island_now(island, &live, &moment)).collect();
    json!({
        "now_ms": moment.now_ms,
        "quarter": standings.map(|standings| standings.quarter.to_string()),
        "judged_ms": standings.map(|standings| standings.computed_ms),
        "islands": islands,
        "outside": standings.map(|standings| &standings.outside),
        "shared_outages": standings.map(|standings| {
            standings.shared_since(moment.now_ms - SHARED_MS).map(shared_json).collect::<Vec<_>>()
        }),
    })
}

fn island_now(island: &IslandPlace, live: &Live, moment: &Moment) -> Value {
    let grade = moment.standings.as_ref().and_then(|standings| standings.islands.get(&island.code));
    let mut value = match grade {
        Some(grade) => island_json(&grade.coverage),
        None => json!({
            "code": island.code,
            "name": island.name,
            "usual_names": island.usual_names,
            "standing": null,
            "offices": null,
        }),
    };
    let mut now: serde_json::Map<String, Value> =
        SiteState::LABELS.iter().map(|label| ((*label).to_owned(), json!(0))).collect();
    for place in moment.places.sites.iter().filter(|place| place.site.island == island.code) {
        let count = &mut now[live.state(place.code(), moment.now_ms).label()];
        *count = json!(count.as_u64().unwrap_or(0) + 1);
    }
    value["offices_now"] = Value::Object(now);
    value["latitude"] = json!(island.point.map(|point| point.latitude));
    value["longitude"] = json!(island.point.map(|point| point.longitude));
    value["availability_ratio"] = json!(grade.and_then(|grade| grade.availability));
    value["summary"] = json!(grade.map(|grade| summary(grade.coverage.standing, &grade.coverage.counts)));
    value
}

/// The reason of a standing in a few words: always so many of so many.
fn summary(standing: IslandStanding, counts: &Counts) -> Value {
    let Counts { sites, judged, reliable, unreliable, .. } = counts;
    let (id, en) = match standing {
        IslandStanding::NotAssessable => (
            format!("{judged} dari {sites} kantor punya cukup data"),
            format!("{judged} of {sites} offices have enough data"),
        ),
        IslandStanding::Reliable => (
            format!("{reliable} dari {judged} kantor andal"),
            format!("{reliable} of {judged} offices reliable"),
        ),
        IslandStanding::Limited | IslandStanding::Unreliable => (
            format!("{unreliable} dari {judged} kantor tidak andal"),
            format!("{unreliable} of {judged} offices unreliable"),
        ),
    };
    json!({ "id": id, "en": en })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_is_always_said_with_so_many_of_so_many() {
        let counts = Counts { sites: 5, judged: 4, unreliable: 3, ..Counts::default() };
        let said = summary(IslandStanding::Unreliable, &counts);
        assert_eq!(said, json!({ "id": "3 dari 4 kantor tidak andal", "en": "3 of 4 offices unreliable" }));
        let none = summary(IslandStanding::NotAssessable, &Counts { sites: 2, ..Counts::default() });
        assert_eq!(none["en"], "0 of 2 offices have enough data");
    }
}
