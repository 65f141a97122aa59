//! The collector over real sockets: TLS, tokens, bounds, and what is counted.

mod client;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use client::{Answer, Client};
use suar_collector::config::Config;
use suar_collector::ingest::{ConnectionFate, RejectReason};
use suar_collector::serving::Serving;
use suar_collector::store::Reader;
use suar_collector::store::admin::Admin;
use suar_wire::joining::{ErrorAnswer, JoinAnswer, JoinRequest};
use suar_wire::push::{BODY_BYTES_MAX, CONTENT_TYPE, Clock, UNPACKED_BYTES_MAX, compress};
use suar_wire::record::ClockStep;
use suar_wire::{AgentId, Body, BootId, Epoch, Plan, Push, Receipt, Record, Stamp};
use tempfile::TempDir;

const SITE: &str = "19.02.02.2009";
const ANSWER_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(20);

/// A collector in this process, made by the program's own commands.
struct Bench {
    dir: TempDir,
    serving: Option<Serving>,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new(extra: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("data");
        ok(&program(&["init", "--data", &data.display().to_string()]));
        let text = format!(
            "data = {data:?}\n[listen]\nhttps = \"127.0.0.1:0\"\nonline = \"127.0.0.1:0\"\n{extra}\n"
        );
        std::fs::write(dir.path().join("collector.toml"), text).expect("a file");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut bench = Self { dir, serving: None, runtime };
        let region = suar_collector::region::builtin("19").expect("built in");
        let site = suar_collector::registry::fields::site_of_village(SITE, SITE, region).expect("a site");
        Admin::open(&bench.data()).expect("it opens").put_sites(&[site], 0).expect("a site");
        bench.start();
        bench
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("collector.toml")
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn administer(&self, arguments: &[&str]) -> String {
        let config = self.config().display().to_string();
        ok(&program(&[arguments, &["--config", &config]].concat()))
    }

    fn start(&mut self) {
        let config = Config::load(&self.config()).expect("a configuration");
        self.serving = Some(self.runtime.block_on(Serving::start(config)).expect("it serves"));
    }

    fn stop(&mut self) {
        let serving = self.serving.take().expect("it serves");
        self.runtime.block_on(serving.stop()).expect("it stops");
    }

    fn serving(&self) -> &Serving {
        self.serving.as_ref().expect("it serves")
    }

    fn address(&self, which: usize) -> SocketAddr {
        self.serving().addresses[which]
    }

    fn client(&self) -> Client {
        Client::connect(self.address(0), &self.data().join("tls/certificate.pem"))
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.client().request("GET", path, headers, b"")
    }

    fn join_code(&self, more: &[&str]) -> suar_wire::join_code::JoinCode {
        let said = self.administer(&[&["join-code", SITE], more].concat());
        said.lines().next().expect("a line").parse().expect("a code")
    }

    fn join(&self) -> Agent {
        let code = self.join_code(&[]);
        let answer = self.ask_to_join(&code.secret, SITE);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let joined: JoinAnswer = serde_json::from_slice(&answer.body).expect("an answer");
        Agent { id: joined.agent, token: joined.token, plan: joined.plan }
    }

    fn ask_to_join(&self, secret: &[u8], site: &str) -> Answer {
        let body = Self::join_request(secret, site, None);
        self.client().request("POST", "/v1/join", &[("content-type", "application/json")], &body)
    }

    fn join_request(secret: &[u8], site: &str, attempt: Option<u8>) -> Vec<u8> {
        let request = JoinRequest {
            secret: secret.iter().map(|byte| format!("{byte:02x}")).collect(),
            site: site.parse().expect("a code"),
            agent_version: "0.1.0".to_owned(),
            system: "test".to_owned(),
            attempt: attempt.map(|number| format!("{number:02x}").repeat(16)),
        };
        serde_json::to_vec(&request).expect("JSON")
    }

    fn kept(&self, agent: &Agent) -> Vec<u64> {
        let reader = Reader::open(&self.data()).expect("it opens");
        let records = reader.all_records(agent.id).expect("records");
        let mut sequences: Vec<u64> = records.iter().map(|stored| stored.record.sequence).collect();
        sequences.sort_unstable();
        sequences
    }
}

struct Agent {
    id: AgentId,
    token: String,
    plan: Plan,
}

impl Agent {
    fn push(&self, sequences: std::ops::RangeInclusive<u64>) -> Push {
        let now_ms = suar_collector::wall_clock::now_ms();
        let boot = BootId([3; 16]);
        let record = |sequence| Record {
            sequence,
            stamp: Stamp { boot, boot_ms: 60_000, wall_ms: now_ms },
            body: Body::ClockStep(ClockStep { by_ms: 3_000 }),
        };
        Push {
            agent: self.id,
            epoch: Epoch([5; 8]),
            plan_version: self.plan.version,
            clock: Clock { boot, boot_ms: 60_000, wall_ms: now_ms, last_exchange_ms: Some(4) },
            records: sequences.map(record).collect(),
        }
    }

    fn send(&self, client: &mut Client, more: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [&[("authorization", bearer.as_str()), ("content-type", CONTENT_TYPE)], more].concat();
        client.request("POST", "/v1/push", &headers, body)
    }
}

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_suar-collector")).args(arguments).output().expect("it runs")
}

fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn word(answer: &Answer) -> String {
    let error: ErrorAnswer = serde_json::from_slice(&answer.body)
        .unwrap_or_else(|error| panic!("{error}: {} {}", answer.status, answer.text()));
    error.error
}

#[test]
fn a_push_that_is_none_has_a_status_a_word_and_a_counter_and_harms_nobody() {
    let bench = Bench::new("");
    let (agent, revoked) = (bench.join(), bench.join());
    bench.administer(&["agent", "revoke", &revoked.id.to_string()]);
    let good = agent.push(1..=3).encode();
    let mut version = good.clone();
    assert_eq!(version[..2], [8, 1], "field 1 is the version");
    version[1] = 9;
    let bomb = compress(vec![0; UNPACKED_BYTES_MAX * 50]).0;
    let foreign = Push { agent: revoked.id, ..agent.push(1..=3) }.encode();
    let zstd = [("content-encoding", "zstd")];
    let stranger = Agent { token: "nobody".to_owned(), plan: agent.plan.clone(), ..agent };
    let large = vec![0; BODY_BYTES_MAX + 1];
    let text = [("content-type", "text/html")];
    type Case<'a> = (&'a Agent, &'a [(&'a str, &'a str)], &'a [u8], u16, RejectReason);
    let agent = Agent { token: agent.token.clone(), ..agent };
    let cases: [Case<'_>; 9] = [
        (&agent, &[], &good[..good.len() - 5], 400, RejectReason::Malformed),
        (&agent, &[], &version, 400, RejectReason::Version),
        (&agent, &zstd, &good, 400, RejectReason::Malformed),
        (&agent, &zstd, &bomb, 413, RejectReason::TooLarge),
        (&agent, &[], &large, 413, RejectReason::TooLarge),
        (&agent, &[], &foreign, 403, RejectReason::ForeignAgent),
        (&stranger, &[], &good, 401, RejectReason::UnknownToken),
        (&revoked, &[], &good, 403, RejectReason::Revoked),
        (&agent, &text, &good, 415, RejectReason::ContentType),
    ];
    // All over one connection: a refusal must not cost it.
    let mut client = bench.client();
    for (who, headers, body, status, reason) in cases {
        let before = bench.serving().counters().rejections(reason);
        let answer = who.send(&mut client, headers, body);
        assert_eq!((answer.status, word(&answer).as_str()), (status, reason.label()));
        assert_eq!(bench.serving().counters().rejections(reason), before + 1, "{reason:?}");
    }
    let answer = agent.send(&mut client, &[], &good);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(Receipt::decode(&answer.body).expect("a receipt").acknowledged, [(1, 3)]);
    assert_eq!(bench.kept(&agent), [1, 2, 3]);
    assert_eq!(bench.kept(&revoked), [0; 0]);
}

#[test]
fn a_receipt_means_that_another_process_can_read_the_records() {
    let bench = Bench::new("");
    let agent = bench.join();
    let mut client = bench.client();
    for n in 0..5 {
        let body = compress(agent.push(n * 100 + 1..=n * 100 + 100).encode()).0;
        let answer = agent.send(&mut client, &[("content-encoding", "zstd")], &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(bench.kept(&agent).len() as u64, (n + 1) * 100);
    }
}

#[test]
fn the_same_push_as_json_is_taken_and_bounded_alike() {
    let bench = Bench::new("");
    let agent = bench.join();
    let json = [("content-type", "application/json")];
    let mut client = bench.client();
    let body = serde_json::to_vec(&agent.push(1..=2)).expect("JSON");
    let answer = agent.send(&mut client, &json, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipt: Receipt = serde_json::from_slice(&answer.body).expect("a receipt");
    assert_eq!((receipt.acknowledged, receipt.plan_version), (vec![(1, 2)], agent.plan.version));
    let wrong = String::from_utf8(body).expect("text").replace("clock_step", "gossip");
    assert_eq!(agent.send(&mut client, &json, wrong.as_bytes()).status, 400);
    assert_eq!(bench.kept(&agent), [1, 2]);
}

#[test]
fn everything_that_was_receipted_is_there_after_a_stop_and_a_start() {
    let mut bench = Bench::new("");
    let agent = bench.join();
    agent.send(&mut bench.client(), &[], &agent.push(1..=3).encode());
    bench.stop();
    bench.start();
    let answer = agent.send(&mut bench.client(), &[], &agent.push(2..=4).encode());
    assert_eq!(Receipt::decode(&answer.body).expect("a receipt").acknowledged, [(2, 4)]);
    assert_eq!(bench.kept(&agent), [1, 2, 3, 4]);
}

#[test]
fn a_second_collector_on_the_same_data_is_refused() {
    let bench = Bench::new("");
    let config = Config::load(&bench.config()).expect("a configuration");
    let error = bench.runtime.block_on(Serving::start(config)).expect_err("one is enough").to_string();
    assert!(error.contains("already"), "{error}");
}

#[test]
fn too_many_pushes_are_told_when_to_come_again() {
    let bench = Bench::new("[limits]\npushes_a_minute = 2");
    let (agent, other) = (bench.join(), bench.join());
    let mut client = bench.client();
    let statuses = [1, 2, 3].map(|n| agent.send(&mut client, &[], &agent.push(n..=n).encode()).status);
    assert_eq!(statuses, [200, 200, 429]);
    let answer = agent.send(&mut client, &[], &agent.push(4..=4).encode());
    let wait: u64 = answer.header("retry-after").expect("a wait").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(other.send(&mut client, &[], &other.push(1..=1).encode()).status, 200);
    assert_eq!(bench.kept(&agent), [1, 2]);
}

/// Another writer in the middle of its transaction is to the collector what a disk is that does not answer.
#[test]
fn a_disk_that_stands_still_turns_pushes_away_before_memory_grows_and_then_takes_them() {
    const AGENTS: usize = 8;
    /// Room for 4,000 records, an eighth of it for live pushes alone: three of these.
    const RECORDS: u64 = 1_000;
    const FIND_ROOM: usize = 3;
    let bench = Bench::new("[limits]\nqueue_records = 4000");
    let agents: Vec<Agent> = (0..AGENTS).map(|_| bench.join()).collect();
    let store = rusqlite::Connection::open(bench.data().join("suar.db")).expect("it opens");
    store.execute_batch("BEGIN IMMEDIATE").expect("nobody writes now");
    let (refused, refusals) = std::sync::mpsc::channel();
    let (address, certificate) = (bench.address(0), bench.data().join("tls/certificate.pem"));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let pushing: Vec<_> = agents
            .iter()
            .map(|agent| {
                let (refused, certificate) = (refused.clone(), &certificate);
                scope.spawn(move || {
                    let mut client = Client::connect(address, certificate);
                    let answer = agent.send(&mut client, &[], &agent.push(1..=RECORDS).encode());
                    if answer.status != 200 {
                        let wait = answer.header("retry-after").map(str::to_owned);
                        refused.send((answer.status, word(&answer), wait)).expect("somebody listens");
                    }
                    answer.status
                })
            })
            .collect();
        // They are turned away while nothing moves.
        for _ in FIND_ROOM..AGENTS {
            let (status, reason, wait) = refusals.recv_timeout(ANSWER_TIME_MAX).expect("a refusal");
            assert_eq!((status, reason.as_str()), (503, "queue_full"));
            assert!(wait.is_some_and(|wait| wait.parse::<u64>().is_ok_and(|seconds| seconds > 0)));
        }
        store.execute_batch("ROLLBACK").expect("it ends");
        pushing.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), FIND_ROOM, "{statuses:?}");
    let metrics = bench.get("/metrics", &[]).text();
    let line =
        format!("suar_collector_pushes_total{{status=\"503\",reason=\"queue_full\"}} {}", AGENTS - FIND_ROOM);
    assert!(metrics.lines().any(|found| found == line), "{line} is missing in:\n{metrics}");

    let all: Vec<u64> = (1..=RECORDS).collect();
    for (agent, status) in agents.iter().zip(statuses) {
        assert_eq!(bench.kept(agent).is_empty(), status == 503, "an answer of {status}");
        let answer = agent.send(&mut bench.client(), &[], &agent.push(1..=RECORDS).encode());
        assert_eq!((answer.status, bench.kept(agent) == all), (200, true), "{}", answer.text());
    }
}

#[test]
fn a_join_whose_answer_was_lost_is_answered_again_for_the_same_machine_alone() {
    let bench = Bench::new("");
    let code = bench.join_code(&["--uses", "1"]);
    let json = [("content-type", "application/json")];
    let (mine, anothers) =
        (Bench::join_request(&code.secret, SITE, Some(1)), Bench::join_request(&code.secret, SITE, Some(2)));
    let agents = || Reader::open(&bench.data()).expect("it opens").agents().expect("agents");
    // Sent whole, and gone before a byte of the answer was read.
    let mut cut_off = bench.client();
    cut_off.send("POST", "/v1/join", &json, &mine);
    let give_up_at = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while agents().is_empty() {
        assert!(std::time::Instant::now() < give_up_at, "the code was never taken");
        std::thread::yield_now();
    }
    drop(cut_off);
    let first = agents()[0].id;

    let ask = |body: &[u8]| bench.client().request("POST", "/v1/join", &json, body);
    let answer = ask(&anothers);
    assert_eq!((answer.status, word(&answer).as_str()), (403, "used_up"));
    let answer = ask(&mine);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let joined: JoinAnswer = serde_json::from_slice(&answer.body).expect("an answer");
    assert_eq!((joined.agent, agents().len()), (first, 1));
    let agent = Agent { id: joined.agent, token: joined.token, plan: joined.plan };
    assert_eq!(agent.send(&mut bench.client(), &[], &agent.push(1..=3).encode()).status, 200);
    // It has used its token: whoever asks now is not waiting for the first answer.
    let answer = ask(&mine);
    assert_eq!((answer.status, word(&answer).as_str()), (403, "used_up"));
    assert_eq!(agent.send(&mut bench.client(), &[], &agent.push(4..=4).encode()).status, 200);
    assert_eq!(bench.kept(&agent), [1, 2, 3, 4]);
}

#[test]
fn a_join_request_of_a_newer_agent_is_understood_and_a_number_that_is_none_is_not() {
    let bench = Bench::new("");
    let code = bench.join_code(&["--uses", "3"]);
    let json = [("content-type", "application/json")];
    let good = String::from_utf8(Bench::join_request(&code.secret, SITE, Some(1))).expect("text");
    let ask = |body: &str| bench.client().request("POST", "/v1/join", &json, body.as_bytes());
    for wrong in ["\"attempt\":\"01\"", "\"attempt\":\"zz\"", "\"attempt\":7"] {
        let body = good.replace(&format!("\"attempt\":\"{}\"", "01".repeat(16)), wrong);
        assert_ne!(body, good);
        let answer = ask(&body);
        assert_eq!((answer.status, word(&answer).as_str()), (400, "malformed"), "{wrong}");
    }
    let answer = ask(&good.replacen('{', "{\"colour\":\"blue\",", 1));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn join_codes_are_refused_each_for_its_own_reason() {
    let bench = Bench::new("");
    let code = bench.join_code(&["--uses", "1"]);
    assert_eq!(word(&bench.ask_to_join(&[0; 10], SITE)), "unknown_code");
    assert_eq!(word(&bench.ask_to_join(&code.secret, "19.02.02.2008")), "wrong_site");
    assert_eq!(bench.ask_to_join(&code.secret, SITE).status, 200);
    let answer = bench.ask_to_join(&code.secret, SITE);
    assert_eq!((answer.status, word(&answer).as_str()), (403, "used_up"));
    let revoked = bench.join_code(&[]);
    bench.administer(&["join-code", "revoke", &revoked.to_string()]);
    assert_eq!(word(&bench.ask_to_join(&revoked.secret, SITE)), "revoked");
    let reader = Reader::open(&bench.data()).expect("it opens");
    assert_eq!(reader.agents().expect("agents").len(), 1);
    let metrics = bench.get("/metrics", &[]).text();
    for (status, reason) in
        [(403, "unknown_code"), (403, "wrong_site"), (200, "ok"), (403, "used_up"), (403, "revoked")]
    {
        let line = format!("suar_collector_joins_total{{status=\"{status}\",reason=\"{reason}\"}} 1");
        assert!(metrics.lines().any(|found| found == line), "{line} is missing in:\n{metrics}");
    }
    assert!(metrics.contains("suar_collector_connections_total{outcome=\"served\"}"), "{metrics}");
}

#[test]
fn readers_come_in_by_address_or_token_and_nobody_else_does() {
    let token = ok(&program(&["reader-token"]));
    let value = |key: &str| {
        let line = token.lines().find_map(|line| line.strip_prefix(key));
        line.expect("both are printed").trim().to_owned()
    };
    let hash = value("token_hash:");
    let bench = Bench::new(&format!("[readers]\naddresses = []\ntoken_hashes = [{hash:?}]"));
    let bearer = format!("Bearer {}", value("token:"));
    for path in ["/metrics", "/api/sites"] {
        assert_eq!(bench.get(path, &[]).status, 401, "{path}");
        assert_eq!(bench.get(path, &[("authorization", "Bearer wrong")]).status, 403, "{path}");
        assert_eq!(bench.get(path, &[("authorization", &bearer)]).status, 200, "{path}");
    }
    // A reader's token opens nothing of agents.
    assert_eq!(bench.get("/v1/plan", &[("authorization", &bearer)]).status, 401);
    let agent = bench.join();
    let own = format!("Bearer {}", agent.token);
    let plan = bench.get("/v1/plan", &[("authorization", &own)]);
    assert_eq!(serde_json::from_slice::<Plan>(&plan.body).expect("a plan"), agent.plan);
    assert_eq!(bench.get("/metrics", &[("authorization", &own)]).status, 403);
    let metrics = bench.get("/metrics", &[("authorization", &bearer)]).text();
    for (what, reason, times) in
        [("plan", "unknown_token", 1), ("reading", "readers_only", 2), ("reading", "not_a_reader", 3)]
    {
        let family = "suar_collector_requests_refused_total";
        let line = format!("{family}{{what=\"{what}\",reason=\"{reason}\"}} {times}");
        assert!(metrics.lines().any(|found| found == line), "{line} is missing in:\n{metrics}");
    }
}

#[test]
fn the_plain_listener_answers_the_online_check_and_nothing_that_matters() {
    let bench = Bench::new("");
    let plain = |path: &str| Client::plain(bench.address(1)).request("GET", path, &[], b"");
    let answer = plain("/v1/online?nonce=abc123");
    assert_eq!((answer.status, answer.body.len()), (200, 64));
    assert_eq!(bench.get("/v1/online?nonce=abc123", &[]).body, answer.body, "the same over TLS");
    assert_ne!(plain("/v1/online?nonce=abc124").body, answer.body);
    assert_eq!(plain("/v1/online").status, 400);
    assert_eq!(plain(&format!("/v1/online?nonce={}", "a".repeat(65))).status, 400);
    assert_eq!(plain("/healthz").status, 200);
    for closed in ["/metrics", "/api/sites", "/v1/plan", "/readyz"] {
        assert_eq!(plain(closed).status, 404, "{closed}");
    }
}

#[test]
fn broken_connections_and_a_full_house_leave_the_others_alone() {
    let bench = Bench::new("[limits]\nconnections = 3");
    Client::throw(bench.address(0), b"GET / HTTP/1.1\r\n\r\n");
    Client::throw(bench.address(0), &[22, 3, 1, 255, 255]);
    let held: Vec<Client> =
        (0..3).filter_map(|_| Client::try_connect(bench.address(0), &certificate(&bench))).collect();
    assert!(Client::try_connect(bench.address(0), &certificate(&bench)).is_none() || held.len() < 3);
    drop(held);
    // As soon as they are gone others come in.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while Client::try_connect(bench.address(0), &certificate(&bench)).is_none() {
        assert!(std::time::Instant::now() < deadline, "nobody gets in any more");
        std::thread::yield_now();
    }
    assert!(bench.serving().counters().connections(ConnectionFate::Full) > 0);
}

fn certificate(bench: &Bench) -> PathBuf {
    bench.data().join("tls/certificate.pem")
}

#[test]
fn the_key_is_for_its_owner_only_and_init_never_overwrites() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new("");
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&bench.data()), 0o700);
    for private in ["tls/key.pem", "online.key"] {
        assert_eq!(mode(&bench.data().join(private)), 0o600, "{private}");
    }
    let key = std::fs::read(bench.data().join("tls/key.pem")).expect("a key");
    let again = program(&["init", "--data", &bench.data().display().to_string()]);
    assert!(!again.status.success());
    assert_eq!(std::fs::read(bench.data().join("tls/key.pem")).expect("a key"), key);
}
