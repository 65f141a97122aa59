//! `GET /v1/plan`: what the agents of a site do, for those that belong here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use suar_wire::{Plan, SiteCode};

use super::answer::Refusal;
use super::{App, auth};
use crate::store::StoreError;
use crate::wall_clock::now_ms;

pub async fn plan(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Plan>, Refusal> {
    let agent = auth::agent(&app, &headers).map_err(|(reason, refusal)| {
        app.counters.own().request_refused("plan", reason.label());
        refusal
    })?;
    of_site(&app, &agent.site).map(Json).map_err(|error| {
        tracing::error!(site = %agent.site, %error, "the plan of a site cannot be made");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "store", "the store cannot be read now")
            .retry_after(super::push::BUSY_WAIT)
    })
}

/// The plan of a site as it is now.
pub fn of_site(app: &App, site: &SiteCode) -> Result<Plan, StoreError> {
    app.readers.with(|reader| reader.plan_of(&app.plan, site, now_ms()))
}
