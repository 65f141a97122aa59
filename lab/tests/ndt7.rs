//! The ndt7 client against a server that shares no line with it (`lab/ndt7_server.py`), over TLS and an emulated line.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use suar_lab::bandwidth::{Lines, line_world};
use suar_lab::netns;
use suar_lab::programs::{Process, tool, wait_until};
use suar_lab::wan::{Conditions, Direction};
use suar_lab::world::{NAME, NAME_ADDRESS, TARGETS, World};

const WAIT_MAX: Duration = Duration::from_secs(30);
const PORT: u16 = 4443;
/// What listens there never says a word.
const HANGING_PORT: u16 = 4444;
/// Nothing listens there.
const CLOSED_PORT: u16 = 4445;
const DOWN_KBPS: u64 = 4_000;
const UP_KBPS: u64 = 1_000;

fn line(kbps: u64) -> Conditions {
    Conditions {
        rate_bps: Some(kbps * 1_000),
        queue_bytes_max: kbps * 300 / 8,
        delay: Duration::from_millis(30),
        ..Conditions::default()
    }
}

/// A certificate for a name, itself its authority.
fn certificate(directory: &Path, name: &str) -> Result<(PathBuf, PathBuf)> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec![name.to_owned()])?.self_signed(&key)?;
    let (file, key_file) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    std::fs::write(&file, certificate.pem())?;
    std::fs::write(&key_file, key.serialize_pem())?;
    Ok((file, key_file))
}

/// The server, and the file of its authority.
fn serve(world: &World, directory: &Path) -> Result<(Process, PathBuf)> {
    let (file, key) = certificate(directory, NAME)?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ndt7_server.py");
    let mut command = world.internet.command(tool("python3")?);
    command.arg(script).arg(&file).arg(key).args(["0.0.0.0", &PORT.to_string()]);
    let mut server = Process::start("ndt7", &mut command, &directory.join("ndt7.log"))?;
    wait_until("the ndt7 server", WAIT_MAX, || match (server.log().contains("serving"), server.ended()) {
        (true, None) => Ok(()),
        _ => Err(server.log()),
    })?;
    Ok((server, file))
}

/// What an agent needs to say to trust that server.
fn trusting<'a>(url: &'a str, ca: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let ca = ca.to_str().expect("a path of the lab's own");
    [&["bandwidth", "--ndt7", url, "--ca", ca], more].concat()
}

/// What the line carried for the office: all that it sent, and all that reached it.
fn carried(lines: &Lines<'_>) -> Result<u64> {
    let uplink = &lines.office(0)?.uplink;
    Ok(uplink.counters(Direction::Up).offered.bytes + uplink.counters(Direction::Down).delivered.bytes)
}

fn number(found: &Value, name: &str) -> Result<u64> {
    found[name].as_u64().with_context(|| format!("{name} in {found}"))
}

#[test]
fn an_ndt7_test_is_right_costs_what_it_says_and_is_asked_for() {
    if !netns::can_run_here("an_ndt7_test_is_right_costs_what_it_says_and_is_asked_for") {
        return;
    }
    right_and_asked_for().expect("a test with an ndt7 server");
}

fn right_and_asked_for() -> Result<()> {
    let world = line_world(1)?;
    let directory = tempfile::tempdir()?;
    let mut lines = Lines::start(&world, directory.path())?;
    let (_server, ca) = serve(&world, directory.path())?;
    let url = format!("wss://{NAME}:{PORT}");

    // A line so fast that ten seconds would cost gigabytes.
    let json = ["--json", "--yes", "--direction"];
    let before = carried(&lines)?;
    let said = lines.agent(0)?.say(&trusting(&url, &ca, &[&json[..], &["download"]].concat()))?;
    let found: Value = serde_json::from_str(&said.stdout).with_context(|| said.said())?;
    let (bytes, line_bytes) = (number(&found[0], "bytes")?, carried(&lines)? - before);
    println!("by the line {line_bytes} bytes: {found}");
    assert_eq!((said.code, &found[0]["end"]), (Some(0), &"bound".into()), "{}", said.said());
    // What is on its way when the test is cut off comes on top: here as much as the window of a line without delay holds.
    assert!((25_000_000..33_000_000).contains(&bytes), "{found}");
    lines.forget(0)?;
    lines.set(0, &line(DOWN_KBPS), &line(UP_KBPS))?;
    lines.wait_until_quiet(0)?;

    // Nobody has agreed, and nobody can be asked.
    let before = carried(&lines)?;
    let said = lines.agent(0)?.say(&trusting(&url, &ca, &["--lang", "en"]))?;
    assert_eq!(said.code, Some(2), "{}", said.said());
    assert!(said.stdout.contains("Altogether at most 50.00 MB"), "{}", said.said());
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.said());
    assert!(said.stderr.contains("adds --yes"), "{}", said.said());
    // At a terminal somebody is asked; what is no yes is a no.
    let said = at_a_terminal(&lines, &trusting(&url, &ca, &["--lang", "id"]), "t\n")?;
    assert!(said.contains("Lanjutkan? [y/T]") && said.contains("Tidak ada yang dikirim."), "{said}");
    assert_eq!(carried(&lines)?, before, "something was sent that nobody agreed to");

    let mut stated = 0;
    for (direction, kbps) in [("download", DOWN_KBPS), ("upload", UP_KBPS)] {
        let before = carried(&lines)?;
        let said = lines.agent(0)?.say(&trusting(&url, &ca, &[&json[..], &[direction]].concat()))?;
        lines.wait_until_quiet(0)?;
        let line_bytes = carried(&lines)? - before;
        assert_eq!(said.code, Some(0), "{}", said.said());
        assert!(said.stderr.contains("25.00 MB"), "the cost is told first: {}", said.said());
        let found: Value = serde_json::from_str(&said.stdout).with_context(|| said.said())?;
        let found = &found[0];
        let (rate_bps, bytes) = (number(found, "rate_bps")?, number(found, "bytes")?);
        println!("{kbps} kbit/s, by the line {line_bytes} bytes: {found}");
        assert_eq!((&found["end"], &found["by_receiver"]), (&"complete".into(), &true.into()), "{found}");
        let off = rate_bps as f64 / (kbps * 1_000) as f64 - 1.0;
        assert!(off.abs() <= 0.10, "{:.1} % off: {found}", off * 100.0);
        let apart = bytes as f64 / line_bytes as f64 - 1.0;
        assert!(apart.abs() <= 0.03, "{:.1} % apart: the line carried {line_bytes}, {found}", apart * 100.0);
        stated += bytes;
    }

    // The answer "yes" at a terminal, and an end at the server's hand: a figure in words.
    let whole = format!("{url}/ndt/v7/download?endless");
    let said = at_a_terminal(&lines, &trusting(&whole, &ca, &["--lang", "en"]), "y\n")?;
    println!("{said}");
    assert!(said.contains("Shall it be done? [y/N]") && said.contains("Download: 3."), "{said}");
    assert!(said.contains("ndt7 counts without headers"), "{said}");

    // What it cost is the office's data: the running agent's ledger has it, and no record of it is sent.
    let handed_in = std::fs::read_dir(lines.agent(0)?.state().join("handed-in"))?.count();
    assert_eq!(handed_in, 3);
    lines.agent_mut(0)?.run()?;
    let state = lines.agent(0)?.state();
    wait_until("the agent to take them", WAIT_MAX, || {
        let left = std::fs::read_dir(state.join("handed-in")).map_err(|error| error.to_string())?.count();
        if left == 0 { Ok(()) } else { Err(format!("{left} left")) }
    })?;
    lines.agent_mut(0)?.stop()?;
    let ledger: Value = serde_json::from_str(&std::fs::read_to_string(state.join("data-use.json"))?)?;
    let used = ledger["used"].as_array().context("what was used")?;
    let bandwidth = used.iter().find(|one| one["purpose"] == "bandwidth").context("for bandwidth")?;
    let used = number(bandwidth, "sent")? + number(bandwidth, "received")?;
    // The third test was of words: about the first once more, and three seconds.
    assert!(used > stated * 17 / 10 && used < stated * 26 / 10, "the ledger has {used}, said were {stated}");
    let records = lines.collector.records()?;
    let tests =
        records.iter().filter(|kept| matches!(kept.record.body, suar_wire::Body::Bandwidth(_))).count();
    assert_eq!(tests, 0, "the figure of another's server is no record of ours");
    Ok(())
}

/// Somebody types this when the command asks.
fn at_a_terminal(lines: &Lines<'_>, arguments: &[&str], typed: &str) -> Result<String> {
    let agent = lines.agent(0)?;
    let command = agent.command()?;
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let mut words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    words.extend(arguments.iter().map(|word| (*word).to_owned()));
    words.extend(["--config".to_owned(), agent.config().display().to_string()]);
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let mut terminal = Command::new("script")
        .args(["--quiet", "--command", &quoted.join(" "), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    terminal.stdin.as_mut().context("a keyboard")?.write_all(typed.as_bytes())?;
    Ok(String::from_utf8_lossy(&terminal.wait_with_output()?.stdout).into_owned())
}

#[test]
fn what_is_no_ndt7_test_is_told_in_one_sentence() {
    if !netns::can_run_here("what_is_no_ndt7_test_is_told_in_one_sentence") {
        return;
    }
    one_sentence_each().expect("sentences");
}

fn one_sentence_each() -> Result<()> {
    let world = line_world(1)?;
    let directory = tempfile::tempdir()?;
    let lines = Lines::start(&world, directory.path())?;
    let (mut server, ca) = serve(&world, directory.path())?;
    lines.set(0, &line(DOWN_KBPS), &line(UP_KBPS))?;
    let (other_ca, _) = certificate(directory.path(), "other.example")?;
    let _hanging = world.internet.enter(|| TcpListener::bind((NAME_ADDRESS, HANGING_PORT)))??;
    let url = |rest: &str| format!("wss://{NAME}{rest}");
    let missing = directory.path().join("missing.pem");
    let key = directory.path().join(format!("{NAME}.key"));

    // Address, authority, exit code, and a piece of the sentence in either language.
    let served = format!(":{PORT}");
    let cases: [(String, &Path, i32, [&str; 2]); 11] = [
        ("https://kantor.example".to_owned(), &ca, 2, ["as wss://HOST", "sebagai wss://HOST"]),
        (url("/speed"), &ca, 2, ["no address of ndt7", "bukan alamat ndt7"]),
        (url(&served), &missing, 2, ["There is no file", "tidak ada"]),
        (url(&served), &key, 2, ["has no certificate", "tidak berisi sertifikat"]),
        ("wss://nowhere.example".to_owned(), &ca, 1, ["cannot be resolved", "tidak dapat ditemukan"]),
        (url(&format!(":{CLOSED_PORT}")), &ca, 1, ["cannot be reached", "tidak terjangkau"]),
        (url(&served), &other_ca, 1, ["from no authority", "bukan dari otoritas"]),
        (format!("wss://{}:{PORT}", TARGETS[1]), &ca, 1, ["for another name", "untuk nama lain"]),
        (url(&format!("{served}/ndt/v7/download?abrupt")), &ca, 1, ["broke off", "sambungan putus"]),
        (url(&format!("{served}/ndt/v7/download?silent")), &ca, 1, ["then did nothing", "lalu diam"]),
        (url(&format!(":{HANGING_PORT}")), &ca, 1, ["within 20 seconds", "dalam 20 detik"]),
    ];
    for (url, ca, code, sentences) in &cases {
        for (language, sentence) in ["en", "id"].iter().zip(sentences) {
            let more = ["--yes", "--direction", "download", "--lang", language];
            let said = lines.agent(0)?.say(&trusting(url, ca, &more))?;
            assert_eq!(said.code, Some(*code), "{url}: {}", said.said());
            let told = format!("{}{}", said.stdout, said.stderr);
            let with: Vec<&str> = told.lines().filter(|line| line.contains(sentence)).collect();
            assert_eq!(with.len(), 1, "{sentence:?} for {url}: {}", said.said());
            println!("{}", with[0]);
            assert!(said.stderr.lines().count() <= 1, "{url}: {}", said.said());
        }
    }
    assert!(server.ended().is_none(), "{}", server.log());
    Ok(())
}
