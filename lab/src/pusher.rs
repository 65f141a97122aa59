//! An agent that measures nothing: it joins, makes rounds that could have been measured, and pushes them.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use suar_wire::join_code::JoinCode;
use suar_wire::joining::{JoinAnswer, JoinRequest};
use suar_wire::push::{self, Clock};
use suar_wire::record::{ClockStep, Round};
use suar_wire::{
    AgentId, Body, BootId, Echo, EchoMethod, Epoch, Note, Outcome, Push, Receipt, Record, Slot, SlotWidth,
    Stamp, Verdict,
};

use crate::programs::http_client;
use crate::world::wall_ms;

const JOIN_MAX: Duration = Duration::from_secs(60);
const BOOTED_MS_BEFORE: i64 = 4 * 3_600_000;
/// What is waited when the collector asks for patience and does not say how much.
const LATER: Duration = Duration::from_secs(1);

/// One agent. Its rounds lie in slots one after the other, of a second where nothing else is said.
#[derive(Debug)]
pub struct Pusher {
    client: reqwest::Client,
    url: String,
    joined: JoinAnswer,
    epoch: Epoch,
    boot: BootId,
    booted_ms: i64,
    sequence: u64,
    slot: Slot,
}

/// An answer of the collector that is no failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Receipt(Receipt),
    Later(Duration),
}

#[derive(Debug)]
pub struct Sent {
    pub answer: Answer,
    pub body_bytes: u64,
}

impl Pusher {
    /// Joins. `boot` tells this agent's boot and epoch from others; its first round lies `back_seconds` before
    /// now, like that of an agent that was away.
    pub async fn join(code: &JoinCode, boot: u64, back_seconds: u64) -> Result<Self> {
        let client = http_client(code.fingerprint)?;
        let request = JoinRequest {
            secret: code.secret.iter().map(|byte| format!("{byte:02x}")).collect(),
            site: code.site.clone(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            system: "lab".to_owned(),
            attempt: None,
        };
        let url = format!("https://{}/v1/join", code.address);
        let answer = client.post(url).json(&request).timeout(JOIN_MAX).send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        anyhow::ensure!(status.is_success(), "join: {status}: {}", String::from_utf8_lossy(&body));
        let joined: JoinAnswer = serde_json::from_slice(&body)?;
        let width = SlotWidth::from_seconds(1).expect("a second divides a day");
        let first = width.slot_at(wall_ms() - back_seconds as i64 * 1_000);
        Ok(Self::joined(client, &code.address, joined, boot, first))
    }

    /// One that joined before; its next round is that of the slot after `slot`.
    pub fn joined(client: reqwest::Client, address: &str, joined: JoinAnswer, boot: u64, slot: Slot) -> Self {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&boot.to_be_bytes());
        Self {
            client,
            url: format!("https://{address}/v1/push"),
            joined,
            epoch: Epoch(boot.to_be_bytes()),
            boot: BootId(id),
            booted_ms: slot.start_ms().min(wall_ms()) - BOOTED_MS_BEFORE,
            sequence: 0,
            slot,
        }
    }

    pub fn agent(&self) -> AgentId {
        self.joined.agent
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The newest number that was given.
    pub fn last_sequence(&self) -> u64 {
        self.sequence
    }

    /// The next rounds; their numbers are used up.
    pub fn next(&mut self, records: u64) -> Vec<Record> {
        let first = Slot { index: self.slot.index + 1, ..self.slot };
        let made = self.rounds(self.sequence + 1, first, records);
        self.sequence += records;
        self.slot.index += records as i64;
        made
    }

    /// Rounds from a number and a slot on, whatever was made before.
    pub fn rounds(&self, sequence: u64, slot: Slot, records: u64) -> Vec<Record> {
        let round = |further: u64| {
            let (sequence, slot) = (sequence + further, Slot { index: slot.index + further as i64, ..slot });
            let stamp = self.stamp(slot.start_ms() + 300);
            Record { sequence, stamp, body: Body::Round(self.round(sequence, slot)) }
        };
        (0..records).map(round).collect()
    }

    /// The next round is that of the slot at a moment.
    pub fn be_at(&mut self, at_ms: i64) {
        self.slot = Slot { index: self.slot.width.slot_at(at_ms).index - 1, ..self.slot };
    }

    /// The next records that take no slot, of any number.
    pub fn next_events(&mut self, records: u64) -> Vec<Record> {
        let first = self.sequence + 1;
        let events = (first..first + records).map(|by_ms| Body::ClockStep(ClockStep { by_ms: by_ms as i64 }));
        self.next_of(events)
    }

    /// The next records, of this moment.
    pub fn next_of(&mut self, bodies: impl IntoIterator<Item = Body>) -> Vec<Record> {
        let stamp = self.stamp(wall_ms());
        let mut record = |body| {
            self.sequence += 1;
            Record { sequence: self.sequence, stamp, body }
        };
        bodies.into_iter().map(&mut record).collect()
    }

    /// One push of these, and the answer to it. Whatever else comes, or nothing, is an error.
    pub async fn send(&self, records: &[Record], at_most: Duration) -> Result<Sent> {
        let now = self.stamp(wall_ms());
        let push = Push {
            agent: self.joined.agent,
            epoch: self.epoch,
            plan_version: self.joined.plan.version,
            clock: Clock {
                boot: now.boot,
                boot_ms: now.boot_ms,
                wall_ms: now.wall_ms,
                last_exchange_ms: Some(20),
            },
            records: records.to_vec(),
        };
        let (body, packed) = push::compress(push.encode());
        let body_bytes = body.len() as u64;
        let mut request = self
            .client
            .post(&self.url)
            .header(CONTENT_TYPE, push::CONTENT_TYPE)
            .header(AUTHORIZATION, format!("Bearer {}", self.joined.token))
            .timeout(at_most)
            .body(body);
        if packed {
            request = request.header(CONTENT_ENCODING, "zstd");
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        if status == 429 || status == 503 {
            let asked =
                answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            return Ok(Sent { answer: Answer::Later(asked.map_or(LATER, Duration::from_secs)), body_bytes });
        }
        let body = answer.bytes().await?;
        anyhow::ensure!(status == 200, "push: {status}: {}", String::from_utf8_lossy(&body));
        Ok(Sent { answer: Answer::Receipt(Receipt::decode(&body).context("a receipt")?), body_bytes })
    }

    fn stamp(&self, at_ms: i64) -> Stamp {
        Stamp { boot: self.boot, boot_ms: (at_ms - self.booted_ms).unsigned_abs(), wall_ms: at_ms }
    }

    fn round(&self, sequence: u64, slot: Slot) -> Round {
        let rtt_us = 20_000 + (sequence % 97) as u32 * 100;
        let ok = Outcome::Ok { elapsed_us: rtt_us };
        let echo = |target: &std::net::IpAddr| Echo {
            target: *target,
            method: EchoMethod::Icmp,
            sent: 1,
            late: 0,
            duplicates: 0,
            error: None,
            rtt_us: vec![rtt_us],
        };
        Round {
            slot,
            verdict: Verdict::Up,
            note: Note::None,
            gateway: ok,
            dns: ok,
            dns_public: ok,
            online: Outcome::NotSent,
            collector: Outcome::NotSent,
            echoes: self.joined.plan.targets.iter().map(echo).collect(),
        }
    }
}
