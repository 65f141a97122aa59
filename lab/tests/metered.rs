//! A connection that is paid by the byte: what NetworkManager says over a real bus reaches the agent, the agent spares
//! the connection, and the collector knows.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use suar_lab::network_manager::{Metered, NetworkManager, busctl_says};
use suar_lab::programs::{Agent, Collector, free_address, wait_until};
use suar_wire::{Body, Step};

const SITE: &str = "19.02.02.2009";

#[test]
fn what_network_manager_says_of_the_connection_is_honoured() {
    let directory = tempfile::tempdir().expect("a directory");
    told(directory.path()).expect("an agent that is told");
}

fn told(directory: &Path) -> Result<()> {
    let manager = NetworkManager::start(directory)?;
    manager.say(Metered::GuessYes);
    assert_eq!(busctl_says(&manager)?, "u 3");

    let plan = "[plan]\ntargets = [\"127.0.0.1\", \"127.0.0.2\"]\npublic_resolver = \"127.0.0.1\"\n\
                slot_seconds = 1\npush_seconds = 1\nhealth_seconds = 1\nechoes = 2\n";
    let mut collector = Collector::init(None, directory, &free_address()?, plan)?;
    collector.add_site(SITE)?;
    collector.serve()?;
    let mut agent = Agent::new(None, directory, "agent")?;
    agent.environment.push(("DBUS_SYSTEM_BUS_ADDRESS".to_owned(), manager.address()));
    agent.join(&collector.join_code(SITE, &[])?)?.ok()?;
    agent.run()?;

    let until = |metered: Value, step: &str| {
        wait_until(&format!("metered: {metered}"), Duration::from_secs(30), || {
            let data = agent.status().map_err(|error| format!("{error:#}"))?["data"].clone();
            if data["metered"] == metered && data["step"] == step { Ok(()) } else { Err(data.to_string()) }
        })
    };
    until(json!(true), "standard")?;
    manager.say(Metered::No);
    until(json!(false), "full")?;
    manager.say(Metered::Yes);
    until(json!(true), "standard")?;
    // The site knows better than the machine.
    collector.administer(&["site", "set", SITE, "metered=no"])?.ok()?;
    until(json!(false), "full")?;
    collector.administer(&["site", "set", SITE, "metered="])?.ok()?;
    until(json!(true), "standard")?;
    manager.say(Metered::Unknown);
    until(Value::Null, "full")?;
    manager.say(Metered::GuessNo);
    until(json!(false), "full")?;
    manager.stop()?;
    until(Value::Null, "full")?;

    agent.stop()?;
    let steps: Vec<(Option<bool>, Step)> = collector
        .records()?
        .into_iter()
        .filter_map(|kept| match kept.record.body {
            Body::DataUse(told) => Some((told.metered, told.step)),
            _ => None,
        })
        .collect();
    for expect in [(Some(true), Step::Standard), (Some(false), Step::Full), (None, Step::Full)] {
        assert!(steps.contains(&expect), "{expect:?} is missing in {steps:?}");
    }
    Ok(())
}
