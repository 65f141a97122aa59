//! The real program on loopback without a collector: what it leaves on disk when it is stopped in order and
//! when it is killed.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use suar_agent::spool::{Options, Order, Spool, SpoolError};
use suar_wire::record::{Ending, Round};
use suar_wire::{Body, Epoch, Record, decode_record};

/// Slots of one second, targets that answer everywhere, a collector that is not there.
const PLAN: &str = r#"{"version":1,"slot_seconds":1,"targets":["127.0.0.2","127.0.0.3"],"echoes":1,
"public_resolver":"127.0.0.53","dns_name":"go.id","dns_every":10000,"online_url":null,"online_every":10000,
"push_seconds":86400,"health_seconds":86400}"#;

const IDENTITY: &str = r#"
agent = "000102030405060708090a0b0c0d0e0f"
token = "token"
site = "19.02.02.2009"
site_name = "Kantor Desa Uji"
online_key = "00ff"
"#;

struct Office {
    directory: tempfile::TempDir,
}

impl Office {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let state = directory.path().join("state");
        std::fs::create_dir(&state).expect("made");
        std::fs::write(state.join("plan.json"), PLAN).expect("written");
        std::fs::write(state.join("identity.toml"), IDENTITY).expect("written");
        let config = format!(
            "collector = \"127.0.0.1:9\"\nstate = \"{0}\"\nruntime = \"{0}\"\nlanguage = \"en\"\n",
            state.display()
        );
        std::fs::write(directory.path().join("agent.toml"), config).expect("written");
        Self { directory }
    }

    fn state(&self) -> std::path::PathBuf {
        self.directory.path().join("state")
    }

    fn agent(&self, command: &str) -> Command {
        let mut agent = Command::new(env!("CARGO_BIN_EXE_suar-agent"));
        agent
            .arg(command)
            .arg("--config")
            .arg(self.directory.path().join("agent.toml"))
            .env_remove("RUST_LOG");
        agent
    }

    fn start(&self) -> Running {
        // What the session before left must not be taken for this one's.
        let _ = std::fs::remove_file(self.state().join("status.json"));
        let log = std::fs::File::create(self.directory.path().join("log")).expect("made");
        Running(self.agent("run").stderr(log).spawn().expect("started"))
    }

    /// Everything in the spool, once no agent holds it.
    fn records(&self) -> Vec<Record> {
        let (spool, _) =
            Spool::open(&self.state().join("spool"), Options { bytes_max: 32 << 20 }, Epoch([0; 8]))
                .expect("an unlocked spool");
        let found = spool.peek(Order::OldestFirst, usize::MAX, usize::MAX).expect("read");
        found.iter().map(|(_, bytes)| decode_record(bytes).expect("a record")).collect()
    }

    /// Waits until the status file tells of this many different slots.
    fn see_slots(&self, count: usize) {
        let mut seen = BTreeSet::new();
        wait_until(&format!("{count} slots in the status file"), || {
            if let Ok(Some(status)) = suar_agent::status::read(&self.state(), Path::new("/nowhere")) {
                seen.extend(status.round.map(|round| round.slot));
            }
            seen.len() >= count
        });
    }
}

struct Running(Child);

impl Running {
    fn signal(&mut self, signal: libc::c_int) {
        // SAFETY: sends a signal to a child that has not been waited for, so its number is still its own.
        unsafe { libc::kill(self.0.id() as libc::pid_t, signal) };
        let mut ended = None;
        wait_until("the agent to end", || {
            ended = self.0.try_wait().expect("asked");
            ended.is_some()
        });
        if signal == libc::SIGTERM {
            assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A failed test must not leave a process behind; one that has ended already is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up_at = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < give_up_at, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn rounds(records: &[Record]) -> Vec<&Round> {
    records
        .iter()
        .filter_map(|record| match &record.body {
            Body::Round(round) => Some(round),
            _ => None,
        })
        .collect()
}

#[test]
fn sessions_tell_how_the_one_before_ended_and_no_slot_is_measured_twice() {
    let office = Office::new();
    for signal in [libc::SIGTERM, libc::SIGKILL, libc::SIGTERM] {
        let mut agent = office.start();
        office.see_slots(3);
        agent.signal(signal);
    }

    let records = office.records();
    let sequences: Vec<u64> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (1..=records.len() as u64).collect::<Vec<_>>(), "no gap, no repetition");

    let starts: Vec<(usize, Ending)> = records
        .iter()
        .enumerate()
        .filter_map(|(at, record)| match &record.body {
            Body::SessionStart(start) => Some((at, start.previous_ended)),
            _ => None,
        })
        .collect();
    let endings: Vec<Ending> = starts.iter().map(|(_, ending)| *ending).collect();
    assert_eq!(endings, [Ending::None, Ending::Clean, Ending::Abrupt]);
    assert_eq!(starts[0].0, 0, "the first record of all");
    for (at, _) in &starts[1..] {
        let Body::SessionStart(start) = &records[*at].body else { unreachable!() };
        assert_eq!(start.previous_last, Some(records[at - 1].stamp));
    }
    assert!(matches!(records.last().map(|record| &record.body), Some(Body::SessionEnd(_))));

    let rounds = rounds(&records);
    assert!(rounds.len() >= 9, "{} rounds", rounds.len());
    assert!(rounds.windows(2).all(|pair| pair[0].slot.index < pair[1].slot.index), "ascending, each once");
    for record in &records {
        if let Body::Round(round) = &record.body {
            assert!(round.slot.contains_ms(record.stamp.wall_ms), "stamped inside its slot: {record:?}");
            assert!(round.echoes.iter().all(|echo| echo.sent <= 1), "nothing was confirmed in a short slot");
        }
    }
}

#[test]
fn a_second_agent_on_the_same_spool_says_so_and_a_check_leaves_sending_to_the_first() {
    let office = Office::new();
    let mut first = office.start();
    office.see_slots(1);
    let second = office.agent("run").output().expect("run");
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another suar-agent uses"), "{said}");

    let check = office.agent("check").output().expect("run");
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(said.contains("left to the agent that is running"), "{said}");
    assert_eq!(check.status.code(), Some(0), "{said}");

    let status = office.agent("status").arg("--json").output().expect("run");
    let value: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!((&value["running"], &value["verdict"]), (&true.into(), &"up".into()));
    first.signal(libc::SIGTERM);
    let after = office.agent("status").output().expect("run");
    assert_eq!(after.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&after.stdout).contains("The agent was stopped"));
    let held = Spool::open(&office.state().join("spool"), Options { bytes_max: 32 << 20 }, Epoch([0; 8]));
    assert!(!matches!(held, Err(SpoolError::Locked { .. })), "let go");
}

#[test]
fn wrong_configuration_and_a_machine_that_has_not_joined_have_their_exit_codes() {
    let office = Office::new();
    let file = office.directory.path().join("agent.toml");
    let config = std::fs::read_to_string(&file).expect("read");
    std::fs::write(&file, format!("colour = 1\nlanguag = 2\n{config}")).expect("written");
    for command in ["run", "check", "status"] {
        let output = office.agent(command).output().expect("run");
        assert_eq!(output.status.code(), Some(64), "{command}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("colour: unknown key") && said.contains("languag: unknown key"), "{said}");
    }

    std::fs::write(&file, config).expect("written");
    std::fs::remove_file(office.state().join("identity.toml")).expect("removed");
    let output = office.agent("run").output().expect("run");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("this machine has not joined") && said.contains("suar-agent join CODE"), "{said}");
}
