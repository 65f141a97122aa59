//! Load: many agents that push at once and wait for the receipt of each push.
//!
//! Only against a collector on this machine: an address that is not of the loopback is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::programs::http_client;
use anyhow::{Context, Result};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use serde::Serialize;
use suar_wire::join_code::JoinCode;
use suar_wire::joining::{JoinAnswer, JoinRequest};
use suar_wire::push::{self, Clock};
use suar_wire::record::Round;
use suar_wire::{
    Body, BootId, Echo, EchoMethod, Epoch, Note, Outcome, Push, Receipt, Record, Slot, SlotWidth, Stamp,
    Verdict,
};

use crate::seed::Random;
use crate::world::wall_ms;

const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Longest pause that an answer "later" may ask for here.
const LATER_MAX: Duration = Duration::from_secs(5);
/// Most pushes of a run: the load stops by itself.
const PUSHES_MAX: u64 = 10_000_000;
/// An agent's rounds lie in slots of a second before now; the collector takes an hour before the joining.
const BACK_SECONDS: u64 = 50 * 60;
const BOOTED_MS_BEFORE: i64 = 4 * 3_600_000;

#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub pushes: u64,
    pub agents: usize,
    pub records_a_push: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    pub pushes: u64,
    pub records: u64,
    pub agents: usize,
    pub seconds: f64,
    pub pushes_a_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub body_bytes: u64,
    /// Answers that asked to come later.
    pub later: u64,
}

/// Joins the agents with one code and pushes until all pushes have their receipts.
pub fn run(load: &Load, code: &str) -> Result<Measured> {
    anyhow::ensure!(load.pushes <= PUSHES_MAX, "at most {PUSHES_MAX} pushes");
    let rounds_an_agent = load.pushes * load.records_a_push / (load.agents.max(1) as u64);
    anyhow::ensure!(
        rounds_an_agent <= BACK_SECONDS,
        "{rounds_an_agent} rounds an agent are more than {BACK_SECONDS}: take more agents or fewer pushes"
    );
    let code: JoinCode = code.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let host = code.address.rsplit_once(':').context("host:port in the code")?.0;
    let local = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    anyhow::ensure!(local, "load goes to the loopback only, and the code names {host}");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(push_all(*load, Arc::new(code)))
}

async fn push_all(load: Load, code: Arc<JoinCode>) -> Result<Measured> {
    let seed = printed_seed_on_stderr();
    let mut joined = Vec::new();
    for number in 0..load.agents {
        let mut random = Random::from_seed(seed.wrapping_add(number as u64));
        let agent = Loader::join(&code, random.next_u64()).await?;
        joined.push(agent);
    }
    let left = Arc::new(AtomicU64::new(load.pushes));
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut agent in joined {
        let left = Arc::clone(&left);
        tasks.spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            {
                agent.push(load.records_a_push).await?;
            }
            anyhow::Ok(agent)
        });
    }
    let mut waits_us = Vec::with_capacity(load.pushes as usize);
    let (mut body_bytes, mut later) = (0, 0);
    while let Some(agent) = tasks.join_next().await {
        let agent = agent??;
        waits_us.extend(agent.waits_us);
        body_bytes += agent.body_bytes;
        later += agent.later;
    }
    let seconds = started.elapsed().as_secs_f64();
    waits_us.sort_unstable();
    Ok(Measured {
        pushes: load.pushes,
        records: load.pushes * load.records_a_push,
        agents: load.agents,
        seconds,
        pushes_a_second: load.pushes as f64 / seconds,
        p50_ms: nearest_rank_ms(&waits_us, 50),
        p99_ms: nearest_rank_ms(&waits_us, 99),
        body_bytes,
        later,
    })
}

/// Standard output is for the result alone.
fn printed_seed_on_stderr() -> u64 {
    let seed = std::env::var(crate::seed::SEED_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    eprintln!("load: {}={seed}", crate::seed::SEED_VARIABLE);
    seed
}

fn nearest_rank_ms(sorted_us: &[u64], percent: usize) -> f64 {
    let rank = (sorted_us.len() * percent).div_ceil(100).max(1);
    sorted_us.get(rank - 1).map_or(0.0, |us| *us as f64 / 1_000.0)
}

/// One agent that only pushes.
struct Loader {
    client: reqwest::Client,
    url: String,
    joined: JoinAnswer,
    boot: BootId,
    booted_ms: i64,
    sequence: u64,
    slot: i64,
    waits_us: Vec<u64>,
    body_bytes: u64,
    later: u64,
}

impl Loader {
    async fn join(code: &JoinCode, boot: u64) -> Result<Self> {
        let client = http_client(code.fingerprint)?;
        let request = JoinRequest {
            secret: code.secret.iter().map(|byte| format!("{byte:02x}")).collect(),
            site: code.site.clone(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            system: "lab".to_owned(),
        };
        let url = format!("https://{}/v1/join", code.address);
        let answer = client.post(url).json(&request).timeout(ANSWER_MAX).send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        anyhow::ensure!(status.is_success(), "join: {status}: {}", String::from_utf8_lossy(&body));
        let joined: JoinAnswer = serde_json::from_slice(&body)?;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&boot.to_be_bytes());
        // Like an agent that was away: its rounds lie in the past, one slot after the other.
        let joined_ms = wall_ms();
        let slot = joined_ms / 1_000 - BACK_SECONDS as i64;
        Ok(Self {
            client,
            url: format!("https://{}/v1/push", code.address),
            joined,
            boot: BootId(id),
            booted_ms: joined_ms - BOOTED_MS_BEFORE,
            sequence: 0,
            slot,
            waits_us: Vec::new(),
            body_bytes: 0,
            later: 0,
        })
    }

    async fn push(&mut self, records: u64) -> Result<()> {
        let (body, packed) = push::compress(self.next(records).encode());
        self.body_bytes += body.len() as u64;
        loop {
            let mut request = self
                .client
                .post(&self.url)
                .header(CONTENT_TYPE, push::CONTENT_TYPE)
                .header(AUTHORIZATION, format!("Bearer {}", self.joined.token))
                .timeout(ANSWER_MAX)
                .body(body.clone());
            if packed {
                request = request.header(CONTENT_ENCODING, "zstd");
            }
            let started = Instant::now();
            let answer = request.send().await?;
            let status = answer.status().as_u16();
            if status == 429 || status == 503 {
                self.later += 1;
                let asked =
                    answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                tokio::time::sleep(Duration::from_secs(asked.unwrap_or(1)).min(LATER_MAX)).await;
                continue;
            }
            let body = answer.bytes().await?;
            self.waits_us.push(started.elapsed().as_micros() as u64);
            anyhow::ensure!(status == 200, "push: {status}: {}", String::from_utf8_lossy(&body));
            let receipt = Receipt::decode(&body).context("a receipt")?;
            anyhow::ensure!(
                receipt.acknowledged == [(self.sequence + 1 - records, self.sequence)],
                "not acknowledged: {receipt:?}"
            );
            return Ok(());
        }
    }

    fn next(&mut self, records: u64) -> Push {
        let width = SlotWidth::from_seconds(1).expect("a second divides a day");
        let booted_ms = self.booted_ms;
        let stamp =
            |boot, at_ms: i64| Stamp { boot, boot_ms: (at_ms - booted_ms).unsigned_abs(), wall_ms: at_ms };
        let records = (0..records).map(|_| {
            self.sequence += 1;
            self.slot += 1;
            let slot = Slot { index: self.slot, width };
            let stamp = stamp(self.boot, slot.start_ms() + 300);
            Record { sequence: self.sequence, stamp, body: Body::Round(self.round(slot)) }
        });
        let records = records.collect();
        let now = stamp(self.boot, wall_ms());
        Push {
            agent: self.joined.agent,
            epoch: Epoch([1; 8]),
            plan_version: self.joined.plan.version,
            clock: Clock {
                boot: now.boot,
                boot_ms: now.boot_ms,
                wall_ms: now.wall_ms,
                last_exchange_ms: Some(20),
            },
            records,
        }
    }

    fn round(&self, slot: Slot) -> Round {
        let rtt_us = 20_000 + (self.sequence % 97) as u32 * 100;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let sorted: Vec<u64> = (1..=100).map(|ms| ms * 1_000).collect();
        assert_eq!(nearest_rank_ms(&sorted, 50), 50.0);
        assert_eq!(nearest_rank_ms(&sorted, 99), 99.0);
        assert_eq!(nearest_rank_ms(&[7_000], 99), 7.0);
        assert_eq!(nearest_rank_ms(&[], 99), 0.0);
    }
}
