//! The agent's round trips and losses against fping's, on the same emulated path at the same time.
//!
//! Each cell of the grid is an office with a line of its own, and all run at once: an agent by one-second
//! slots with ten echoes to each target, and fping with as many to the same targets. What is compared is what
//! the collector kept of the agent, not what a library function returned.
//!
//! Exact loss is made by the kernel on the office's router, for each program by a counter of its own (their
//! packets differ in length), so that both lose exactly the same share.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use suar_wire::{AgentId, Echo, EchoMethod, SlotWidth};

use crate::programs::{Agent, Collector, JOINS_MAX, Kept, rounds_of, wait_until};
use crate::seed::printed_seed;
use crate::wan::{Conditions, Direction, Loss};
use crate::world::{COLLECTOR, Office, TARGETS, World, plan_section, until_wall_ms, wall_ms};

const SITE: &str = "19.02.02.2009";
const SLOT_MS: i64 = 1_000;
/// Echoes to each target in a slot: the most that a plan allows.
const ECHOES: u32 = 10;
/// IP packets: the agent's have 8 bytes of payload, fping's 56 when it is not told otherwise.
const AGENT_ECHO_BYTES: u32 = 36;
const FPING_ECHO_BYTES: u32 = 84;
/// All of a slot's echoes leave well inside it.
const PHASE_MS: std::ops::Range<i64> = 100..400;
/// Rules and conditions change this long before a slot begins.
const BEFORE_SLOT_MS: i64 = 300;
const SETTLE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Losing {
    Nothing,
    /// Each packet with this probability, per mille.
    Random(u32),
    /// One packet of this many, exactly.
    Exact(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cell {
    pub rtt_ms: u32,
    pub losing: Losing,
}

/// What one program saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    pub sent: u32,
    /// Microseconds, ascending; one for each reply in time.
    pub rtt_us: Vec<u32>,
}

impl Seen {
    pub fn lost(&self) -> u32 {
        self.sent.saturating_sub(self.rtt_us.len() as u32)
    }

    /// Nearest rank, milliseconds.
    pub fn median_ms(&self) -> Option<f64> {
        let middle = self.rtt_us.len().checked_sub(1)? / 2;
        Some(f64::from(self.rtt_us[middle]) / 1_000.0)
    }

    fn of(sent: u32, mut rtt_us: Vec<u32>) -> Self {
        rtt_us.sort_unstable();
        Self { sent, rtt_us }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    pub cell: Cell,
    pub agent: Seen,
    pub fping: Seen,
}

impl Compared {
    /// Everything in which the two differ by more than they may; nothing when they agree.
    pub fn disagreements(&self) -> Vec<String> {
        let mut found = Vec::new();
        match (self.agent.median_ms(), self.fping.median_ms()) {
            (Some(agent), Some(fping)) if (agent - fping).abs() <= f64::max(1.0, fping * 0.02) => {}
            medians => found.push(format!("median round trips {medians:?} ms")),
        }
        for (name, seen) in [("the agent", &self.agent), ("fping", &self.fping)] {
            let lost = f64::from(seen.lost());
            let allowed = self.cell.losing.lost_of(seen.sent);
            if !allowed.contains(&lost) {
                found.push(format!("{name} lost {lost} of {}, expected {allowed:?}", seen.sent));
            }
        }
        found
    }
}

impl Losing {
    /// How many of `sent` may be lost: exact, or within five standard deviations of the binomial, which one
    /// run in a million leaves by chance.
    fn lost_of(self, sent: u32) -> std::ops::RangeInclusive<f64> {
        match self {
            Self::Nothing => 0.0..=0.0,
            Self::Exact(of) => {
                let exact = f64::from(sent.div_ceil(of));
                exact..=exact
            }
            Self::Random(per_mille) => {
                let share = f64::from(per_mille) / 1_000.0;
                let mean = f64::from(sent) * share;
                let reach = 5.0 * (mean * (1.0 - share)).sqrt();
                mean - reach..=mean + reach
            }
        }
    }
}

/// Runs every cell for `slots` seconds.
pub fn compare(cells: &[Cell], slots: u32, directory: &Path) -> Result<Vec<Compared>> {
    let count = u8::try_from(cells.len()).context("an office for each cell")?;
    let world = World::with_offices(count, &Conditions::default(), printed_seed("against fping"))?;
    let plan = plan_section(&format!("slot_seconds = 1\nechoes = {ECHOES}\npush_seconds = 2"));
    let mut collector =
        Collector::init(Some(&world.internet), directory, &format!("{COLLECTOR}:8443"), &plan)?;
    collector.add_site(SITE)?;
    collector.serve()?;
    let uses = (JOINS_MAX * cells.len() as u32).to_string();
    let code = collector.join_code(SITE, &["--uses", &uses])?;

    let mut agents = Vec::new();
    for (cell, office) in cells.iter().zip(&world.offices) {
        let mut agent = Agent::new(Some(&office.pc), directory, &format!("agent{}", office.number))?;
        let width = SlotWidth::from_seconds(1).context("a second divides a day")?;
        agent.join_with_phase(&code, width, PHASE_MS)?;
        office.uplink.set_both(&Conditions::delayed(cell.one_way()));
        agent.run()?;
        agents.push(agent);
    }
    for agent in &agents {
        agent.wait_until_up(SETTLE_MAX)?;
    }

    let from = wall_ms() / SLOT_MS + 2;
    until_wall_ms(from * SLOT_MS - BEFORE_SLOT_MS);
    for (cell, office) in cells.iter().zip(&world.offices) {
        cell.start_losing(office)?;
    }
    let late_ms = wall_ms() - (from * SLOT_MS + PHASE_MS.start);
    anyhow::ensure!(late_ms < 0, "the machine is too busy: losses began {late_ms} ms too late");
    let by_fping = fping_all(&world.offices, slots)?;

    let ids = agents.iter().map(|agent| Ok(agent.identity()?.agent)).collect::<Result<Vec<_>>>()?;
    let slots = from..from + i64::from(slots);
    let kept = wait_until("the agents' rounds at the collector", SETTLE_MAX, || {
        let kept = collector.records().map_err(|error| format!("{error:#}"))?;
        let missing =
            ids.iter().find(|id| !rounds_of(&kept, **id).any(|round| round.slot.index >= slots.end));
        missing.map_or(Ok(kept), |id| Err(format!("{id} has not sent the slot after the last")))
    })?;
    Ok(cells
        .iter()
        .zip(ids.into_iter().zip(by_fping))
        .map(|(cell, (id, fping))| Compared { cell: *cell, agent: by_agent(&kept, id, &slots), fping })
        .collect())
}

impl Cell {
    fn one_way(self) -> Duration {
        Duration::from_micros(u64::from(self.rtt_ms) * 500)
    }

    fn start_losing(self, office: &Office) -> Result<()> {
        match self.losing {
            Losing::Nothing => Ok(()),
            Losing::Random(per_mille) => {
                let loss = Loss::Random(f64::from(per_mille) / 1_000.0);
                let conditions = Conditions { loss, ..Conditions::delayed(self.one_way()) };
                office.uplink.set(Direction::Up, conditions);
                Ok(())
            }
            Losing::Exact(of) => {
                let mut rules =
                    "add table ip lose; add chain ip lose through { type filter hook forward priority 0; };"
                        .to_owned();
                for bytes in [AGENT_ECHO_BYTES, FPING_ECHO_BYTES] {
                    rules += &format!(
                        "add rule ip lose through icmp type echo-request ip length {bytes} \
                         numgen inc mod {of} < 1 drop;"
                    );
                }
                office.router.exec("nft", &[&rules]).map(drop)
            }
        }
    }
}

/// The echoes of an agent in these slots, as the collector kept them.
fn by_agent(kept: &[Kept], agent: AgentId, slots: &std::ops::Range<i64>) -> Seen {
    let echoes: Vec<&Echo> = rounds_of(kept, agent)
        .filter(|round| slots.contains(&round.slot.index))
        .flat_map(|round| &round.echoes)
        .filter(|echo| echo.method == EchoMethod::Icmp)
        .collect();
    let sent = echoes.iter().map(|echo| u32::from(echo.sent)).sum();
    Seen::of(sent, echoes.iter().flat_map(|echo| echo.rtt_us.iter().copied()).collect())
}

/// fping in every office at once, as many echoes as the agents send.
fn fping_all(offices: &[Office], slots: u32) -> Result<Vec<Seen>> {
    std::thread::scope(|scope| {
        let pinging: Vec<_> =
            offices.iter().map(|office| scope.spawn(move || fping(office, slots))).collect();
        pinging
            .into_iter()
            .map(|fping| fping.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn fping(office: &Office, slots: u32) -> Result<Seen> {
    let (count, period_ms) = ((slots * ECHOES).to_string(), (1_000 / ECHOES).to_string());
    let mut command = office.pc.command("fping");
    // In count mode fping waits for a reply no longer than the period unless it is told to.
    command.args(["-q", "-C", &count, "-p", &period_ms, "-t", "3000"]);
    command.args(TARGETS.map(|target| target.to_string()));
    // It ends with 1 when replies are missing, and prints the times on standard error.
    let said = command.output().context("fping")?.stderr;
    let said = String::from_utf8_lossy(&said);
    let mut times = Vec::new();
    for line in said.lines() {
        let (target, line) = line.split_once(':').with_context(|| format!("fping said {said:?}"))?;
        target.trim().parse::<Ipv4Addr>().with_context(|| format!("fping said {said:?}"))?;
        times.extend(line.split_whitespace().map(|time| time.parse::<f64>().ok()));
    }
    anyhow::ensure!(times.len() as u32 == slots * ECHOES * TARGETS.len() as u32, "fping said {said:?}");
    let rtt_us = times.iter().flatten().map(|ms| (ms * 1_000.0).round() as u32).collect();
    Ok(Seen::of(times.len() as u32, rtt_us))
}

/// For people: one line a cell.
pub fn table(compared: &[Compared]) -> String {
    let mut text = String::from(
        "| set round trip, ms | set loss | agent: median, ms | fping: median, ms | agent: lost | fping: lost |\n\
         |---|---|---|---|---|---|\n",
    );
    for Compared { cell, agent, fping } in compared {
        let losing = match cell.losing {
            Losing::Nothing => "none".to_owned(),
            Losing::Random(per_mille) => format!("{} %", f64::from(per_mille) / 10.0),
            Losing::Exact(of) => format!("exactly 1 of {of}"),
        };
        let median = |seen: &Seen| seen.median_ms().map_or("-".to_owned(), |ms| format!("{ms:.2}"));
        let lost = |seen: &Seen| format!("{} of {}", seen.lost(), seen.sent);
        text += &format!(
            "| {} | {losing} | {} | {} | {} | {} |\n",
            cell.rtt_ms,
            median(agent),
            median(fping),
            lost(agent),
            lost(fping)
        );
    }
    text
}

/// 20, 120 and 600 ms, each without loss and with 1 and 5 %, by chance and exactly.
pub fn grid() -> Vec<Cell> {
    let losses =
        [Losing::Nothing, Losing::Random(10), Losing::Random(50), Losing::Exact(100), Losing::Exact(20)];
    [20, 120, 600].into_iter().flat_map(|rtt_ms| losses.map(|losing| Cell { rtt_ms, losing })).collect()
}
