//! The agent's own ledger of what it costs, against the kernel's counters at the office's network card, over a
//! life with everything in it: quiet, cuts, loss, a collector that is away, stops and starts.
//!
//! The PC has nothing else to say, so that everything its card sees as IP is the agent's.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::netns::Namespace;
use crate::programs::{Agent, Collector, wait_until};
use crate::seed::{Random, printed_seed};
use crate::wan::{Conditions, Loss};
use crate::world::{COLLECTOR, Office, World, plan_section};

const SITE: &str = "19.02.02.2009";
/// One way.
const DELAY: Duration = Duration::from_millis(20);
/// Slots from one push to the next in the long form, as in the standard plan.
const SLOTS_A_PUSH: u32 = 5;
/// Share of packets that are lost where the line is bad.
const BAD_LINE: f64 = 0.02;

/// Bytes of IP packets through the PC's card.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Bytes {
    pub sent: u64,
    pub received: u64,
}

/// Both accounts of one life.
#[derive(Debug, Clone, Serialize)]
pub struct Accounts {
    pub seconds: f64,
    pub scenes: Vec<&'static str>,
    pub kernel: Bytes,
    pub agent: Bytes,
    /// The agent's ledger as it was written.
    pub ledger: serde_json::Value,
}

impl Accounts {
    /// How far the agent is off, thousandths of what the kernel counted; the worse direction.
    pub fn off_permille(&self) -> u64 {
        let off = |kernel: u64, agent: u64| (kernel.abs_diff(agent) * 1000).div_ceil(kernel.max(1));
        off(self.kernel.sent, self.agent.sent).max(off(self.kernel.received, self.agent.received))
    }
}

/// What happens to the office. Each scene lasts until so many more pushes have been receipted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    Quiet,
    Cut,
    BadLine,
    CollectorAway,
    Restart,
}

impl Scene {
    const ALL: [Self; 5] = [Self::Quiet, Self::Cut, Self::BadLine, Self::CollectorAway, Self::Restart];

    fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Cut => "cut",
            Self::BadLine => "bad line",
            Self::CollectorAway => "collector away",
            Self::Restart => "restart",
        }
    }
}

const RULES: &str = "table inet count {
    counter sent {}
    counter received {}
    chain out { type filter hook output priority 0; oifname \"eth0\" counter name sent; }
    chain in { type filter hook input priority 0; iifname \"eth0\" counter name received; }
}";

/// Half a minute with one-second slots and a push each second: quiet, a cut, and a stop in between.
pub fn short(directory: &Path) -> Result<Accounts> {
    live(directory, [1, 1, 5], |life| {
        for scene in [Scene::Quiet, Scene::Cut, Scene::Restart] {
            life.play(scene)?;
        }
        Ok(())
    })
}

/// All scenes, in an order by chance, again and again for this long.
pub fn long(directory: &Path, at_least: Duration, slot_seconds: u32) -> Result<Accounts> {
    let push_seconds = slot_seconds * SLOTS_A_PUSH;
    live(directory, [slot_seconds, push_seconds, push_seconds * 2], |life| {
        let mut random = Random::from_seed(printed_seed("the order of scenes"));
        while life.begun_at.elapsed() < at_least {
            let scene = Scene::ALL[random.below(Scene::ALL.len() as u64) as usize];
            life.play(scene)?;
            eprintln!("{:>6.0} s: {}", life.begun_at.elapsed().as_secs_f64(), scene.name());
        }
        Ok(())
    })
}

struct Life<'a> {
    office: &'a Office,
    collector: Collector<'a>,
    agent: Agent<'a>,
    push_seconds: u32,
    begun_at: Instant,
    scenes: Vec<&'static str>,
}

/// Sets the stage (`seconds` of slot, push and look at the machine), has the life lived, and reads both accounts.
fn live(
    directory: &Path,
    seconds: [u32; 3],
    script: impl FnOnce(&mut Life<'_>) -> Result<()>,
) -> Result<Accounts> {
    let world = World::with_offices(1, &line(Loss::None), printed_seed("data use"))?;
    let office = world.offices.first().context("one office was asked for")?;
    office.pc.offloads_off("eth0")?;
    let [slot, push, health] = seconds;
    let plan = plan_section(&format!(
        "slot_seconds = {slot}\npush_seconds = {push}\nhealth_seconds = {health}\n\
         online_url = \"http://{COLLECTOR}:8444/v1/online\"\n[limits]\npushes_a_minute = 600"
    ));
    let address = format!("{COLLECTOR}:8443");
    let mut collector = Collector::init(Some(&world.internet), directory, &address, &plan)?;
    collector.serve()?;
    collector.add_site(SITE)?;
    let mut agent = Agent::new(Some(&office.pc), directory, "agent")?;
    agent.join(&collector.join_code(SITE, &[])?)?.ok()?;
    // From here on: the joining is in nobody's ledger.
    let rules = directory.join("count.nft");
    std::fs::write(&rules, RULES)?;
    office.pc.exec("nft", &["-f", &rules.display().to_string()])?;

    let begun_at = Instant::now();
    agent.run()?;
    let mut life = Life { office, collector, agent, push_seconds: push, begun_at, scenes: Vec::new() };
    script(&mut life)?;
    life.agent.stop()?;
    let ledger = read_ledger(&life.agent)?;
    Ok(Accounts {
        seconds: life.begun_at.elapsed().as_secs_f64(),
        scenes: life.scenes,
        kernel: counted(&office.pc)?,
        agent: sum(&ledger)?,
        ledger,
    })
}

fn line(loss: Loss) -> Conditions {
    Conditions { loss, ..Conditions::delayed(DELAY) }
}

impl Life<'_> {
    fn play(&mut self, scene: Scene) -> Result<()> {
        self.scenes.push(scene.name());
        match scene {
            Scene::Quiet => self.pushes_more(8)?,
            Scene::Cut => {
                self.office.cut_uplink();
                self.wait("the cut to be seen", |life| life.is_down())?;
                self.office.mend_uplink();
                self.pushes_more(8)?;
            }
            Scene::BadLine => {
                self.office.uplink.set_both(&line(Loss::Random(BAD_LINE)));
                self.pushes_more(5)?;
                self.office.uplink.set_both(&line(Loss::None));
            }
            Scene::CollectorAway => {
                self.collector.stop()?;
                self.wait("a failed push", |life| life.push_fails())?;
                self.collector.serve()?;
                self.pushes_more(3)?;
            }
            Scene::Restart => {
                // The ledger goes on.
                self.agent.stop()?;
                self.agent.run()?;
                self.pushes_more(5)?;
            }
        }
        Ok(())
    }

    /// A push may wait for the back-off of ten minutes, whatever the plan says.
    fn wait<T>(&self, what: &str, look: impl Fn(&Self) -> Result<T, String>) -> Result<T> {
        let at_most = Duration::from_secs(90.max(u64::from(self.push_seconds) * 12 + 600));
        wait_until(what, at_most, || look(self))
    }

    fn uplink(&self, key: &str) -> Result<serde_json::Value, String> {
        let status = self.agent.status().map_err(|error| format!("{error:#}"))?;
        Ok(status["uplink"][key].clone())
    }

    fn pushes(&self) -> Result<u64, String> {
        self.uplink("pushes_ok")?.as_u64().ok_or_else(|| "no pushes".to_owned())
    }

    fn pushes_more(&self, more: u64) -> Result<()> {
        let before = self.pushes().map_err(anyhow::Error::msg)?;
        self.wait("pushes", |life| match life.pushes()? {
            now if now >= before + more => Ok(()),
            now => Err(format!("{now} pushes, {before} before")),
        })
    }

    fn push_fails(&self) -> Result<(), String> {
        if self.uplink("last_error")?.is_string() { Ok(()) } else { Err("pushes come through".to_owned()) }
    }

    fn is_down(&self) -> Result<(), String> {
        let status = self.agent.status().map_err(|error| format!("{error:#}"))?;
        if status["verdict"].get("down").is_some() { Ok(()) } else { Err(status["verdict"].to_string()) }
    }
}

fn counted(pc: &Namespace) -> Result<Bytes> {
    let of = |name: &str| -> Result<u64> {
        let said = pc.exec("nft", &["list", "counter", "inet", "count", name])?;
        let bytes = said.split_once("bytes ").and_then(|(_, rest)| rest.split_whitespace().next());
        bytes.context("a counter of nftables")?.parse().context("bytes of nftables")
    };
    Ok(Bytes { sent: of("sent")?, received: of("received")? })
}

fn read_ledger(agent: &Agent<'_>) -> Result<serde_json::Value> {
    let text = std::fs::read_to_string(agent.state().join("data-use.json"))?;
    Ok(serde_json::from_str(&text)?)
}

/// What the agent has written down, the way to the router included: the card sees that, too.
fn sum(ledger: &serde_json::Value) -> Result<Bytes> {
    let used = ledger["used"].as_array().context("what was used")?;
    let sum = |key: &str| used.iter().filter_map(|one| one[key].as_u64()).sum();
    Ok(Bytes { sent: sum("sent"), received: sum("received") })
}
