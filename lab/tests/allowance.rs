//! A real agent at the end of a month with an allowance that is too small for its plan: it leaves out more and more,
//! ends the month within the allowance, and the next month begins with nothing used. The collector knows each step.
//!
//! Both machines believe that it is the last minute of March 2027 in western Indonesia, which it then is.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use suar_lab::netns;
use suar_lab::programs::{Agent, Collector, Machine, wait_until};
use suar_lab::seed::printed_seed;
use suar_lab::wan::Conditions;
use suar_lab::world::dns::Behaviour;
use suar_lab::world::{COLLECTOR, World, plan_section, wall_ms};
use suar_wire::{Body, DataUse, Month, Step};

const SITE: &str = "19.02.02.2009";
const WIB_MINUTES: i16 = 7 * 60;
/// Left of the month when the agent starts.
const LEFT_MS: i64 = 40_000;
/// Agents that the site's allowance is divided among; the others never run.
const AGENTS: u64 = 10;
const ALLOWANCE_BYTES: u64 = 1024 * 1024 / AGENTS;
/// What the site is given in April: enough for one-second slots.
const MUCH_BYTES: u64 = 1024 * 1024 * 1024 * 1024;

#[test]
fn an_agent_lives_within_its_allowance_and_tells_each_step() {
    if !netns::can_run_here("an_agent_lives_within_its_allowance_and_tells_each_step") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let told = end_of_a_month(directory.path()).expect("the end of a month");
    let summary: Vec<String> = told
        .iter()
        .map(|told| format!("{} {} {} bytes", told.month, told.step.label(), told.paid_bytes()))
        .collect();
    let march: Vec<&DataUse> = told.iter().filter(|told| told.month == month("2027-03")).collect();
    let april: Vec<&DataUse> = told.iter().filter(|told| told.month == month("2027-04")).collect();

    println!("{summary:#?}");
    assert!(march.iter().all(|told| told.allowance_bytes == Some(ALLOWANCE_BYTES)), "{summary:#?}");
    let steps: Vec<Step> = march.iter().map(|told| told.step).collect();
    assert!(steps.is_sorted(), "{summary:#?}");
    assert!(steps.last() >= Some(&Step::Frugal), "trouble made it save more: {summary:#?}");
    let end = march.last().expect("the end of March is told").paid_bytes();
    assert!(end <= ALLOWANCE_BYTES, "{end} bytes of {ALLOWANCE_BYTES}: {summary:#?}");
    assert!(end * 2 > ALLOWANCE_BYTES, "it was not the allowance that bound it: {summary:#?}");
    let begins = april.first().expect("April is told");
    assert!(begins.paid_bytes() < end / 4, "{summary:#?}");
    let ends = april.last().expect("April is told");
    assert_eq!((ends.step, ends.allowance_bytes), (Step::Full, Some(MUCH_BYTES / AGENTS)), "{summary:#?}");
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

/// What the collector was told, in order.
fn end_of_a_month(directory: &Path) -> Result<Vec<DataUse>> {
    let conditions = Conditions::delayed(Duration::from_millis(5));
    let world = World::with_offices(1, &conditions, printed_seed("the end of a month"))?;
    let office = world.offices.first().context("one office was asked for")?;
    let plan = plan_section("slot_seconds = 1\npush_seconds = 2\nhealth_seconds = 5\nechoes = 10");
    let address = format!("{COLLECTOR}:8443");
    let mut collector = Collector::init(Some(&world.internet), directory, &address, &plan)?;
    let mut agent = Agent::new(Some(&office.pc), directory, "agent")?;
    for (name, machine) in [("centre", &mut collector.machine), ("office", &mut agent.machine)] {
        let place = directory.join(name);
        std::fs::create_dir_all(&place)?;
        *machine = Some(Machine::new(&place)?);
    }
    let mut clocks = Clocks { ahead_ms: 0 };
    clocks.go_to(3_600_000, &mut collector, &mut agent)?;
    collector.administer(&["site", "add", SITE, "--hours", "always", "--allowance-mib", "1"])?.ok()?;
    collector.serve()?;
    let code = collector.join_code(SITE, &["--uses", &AGENTS.to_string()])?;
    for _ in 1..AGENTS {
        agent.join(&code)?.ok()?;
        std::fs::remove_dir_all(agent.state())?;
    }
    agent.join(&code)?.ok()?;
    collector.stop()?;
    clocks.go_to(LEFT_MS, &mut collector, &mut agent)?;
    collector.serve()?;
    agent.run()?;

    wait_until("a first step", Duration::from_secs(60), || match data(&agent)? {
        data if data.step >= Step::Standard => Ok(()),
        data => Err(format!("{data:?}")),
    })?;
    // A resolver that fails makes every round a diagnosis, which costs more than was reckoned with.
    office.resolver.behave(Behaviour::Denies);
    wait_until("a further step", Duration::from_secs(40), || match data(&agent)? {
        data if data.step >= Step::Frugal || data.month > month("2027-03") => Ok(()),
        data => Err(format!("{data:?}")),
    })?;
    office.resolver.behave(Behaviour::Truthful);
    wait_until("April", Duration::from_secs(90), || match data(&agent)? {
        data if data.month > month("2027-03") => Ok(()),
        data => Err(format!("{data:?}")),
    })?;
    collector.administer(&["site", "set", SITE, &format!("allowance_mib={}", MUCH_BYTES >> 20)])?.ok()?;
    wait_until("the new allowance", Duration::from_secs(120), || match data(&agent)? {
        data if data.step == Step::Full => Ok(()),
        data => Err(format!("{data:?}")),
    })?;
    agent.stop()?;
    let told = collector.records()?.into_iter().filter_map(|kept| match kept.record.body {
        Body::DataUse(told) => Some(told),
        _ => None,
    });
    Ok(told.collect())
}

fn data(agent: &Agent<'_>) -> Result<DataUse, String> {
    let status = agent.status().map_err(|error| format!("{error:#}"))?;
    serde_json::from_value(status["data"].clone()).map_err(|error| format!("{error}: {status}"))
}

/// The wall clocks of both machines.
struct Clocks {
    ahead_ms: i64,
}

impl Clocks {
    /// Sets them so that so much is left of March.
    fn go_to(&mut self, left_ms: i64, collector: &mut Collector<'_>, agent: &mut Agent<'_>) -> Result<()> {
        let by_ms = month("2027-04").start_ms(WIB_MINUTES) - left_ms - (wall_ms() + self.ahead_ms);
        self.ahead_ms += by_ms;
        let machines = [&mut collector.machine, &mut agent.machine];
        machines.into_iter().flatten().try_for_each(|machine| machine.step_wall(by_ms))
    }
}
