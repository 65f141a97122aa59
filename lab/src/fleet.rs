//! A simulated fleet: a quarter of many offices, straight into a collector's store, with the truth.
//!
//! Records take the way of real ones (clock repair, interval sets, packing); only the network is left out.

pub mod office;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use anyhow::{Context, Result};
use suar_collector::exposition::Own;
use suar_collector::ingest::{IngestCounters, Submission};
use suar_collector::region::{Region, Village, builtin};
use suar_collector::registry::{Site, fields::site_of_village};
use suar_collector::store::admin::{Admin, Joining};
use suar_collector::store::pack::Due;
use suar_collector::store::writer::{Job, Shared, Writer};
use suar_wire::{AgentId, Plan, SlotWidth};
use tokio::sync::oneshot;

use crate::dates::Quarter;
use crate::seed::Random;
use office::Office;

/// Pushes in one commit: as many as the writer itself would take.
const GROUP: usize = 256;
/// Pushes between two packings: bounds the inbox.
const PUSHES_A_PACKING: usize = 8_192;
const DAY_MS: i64 = 86_400_000;

#[derive(Debug, Clone)]
pub struct Fleet {
    pub sites: usize,
    pub quarter: Quarter,
    pub slot: SlotWidth,
    pub seed: u64,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub pushes: u64,
    pub records: u64,
}

impl Fleet {
    /// Fills the store in `data`, which `suar-collector init` made, and returns the truth.
    pub fn write(&self, data: &Path) -> Result<(Vec<Office>, Written)> {
        let region = builtin("19").context("province 19 is built in")?;
        let days = self.quarter.days();
        let mut admin = Admin::open(data)?;
        let sites: Vec<Site> = (0..self.sites).map(|number| site(region, number)).collect::<Result<_>>()?;
        admin.put_sites(&sites, days.0 * DAY_MS)?;
        let mut random = Random::from_seed(self.seed);
        let offices: Vec<Office> = sites
            .iter()
            .map(|site| {
                let agent = join(&mut admin, site, days.0 * DAY_MS, &mut random)?;
                Ok(Office::simulate(site.code.to_string(), agent, random.next_u64(), days))
            })
            .collect::<Result<_>>()?;
        let plan = admin.number_plan(&Plan { slot_seconds: self.slot, ..Plan::standard() })?;
        drop(admin);
        let written = send_all(data, &offices, &plan, days.0 * DAY_MS)?;
        Ok((offices, written))
    }
}

/// Steps over the list of villages, so that a small fleet is spread over the province. A prime that does
/// not divide their number visits each once.
const STRIDE: usize = 37;

/// The offices of the province; a second and third one in a village when there are more.
fn site(region: &Region, number: usize) -> Result<Site> {
    let villages = region.villages();
    let village: &Village = &villages[number * STRIDE % villages.len()];
    let round = number / villages.len();
    let code = if round == 0 { village.code.clone() } else { format!("{}-{}", village.code, round + 1) };
    let site = site_of_village(&code, &village.code, region).map_err(anyhow::Error::msg)?;
    Ok(Site { point: None, ..site })
}

fn join(admin: &mut Admin, site: &Site, now_ms: i64, random: &mut Random) -> Result<AgentId> {
    let mut bytes = || -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&random.next_u64().to_be_bytes()));
        bytes
    };
    let (secret_hash, token_hash, id) = (bytes(), bytes(), bytes());
    let agent = AgentId::from_slice(&id[..16]).context("sixteen bytes")?;
    admin.put_join_code(secret_hash, &site.code, now_ms + DAY_MS, 1)?;
    admin.join(&Joining {
        secret_hash,
        site: site.code.clone(),
        agent,
        token_hash,
        agent_version: "0.1.0".to_owned(),
        system: "linux x86_64".to_owned(),
        now_ms,
    })?;
    Ok(agent)
}

/// Offices take turns, so that the store sees many agents at once and not one after the other.
fn send_all(data: &Path, offices: &[Office], plan: &Plan, joined_ms: i64) -> Result<Written> {
    let shared = Shared {
        counters: Arc::new(IngestCounters::new(Own::new(joined_ms))),
        plan_version: Arc::new(AtomicU32::new(plan.version)),
        slot_width: plan.slot_seconds,
        live: None,
    };
    let mut writer = Writer::open(data, shared)?;
    let mut sources: Vec<_> = offices.iter().map(|office| (office, office.pushes(plan))).collect();
    let mut written = Written::default();
    let mut waiting = Vec::new();
    while !sources.is_empty() {
        let mut failed = Ok(());
        sources.retain_mut(|(office, pushes)| {
            let Some(push) = pushes.next() else { return false };
            written.records += push.records.len() as u64;
            match submission(office, push, joined_ms) {
                Ok(submission) => waiting.push(submission),
                Err(error) => failed = Err(error),
            }
            true
        });
        failed?;
        while waiting.len() >= GROUP || (sources.is_empty() && !waiting.is_empty()) {
            let group: Vec<Submission> = waiting.drain(..waiting.len().min(GROUP)).collect();
            let before = written.pushes as usize / PUSHES_A_PACKING;
            written.pushes += group.len() as u64;
            commit(&mut writer, group)?;
            if written.pushes as usize / PUSHES_A_PACKING > before {
                pack(data, &mut writer)?;
            }
        }
    }
    pack(data, &mut writer)?;
    Ok(written)
}

fn submission(office: &Office, push: suar_wire::Push, joined_ms: i64) -> Result<Submission> {
    Ok(Submission {
        agent: office.agent,
        site: office.site.parse()?,
        joined_ms,
        received_ms: push.clock.wall_ms,
        push,
    })
}

fn commit(writer: &mut Writer, group: Vec<Submission>) -> Result<()> {
    let mut receipts = Vec::with_capacity(group.len());
    let jobs = group.into_iter().map(|submission| {
        let records = submission.push.records.len() as u64;
        let (answer, receipt) = oneshot::channel();
        receipts.push((receipt, records));
        Job::Push(Box::new(submission), answer)
    });
    let jobs: Vec<Job> = jobs.collect();
    writer.commit(jobs);
    for (receipt, records) in receipts {
        let receipt = receipt.blocking_recv().context("the writer answers")??;
        let acknowledged: u64 = receipt.acknowledged.iter().map(|(first, last)| last - first + 1).sum();
        anyhow::ensure!(receipt.refused.is_empty() && acknowledged == records, "a receipt: {receipt:?}");
    }
    Ok(())
}

fn pack(data: &Path, writer: &mut Writer) -> Result<()> {
    suar_collector::store::pack::pack(data, Due::Everything, |rows| {
        let (answer, done) = oneshot::channel();
        writer.commit(vec![Job::Forget(rows, answer)]);
        match done.blocking_recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(suar_collector::store::StoreError::Damaged(error.to_string())),
            Err(_) => Err(suar_collector::store::StoreError::Damaged("the writer went away".to_owned())),
        }
    })?;
    Ok(())
}
