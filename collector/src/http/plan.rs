//! `GET /v1/plan`: what agents do, for those that belong here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use suar_wire::Plan;

use super::answer::Refusal;
use super::{App, auth};

pub async fn plan(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Plan>, Refusal> {
    auth::agent(&app, &headers).map_err(|(reason, refusal)| {
        app.counters.own().request_refused("plan", reason.label());
        refusal
    })?;
    Ok(Json(app.plan.clone()))
}
