//! `POST /api/v1/read`: Prometheus' remote read, so that PromQL runs over the store's history without a
//! second copy. Who may read is decided by the router that this is merged into.
//!
//! A few requests are answered at once, each on a thread that may wait for the disk; some more wait their
//! turn; the rest is told to come again.

mod outbox;
mod question;
mod refusal;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use prost::Message;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::body::{self, BodyError};
use crate::calendar::Holidays;
use crate::exposition::Own;
use crate::history::answer::{self, Sent, Source, Stop};
use crate::history::limits::{Limits, Over};
use crate::history::plan::Registry;
use crate::history::series::{Form, Labels, Samples};
use crate::prompb;
use crate::store::{Reader, StoreError};
use crate::wall_clock::now_ms;
use outbox::{Gone, Outbox};
use question::Asked;
use refusal::Refusal;
use wire::{ChunkedReadResponse, ChunkedSeries, QueryResult, ReadResponse};

/// Answers being made at once: each holds a core and its part of an answer.
const RUNNING_MAX: usize = 2;
/// Requests that are read or wait for their turn: a dashboard asks for all its panels at once.
const WAITING_MAX: usize = 64;
const WAITING_TIME_MAX: Duration = Duration::from_secs(30);
/// Bytes of chunks in one frame; Prometheus' own server cuts at one mebibyte.
const FRAME_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub struct Options {
    /// The data directory.
    pub data: PathBuf,
    pub holidays: Holidays,
    pub limits: Limits,
    pub own: Own,
}

#[derive(Debug)]
struct Endpoint {
    options: Options,
    running: Semaphore,
    waiting: Semaphore,
}

pub fn routes(options: Options) -> Router {
    let (running, waiting) = (Semaphore::new(RUNNING_MAX), Semaphore::new(WAITING_MAX));
    let endpoint = Arc::new(Endpoint { options, running, waiting });
    Router::new().route("/api/v1/read", post(read)).with_state(endpoint)
}

async fn read(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    match take(&endpoint, request).await {
        Ok(response) => response,
        Err(refusal) => {
            endpoint.options.own.read_answered(refusal.status.as_u16(), refusal.word);
            refusal.into_response()
        }
    }
}

async fn take(endpoint: &Arc<Endpoint>, request: Request) -> Result<Response, Refusal> {
    let busy = |message: &str| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message);
    let Ok(waiting) = endpoint.waiting.try_acquire() else {
        body::drain(request.into_body()).await;
        return Err(busy("more questions wait than the collector holds; try again in a moment"));
    };
    let bytes = body::read(request.into_body(), question::REQUEST_BYTES_MAX).await.map_err(unreadable)?;
    let asked = question::decode(&bytes, &endpoint.options.limits)?;
    if asked.questions.iter().all(|question| question.measures().is_empty()) {
        endpoint.options.own.read_answered(StatusCode::OK.as_u16(), "none_of_history");
        return Ok(answered(asked.form, nothing(&asked).into()));
    }
    let turn = tokio::time::timeout(WAITING_TIME_MAX, endpoint.running.acquire()).await;
    // The semaphore is never closed; a turn that does not come in time is what can happen.
    let Ok(Ok(turn)) = turn else { return Err(busy("other questions took too long; try again in a moment")) };
    drop(waiting);
    turn.forget();

    let until = Instant::now() + endpoint.options.limits.time;
    let (outbox, inbox) = Outbox::new(Handle::current(), until);
    let form = asked.form;
    let for_work = Arc::clone(endpoint);
    tokio::task::spawn_blocking(move || {
        let _turn = Turn(Arc::clone(&for_work));
        work(&for_work.options, &asked, outbox, until);
    });
    let stopped = || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the answer broke off");
    let body = inbox.answer().await.ok_or_else(stopped)??;
    Ok(answered(form, body))
}

/// Gives the turn back, whatever becomes of the work.
struct Turn(Arc<Endpoint>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.running.add_permits(1);
    }
}

fn answered(form: Form, body: Body) -> Response {
    let (content_type, encoding) = match form {
        Form::Plain => ("application/x-protobuf", Some("snappy")),
        Form::Chunks => ("application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse", None),
    };
    let mut response = ([(header::CONTENT_TYPE, content_type)], body).into_response();
    if let Some(encoding) = encoding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// An answer without a series.
fn nothing(asked: &Asked) -> Vec<u8> {
    match asked.form {
        Form::Plain => {
            let results = vec![QueryResult::default(); asked.questions.len()];
            pack(&ReadResponse { results }).unwrap_or_default()
        }
        Form::Chunks => Vec::new(),
    }
}

/// Makes the answer and counts what came of it.
fn work(options: &Options, asked: &Asked, mut outbox: Outbox, until: Instant) {
    let own = &options.own;
    let mut sent = Sent::default();
    let ok = StatusCode::OK.as_u16();
    let stop = match write(options, asked, &mut outbox, until, &mut sent) {
        Ok(()) => match outbox.finish() {
            Ok(()) => {
                own.read_samples(asked.form.label(), sent.samples);
                return own.read_answered(ok, "ok");
            }
            Err(Gone) => return own.read_answered(ok, "client_gone"),
        },
        Err(stop) => stop,
    };
    let refusal = match stop {
        Stop::Over(over) => over.into(),
        Stop::Source(error) => store_trouble(&error),
        Stop::Gone => return own.read_answered(ok, "client_gone"),
    };
    let word = refusal.word;
    // A status that could still be sent is counted with it where the answer goes out.
    if !outbox.refuse(refusal) {
        own.read_answered(ok, word);
    }
}

fn write(
    options: &Options,
    asked: &Asked,
    outbox: &mut Outbox,
    until: Instant,
    sent: &mut Sent,
) -> Result<(), Stop<StoreError>> {
    let reader = Reader::open(&options.data).map_err(Stop::Source)?;
    let registry =
        Registry::new(reader.site_versions().map_err(Stop::Source)?, reader.agents().map_err(Stop::Source)?);
    let request = answer::Request {
        source: &reader,
        registry: &registry,
        holidays: &options.holidays,
        limits: &options.limits,
        form: asked.form,
        now_ms: now_ms(),
    };
    let max = options.limits.time;
    let wanted = outbox.wanted();
    let still = || match (wanted.is_still(), Instant::now() < until) {
        (true, true) => Ok(()),
        (true, false) => Err(Stop::Over(Over::Time { max })),
        (false, _) => Err(Stop::Gone),
    };
    let mut results = Vec::new();
    for (query, question) in asked.questions.iter().enumerate() {
        let mut result = QueryResult::default();
        request.answer(question, sent, &still, |labels, samples| match samples {
            Samples::Plain(samples) => {
                result.timeseries.push(prompb::series(labels, samples).encode_to_vec());
                Ok(())
            }
            Samples::Chunks(chunks) => stream(query, labels, chunks, outbox).map_err(|Gone| Stop::Gone),
        })?;
        results.push(result);
    }
    if asked.form == Form::Plain {
        // Longer than snappy can say is far more than the samples that are allowed.
        let too_large = |_| Over::Samples { max: options.limits.plain_samples };
        outbox.write(pack(&ReadResponse { results }).map_err(too_large)?).map_err(|Gone| Stop::Gone)?;
    }
    Ok(())
}

fn pack(response: &ReadResponse) -> Result<Vec<u8>, snap::Error> {
    snap::raw::Encoder::new().compress_vec(&response.encode_to_vec())
}

/// One series in frames of bounded size.
fn stream(
    query: usize,
    labels: Labels,
    chunks: Vec<crate::history::xor::XorChunk>,
    outbox: &mut Outbox,
) -> Result<(), Gone> {
    let labels = prompb::labels(labels);
    let mut chunks = chunks.into_iter().map(wire::chunk).peekable();
    while chunks.peek().is_some() {
        let mut bytes = 0;
        let mut here = Vec::new();
        while bytes < FRAME_BYTES_MAX
            && let Some(chunk) = chunks.next()
        {
            bytes += chunk.data.len();
            here.push(chunk);
        }
        let series = ChunkedSeries { labels: labels.clone(), chunks: here };
        let query_index = i64::try_from(query).unwrap_or(i64::MAX);
        outbox.write(wire::frame(&ChunkedReadResponse { chunked_series: vec![series], query_index }))?;
    }
    Ok(())
}

fn unreadable(error: BodyError) -> Refusal {
    let max = question::REQUEST_BYTES_MAX;
    match error {
        BodyError::TooLarge => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("a request has at most {max} bytes"),
        ),
        BodyError::Broken => Refusal::new(StatusCode::BAD_REQUEST, "malformed", "the body broke off"),
        BodyError::TooSlow => {
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not arrive in time")
        }
    }
}

fn store_trouble(error: &StoreError) -> Refusal {
    tracing::error!(%error, "history cannot be read");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "store", "the store cannot be read now")
}

impl Source for Reader {
    type Error = StoreError;

    fn records(
        &self,
        agent: suar_wire::AgentId,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<crate::store::StoredRecord>, StoreError> {
        Reader::records(self, agent, from_ms, to_ms)
    }

    fn summaries(
        &self,
        agent: suar_wire::AgentId,
        from: crate::day::Day,
        to: crate::day::Day,
    ) -> Result<Vec<(crate::day::Day, crate::day::DaySummary)>, StoreError> {
        self.day_summaries(agent, from, to)
    }
}
