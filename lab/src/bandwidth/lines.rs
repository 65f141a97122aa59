//! Offices with lines of their own, one collector, and what it takes to test one line and know the cost.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;
use suar_wire::bandwidth::{Bandwidth, Direction};

use super::iperf::{self, Congestion};
use crate::programs::{Agent, Collector, Machine, Process, wait_until};
use crate::seed::printed_seed;
use crate::wan::{self, Conditions};
use crate::world::{COLLECTOR, Office, World, plan_section};

const SITE: &str = "19.02.02.2009";
/// The longest queue empties in this time.
const QUIET_MAX: Duration = Duration::from_secs(20);

/// Tests are asked for, none is planned; what one office may send in a day is not what is looked at.
const SECTION: &str = "[bandwidth]\ntests_a_day = 0\ntests_at_once = 32\nagent_day_mb_max = 100000\n\
                           address_day_mb_max = 100000\nday_mb_max = 1000000\n";

/// The world that lines are in.
pub fn world(offices: u8) -> Result<World> {
    let world = World::with_offices(offices, &Conditions::default(), printed_seed("bandwidth"))?;
    for office in &world.offices {
        // Packets of 64 kB would be lost and queued as one.
        office.pc.offloads_off("eth0")?;
        office.router.offloads_off("lan0")?;
    }
    Ok(world)
}

#[derive(Debug)]
pub struct Lines<'w> {
    iperf: Vec<Process>,
    agents: Vec<Agent<'w>>,
    pub collector: Collector<'w>,
    pub world: &'w World,
}

/// What one test said and cost.
#[derive(Debug, Clone)]
pub struct Tested {
    pub record: Bandwidth,
    pub line_bytes: u64,
    pub elapsed_ms: u64,
}

#[derive(Debug, Deserialize)]
struct Said {
    record: Bandwidth,
}

impl<'w> Lines<'w> {
    pub fn start(world: &'w World, directory: &Path) -> Result<Self> {
        Self::start_on(world, directory, SECTION, None)
    }

    /// With another `[bandwidth]` section, and the collector on a machine of its own.
    pub fn start_on(
        world: &'w World,
        directory: &Path,
        section: &str,
        machine: Option<Machine>,
    ) -> Result<Self> {
        let address = format!("{COLLECTOR}:8443");
        // Whoever watches may read the metrics.
        let readers = "[readers]\naddresses = [\"203.0.113.0/24\"]\n";
        let configuration =
            format!("{}{section}{readers}", plan_section("slot_seconds = 5\npush_seconds = 2"));
        let mut collector = Collector::init(Some(&world.internet), directory, &address, &configuration)?;
        collector.machine = machine;
        collector.serve()?;
        collector.add_site(SITE)?;
        let uses = world.offices.len().to_string();
        let code = collector.join_code(SITE, &["--uses", &uses])?;
        let agents = world
            .offices
            .iter()
            .map(|office| {
                let agent = Agent::new(Some(&office.pc), directory, &format!("agent{}", office.number))?;
                agent.join(&code)?.ok()?;
                Ok(agent)
            })
            .collect::<Result<_>>()?;
        Ok(Self { iperf: Vec::new(), agents, collector, world })
    }

    /// An iperf3 server for each office.
    pub fn start_iperf(&mut self, directory: &Path) -> Result<()> {
        let servers = self.world.offices.iter().map(|office| iperf::serve(self.world, office, directory));
        self.iperf = servers.collect::<Result<_>>()?;
        Ok(())
    }

    pub fn office(&self, number: u8) -> Result<&'w Office> {
        self.world.offices.get(usize::from(number)).context("an office of this number")
    }

    pub fn agent(&self, number: u8) -> Result<&Agent<'w>> {
        self.agents.get(usize::from(number)).context("an agent of this number")
    }

    pub fn agent_mut(&mut self, number: u8) -> Result<&mut Agent<'w>> {
        self.agents.get_mut(usize::from(number)).context("an agent of this number")
    }

    pub fn set(&self, number: u8, down: &Conditions, up: &Conditions) -> Result<()> {
        let office = self.office(number)?;
        office.uplink.set(wan::Direction::Down, down.clone());
        office.uplink.set(wan::Direction::Up, up.clone());
        Ok(())
    }

    /// The agent knows nothing of its line any more, and hands nothing in.
    pub fn forget(&self, number: u8) -> Result<()> {
        let state = self.agent(number)?.state();
        for name in ["lines.json", "handed-in"] {
            let path = state.join(name);
            if path.is_dir() {
                std::fs::remove_dir_all(path)?;
            } else if path.exists() {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// A test on a line that nothing else uses.
    pub fn test(&self, number: u8, direction: Direction) -> Result<Tested> {
        let before = self.offered(number)?;
        let began_at = Instant::now();
        let record = self.ask(number, direction)?;
        let elapsed_ms = began_at.elapsed().as_millis() as u64;
        self.wait_until_quiet(number)?;
        Ok(Tested { record, line_bytes: self.offered(number)? - before, elapsed_ms })
    }

    /// What the agent says of its line.
    pub fn ask(&self, number: u8, direction: Direction) -> Result<Bandwidth> {
        let said = self.agent(number)?.say(&["bandwidth", "--json", "--direction", direction.label()])?;
        let tested: Vec<Said> =
            serde_json::from_str(&said.stdout).with_context(|| format!("JSON expected: {}", said.said()))?;
        Ok(tested.into_iter().next().context("one direction was asked for")?.record)
    }

    /// The rate that iperf3 says, in bits of whole packets, what it cost and how long it took.
    pub fn iperf(
        &self,
        number: u8,
        direction: Direction,
        congestion: Congestion,
        seconds: u32,
    ) -> Result<(Option<u64>, u64, u64)> {
        let before = self.offered(number)?;
        let began_at = Instant::now();
        let rate_bps = iperf::run(self.office(number)?, direction, congestion, seconds)?;
        let elapsed_ms = began_at.elapsed().as_millis() as u64;
        self.wait_until_quiet(number)?;
        Ok((rate_bps, self.offered(number)? - before, elapsed_ms))
    }

    fn offered(&self, number: u8) -> Result<u64> {
        let uplink = &self.office(number)?.uplink;
        let ways = [wan::Direction::Up, wan::Direction::Down];
        Ok(ways.map(|way| uplink.counters(way).offered.bytes).iter().sum())
    }

    /// Nothing is under way any more: what a test left in a queue would meet the next one.
    pub fn wait_until_quiet(&self, number: u8) -> Result<()> {
        let uplink = &self.office(number)?.uplink;
        wait_until("the line to be empty", QUIET_MAX, || {
            let under_way = [wan::Direction::Up, wan::Direction::Down].map(|way| {
                let counted = uplink.counters(way);
                (counted.offered.packets + counted.duplicated.packets)
                    - (counted.delivered.packets
                        + counted.lost.packets
                        + counted.overflowed.packets
                        + counted.blocked.packets)
            });
            if under_way == [0, 0] { Ok(()) } else { Err(format!("{under_way:?} packets")) }
        })
    }
}
