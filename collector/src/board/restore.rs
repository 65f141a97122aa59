//! The live state after a start: newest records and counters, from the store.

use crate::calendar::{Holidays, Span};
use crate::exposition::Places;
use crate::live::{Accepted, Counters, Live, Remembered, Timed};
use crate::store::{Agent, Reader, StoreError, day_of};
use crate::wall_clock::MS_A_DAY;

/// How far before an agent's newest push its newest records are looked for.
const LOOK_BACK_MS: i64 = MS_A_DAY;

pub(super) fn restore(
    reader: &Reader,
    places: &Places,
    holidays: &Holidays,
    live: &mut Live,
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut remembered = Vec::new();
    for agent in reader.agents()? {
        // Damage in one agent's days must not keep the collector from serving all others.
        match counters(reader, places, holidays, &agent, now_ms) {
            // Revoked agents count too: what they measured stays true.
            Ok(counters) => live.restore_counters(&agent.site, &counters),
            Err(error) => tell_damage(&agent, error)?,
        }
        if let (Some(heard_ms), None) = (agent.last_seen_ms, agent.revoked_ms) {
            match newest(reader, &agent, heard_ms) {
                Ok(newest) => remembered.push(newest),
                Err(error) => tell_damage(&agent, error)?,
            }
        }
    }
    live.restore(&remembered, now_ms);
    Ok(())
}

fn tell_damage(agent: &Agent, error: StoreError) -> Result<(), StoreError> {
    let StoreError::Damaged(what) = error else { return Err(error) };
    tracing::error!(agent = %agent.id, what, "counters of an agent cannot be restored; run `suar-collector check-store`");
    Ok(())
}

fn newest(reader: &Reader, agent: &Agent, heard_ms: i64) -> Result<Remembered, StoreError> {
    let from_ms = heard_ms.saturating_sub(LOOK_BACK_MS).max(0);
    let records = reader.records(agent.id, from_ms, heard_ms.saturating_add(MS_A_DAY))?;
    let records =
        records.into_iter().map(|stored| Timed { at_ms: stored.at_ms, record: stored.record }).collect();
    Ok(Remembered {
        accepted: Accepted {
            site: agent.site.clone(),
            agent: agent.id,
            plan_version: 0,
            plan_is_right: false,
            clock_offset_ms: None,
            carried: false,
            records,
        },
        heard_ms,
        program: (agent.version.clone(), agent.system.clone()),
    })
}

fn counters(
    reader: &Reader,
    places: &Places,
    holidays: &Holidays,
    agent: &Agent,
    now_ms: i64,
) -> Result<Counters, StoreError> {
    let mut sum = Counters::default();
    let place = places.site(&agent.site);
    // Records before the agent joined are set aside, and those of the future too.
    let (first, last) = (day_of(agent.joined_ms).saturating_sub(1), day_of(now_ms).saturating_add(1));
    for (day, summary) in reader.day_summaries(agent.id, first, last)? {
        let start_s = i64::from(day) * 86_400;
        let window = Span::new(start_s, start_s + 86_400);
        let open = place.map(|place| place.open_within(window, holidays)).unwrap_or_default();
        sum.add(&Counters::of_day(&summary, day, &open));
    }
    Ok(sum)
}
