//! Join codes that are wrong in every way a person can get them wrong.

use std::process::Command;

use suar_lab::programs::{Agent, Finished, finish};

use super::{SITE, serving_one_site};

/// The messages are for people at an office: no code, no hash, no chain of causes.
fn plainly(finished: &Finished, expected: &[&str]) {
    assert_ne!(finished.code, Some(0), "{}", finished.said());
    let said = finished.said().to_lowercase();
    assert!(expected.iter().any(|word| said.contains(word)), "none of {expected:?} in:\n{}", finished.said());
    assert!(!said.contains("panicked") && !said.contains("backtrace"), "{}", finished.said());
}

#[test]
fn a_code_that_is_used_up_mistyped_or_cut_short_is_refused_in_plain_words() {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = serving_one_site(directory.path());
    let code = collector.join_code(SITE, &["--uses", "1"]).expect("a code");

    let first = Agent::new(None, directory.path(), "first").expect("an agent");
    let second = Agent::new(None, directory.path(), "second").expect("an agent");

    let mut letters: Vec<char> = code.chars().collect();
    let last = letters.len() - 3;
    letters[last] = if letters[last] == 'A' { 'B' } else { 'A' };
    plainly(&second.join(&letters.into_iter().collect::<String>()).expect("it runs"), &["typing mistake"]);
    plainly(&second.join(&code[..code.len() / 2]).expect("it runs"), &["not complete", "typing mistake"]);
    plainly(&second.join("hello").expect("it runs"), &["suar1"]);
    assert!(!second.state().join("identity.toml").exists(), "a wrong code made an identity");

    // As a person types it: lower case, spaces instead of dashes.
    let typed = code.to_lowercase().replace('-', " ");
    first.join(&typed).expect("it runs").ok().expect("a good code is taken however it is typed");
    plainly(&second.join(&code).expect("it runs"), &["has been used"]);

    // A script that installs twice is no mistake, and nothing changes by it.
    let identity = std::fs::read(first.state().join("identity.toml")).expect("an identity");
    let again = first.join(&code).expect("it runs").ok().expect("what was asked for is so already");
    assert!(again.contains("has joined already"), "{again}");
    assert_eq!(std::fs::read(first.state().join("identity.toml")).expect("an identity"), identity);
}

#[test]
fn an_expired_code_is_said_to_be_expired() {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = serving_one_site(directory.path());
    let code = collector.join_code(SITE, &["--days", "1"]).expect("a code");
    // Two days later, by Python's hand.
    let later = format!(
        "import sqlite3; c = sqlite3.connect({:?}); \
         c.execute('UPDATE join_code SET expires_ms = expires_ms - 172800000'); c.commit()",
        collector.data().join("suar.db").display().to_string()
    );
    finish(Command::new("python3").args(["-c", &later])).expect("python runs").ok().expect("time passes");
    let agent = Agent::new(None, directory.path(), "agent").expect("an agent");
    plainly(&agent.join(&code).expect("it runs"), &["has expired"]);
    assert!(!agent.state().join("identity.toml").exists(), "an expired code made an identity");
}

#[test]
fn a_code_for_an_unknown_site_is_not_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = serving_one_site(directory.path());
    let refused = collector.administer(&["join-code", "19.02.02.9999"]).expect("it runs");
    plainly(&refused, &["19.02.02.9999"]);
}

#[test]
fn a_collector_that_is_not_there_is_said_and_the_code_stays_good() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut collector = serving_one_site(directory.path());
    let code = collector.join_code(SITE, &["--uses", "1"]).expect("a code");
    let agent = Agent::new(None, directory.path(), "agent").expect("an agent");
    collector.stop().expect("it stops");
    plainly(&agent.join(&code).expect("it runs"), &["cannot be reached"]);
    collector.serve().expect("it serves again");
    agent.join(&code).expect("it runs").ok().expect("the code is still good");
}
