//! The push: what an agent sends to `POST /v1/push`.
//!
//! The body is a protobuf message, or the same as JSON for debugging; the HTTP header
//! `content-encoding: zstd` says whether it is compressed. Who sends it is told by the bearer token; the
//! agent id in the body must agree with it.

use prost::Message;
use serde::{Deserialize, Serialize};

use crate::columns::{self, Columns, ColumnsError};
use crate::identity::{AgentId, BootId, Epoch};
use crate::record::Record;

/// `content-type` of the protobuf form.
pub const CONTENT_TYPE: &str = "application/vnd.suar.push";
/// The only version there is. Later ones add fields; this one decodes for ever.
pub const VERSION: u32 = 1;
/// Most bytes of a body as sent.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Most bytes of a body after decompression.
pub const UNPACKED_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most records in one push.
pub const RECORDS_MAX: usize = 2_000;

/// The two clocks of the machine at the moment of sending: the anchor for clock repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    pub boot: BootId,
    pub boot_ms: u64,
    pub wall_ms: i64,
    /// Round trip of the exchange before this one; half of it bounds the anchor's error.
    pub last_exchange_ms: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    pub agent: AgentId,
    pub epoch: Epoch,
    pub plan_version: u32,
    pub clock: Clock,
    /// Any order of sequences, newest batch first; each once.
    pub records: Vec<Record>,
}

/// Why a body is not a push.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    #[error("not a protobuf message: {0}")]
    Protobuf(String),
    #[error("version {found}, this collector understands {VERSION}")]
    Version { found: u32 },
    #[error("{0} is missing or malformed")]
    Field(&'static str),
    #[error(transparent)]
    Records(#[from] ColumnsError),
    #[error("unpacks to more than {UNPACKED_BYTES_MAX} bytes")]
    TooLarge,
    #[error("not zstd: {0}")]
    Zstd(String),
}

#[derive(Clone, PartialEq, Message)]
struct PushPb {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(bytes = "vec", tag = "2")]
    agent: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    epoch: Vec<u8>,
    #[prost(uint32, tag = "4")]
    plan_version: u32,
    #[prost(message, optional, tag = "5")]
    clock: Option<ClockPb>,
    #[prost(message, optional, tag = "6")]
    records: Option<Columns>,
}

#[derive(Clone, PartialEq, Message)]
struct ClockPb {
    #[prost(bytes = "vec", tag = "1")]
    boot: Vec<u8>,
    #[prost(uint64, tag = "2")]
    boot_ms: u64,
    #[prost(sint64, tag = "3")]
    wall_ms: i64,
    #[prost(uint32, optional, tag = "4")]
    last_exchange_ms: Option<u32>,
}

impl Push {
    pub fn encode(&self) -> Vec<u8> {
        PushPb {
            version: VERSION,
            agent: self.agent.0.to_vec(),
            epoch: self.epoch.0.to_vec(),
            plan_version: self.plan_version,
            clock: Some(ClockPb {
                boot: self.clock.boot.0.to_vec(),
                boot_ms: self.clock.boot_ms,
                wall_ms: self.clock.wall_ms,
                last_exchange_ms: self.clock.last_exchange_ms,
            }),
            records: Some(columns::encode(&self.records)),
        }
        .encode_to_vec()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, PushError> {
        let push = PushPb::decode(bytes).map_err(|error| PushError::Protobuf(error.to_string()))?;
        if push.version != VERSION {
            return Err(PushError::Version { found: push.version });
        }
        let clock = push.clock.ok_or(PushError::Field("clock"))?;
        Ok(Self {
            agent: AgentId::from_slice(&push.agent).ok_or(PushError::Field("agent"))?,
            epoch: Epoch::from_slice(&push.epoch).ok_or(PushError::Field("epoch"))?,
            plan_version: push.plan_version,
            clock: Clock {
                boot: BootId::from_slice(&clock.boot).ok_or(PushError::Field("clock.boot"))?,
                boot_ms: clock.boot_ms,
                wall_ms: clock.wall_ms,
                last_exchange_ms: clock.last_exchange_ms,
            },
            records: columns::decode(&push.records.unwrap_or_default(), RECORDS_MAX)?,
        })
    }
}

/// Compresses when that is smaller. The flag says whether the result is zstd.
pub fn compress(body: Vec<u8>) -> (Vec<u8>, bool) {
    match zstd::bulk::compress(&body, 9) {
        Ok(packed) if packed.len() < body.len() => (packed, true),
        _ => (body, false),
    }
}

/// Unpacks zstd up to [`UNPACKED_BYTES_MAX`]; a bomb costs no more memory than that.
pub fn decompress(body: &[u8]) -> Result<Vec<u8>, PushError> {
    use std::io::Read;
    let mut unpacked = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(body)
        .and_then(|mut decoder| decoder.window_log_max(23).map(|()| decoder))
        .map_err(|error| PushError::Zstd(error.to_string()))?;
    let read = decoder
        .take(UNPACKED_BYTES_MAX as u64 + 1)
        .read_to_end(&mut unpacked)
        .map_err(|error| PushError::Zstd(error.to_string()))?;
    if read > UNPACKED_BYTES_MAX { Err(PushError::TooLarge) } else { Ok(unpacked) }
}
