//! `/healthz`: the process lives. `/readyz`: it can take pushes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::StatusCode;

use super::App;
use super::answer::Refusal;

pub async fn alive() -> &'static str {
    "ok\n"
}

pub async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Refusal> {
    let refused = |message: &str| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", message);
    if app.stopping.load(Ordering::Relaxed) || app.jobs.is_closed() {
        return Err(refused("the collector is stopping"));
    }
    app.readers.with(|reader| reader.meta("region")).map_err(|error| refused(&error.to_string()))?;
    Ok("ready\n")
}
