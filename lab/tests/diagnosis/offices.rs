//! One office for each row, all in trouble at the same time, with real agents; what each round said.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use suar_lab::netns::Namespace;
use suar_lab::programs::{Agent, Collector, JOINS_MAX, Kept, Machine, rounds_of};
use suar_lab::seed::printed_seed;
use suar_lab::wan::Conditions;
use suar_lab::world::faults::Broken;
use suar_lab::world::{COLLECTOR, Office, World, plan_section, until_wall_ms, wall_ms};
use suar_wire::{AgentId, SlotWidth};

use super::rows::{ROWS, Row, Said, Trouble};

/// Long enough that a failed question (3 s) and its confirmation (3 s) fit in, as they do in slots of a minute.
const SLOT_SECONDS: u32 = 8;
const SLOT_MS: i64 = 1_000 * SLOT_SECONDS as i64;
/// Rounds start here, so that what a round needs when something fails ends inside its slot.
const PHASE_MS: std::ops::Range<i64> = 200..1_700;
/// Faults come and go this long before a slot begins, when nothing is under way that they could change.
const BEFORE_SLOT_MS: i64 = 1_500;
/// Rounds in trouble, and rounds after it: a verdict is to be reached within two.
pub const ROUNDS: i64 = 2;
const SETTLE_MAX: Duration = Duration::from_secs(60);
const SITE: &str = "19.02.02.2009";
/// Where the collector of one office listens, which will be killed.
const DOOMED_COLLECTOR: &str = "203.0.113.11";

/// What the rounds of one office said, by slot; and the first slots of the trouble and of the time after it.
pub struct Seen {
    pub row: &'static Row,
    pub rounds: BTreeMap<i64, Said>,
}

pub struct Course {
    pub broken_from: i64,
    pub mended_from: i64,
    pub offices: Vec<Seen>,
}

pub fn run(directory: &Path) -> Result<Course> {
    let count = u8::try_from(ROWS.len()).context("an office for each row")?;
    let seed = printed_seed("an office for each row of the decision table");
    let world = World::with_offices(count, &Conditions::delayed(Duration::from_millis(5)), seed)?;
    world.internet.ip(&["address", "add", &format!("{DOOMED_COLLECTOR}/32"), "dev", "lo"])?;
    let collector = collector(&world.internet, &directory.join("centre"), &COLLECTOR.to_string())?;
    let doomed = collector_that_dies(&world.internet, directory)?;
    let codes = [join_code(&collector)?, join_code(&lock(&doomed))?];

    let mut agents = for_each_office(&world, |row, office| {
        let name = format!("agent{}", office.number);
        let mut agent = Agent::new(Some(&office.pc), directory, &name)?;
        scale_neighbour_timers(&office.pc)?;
        if let Trouble::ClockSet(_) = row.trouble {
            agent.machine = Some(Machine::new(&directory.join(&name))?);
        }
        if let Trouble::At(fault) = row.trouble {
            fault.prepare(office)?;
        }
        let code = &codes[usize::from(row.trouble == Trouble::CollectorKilled)];
        agent.join_with_phase(code, width(), PHASE_MS)?;
        Ok(agent)
    })?;
    // A program ends with the thread that started it.
    agents.iter_mut().try_for_each(Agent::run)?;
    for (row, agent) in ROWS.iter().zip(&agents) {
        agent.wait_until_up(SETTLE_MAX).with_context(|| format!("the office of {:?}", row.name))?;
    }

    let broken_from = wall_ms() / SLOT_MS + 2;
    let mended_from = broken_from + ROUNDS;
    before_slot(broken_from);
    let broken = for_each_office(&world, |row, office| match row.trouble {
        Trouble::At(fault) => fault.bring_about(office, [8444, 8443]).map(Some),
        Trouble::CollectorKilled => lock(&doomed).kill().map(|()| None),
        Trouble::ClockSet(_) => Ok(None),
    })?;
    set_clocks(&mut agents, |by_ms| by_ms)?;
    in_time(broken_from)?;
    before_slot(mended_from);
    set_clocks(&mut agents, |by_ms| -by_ms)?;
    mend(broken, &doomed)?;
    in_time(mended_from)?;
    // Rounds of the last slot have ended when the next slot begins.
    until_wall_ms((mended_from + ROUNDS) * SLOT_MS);

    let ids = agents.iter().map(|agent| Ok(agent.identity()?.agent)).collect::<Result<Vec<_>>>()?;
    for agent in &mut agents {
        agent.stop()?;
    }
    let mut kept = collector.records()?;
    kept.extend(lock(&doomed).records()?);
    let offices =
        ROWS.iter().zip(ids).map(|(row, agent)| Seen { row, rounds: rounds(&kept, agent) }).collect();
    Ok(Course { broken_from, mended_from, offices })
}

/// Does the same at all offices at once; a fault that comes late is no fault.
fn for_each_office<'w, T: Send>(
    world: &'w World,
    act: impl Fn(&'static Row, &'w Office) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let act = &act;
    std::thread::scope(|scope| {
        let acting: Vec<_> = ROWS
            .iter()
            .zip(&world.offices)
            .map(|(row, office)| {
                scope.spawn(move || act(row, office).with_context(|| format!("the office of {:?}", row.name)))
            })
            .collect();
        acting
            .into_iter()
            .map(|act| act.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn mend(broken: Vec<Option<Broken<'_>>>, doomed: &Mutex<Collector<'_>>) -> Result<()> {
    std::thread::scope(|scope| {
        let mending: Vec<_> =
            broken.into_iter().flatten().map(|broken| scope.spawn(|| broken.mend())).collect();
        lock(doomed).serve()?;
        mending
            .into_iter()
            .try_for_each(|mend| mend.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// `by` makes what a clock is set by of what its row says.
fn set_clocks(agents: &mut [Agent<'_>], by: impl Fn(i64) -> i64) -> Result<()> {
    for (row, agent) in ROWS.iter().zip(agents) {
        if let (Trouble::ClockSet(by_ms), Some(machine)) = (row.trouble, &mut agent.machine) {
            machine.step_wall(by(by_ms))?;
        }
    }
    Ok(())
}

fn before_slot(slot: i64) {
    until_wall_ms(slot * SLOT_MS - BEFORE_SLOT_MS);
}

fn in_time(slot: i64) -> Result<()> {
    let late_ms = wall_ms() - (slot * SLOT_MS + PHASE_MS.start);
    anyhow::ensure!(late_ms < 0, "the machine is too busy: a change was {late_ms} ms late for its slot");
    Ok(())
}

fn rounds(kept: &[Kept], agent: AgentId) -> BTreeMap<i64, Said> {
    rounds_of(kept, agent).map(|round| (round.slot.index, (round.verdict, round.note))).collect()
}

fn width() -> SlotWidth {
    SlotWidth::from_seconds(SLOT_SECONDS).expect("divides a day")
}

fn lock<'c, 'n>(collector: &'c Mutex<Collector<'n>>) -> std::sync::MutexGuard<'c, Collector<'n>> {
    collector.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The kernel believes a neighbour for half a minute; in shorter slots it has to forget sooner by as much.
fn scale_neighbour_timers(pc: &Namespace) -> Result<()> {
    for (name, value) in
        [("base_reachable_time_ms", "500"), ("delay_first_probe_time", "1"), ("retrans_time_ms", "200")]
    {
        pc.write_sysctl(&format!("net/ipv4/neigh/eth0/{name}"), value)?;
    }
    Ok(())
}

fn join_code(collector: &Collector<'_>) -> Result<String> {
    let uses = (JOINS_MAX * ROWS.len() as u32).to_string();
    collector.join_code(SITE, &["--uses", &uses])
}

fn collector_that_dies<'n>(internet: &'n Namespace, directory: &Path) -> Result<Mutex<Collector<'n>>> {
    Ok(Mutex::new(collector(internet, &directory.join("doomed"), DOOMED_COLLECTOR)?))
}

/// A running collector whose agents ask everything in every round.
fn collector<'n>(internet: &'n Namespace, directory: &Path, address: &str) -> Result<Collector<'n>> {
    let plan = format!(
        "slot_seconds = {SLOT_SECONDS}\ndns_every = 1\nonline_url = \"http://{address}:8444/v1/online\"\n\
         online_every = 1\npush_seconds = 2"
    );
    let address = format!("{address}:8443");
    let mut collector = Collector::init(Some(internet), directory, &address, &plan_section(&plan))?;
    collector.add_site(SITE)?;
    collector.serve()?;
    Ok(collector)
}
