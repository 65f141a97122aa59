//! Commands whose reader goes away early, as in `suar-agent status | head -1`: they end quietly, and what they were
//! asked to do is done.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use suar_lab::programs::{Agent, wait_until};

use super::{SITE, serving_one_site};

/// Runs it with a standard output that nobody reads any more, and perhaps the same behind its errors.
fn unread(command: &mut Command, errors_too: bool) -> Output {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let errors = if errors_too { writer.try_clone().expect("a pipe").into() } else { Stdio::piped() };
    let child = command.stdin(Stdio::null()).stdout(writer).stderr(errors).spawn().expect("it starts");
    child.wait_with_output().expect("it ends")
}

fn quietly(what: &str, ended: &Output) {
    let said = String::from_utf8_lossy(&ended.stderr);
    // A panic ends with 101, or by a signal where it aborts.
    assert!(ended.status.code().is_some_and(|code| code != 101), "{what}: {} {said}", ended.status);
    assert!(!said.contains("panicked") && !said.contains("standard output"), "{what}: {said}");
}

#[test]
fn commands_whose_reader_has_gone_end_quietly_and_have_done_their_work() {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = serving_one_site(directory.path());
    let agent = Agent::new(None, directory.path(), "agent").expect("an agent");
    let code = collector.join_code(SITE, &[]).expect("a code");

    let mut join = agent.command().expect("a program");
    join.args(["join", &code, "--config"]).arg(agent.config()).arg("--state").arg(agent.state());
    let joined = unread(&mut join, false);
    quietly("join", &joined);
    assert!(joined.status.success() && agent.identity().is_ok() && agent.config().exists(), "it has joined");
    for words in [
        &["join", "nonsense"][..],
        &["status"],
        &["status", "--json"],
        &["pause", "1h"],
        &["resume"],
        &["check"],
    ] {
        for errors_too in [false, true] {
            let mut command = agent.command().expect("a program");
            quietly(
                &words.join(" "),
                &unread(command.args(words).arg("--config").arg(agent.config()), errors_too),
            );
        }
    }

    for words in [
        &["site", "list"][..],
        &["join-code", SITE, "--qr"],
        &["join-code", "list"],
        &["agent", "list"],
        &["plan", "show"],
        &["plan", "show", SITE],
        &["update", "list"],
        &["report", "--format", "md"],
        &["report", "--format", "json"],
        &["dump-records", "--json"],
        &["check-store"],
        &["site", "add", "no such site"],
    ] {
        for errors_too in [false, true] {
            let mut command = collector.command().expect("a program");
            let ended = unread(command.args(words).arg("--config").arg(collector.config()), errors_too);
            quietly(&words.join(" "), &ended);
            assert_eq!(ended.status.success(), words[1..] != ["add", "no such site"], "{words:?}");
        }
    }
    quietly("reader-token", &unread(collector.command().expect("a program").arg("reader-token"), true));
    let codes = collector.administer(&["join-code", "list"]).expect("it runs").ok().expect("a list");
    assert_eq!(codes.lines().count(), 1 + 3, "one that was used and two that nobody read: {codes}");
}

#[test]
fn an_agent_whose_log_nobody_reads_goes_on_measuring() {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = serving_one_site(directory.path());
    let agent = Agent::new(None, directory.path(), "agent").expect("an agent");
    agent.join(&collector.join_code(SITE, &[]).expect("a code")).expect("it runs").ok().expect("it joins");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = agent.command().expect("a program");
    command.arg("run").arg("--config").arg(agent.config()).env("RUST_LOG", "debug");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(writer);
    let mut running = command.spawn().expect("it starts");
    let first = wait_until("its first push", Duration::from_secs(60), || {
        if let Some(status) = running.try_wait().expect("a process") {
            return Err(format!("it ended with {status}"));
        }
        let status = agent.status().map_err(|error| format!("{error:#}"))?;
        if status["uplink"]["pushes_ok"].as_u64() > Some(0) { Ok(()) } else { Err(status.to_string()) }
    });
    running.kill().expect("it runs until then");
    running.wait().expect("it ends");
    first.expect("it measures and sends");
}

#[test]
fn words_that_a_full_disk_does_not_take_make_the_command_fail() {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = serving_one_site(directory.path());
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let mut list = collector.command().expect("a program");
    let ended = list
        .args(["site", "list", "--config"])
        .arg(collector.config())
        .stdout(full())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(1) && said.contains("standard output cannot be written"), "{said}");
}
