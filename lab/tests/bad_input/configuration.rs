//! Configuration files with mistakes: all told at once, exit code 64, nothing started.

use std::process::Command;

use suar_lab::programs::{Finished, finish, program};

const EX_USAGE: Option<i32> = Some(64);

fn run_with(program_name: &str, arguments: &[&str], config: &str) -> Finished {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("config.toml");
    std::fs::write(&file, config).expect("a file");
    let program = program(program_name).expect("it is built");
    finish(Command::new(program).args(arguments).arg(&file)).expect("it runs")
}

fn says_all(finished: &Finished, expected: &[&str]) {
    assert_eq!(finished.code, EX_USAGE, "{}", finished.said());
    for part in expected {
        assert!(finished.stderr.contains(part), "{part:?} is missing in:\n{}", finished.said());
    }
    assert!(finished.stderr.contains("config.toml"), "the file is not named:\n{}", finished.said());
}

#[test]
fn the_collector_tells_every_mistake_of_its_configuration_at_once() {
    let wrong =
        "dat = \"/x\"\n[listen]\nhttps = \"nowhere\"\n[plan]\nslot_seconds = 7\n[limits]\nconnections = 0\n";
    let expected = ["dat", "listen.https", "plan.slot_seconds", "limits.connections"];
    says_all(&run_with("suar-collector", &["check-config"], wrong), &expected);
    says_all(&run_with("suar-collector", &["serve", "--config"], wrong), &expected);
}

#[test]
fn the_agent_tells_every_mistake_of_its_configuration_at_once() {
    let wrong =
        "colector = \"x\"\nlanguage = \"fr\"\nfingerprint = \"12\"\n[spool]\nbytes_max = -1\n[extra]\n";
    let expected = ["colector", "language", "fingerprint", "spool.bytes_max", "extra"];
    says_all(&run_with("suar-agent", &["run", "--config"], wrong), &expected);
}

#[test]
fn the_shipped_examples_have_no_mistakes() {
    let example = include_str!("../../../deploy/examples/collector.toml");
    let checked = run_with("suar-collector", &["check-config"], example);
    assert_eq!(checked.code, Some(0), "{}", checked.said());
}

#[test]
fn a_file_that_is_no_toml_or_not_there_says_so() {
    says_all(&run_with("suar-collector", &["check-config"], "data = "), &["line 1"]);
    let program = program("suar-agent").expect("it is built");
    let missing =
        finish(Command::new(program).args(["run", "--config", "/nonexistent/agent.toml"])).expect("it runs");
    assert_ne!(missing.code, Some(0));
    assert!(missing.stderr.contains("/nonexistent/agent.toml"), "{}", missing.said());
}
