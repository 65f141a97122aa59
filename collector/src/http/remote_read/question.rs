//! From the bytes of a request to questions: everything from outside is bounded here.

use axum::http::StatusCode;
use prost::Message;

use super::refusal::Refusal;
use super::wire::{LabelMatcher, Query, RESPONSE_SAMPLES, RESPONSE_STREAMED_XOR_CHUNKS, ReadRequest};
use crate::history::limits::{Limits, Over};
use crate::history::matchers::Matchers;
use crate::history::plan::Question;
use crate::history::series::Form;

/// A request as it comes in: a few hundred bytes, more where Grafana lists every site.
pub const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// After unpacking.
const UNPACKED_BYTES_MAX: usize = 1024 * 1024;

/// What is asked and in which form the answer is wanted.
#[derive(Debug)]
pub struct Asked {
    pub questions: Vec<Question>,
    pub form: Form,
}

pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Asked, Refusal> {
    let request = ReadRequest::decode(unpack(bytes)?.as_slice())
        .map_err(|error| malformed(format!("the request is no ReadRequest: {error}")))?;
    let form = negotiate(&request.accepted_response_types)?;
    if request.queries.len() > limits.queries {
        return Err(Over::Queries { found: request.queries.len(), max: limits.queries }.into());
    }
    let questions = request.queries.iter().map(question).collect::<Result<_, _>>()?;
    Ok(Asked { questions, form })
}

/// Snappy's block form says first how long the content is: nothing is taken from memory for a lie.
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let broken = |error: snap::Error| malformed(format!("the request is no snappy block: {error}"));
    let length = snap::raw::decompress_len(bytes).map_err(broken)?;
    if length > UNPACKED_BYTES_MAX {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the request unpacks to {length} bytes; at most {UNPACKED_BYTES_MAX} are taken"),
        ));
    }
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(broken)
}

/// The first form of the asker's list that is known here; plain samples when it has no list.
fn negotiate(accepted: &[i32]) -> Result<Form, Refusal> {
    if accepted.is_empty() {
        return Ok(Form::Plain);
    }
    let form = |accepted: &i32| match *accepted {
        RESPONSE_SAMPLES => Some(Form::Plain),
        RESPONSE_STREAMED_XOR_CHUNKS => Some(Form::Chunks),
        _ => None,
    };
    accepted.iter().find_map(form).ok_or_else(|| {
        malformed(
            "none of the accepted response types is known here (samples, streamed XOR chunks)".to_owned(),
        )
    })
}

fn question(query: &Query) -> Result<Question, Refusal> {
    let all = query.matchers.iter().map(|LabelMatcher { kind, name, value }| (*kind, &**name, &**value));
    let matchers = Matchers::new(all)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "matcher", error.to_string()))?;
    let (mut from_ms, mut to_ms) = (query.start_timestamp_ms, query.end_timestamp_ms);
    // Prometheus' own storage reads what the hints say: with an offset the query's range is far longer.
    if let Some(hints) = query.hints.as_ref().filter(|hints| hints.start_ms != 0 || hints.end_ms != 0) {
        (from_ms, to_ms) = (from_ms.max(hints.start_ms), to_ms.min(hints.end_ms));
    }
    Ok(Question { matchers, from_ms, to_ms })
}

fn malformed(message: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "malformed", message)
}
