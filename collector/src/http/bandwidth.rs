//! `GET /v1/bandwidth`: when this agent is to test until tomorrow's midnight (UTC).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use suar_wire::SiteCode;
use suar_wire::bandwidth::Moments;

use super::answer::Refusal;
use super::{App, auth};
use crate::bandwidth::{Office, moments};
use crate::calendar::{Holidays, Span};
use crate::day::{DAY_S, Day};
use crate::store::StoreError;
use crate::wall_clock::now_ms;

/// A site that was added or changed tests by its new hours after at most this long.
const KEPT_MS: i64 = 10 * 60 * 1000;

/// Today's and tomorrow's moments of all sites, as computed last.
#[derive(Debug, Default)]
pub struct Timetable {
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    computed_ms: i64,
    first_day: Day,
    starts_s: Arc<BTreeMap<SiteCode, Vec<i64>>>,
}

pub async fn bandwidth(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Moments>, Refusal> {
    let agent = auth::agent(&app, &headers).map_err(|(_, refusal)| refusal)?;
    let now_ms = now_ms();
    let today = Day::try_from(now_ms.div_euclid(DAY_S * 1_000)).unwrap_or(0);
    let asked = Arc::clone(&app);
    // Thousands of sites take a moment: not on a thread that serves pushes.
    let starts_s = tokio::task::spawn_blocking(move || asked.timetable.of_all(&asked, today, now_ms)).await;
    let starts_s = starts_s.map_err(|error| unreadable(&error.to_string()))?;
    let starts_s = starts_s.map_err(|error| unreadable(&error.to_string()))?;
    let starts = starts_s.get(&agent.site).map(Vec::as_slice).unwrap_or_default();
    Ok(Json(Moments {
        starts_ms: starts
            .iter()
            .map(|start_s| start_s * 1_000)
            .filter(|start_ms| *start_ms >= now_ms)
            .take(Moments::STARTS_MAX)
            .collect(),
        until_ms: (i64::from(today) + 2) * DAY_S * 1_000,
    }))
}

fn unreadable(error: &str) -> Refusal {
    tracing::error!(error, "the moments of bandwidth tests could not be computed");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "store", "the store cannot be read now")
        .retry_after(super::push::BUSY_WAIT)
}

impl Timetable {
    fn of_all(
        &self,
        app: &App,
        today: Day,
        now_ms: i64,
    ) -> Result<Arc<BTreeMap<SiteCode, Vec<i64>>>, StoreError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = &*kept
            && kept.first_day == today
            && now_ms - kept.computed_ms < KEPT_MS
        {
            return Ok(Arc::clone(&kept.starts_s));
        }
        let holidays = Holidays::national();
        let sites = app.readers.with(|reader| reader.sites_at(now_ms))?;
        let mut starts_s: BTreeMap<SiteCode, Vec<i64>> = BTreeMap::new();
        for day in [today, today + 1] {
            let window = Span::new(i64::from(day) * DAY_S, (i64::from(day) + 1) * DAY_S);
            let offices: Vec<Office> = sites
                .iter()
                .map(|site| Office {
                    code: site.code.clone(),
                    // What an island's offices of one provider share is one line to the mainland.
                    upstream: format!("{} {}", site.island, site.provider.to_lowercase()),
                    open: site.hours.within(window, site.time_zone, &holidays, &site.village),
                })
                .collect();
            for (code, of_day) in moments(&offices, day, app.config.bandwidth.tests_a_day) {
                starts_s.entry(code).or_default().extend(of_day);
            }
        }
        let starts_s = Arc::new(starts_s);
        *kept = Some(Kept { computed_ms: now_ms, first_day: today, starts_s: Arc::clone(&starts_s) });
        Ok(starts_s)
    }
}
