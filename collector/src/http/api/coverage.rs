//! `/api/coverage` and `/api/report`: a period judged on demand, off the serving threads, few at once.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Api, ApiError};
use crate::assessment::Assessment;
use crate::calendar::PeriodName;
use crate::report::{Format, Language, Letter, Paper, Report, assessment_json};
use crate::wall_clock::now_ms;

/// Longest period over HTTP; the command line takes longer ones.
const PERIOD_DAYS_MAX: u64 = 1_100;
/// Longest wait for others' assessments.
const TURN_WAIT: Duration = Duration::from_secs(20);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CoverageQuery {
    period: Option<String>,
    scope: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportQuery {
    period: Option<String>,
    scope: Option<String>,
    format: Option<String>,
    lang: Option<String>,
}

pub(super) async fn coverage(
    State(api): State<Api>,
    query: Result<Query<CoverageQuery>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Query(CoverageQuery { period, scope }) = query.map_err(unreadable)?;
    let now_ms = now_ms();
    let value = assessed(&api, period, scope, now_ms, move |assessment| {
        let mut value = assessment_json(&assessment);
        value["generated_at_s"] = json!(now_ms.div_euclid(1000));
        value
    })
    .await?;
    Ok(Json(value))
}

pub(super) async fn report(
    State(api): State<Api>,
    query: Result<Query<ReportQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(ReportQuery { period, scope, format, lang }) = query.map_err(unreadable)?;
    let format: Format = format.as_deref().unwrap_or("md").parse().map_err(ApiError::Request)?;
    let language: Language = lang.as_deref().unwrap_or("id").parse().map_err(ApiError::Request)?;
    let now_ms = now_ms();
    let region = api.board.region();
    let (name, made) = assessed(&api, period, scope, now_ms, move |assessment| {
        let report = Report {
            assessment: &assessment,
            region,
            generated_at_s: now_ms.div_euclid(1000),
            letter: &Letter::default(),
            before: None,
            paper: Paper::default(),
        };
        (file_name(&assessment, format), report.render(format, language))
    })
    .await?;
    let body = made.map_err(|error| {
        tracing::error!(%error, "a report could not be written");
        ApiError::Broken
    })?;
    let disposition = format!("inline; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, body).into_response())
}

/// Judges on a thread for blocking work, when it is this request's turn, and makes something of it there.
async fn assessed<T: Send + 'static>(
    api: &Api,
    period: Option<String>,
    scope: Option<String>,
    now_ms: i64,
    make: impl FnOnce(Assessment) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let period = match period {
        Some(text) => text.parse().map_err(|error| ApiError::Request(format!("{error}")))?,
        None => PeriodName::quarter_at(now_ms.div_euclid(1000)),
    };
    let days = period.window().seconds() / 86_400;
    if days > PERIOD_DAYS_MAX {
        return Err(ApiError::Request(format!(
            "the period has {days} days, at most {PERIOD_DAYS_MAX} are judged over HTTP; \
             `suar-collector report` takes longer ones"
        )));
    }
    let turn = tokio::time::timeout(TURN_WAIT, api.assessments.clone().acquire_owned());
    let turn = turn.await.map_err(|_| ApiError::Busy)?.map_err(|_| ApiError::Broken)?;
    let board = api.board.clone();
    let work = tokio::task::spawn_blocking(move || {
        // The turn ends with the work, not with the request: a reader that hangs up starts nothing twice.
        let _turn = turn;
        board.assess(period, scope.as_deref(), now_ms).map(make)
    });
    match work.await {
        Ok(made) => Ok(made?),
        Err(error) => {
            tracing::error!(%error, "an assessment broke off");
            Err(ApiError::Broken)
        }
    }
}

fn unreadable(rejection: QueryRejection) -> ApiError {
    ApiError::Request(format!(
        "{}; known are period, scope and, for reports, format and lang",
        rejection.body_text()
    ))
}

/// Safe in a header and on every file system.
fn file_name(assessment: &Assessment, format: Format) -> String {
    let safe = |text: &str| {
        text.chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' })
            .collect::<String>()
    };
    let (scope, period) = (safe(&assessment.scope.code), safe(&assessment.name.to_string()));
    format!("suar-{scope}-{period}.{}", format.extension())
}
