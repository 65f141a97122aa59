//! Scrapes of a collector that takes pushes meanwhile: over TLS, packed, to the last byte, as Prometheus does it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use suar_wire::{Receipt, SlotWidth};
use tokio::sync::watch;

use super::scrape::{health, session};
use crate::enrolled;
use crate::load::nearest_rank_ms;
use crate::programs::{Collector, free_address, http_client};
use crate::pusher::{Answer, Pusher};
use crate::seed::Random;
use crate::world::wall_ms;

/// Connections that push at once; the agents share them.
const WORKERS: usize = 32;
/// As many rounds as an agent makes in five minutes.
const RECORDS_A_PUSH: u64 = 5;
/// Slots are of a second and begin so long ago that no push reaches the future.
const BACK_MS: i64 = 50 * 60_000;
const JOINED_BEFORE_MS: i64 = 2 * 3_600_000;
const ANSWER_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
pub struct UnderLoad {
    pub sites: usize,
    pub pushes_a_second: f64,
    pub scrapes: usize,
    /// Between the beginnings of two scrapes, where they are not slower.
    pub every: Duration,
    /// What the scrapes ask for, in turn; everything where it is empty.
    pub scopes: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Scrapes {
    pub sites: usize,
    pub scrapes: usize,
    /// Of the largest, packed.
    pub page_bytes: usize,
    pub scrape_p50_ms: f64,
    pub scrape_p99_ms: f64,
    pub scrape_most_ms: f64,
    /// What was reached, and how long their answers took.
    pub pushes_a_second: f64,
    pub push_p50_ms: f64,
    pub push_p99_ms: f64,
    pub resident_peak_kib: u64,
}

pub fn scrape_under_load(load: &UnderLoad) -> Result<Scrapes> {
    ensure!(load.scrapes > 0 && load.pushes_a_second > 0.0, "something has to be scraped and pushed");
    let directory = tempfile::tempdir()?;
    let address = free_address()?;
    let extra = "[limits]\npushes_a_minute = 1000000\n[plan]\nslot_seconds = 1\n";
    let mut collector = Collector::init(None, directory.path(), &address, extra)?;
    let mut random = Random::from_seed(1);
    let joined_ms = wall_ms() - JOINED_BEFORE_MS;
    let joined = enrolled::join_in_memory(&collector.data(), load.sites, joined_ms, &mut random)?;
    collector.serve()?;

    let fingerprint = collector.fingerprint()?;
    let slot = SlotWidth::from_seconds(1).context("a second divides a day")?.slot_at(wall_ms() - BACK_MS);
    let workers = WORKERS.min(load.sites);
    let clients = (0..workers).map(|_| http_client(fingerprint)).collect::<reqwest::Result<Vec<_>>>()?;
    let mut shares: Vec<Vec<Pusher>> = (0..workers).map(|_| Vec::new()).collect();
    for (number, answer) in joined.into_iter().enumerate() {
        let client = clients[number % workers].clone();
        shares[number % workers].push(Pusher::joined(client, &address, answer, random.next_u64(), slot));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut scrapes = runtime.block_on(run(load, &address, http_client(fingerprint)?, shares))?;
    scrapes.resident_peak_kib = collector.process().context("it serves")?.resident_peak_kib()?;
    collector.stop()?;
    Ok(scrapes)
}

async fn run(
    load: &UnderLoad,
    address: &str,
    scraper: reqwest::Client,
    shares: Vec<Vec<Pusher>>,
) -> Result<Scrapes> {
    let workers = shares.len();
    let mut tasks = tokio::task::JoinSet::new();
    shares.into_iter().for_each(|agents| drop(tasks.spawn(be_heard(agents))));
    let mut shares = Vec::new();
    while let Some(agents) = tasks.join_next().await {
        shares.push(agents??);
    }

    let (stop, stops) = watch::channel(false);
    let pace = Duration::from_secs_f64(workers as f64 / load.pushes_a_second);
    let mut tasks = tokio::task::JoinSet::new();
    shares.into_iter().for_each(|agents| drop(tasks.spawn(push_on(agents, pace, stops.clone()))));
    let started = Instant::now();
    let mut ticks = tokio::time::interval(load.every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut scrapes_us, mut page_bytes) = (Vec::new(), 0);
    let page = format!("https://{address}/metrics");
    let pages: Vec<String> = match load.scopes.is_empty() {
        true => vec![page],
        false => load.scopes.iter().map(|scope| format!("{page}?scope={scope}")).collect(),
    };
    for page in pages.iter().cycle().take(load.scrapes) {
        ticks.tick().await;
        let begun = Instant::now();
        let request = scraper.get(page).header("accept-encoding", "gzip");
        let page = request.timeout(ANSWER_MAX).send().await?.error_for_status()?.bytes().await?;
        scrapes_us.push(begun.elapsed().as_micros() as u64);
        page_bytes = page_bytes.max(page.len());
    }
    let seconds = started.elapsed().as_secs_f64();
    stop.send(true)?;
    let mut pushes_us = Vec::new();
    while let Some(waits) = tasks.join_next().await {
        pushes_us.extend(waits??);
    }
    scrapes_us.sort_unstable();
    pushes_us.sort_unstable();
    Ok(Scrapes {
        sites: load.sites,
        scrapes: load.scrapes,
        page_bytes,
        scrape_p50_ms: nearest_rank_ms(&scrapes_us, 50),
        scrape_p99_ms: nearest_rank_ms(&scrapes_us, 99),
        scrape_most_ms: nearest_rank_ms(&scrapes_us, 100),
        pushes_a_second: pushes_us.len() as f64 / seconds,
        push_p50_ms: nearest_rank_ms(&pushes_us, 50),
        push_p99_ms: nearest_rank_ms(&pushes_us, 99),
        resident_peak_kib: 0,
    })
}

/// Each agent tells once all that there is to tell, as fast as the collector takes it.
async fn be_heard(mut agents: Vec<Pusher>) -> Result<Vec<Pusher>> {
    for (number, agent) in agents.iter_mut().enumerate() {
        let mut records = agent.next_of([session(), health(number)]);
        records.extend(agent.next(RECORDS_A_PUSH));
        send(agent, &records).await?;
    }
    Ok(agents)
}

/// One agent after the other at a pace; a push that is late does not slow the next ones. Returns how long the
/// answers took.
async fn push_on(mut agents: Vec<Pusher>, pace: Duration, stops: watch::Receiver<bool>) -> Result<Vec<u64>> {
    let mut ticks = tokio::time::interval(pace);
    let mut waits_us = Vec::new();
    loop {
        for agent in &mut agents {
            ticks.tick().await;
            if *stops.borrow() {
                return Ok(waits_us);
            }
            let records = agent.next(RECORDS_A_PUSH);
            let begun = Instant::now();
            send(agent, &records).await?;
            waits_us.push(begun.elapsed().as_micros() as u64);
        }
    }
}

async fn send(agent: &Pusher, records: &[suar_wire::Record]) -> Result<Receipt> {
    match agent.send(records, ANSWER_MAX).await?.answer {
        Answer::Receipt(receipt) => {
            ensure!(receipt.refused.is_empty(), "refused: {:?}", receipt.refused);
            Ok(receipt)
        }
        Answer::Later(asked) => anyhow::bail!("the collector asks to come {} s later", asked.as_secs()),
    }
}
