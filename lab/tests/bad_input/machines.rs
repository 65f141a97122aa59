//! What is wrong with the office's machine itself when somebody joins it: its disk, its rights, its clock.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use suar_lab::netns::can_run_here;
use suar_lab::programs::{Agent, Collector, Finished, Machine, finish, program, wait_until};
use suar_lab::wan::Conditions;
use suar_lab::world::{COLLECTOR, World, plan_section, wall_ms};

use super::full_disk::Disk;
use super::{SITE, serving_one_site};

const SETTLE_MAX: Duration = Duration::from_secs(60);

fn refused(said: &Finished, expected: &[&str]) {
    assert_eq!(said.code, Some(2), "{}", said.said());
    for part in expected {
        assert!(said.stderr.contains(part), "{part:?} is missing in:\n{}", said.said());
    }
    assert_eq!(said.stderr.trim().lines().count(), 1, "more than a sentence:\n{}", said.said());
}

/// A collector that serves, a code that is good once, and an agent whose state directory is there.
fn about_to_join(directory: &Path) -> (Collector<'static>, String, Agent<'static>) {
    let collector = serving_one_site(directory);
    let code = collector.join_code(SITE, &["--uses", "1"]).expect("a code");
    let agent = Agent::new(None, directory, "agent").expect("an agent");
    std::fs::create_dir_all(agent.state()).expect("a directory");
    (collector, code, agent)
}

#[test]
fn a_full_disk_is_named_before_the_code_is_used_up() {
    if !can_run_here("a state directory on a full disk") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (_collector, code, agent) = about_to_join(directory.path());
    let state = agent.state();
    let disk = Disk::mount(&state);
    disk.fill();
    refused(&agent.join(&code).expect("it runs"), &["The disk is full", "This code is not used"]);
    disk.empty();
    agent.join(&code).expect("it runs").ok().expect("the code is still good when there is room");
}

#[test]
fn who_may_not_write_the_state_or_the_configuration_is_told_before_the_code_is_used_up() {
    if !can_run_here("a machine whose directories belong to somebody else") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (_collector, code, agent) = about_to_join(directory.path());
    // Root without its right to pass over modes: what anybody else is.
    let join = || {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-dac_override", "--inh-caps=-dac_override"]);
        command.arg(program("suar-agent").expect("it is built")).args(["join", &code, "--lang", "en"]);
        command.arg("--config").arg(agent.config()).arg("--state").arg(agent.state());
        finish(&mut command).expect("it runs")
    };
    let set_mode = |path: &Path, mode| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    set_mode(&agent.state(), 0o500);
    refused(&join(), &["administrator (sudo)", "This code is not used"]);
    set_mode(&agent.state(), 0o700);
    let above = agent.config().parent().expect("a directory").to_owned();
    set_mode(&above, 0o500);
    refused(&join(), &["agent.toml cannot be written", "administrator (sudo)"]);
    set_mode(&above, 0o700);
    join().ok().expect("the code is still good");
}

/// A battery on the main board that died: the machine wakes up in 1970.
#[test]
fn a_machine_that_believes_it_is_1970_joins_measures_and_is_told_to_set_its_clock() {
    if !can_run_here("a machine with a clock of its own") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let world =
        World::with_offices(1, &Conditions::delayed(Duration::from_millis(5)), 1970).expect("a world");
    let address = format!("{COLLECTOR}:8443");
    let plan = plan_section("slot_seconds = 2\npush_seconds = 2");
    let mut collector =
        Collector::init(Some(&world.internet), directory.path(), &address, &plan).expect("a data directory");
    collector.serve().expect("it serves");
    collector.add_site(SITE).expect("a site");
    let mut machine = Machine::new(directory.path()).expect("a machine");
    machine.step_wall(60_000 - wall_ms()).expect("its clock is set");
    let mut agent = Agent::new(Some(&world.offices[0].pc), directory.path(), "agent").expect("an agent");
    agent.machine = Some(machine);

    let code = collector.join_code(SITE, &[]).expect("a code");
    agent.join(&code).expect("it runs").ok().expect("a certificate has no dates for it");
    let joined_ms = wall_ms();
    agent.run().expect("it runs");
    let rounds = || {
        let kept = collector.records().map_err(|error| format!("{error:#}"))?;
        let rounds: Vec<i64> =
            kept.iter().filter(|kept| kept.slot_start_s.is_some()).map(|kept| kept.at_ms).collect();
        if rounds.len() >= 3 { Ok(rounds) } else { Err(format!("{} rounds", rounds.len())) }
    };
    let rounds = wait_until("rounds to arrive", SETTLE_MAX, rounds).expect("it measures and sends");
    let now_ms = wall_ms();
    for at_ms in rounds {
        assert!(
            (joined_ms - 2_000..=now_ms).contains(&at_ms),
            "dated {at_ms}, between {joined_ms} and {now_ms}"
        );
    }
    let checked = agent.say(&["check", "--lang", "en"]).expect("it runs");
    assert!(checked.stdout.contains("set the date and time of this machine"), "{}", checked.said());
    agent.stop().expect("it stops");
}
