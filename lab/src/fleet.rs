//! A simulated fleet: a period of many offices, straight into a collector's store, with the truth.
//!
//! Records take the way of real ones (clock repair, interval sets, packing); only the network is left out.
//! [`life`] is what happens, [`pc`] what an agent makes of it, [`delivery`] how it arrives.

pub mod delivery;
pub mod life;
pub mod pc;

use std::path::Path;

use anyhow::{Context, Result};
use suar_collector::region::{Region, Village, builtin};
use suar_collector::registry::{LinkKind, Site, fields::site_of_village};
use suar_collector::store::admin::Admin;
use suar_collector::store::joining::Joining;
use suar_wire::{AgentId, Plan, SlotWidth};

use crate::dates::{Period, holidays};
use crate::seed::Random;
use delivery::Sending;
use life::{DAY_S, Link, NIGHT_SUPPLY, Office, Stretch, WIB_S};

const DAY_MS: i64 = 86_400_000;

#[derive(Debug, Clone)]
pub struct Fleet {
    pub sites: usize,
    pub period: Period,
    pub slot: SlotWidth,
    pub seed: u64,
    /// Nothing is written of what comes after: for a period that has not ended.
    pub until_s: Option<i64>,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub pushes: u64,
    pub records: u64,
}

impl Fleet {
    /// The period, local midnight to local midnight.
    pub fn window(&self) -> Stretch {
        let (first, after) = self.period.days;
        Stretch { from_s: first * DAY_S - WIB_S, until_s: after * DAY_S - WIB_S }
    }

    pub fn plan(&self) -> Plan {
        Plan { slot_seconds: self.slot, version: 1, ..Plan::standard() }
    }

    /// The truth about every office; the same for the same seed.
    pub fn offices(&self) -> Result<Vec<Office>> {
        let region = builtin("19").context("province 19 is built in")?;
        let holidays = holidays();
        let mut random = Random::from_seed(self.seed);
        let mut ids = Random::from_seed(random.next_u64());
        let mut agents = std::iter::from_fn(|| {
            let bytes = [ids.next_u64().to_be_bytes(), ids.next_u64().to_be_bytes()].concat();
            AgentId::from_slice(&bytes)
        });
        (0..self.sites)
            .map(|number| {
                let (code, village) = place(region, number);
                let (village, seed) = (village.code.clone(), random.next_u64());
                let mut office = Office::simulate(code, village, &mut agents, self.window(), &holidays, seed);
                if let Some(until_s) = self.until_s {
                    office.end_at(until_s);
                }
                Ok(office)
            })
            .collect()
    }

    /// Fills the store in `data`, which `suar-collector init` made, and returns the truth.
    pub fn write(&self, data: &Path) -> Result<(Vec<Office>, Written)> {
        let offices = self.offices()?;
        self.register(data, &offices)?;
        let written = delivery::send(data, &self.plan(), offices.iter().map(Sending::in_order))?;
        Ok((offices, written))
    }

    /// Sites, agents and the plan, without a record.
    pub fn register(&self, data: &Path, offices: &[Office]) -> Result<()> {
        let region = builtin("19").context("province 19 is built in")?;
        let mut admin = Admin::open(data)?;
        let from_ms = self.window().from_s * 1_000;
        let sites: Vec<Site> = offices.iter().map(|office| site(region, office)).collect::<Result<_>>()?;
        admin.put_sites(&sites, from_ms)?;
        for (site, office) in sites.iter().zip(offices) {
            if let Some((later_s, hours)) = office.hours_later {
                let later = Site { hours: hours.text().parse()?, ..site.clone() };
                admin.put_sites(&[later], later_s * 1_000)?;
            }
            office.pcs.iter().try_for_each(|pc| join(&mut admin, site, pc.agent, office.joined_s * 1_000))?;
        }
        admin.number_plan(&self.plan())?;
        Ok(())
    }
}

/// Steps over the list of villages, so that a small fleet is spread over the province. A prime that does
/// not divide their number visits each once.
const STRIDE: usize = 37;

/// The offices of the province; a second and third one in a village when there are more.
pub fn place(region: &Region, number: usize) -> (String, &Village) {
    let villages = region.villages();
    let village: &Village = &villages[number * STRIDE % villages.len()];
    let round = number / villages.len();
    let code = if round == 0 { village.code.clone() } else { format!("{}-{}", village.code, round + 1) };
    (code, village)
}

fn site(region: &Region, office: &Office) -> Result<Site> {
    let site = site_of_village(&office.site, &office.village, region).map_err(anyhow::Error::msg)?;
    let link = match office.link {
        Link::Fiber => LinkKind::Fiber,
        Link::Radio => LinkKind::Radio,
        Link::Cellular => LinkKind::Cellular,
        Link::GeoSatellite => LinkKind::GeoSatellite,
    };
    let power_hours = if office.night_supply_declared { Some(NIGHT_SUPPLY.parse()?) } else { None };
    Ok(Site { point: None, link, hours: office.hours.text().parse()?, power_hours, ..site })
}

fn join(admin: &mut Admin, site: &Site, agent: AgentId, now_ms: i64) -> Result<()> {
    let hash = |what: u8| {
        let mut bytes = [what; 32];
        bytes[..16].copy_from_slice(&agent.0);
        bytes
    };
    let (secret_hash, token_hash) = (hash(1), hash(2));
    admin.put_join_code(secret_hash, &site.code, now_ms + DAY_MS, 1)?;
    admin.join(&Joining {
        secret_hash,
        attempt_hash: None,
        site: site.code.clone(),
        agent,
        token_hash,
        agent_version: "0.1.0".to_owned(),
        system: "linux x86_64".to_owned(),
        now_ms,
    })?;
    Ok(())
}
