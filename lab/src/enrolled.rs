//! Agents of many offices, written straight into a store that nobody serves: joining over the network takes longer.

use std::path::Path;

use anyhow::{Context, Result};
use suar_collector::region::builtin;
use suar_collector::registry::fields::site_of_village;
use suar_collector::secrets;
use suar_collector::store::admin::Admin;
use suar_collector::store::joining::Joining;
use suar_wire::joining::JoinAnswer;
use suar_wire::{AgentId, Plan};

use crate::fleet;
use crate::seed::Random;

/// Agents that joined long ago, one an office.
pub fn join(
    data: &Path,
    numbers: std::ops::Range<usize>,
    joined_ms: i64,
    random: &mut Random,
) -> Result<Vec<JoinAnswer>> {
    let region = builtin("19").context("province 19 is built in")?;
    let mut admin = Admin::open(data)?;
    let site = |number| {
        let (code, village) = fleet::place(region, number);
        site_of_village(&code, &village.code, region).map_err(anyhow::Error::msg)
    };
    let sites: Vec<_> = numbers.map(site).collect::<Result<_>>()?;
    admin.put_sites(&sites, joined_ms)?;
    let mut joined = Vec::new();
    for site in sites {
        let mut bytes = [0; 32];
        bytes.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&random.next_u64().to_be_bytes()));
        let agent = AgentId::from_slice(&bytes[..16]).context("sixteen bytes")?;
        let token = format!("suar_a_{agent}");
        admin.put_join_code(bytes, &site.code, joined_ms + 1, 1)?;
        admin.join(&Joining {
            secret_hash: bytes,
            attempt_hash: None,
            site: site.code.clone(),
            agent,
            token_hash: secrets::hash(token.as_bytes()),
            agent_version: "0.1.0".to_owned(),
            system: "lab".to_owned(),
            now_ms: joined_ms,
        })?;
        joined.push(JoinAnswer {
            agent,
            token,
            site: site.code,
            site_name: site.name,
            online_key: String::new(),
            plan: Plan::standard(),
            update_key: None,
        });
    }
    Ok(joined)
}

/// The same for a whole store that nobody serves, in memory meanwhile: each join is on the disk before the next,
/// and for a country's fleet that takes a quarter of an hour.
pub fn join_in_memory(
    data: &Path,
    sites: usize,
    joined_ms: i64,
    random: &mut Random,
) -> Result<Vec<JoinAnswer>> {
    const STORE: &str = "suar.db";
    let memory = tempfile::tempdir_in("/dev/shm")?;
    std::fs::copy(data.join(STORE), memory.path().join(STORE))?;
    let joined = join(memory.path(), 0..sites, joined_ms, random)?;
    // Nobody has it open now, so its log is in it.
    std::fs::copy(memory.path().join(STORE), data.join(STORE))?;
    Ok(joined)
}
