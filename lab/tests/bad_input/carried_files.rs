//! Carried-out files through the real programs: taken once or ten times with the same result, and refused
//! whole when anything about them is wrong.

use std::path::Path;
use std::time::Duration;

use suar_lab::programs::{Agent, Collector, free_address, wait_until};

use super::SITE;

const SETTLE_MAX: Duration = Duration::from_secs(30);
/// Nothing leaves this machine: every target is the loopback.
const PLAN: &str = "[plan]\nslot_seconds = 1\npush_seconds = 1\ntargets = [\"127.0.0.1\", \"127.0.0.2\"]\n\
                    public_resolver = \"127.0.0.1\"\n";

fn kept(collector: &Collector<'_>) -> Vec<String> {
    let said = collector.administer(&["dump-records"]).expect("it runs").ok().expect("records");
    said.lines().map(str::to_owned).collect()
}

fn import(collector: &Collector<'_>, file: &Path) -> Result<String, String> {
    let said = collector.administer(&["import", &file.display().to_string()]).expect("it runs");
    if said.code == Some(0) { Ok(said.stdout) } else { Err(said.stderr) }
}

fn pending(agent: &Agent<'_>) -> Result<u64, String> {
    let status = agent.status().map_err(|error| format!("{error:#}"))?;
    status["spool"]["records_pending"].as_u64().ok_or_else(|| status.to_string())
}

#[test]
fn a_file_carried_from_a_running_agent_is_taken_once_or_ten_times_and_then_known_from_the_agent_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = free_address().expect("two free ports");
    let mut collector = Collector::init(None, directory.path(), &address, PLAN).expect("a data directory");
    collector.serve().expect("it serves");
    collector.add_site(SITE).expect("a site");
    let mut agent = Agent::new(None, directory.path(), "agent").expect("an agent");
    agent.join(&collector.join_code(SITE, &[]).expect("a code")).expect("it runs").ok().expect("joined");
    collector.stop().expect("it stops");

    agent.run().expect("it runs without a collector");
    wait_until("records to wait", SETTLE_MAX, || {
        let pending = pending(&agent)?;
        if pending >= 3 { Ok(()) } else { Err(format!("{pending} records wait")) }
    })
    .expect("it measures");
    let file = directory.path().join("office.carried");
    let path = file.display().to_string();
    let said = agent.say(&["carry-out", &path, "--lang", "en"]).expect("it runs").ok().expect("a file");
    let carried: usize = said.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    assert!(carried >= 3 && said.contains("suar-collector import"), "{said}");
    let said = agent.say(&["carry-out", &path, "--lang", "id"]).expect("it runs").ok().expect("again");
    assert!(said.contains("rekaman"), "{said}");
    let identity = agent.state().join("identity.toml").display().to_string();
    let refused = agent.say(&["carry-out", &identity, "--lang", "en"]).expect("it runs");
    assert!(refused.code != Some(0) && refused.said().contains("left alone"), "{}", refused.said());
    agent.stop().expect("it stops");

    // Wrong files first: nothing of them may stay.
    let good = std::fs::read(&file).expect("the file");
    let bad = directory.path().join("bad.carried");
    let step = (good.len() / 12).max(1);
    for at in (0..good.len()).step_by(step) {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        for wrong in [&flipped[..], &good[..at]] {
            std::fs::write(&bad, wrong).expect("a file");
            let said = import(&collector, &bad).expect_err("a damaged file");
            assert!(said.contains("nothing was imported") && said.trim().lines().count() == 1, "{said}");
        }
    }
    assert_eq!(kept(&collector), Vec::<String>::new());

    let said = import(&collector, &file).expect("without a running collector");
    assert!(said.contains("records new, 0 known already, 0 refused, 0 set aside"), "{said}");
    let once = kept(&collector);
    assert!(once.len() >= carried, "{carried} carried, {} kept", once.len());
    collector.serve().expect("it serves");
    for _ in 0..9 {
        let said = import(&collector, &file).expect("beside a running collector");
        assert!(said.contains(": 0 records new"), "{said}");
        assert_eq!(kept(&collector), once);
    }

    // The agent kept its records: they are sent again, and known.
    agent.run().expect("it runs");
    wait_until("the agent to have its receipts", SETTLE_MAX, || {
        let (pending, kept) = (pending(&agent)?, kept(&collector).len());
        // A record or two of this very second always wait; the carried ones were more.
        if pending < 3 && kept > once.len() { Ok(()) } else { Err(format!("{pending} wait, {kept} kept")) }
    })
    .expect("it catches up");
    agent.stop().expect("it stops");
    let all = kept(&collector);
    let identities: std::collections::BTreeSet<Vec<&str>> =
        all.iter().map(|line| line.split(' ').take(3).collect()).collect();
    assert_eq!(identities.len(), all.len(), "a record is kept twice");
    assert!(once.iter().all(|line| all.contains(line)), "an imported record changed");

    let id = once[0].split(' ').next().expect("an id");
    collector.administer(&["agent", "revoke", id]).expect("it runs").ok().expect("revoked");
    let said = import(&collector, &file).expect_err("its agent is revoked");
    assert!(said.contains("was revoked"), "{said}");
    let all_the_same = ["import", "--revoked", &path];
    let said = collector.administer(&all_the_same).expect("it runs").ok().expect("somebody knows better");
    assert!(said.contains(" 0 records new"), "{said}");
}

/// Where the computer moves to.
const NEW_SITE: &str = "19.02.03.2001";

#[test]
fn a_computer_that_moves_leaves_what_it_measured_to_the_office_where_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = free_address().expect("two free ports");
    let mut collector = Collector::init(None, directory.path(), &address, PLAN).expect("a data directory");
    collector.serve().expect("it serves");
    for site in [SITE, NEW_SITE] {
        collector.add_site(site).expect("a site");
    }
    let mut agent = Agent::new(None, directory.path(), "agent").expect("an agent");
    agent.join(&collector.join_code(SITE, &[]).expect("a code")).expect("it runs").ok().expect("joined");
    let code = collector.join_code(NEW_SITE, &[]).expect("a code");
    collector.stop().expect("it stops");
    agent.run().expect("it runs without a collector");
    wait_until("records to wait", SETTLE_MAX, || {
        let pending = pending(&agent)?;
        if pending >= 3 { Ok(()) } else { Err(format!("{pending} records wait")) }
    })
    .expect("it measures");
    agent.stop().expect("it stops");
    let old = agent.identity().expect("an identity").agent;

    collector.serve().expect("it serves again");
    let said = agent.say(&["join", &code, "--force", "--lang", "en"]).expect("it runs").ok().expect("joined");
    let file = agent.state().join(format!("before-{old}.carried"));
    assert!(said.contains("not lost") && said.contains(&file.display().to_string()), "{said}");
    let new = agent.identity().expect("an identity").agent;
    agent.run().expect("it runs");
    let of = |agent| {
        let records = collector.records().expect("records");
        records.into_iter().filter(|kept| kept.agent == agent).collect::<Vec<_>>()
    };
    wait_until("the new office to be heard", SETTLE_MAX, || match of(new).len() {
        0 => Err("nothing kept of it".to_owned()),
        _ => Ok(()),
    })
    .expect("it is heard");
    agent.stop().expect("it stops");
    assert_eq!(of(old).len(), 0, "nothing of the old office came over the line");

    let said = import(&collector, &file).expect("the file of the old office");
    assert!(said.contains("0 refused, 0 set aside"), "{said}");
    let (old, new) = (of(old), of(new));
    assert!(old.len() >= 3, "{old:?}");
    let last = old.iter().map(|kept| kept.at_ms).max().expect("some");
    assert!(new.iter().all(|kept| kept.at_ms > last && kept.epoch != old[0].epoch), "{new:?}");
    let listed =
        collector.administer(&["agent", "list", "--quarantined"]).expect("it runs").ok().expect("a list");
    assert!(!listed.contains("before_joined"), "{listed}");
}
