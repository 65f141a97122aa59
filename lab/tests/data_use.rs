//! The agent's own ledger of what it costs, against the kernel's counters at the office's network card.
//!
//! The PC has nothing else to say, so that everything its card sees as IP is the agent's.

use std::time::Duration;

use anyhow::{Context, Result};
use suar_lab::netns::{self, Namespace};
use suar_lab::programs::{Agent, Collector, wait_until};
use suar_lab::seed::printed_seed;
use suar_lab::wan::Conditions;
use suar_lab::world::{COLLECTOR, NAME, PUBLIC_RESOLVER, TARGETS, World};

const SITE: &str = "19.02.02.2009";
/// Of the bytes that the kernel counts, in each direction.
const OFF_PERMILLE_MAX: u64 = 30;

/// Bytes of IP packets through the PC's card.
#[derive(Debug, Clone, Copy, Default)]
struct Bytes {
    sent: u64,
    received: u64,
}

const RULES: &str = "table inet count {
    counter sent {}
    counter received {}
    chain out { type filter hook output priority 0; oifname \"eth0\" counter name sent; }
    chain in { type filter hook input priority 0; iifname \"eth0\" counter name received; }
}";

fn counted(pc: &Namespace) -> Result<Bytes> {
    let of = |name: &str| -> Result<u64> {
        let said = pc.exec("nft", &["list", "counter", "inet", "count", name])?;
        let bytes = said.split_once("bytes ").and_then(|(_, rest)| rest.split_whitespace().next());
        bytes.context("a counter of nftables")?.parse().context("bytes of nftables")
    };
    Ok(Bytes { sent: of("sent")?, received: of("received")? })
}

/// What the agent has written down.
fn ledger(agent: &Agent<'_>) -> Result<Bytes> {
    let text = std::fs::read_to_string(agent.state().join("data-use.json"))?;
    let ledger: serde_json::Value = serde_json::from_str(&text)?;
    let used = ledger["used"].as_array().context("what was used")?;
    let sum = |key: &str| used.iter().filter_map(|one| one[key].as_u64()).sum();
    Ok(Bytes { sent: sum("sent"), received: sum("received") })
}

fn pushes(agent: &Agent<'_>) -> Result<u64, String> {
    let status = agent.status().map_err(|error| format!("{error:#}"))?;
    status["uplink"]["pushes_ok"].as_u64().ok_or_else(|| "no pushes".to_owned())
}

fn pushes_more(agent: &Agent<'_>, more: u64) -> Result<()> {
    let before = pushes(agent).map_err(anyhow::Error::msg)?;
    wait_until("pushes", Duration::from_secs(90), || match pushes(agent)? {
        now if now >= before + more => Ok(()),
        now => Err(format!("{now} pushes, {before} before")),
    })
}

fn is_down(agent: &Agent<'_>) -> Result<(), String> {
    let status = agent.status().map_err(|error| format!("{error:#}"))?;
    if status["verdict"].get("down").is_some() { Ok(()) } else { Err(status["verdict"].to_string()) }
}

#[test]
fn the_ledger_says_what_the_kernel_counted() {
    if !netns::can_run_here("the_ledger_says_what_the_kernel_counted") {
        return;
    }
    mixed_life().expect("a mixed life");
}

fn mixed_life() -> Result<()> {
    let conditions = Conditions::delayed(Duration::from_millis(20));
    let world = World::with_offices(1, &conditions, printed_seed("data use"))?;
    let office = world.offices.first().context("one office was asked for")?;
    office.pc.offloads_off("eth0")?;
    let directory = tempfile::tempdir()?;
    let plan = format!(
        "[plan]\nslot_seconds = 1\npush_seconds = 1\nhealth_seconds = 5\ntargets = [{}]\n\
         public_resolver = \"{PUBLIC_RESOLVER}\"\ndns_name = \"{NAME}\"\n\
         online_url = \"http://{COLLECTOR}:8444/v1/online\"\n[limits]\npushes_a_minute = 600\n",
        TARGETS.map(|target| format!("\"{target}\"")).join(", ")
    );
    let address = format!("{COLLECTOR}:8443");
    let mut collector = Collector::init(Some(&world.internet), directory.path(), &address, &plan)?;
    collector.serve()?;
    collector.add_site(SITE)?;
    let mut agent = Agent::new(Some(&office.pc), directory.path(), "agent")?;
    agent.join(&collector.join_code(SITE, &[])?)?.ok()?;
    // From here on: the joining is in nobody's ledger.
    let rules = directory.path().join("count.nft");
    std::fs::write(&rules, RULES)?;
    office.pc.exec("nft", &["-f", &rules.display().to_string()])?;

    agent.run()?;
    pushes_more(&agent, 8)?;
    office.cut_uplink();
    wait_until("the cut to be seen", Duration::from_secs(60), || is_down(&agent))?;
    office.mend_uplink();
    pushes_more(&agent, 8)?;
    // A stop in between: the ledger goes on.
    agent.stop()?;
    agent.run()?;
    pushes_more(&agent, 5)?;
    agent.stop()?;

    let (kernel, ours) = (counted(&office.pc)?, ledger(&agent)?);
    println!("the kernel counted {kernel:?}, the agent {ours:?}");
    for (direction, kernel, ours) in
        [("sent", kernel.sent, ours.sent), ("received", kernel.received, ours.received)]
    {
        let off_permille = kernel.abs_diff(ours) * 1000 / kernel.max(1);
        assert!(
            off_permille <= OFF_PERMILLE_MAX,
            "{direction}: {off_permille} of 1000 off; the kernel counted {kernel}, the agent {ours}: {}",
            std::fs::read_to_string(agent.state().join("data-use.json"))?
        );
    }
    Ok(())
}
