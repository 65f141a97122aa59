//! A real agent and a real collector: one new program after another is offered to an office, good ones and bad ones.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use suar_lab::netns;
use suar_lab::programs::{Agent, Collector, wait_until};
use suar_lab::seed::printed_seed;
use suar_lab::signer::{Signer, renumbered, script};
use suar_lab::wan::Conditions;
use suar_lab::world::{COLLECTOR, World, plan_section};
use suar_wire::{Body, PlanFault, Purpose};

const SITE: &str = "19.02.02.2009";
const FETCH_MAX: Duration = Duration::from_secs(120);
/// How long a program may take to reach the collector.
const TRIAL: &str = "trial_seconds = 8";
/// Three trials, with what lies between them.
const TRIALS_MAX: Duration = Duration::from_secs(180);

/// What the test looks at when everything is over.
struct Found {
    versions: Vec<String>,
    refused: Vec<String>,
    program_bytes: u64,
    update_bytes: u64,
    /// Slots with a round, and rounds.
    slots: (usize, usize),
    metrics: String,
}

#[test]
fn an_office_runs_the_newest_program_that_works_there() {
    if !netns::can_run_here("an_office_runs_the_newest_program_that_works_there") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let found = life(directory.path()).expect("a life with updates");

    assert_eq!(found.versions.first().map(String::as_str), Some("0.1.0"));
    for version in ["0.3.0", "0.4.0", "0.5.0"] {
        assert!(!found.versions.iter().any(|told| told == version), "{version} ran: {:?}", found.versions);
    }
    assert_eq!(found.versions.last().map(String::as_str), Some("0.1.0"), "it was told to go back");
    for (version, why) in
        [("0.3.0", "ended by itself"), ("0.4.0", "did not reach"), ("0.5.0", "signature is not right")]
    {
        let tells = |reason: &&String| reason.starts_with(version) && reason.contains(why);
        assert!(found.refused.iter().any(|reason| tells(&reason)), "{version}: {:?}", found.refused);
    }
    // Every program once, the one with a wrong signature twice; headers and acknowledgements beside it.
    assert!(found.update_bytes > found.program_bytes, "{} of {}", found.update_bytes, found.program_bytes);
    assert!(
        found.update_bytes < found.program_bytes * 115 / 100 + 200_000,
        "{} bytes on the line for {}",
        found.update_bytes,
        found.program_bytes
    );
    assert_eq!(found.slots.0, found.slots.1, "a slot was measured twice");
    assert!(found.metrics.contains("version=\"0.1.0\""), "{}", found.metrics);
}

struct Lab<'a> {
    directory: PathBuf,
    collector: Collector<'a>,
    agent: Agent<'a>,
    signer: Signer,
}

fn life(directory: &Path) -> Result<Found> {
    let conditions = Conditions::delayed(Duration::from_millis(2));
    let world = World::with_offices(1, &conditions, printed_seed("a life with updates"))?;
    let office = world.offices.first().context("one office was asked for")?;
    let signer = Signer::new(&directory.join("signer"))?;
    let plan = plan_section("slot_seconds = 1\npush_seconds = 1");
    let readers = "[readers]\naddresses = [\"203.0.113.0/24\"]";
    let extra = format!("{plan}\n{readers}\n[update]\nkey = {:?}\n", signer.key);
    let address = format!("{COLLECTOR}:8443");
    let mut collector = Collector::init(Some(&world.internet), directory, &address, &extra)?;
    collector.administer(&["site", "add", SITE, "--hours", "always"])?.ok()?;
    collector.serve()?;
    let mut agent = Agent::new(Some(&office.pc), directory, "agent")?;
    agent.join(&collector.join_code(SITE, &[])?)?.ok()?;
    let config = std::fs::read_to_string(agent.config())?;
    anyhow::ensure!(config.contains(&signer.key), "join did not bring the key: {config}");
    std::fs::write(agent.config(), config.replace("trial_seconds = 3600", TRIAL))?;
    agent.run()?;
    let mut lab = Lab { directory: directory.to_owned(), collector, agent, signer };

    let good = lab.directory.join("good");
    renumbered("0.2.0", &good)?;
    let mut program_bytes = lab.offer("0.2.0", &good)?;
    lab.wait_for_version("0.2.0")?;

    for (version, run) in [("0.3.0", "exit 3"), ("0.4.0", "cat >/dev/null")] {
        let program = lab.directory.join(version);
        std::fs::write(&program, script(version, run))?;
        program_bytes += lab.offer(version, &program)?;
        lab.wait_for_refusal(version)?;
        lab.wait_for_version("0.2.0")?;
    }

    // Whoever has the collector's disk has not the key.
    let wrong = lab.directory.join("0.5.0");
    std::fs::write(&wrong, script("0.5.0", "exit 0"))?;
    lab.add("0.5.0", &wrong)?;
    let kept = lab.collector.data().join("programs/0.5.0").join(suar_agent::program::target());
    lab.collector.administer(&["update", "offer", "0.5.0", "--all"])?.ok()?;
    std::fs::write(&kept, script("0.5.0", "exit 9"))?;
    program_bytes += 2 * std::fs::metadata(&kept)?.len();
    lab.wait_for_refusal("0.5.0")?;

    // A restart in order, and one in none, find the program that was chosen.
    lab.agent.stop()?;
    lab.agent.run()?;
    lab.wait_for_version("0.2.0")?;
    lab.agent.kill()?;
    lab.agent.run()?;
    lab.wait_for_version("0.2.0")?;

    // Older only when the collector says so.
    let installed = lab.directory.join("installed");
    renumbered("0.1.0", &installed)?;
    lab.add("0.1.0", &installed)?;
    lab.collector.administer(&["update", "offer", "0.1.0", "--sites", SITE])?.ok()?;
    let version = lab.status()?["plan_version"].clone();
    wait_until("the plan that offers an older one", FETCH_MAX, || {
        let status = lab.status().map_err(|error| format!("{error:#}"))?;
        if status["plan_version"] == version { Err(status.to_string()) } else { Ok(()) }
    })?;
    anyhow::ensure!(lab.status()?["version"] == "0.2.0", "it went back without having been told");
    lab.collector.administer(&["update", "offer", "0.1.0", "--sites", SITE, "--older"])?.ok()?;
    lab.wait_for_version("0.1.0")?;

    lab.finish(program_bytes)
}

impl Lab<'_> {
    fn add(&self, version: &str, program: &Path) -> Result<u64> {
        self.signer.sign(program, version)?;
        self.collector.administer(&["update", "add", &program.display().to_string()])?.ok()?;
        Ok(std::fs::metadata(program)?.len())
    }

    fn offer(&self, version: &str, program: &Path) -> Result<u64> {
        let bytes = self.add(version, program)?;
        self.collector.administer(&["update", "offer", version, "--all"])?.ok()?;
        Ok(bytes)
    }

    fn status(&self) -> Result<Value> {
        self.agent.status()
    }

    /// Until the agent runs as this version and the collector has heard of it.
    fn wait_for_version(&self, version: &str) -> Result<()> {
        wait_until(&format!("an agent of version {version}"), FETCH_MAX, || {
            let status = self.status().map_err(|error| format!("{error:#}"))?;
            let is_heard = status["uplink"]["pushes_ok"].as_u64() > Some(0);
            if status["version"] == version && is_heard { Ok(()) } else { Err(status.to_string()) }
        })
    }

    fn wait_for_refusal(&self, version: &str) -> Result<()> {
        wait_until(&format!("{version} to be refused"), TRIALS_MAX, || {
            let status = self.status().map_err(|error| format!("{error:#}"))?;
            let refused = status["refused_program"].as_str().unwrap_or_default();
            if refused.starts_with(version) { Ok(()) } else { Err(status.to_string()) }
        })
    }

    fn finish(mut self, program_bytes: u64) -> Result<Found> {
        self.agent.stop()?;
        let metrics = self.collector.get("/metrics")?.text();
        let kept = self.collector.records()?;
        let mut found = Found {
            versions: Vec::new(),
            refused: Vec::new(),
            program_bytes,
            update_bytes: 0,
            slots: (0, 0),
            metrics: metrics.lines().filter(|line| line.starts_with("suar_agent_info")).collect(),
        };
        let mut slots = Vec::new();
        for kept in kept {
            match kept.record.body {
                Body::SessionStart(start) => found.versions.push(start.agent_version),
                Body::PlanRefused(refused) if refused.fault == PlanFault::Program => {
                    found.refused.push(refused.reason);
                }
                Body::DataUse(data) => {
                    let update = data.used.iter().filter(|used| used.purpose == Purpose::Update);
                    found.update_bytes = update.map(|used| used.sent + used.received).sum();
                }
                Body::Round(round) => slots.push(round.slot.index),
                _ => {}
            }
        }
        found.slots.1 = slots.len();
        slots.sort_unstable();
        slots.dedup();
        found.slots.0 = slots.len();
        Ok(found)
    }
}
