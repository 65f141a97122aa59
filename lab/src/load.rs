//! Load: many agents that push at once and wait for the receipt of each push.
//!
//! Only against a collector on this machine: an address that is not of the loopback is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use suar_wire::join_code::JoinCode;

use crate::pusher::{Answer, Pusher};
use crate::seed::Random;

const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Longest pause that an answer "later" may ask for here.
const LATER_MAX: Duration = Duration::from_secs(5);
/// Most pushes of a run: the load stops by itself.
const PUSHES_MAX: u64 = 10_000_000;
/// An agent's rounds lie in slots of a second before now; the collector takes an hour before the joining.
const BACK_SECONDS: u64 = 50 * 60;

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

/// A percentile of sorted times.
pub fn nearest_rank_ms(sorted_us: &[u64], percent: usize) -> f64 {
    let rank = (sorted_us.len() * percent).div_ceil(100).max(1);
    sorted_us.get(rank - 1).map_or(0.0, |us| *us as f64 / 1_000.0)
}

/// One agent that only pushes, and what its pushes took.
struct Loader {
    pusher: Pusher,
    waits_us: Vec<u64>,
    body_bytes: u64,
    later: u64,
}

impl Loader {
    async fn join(code: &JoinCode, boot: u64) -> Result<Self> {
        let pusher = Pusher::join(code, boot, BACK_SECONDS).await?;
        Ok(Self { pusher, waits_us: Vec::new(), body_bytes: 0, later: 0 })
    }

    async fn push(&mut self, records: u64) -> Result<()> {
        let push = self.pusher.next(records);
        loop {
            let started = Instant::now();
            let sent = self.pusher.send(&push, ANSWER_MAX).await?;
            let receipt = match sent.answer {
                Answer::Later(asked) => {
                    self.later += 1;
                    tokio::time::sleep(asked.min(LATER_MAX)).await;
                    continue;
                }
                Answer::Receipt(receipt) => receipt,
            };
            self.body_bytes += sent.body_bytes;
            self.waits_us.push(started.elapsed().as_micros() as u64);
            let last = self.pusher.last_sequence();
            anyhow::ensure!(
                receipt.acknowledged == [(last + 1 - records, last)],
                "not acknowledged: {receipt:?}"
            );
            return Ok(());
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
