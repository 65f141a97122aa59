//! A real agent on a machine full of names: none of them is in what it wrote to be sent, in what travels by
//! hand, or in what the collector got.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use suar_lab::netns::can_run_here;
use suar_lab::programs::{Agent, Collector, wait_until};
use suar_lab::seed::printed_seed;
use suar_lab::wan::Conditions;
use suar_lab::world::{COLLECTOR, World, plan_section};

const SITE: &str = "19.02.02.2009";
const SETTLE_MAX: Duration = Duration::from_secs(60);

const USER: &str = "siti-rahayu";
const HOST: &str = "PC-BENDAHARA-7";
const MAC: [u8; 6] = [0x02, 0x5a, 0x11, 0xc3, 0x7e, 0x42];
/// As Wi-Fi drivers and people name interfaces after a network.
const NETWORK_NAME: &str = "RumahSiti5G";
const STICK: &str = "FLASHDISK-SITI";

/// What must not leave the machine, in every form in which it could.
fn secrets() -> Vec<(&'static str, Vec<u8>)> {
    let hex = |separator: &str| MAC.map(|byte| format!("{byte:02x}")).join(separator).into_bytes();
    vec![
        ("the user's name", USER.into()),
        ("the computer's name", HOST.into()),
        ("the network's name", NETWORK_NAME.into()),
        ("a memory stick's name", STICK.into()),
        ("the hardware address, written with colons", hex(":")),
        ("the hardware address, written with dashes", hex("-")),
        ("the hardware address, written plainly", hex("")),
        ("the hardware address itself", MAC.into()),
        ("a site's name", b"kantor.example".into()),
    ]
}

/// The secrets that are in there, whatever the case of letters.
fn found_in(bytes: &[u8]) -> Vec<&'static str> {
    let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window.eq_ignore_ascii_case(secret));
    secrets().into_iter().filter(|(_, secret)| holds(secret)).map(|(name, _)| name).collect()
}

#[test]
fn the_search_finds_what_it_is_to_find() {
    for (name, secret) in secrets() {
        let mut bytes = b"before ".to_vec();
        bytes.extend(secret.to_ascii_uppercase());
        assert!(found_in(&bytes).contains(&name), "{name}");
    }
    assert_eq!(found_in(b"nothing"), Vec::<&str>::new());
}

#[test]
fn no_name_of_a_person_a_machine_or_a_network_leaves_the_office() {
    if !can_run_here("an agent among names") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    for (what, bytes) in run(directory.path()).unwrap_or_else(|error| panic!("did not run: {error:#}")) {
        assert!(bytes.len() > 100, "{what} is empty: {} bytes", bytes.len());
        assert_eq!(found_in(&bytes), Vec::<&str>::new(), "in {what}");
    }
}

fn run(directory: &Path) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let uplink = Conditions::delayed(Duration::from_millis(5));
    let world = World::with_offices(1, &uplink, printed_seed("names"))?;
    let office = world.offices.first().context("one office was asked for")?;
    let mac = MAC.map(|byte| format!("{byte:02x}")).join(":");
    office.pc.ip(&["link", "set", "eth0", "address", &mac])?;
    office.pc.ip(&["link", "add", NETWORK_NAME, "type", "veth", "peer", "name", "far"])?;
    office.pc.ip(&["link", "set", NETWORK_NAME, "up"])?;

    let plan = plan_section("slot_seconds = 1\ndns_every = 1\npush_seconds = 2\nhealth_seconds = 1");
    let mut collector =
        Collector::init(Some(&world.internet), directory, &format!("{COLLECTOR}:8443"), &plan)?;
    collector.add_site(SITE)?;
    collector.serve()?;
    let mut agent = Agent::new(Some(&office.pc), directory, "agent")?;
    agent.environment =
        [("USER", USER), ("LOGNAME", USER), ("HOME", "/home/siti-rahayu"), ("HOSTNAME", HOST)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
    // A machine with this name, on which somebody has put in a stick and mounted it where desktops do.
    let stick = format!("/media/{USER}/{STICK}");
    let among_names = format!(
        "hostname {HOST} && mount -t tmpfs none /media && mkdir -p {stick} && \
         mount -t tmpfs -o size=8m none {stick} && exec \"$@\""
    );
    agent.started_by = ["unshare", "--uts", "sh", "-c", &among_names, "agent"].map(str::to_owned).to_vec();
    agent.join(&collector.join_code(SITE, &[])?)?.ok()?;
    agent.run()?;
    let since = |records: u64| {
        wait_until("records", SETTLE_MAX, || {
            let status = agent.status().map_err(|error| format!("{error:#}"))?;
            let pending = status["spool"]["records_pending"].as_u64();
            let pushed = status["uplink"]["pushes_ok"].as_u64() > Some(1);
            if pushed && pending >= Some(records) { Ok(()) } else { Err(status.to_string()) }
        })
    };
    since(0)?;
    collector.kill()?;
    // From here on everything waits on the agent's disk.
    since(30)?;
    agent.stop()?;

    let carried = directory.join("carried");
    agent.say(&["carry-out", &carried.display().to_string()])?.ok()?;
    let mut spool = Vec::new();
    for entry in std::fs::read_dir(agent.state().join("spool"))? {
        spool.extend(std::fs::read(entry?.path())?);
    }
    collector.serve()?;
    collector.administer(&["import", &carried.display().to_string()])?.ok()?;
    let kept =
        serde_json::to_vec(&collector.records()?.into_iter().map(|kept| kept.record).collect::<Vec<_>>())?;
    let health = kept.windows(7).filter(|window| window == b"\"disks\"").count();
    anyhow::ensure!(health > 3, "the looks at the machine are in it: {health}");
    Ok(vec![
        ("the agent's spool", spool),
        ("a carried-out file", std::fs::read(&carried)?),
        ("the collector's records", kept),
    ])
}
