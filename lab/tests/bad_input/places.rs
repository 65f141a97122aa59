//! Ports, directories and spools that somebody else holds or another version wrote.

use std::process::Command;

use suar_lab::programs::{Agent, Collector, Finished, finish};

use super::{SITE, serving, serving_one_site};

fn one_clear_sentence(finished: &Finished, expected: &[&str]) {
    assert_ne!(finished.code, Some(0), "{}", finished.said());
    for part in expected {
        assert!(finished.stderr.contains(part), "{part:?} is missing in:\n{}", finished.said());
    }
    assert!(!finished.stderr.contains("panicked"), "{}", finished.said());
    let lines = finished.stderr.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 3, "more than a sentence:\n{}", finished.said());
}

#[test]
fn a_taken_port_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = serving(directory.path());
    let elsewhere = tempfile::tempdir().expect("a directory");
    let second = Collector::init(None, elsewhere.path(), &collector.address, "[log]\nlevel = \"error\"\n")
        .expect("a data directory");
    one_clear_sentence(&second.administer(&["serve"]).expect("it runs"), &[&collector.address]);
}

#[test]
fn a_data_directory_of_another_version_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = suar_lab::programs::free_address().expect("two free ports");
    let collector = Collector::init(None, directory.path(), &address, "").expect("a data directory");
    let database = collector.data().join("suar.db");
    // Python's sqlite3 stands in for the other version.
    let mark = format!(
        "import sqlite3; c = sqlite3.connect({:?}); c.execute('PRAGMA user_version = 4711'); c.commit()",
        database.display().to_string()
    );
    finish(Command::new("python3").args(["-c", &mark])).expect("python runs").ok().expect("it marks");
    let before = std::fs::read(&database).expect("the database");
    one_clear_sentence(&collector.administer(&["serve"]).expect("it runs"), &["another version", "4711"]);
    assert_eq!(std::fs::read(&database).expect("the database"), before, "it was written to");
}

#[test]
fn a_data_directory_that_was_never_made_says_how_to_make_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let address = suar_lab::programs::free_address().expect("two free ports");
    let collector = Collector::init(None, directory.path(), &address, "").expect("a data directory");
    std::fs::remove_dir_all(collector.data()).expect("it goes away");
    one_clear_sentence(&collector.administer(&["serve"]).expect("it runs"), &["init"]);
}

#[test]
fn init_never_overwrites_what_is_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = serving_one_site(directory.path());
    let again =
        finish(collector.command().expect("it is built").args(["init", "--data"]).arg(collector.data()));
    let again = again.expect("it runs");
    assert_ne!(again.code, Some(0), "{}", again.said());
    let sites = collector.administer(&["site", "list"]).expect("it runs").ok().expect("sites");
    assert!(sites.contains(SITE), "{sites}");
}

#[test]
fn two_agents_never_share_a_spool() {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = serving_one_site(directory.path());
    let code = collector.join_code(SITE, &[]).expect("a code");
    let mut agent = Agent::new(None, directory.path(), "agent").expect("an agent");
    agent.join(&code).expect("it runs").ok().expect("it joins");
    agent.run().expect("it runs");
    let second = agent.say(&["run"]).expect("it runs to its end");
    one_clear_sentence(&second, &["another suar-agent"]);
    agent.status().expect("the first one runs on");
}

#[test]
fn an_agent_that_has_not_joined_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let agent = Agent::new(None, directory.path(), "agent").expect("an agent");
    std::fs::write(
        agent.config(),
        format!("state = {:?}\nruntime = {:?}\n", agent.state().display(), agent.runtime().display()),
    )
    .expect("a configuration");
    let said = agent.say(&["run"]).expect("it runs");
    assert_ne!(said.code, Some(0), "{}", said.said());
    assert!(said.stderr.contains("join"), "{}", said.said());
}
