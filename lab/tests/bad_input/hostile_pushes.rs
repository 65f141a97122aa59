//! Pushes that are none: a clear status, a counter by reason, and an unharmed collector.

use std::io::Write;
use std::net::TcpStream;

use suar_lab::hostile::bomb::{bomb, bomb_of};
use suar_lab::programs::{Answer, Client, Collector, wait_until};
use suar_wire::join_code::JoinCode;
use suar_wire::joining::{JoinAnswer, JoinRequest};
use suar_wire::push::{BODY_BYTES_MAX, CONTENT_TYPE, Clock, UNPACKED_BYTES_MAX};
use suar_wire::record::ClockStep;
use suar_wire::{Body, BootId, Epoch, Push, Receipt, Record, Stamp};

use super::{SITE, serving_one_site};

/// Joins without an agent, as the wire format says.
pub fn join(collector: &Collector<'_>) -> JoinAnswer {
    let code: JoinCode = collector.join_code(SITE, &[]).expect("a code").parse().expect("a well-formed code");
    let request = JoinRequest {
        secret: code.secret.iter().map(|byte| format!("{byte:02x}")).collect(),
        site: code.site,
        agent_version: "0.0.0".to_owned(),
        system: "lab".to_owned(),
        attempt: None,
    };
    let body = serde_json::to_vec(&request).expect("JSON");
    let client = collector.client().expect("a certificate");
    let answer =
        client.post(None, "/v1/join", &[("content-type", "application/json")], &body).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).expect("an answer to a join")
}

pub fn push(joined: &JoinAnswer, sequences: std::ops::RangeInclusive<u64>) -> Push {
    let now_ms = suar_lab::world::wall_ms();
    let boot = BootId([3; 16]);
    let record = |sequence| Record {
        sequence,
        stamp: Stamp { boot, boot_ms: 1_000 + sequence, wall_ms: now_ms },
        body: Body::ClockStep(ClockStep { by_ms: 3_000 }),
    };
    Push {
        agent: joined.agent,
        epoch: Epoch([5; 8]),
        plan_version: joined.plan.version,
        clock: Clock { boot, boot_ms: 10_000, wall_ms: now_ms, last_exchange_ms: None },
        records: sequences.map(record).collect(),
    }
}

pub fn send(client: &Client, token: &str, more: &[(&str, &str)], body: &[u8]) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [&[("authorization", bearer.as_str()), ("content-type", CONTENT_TYPE)], more].concat();
    client.post(None, "/v1/push", &headers, body).expect("an answer and no broken connection")
}

#[test]
fn every_hostile_push_is_refused_counted_and_harmless() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut collector = serving_one_site(directory.path());
    let joined = join(&collector);
    let revoked = join(&collector);
    collector
        .administer(&["agent", "revoke", &revoked.agent.to_string()])
        .expect("it runs")
        .ok()
        .expect("it is revoked");
    let client = collector.client().expect("a certificate");
    let token = joined.token.as_str();
    let good = push(&joined, 1..=3).encode();

    let bomb = suar_wire::push::compress(vec![0; UNPACKED_BYTES_MAX * 50]).0;
    let zstd = [("content-encoding", "zstd")];
    let mut other_version = good.clone();
    assert_eq!(other_version[..2], [8, 1], "field 1 is the version");
    other_version[1] = 9;
    let foreign = Push { agent: revoked.agent, ..push(&joined, 1..=3) }.encode();
    let cases: [(&str, Vec<u16>, Answer); 11] = [
        ("no push at all", vec![400], send(&client, token, &[], b"GET / HTTP/1.1")),
        ("nothing", vec![400], send(&client, token, &[], b"")),
        ("truncated", vec![400], send(&client, token, &[], &good[..good.len() - 5])),
        ("another version", vec![400], send(&client, token, &[], &other_version)),
        ("not zstd", vec![400], send(&client, token, &zstd, &good)),
        ("a bomb", vec![413], send(&client, token, &zstd, &bomb)),
        ("too large", vec![413], send(&client, token, &[], &vec![0; BODY_BYTES_MAX + 1])),
        ("somebody else's id", vec![403], send(&client, token, &[], &foreign)),
        ("an unknown token", vec![401], send(&client, "suar_a_nobody", &[], &good)),
        ("a revoked token", vec![401, 403], send(&client, &revoked.token, &[], &good)),
        ("no content type of ours", vec![400, 415], {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("content-type", "text/html")];
            client.post(None, "/v1/push", &headers, b"<html>").expect("an answer")
        }),
    ];
    for (what, statuses, answer) in &cases {
        assert!(statuses.contains(&answer.status), "{what}: status {}: {}", answer.status, answer.text());
        let error: serde_json::Value = answer.json().unwrap_or_else(|error| panic!("{what}: {error:#}"));
        assert!(error["error"].is_string() && error["message"].is_string(), "{what}: {error}");
    }

    broken_off_in_the_middle(&collector, token, &good);

    // The same agent's real push is taken after all that, and taken once.
    for _ in 0..2 {
        let answer = send(&client, token, &[], &good);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let receipt = Receipt::decode(&answer.body).expect("a receipt");
        assert_eq!(receipt.acknowledged, vec![(1, 3)]);
    }
    let metrics = collector.get("/metrics").expect("metrics").text();
    let refused: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("suar_collector_pushes_total{") && !line.contains("status=\"200\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    assert!(refused >= cases.len() as f64, "{refused} refused pushes were counted:\n{metrics}");
    let kept = collector.administer(&["dump-records"]).expect("it runs").ok().expect("records");
    assert_eq!(kept.lines().count(), 3, "{kept}");

    let log = collector.process().expect("it runs").log();
    for secret in [token, revoked.token.as_str()] {
        assert!(!log.contains(secret), "a token is in the log");
    }
    assert!(!log.contains("panicked"), "{log}");
}

/// Most resident memory of a collector beyond what it had, while several unpack bombs at once.
const BOMBS_KIB_MAX: u64 = 64 * 1024;
const BOMBS_AT_ONCE: usize = 8;

#[test]
fn bombs_are_refused_at_the_bound_and_cost_the_collector_little_memory() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut collector = serving_one_site(directory.path());
    let joined = join(&collector);
    let client = collector.client().expect("a certificate");
    let token = joined.token.as_str();
    let zstd = [("content-encoding", "zstd")];
    let good = push(&joined, 1..=3).encode();
    assert_eq!(send(&client, token, &[], &good).status, 200, "it is warm");
    let mut peak_kib = || {
        let process = collector.process().expect("it serves");
        process.resident_peak_kib().expect("the kernel's account")
    };
    let before_kib = peak_kib();

    // 30 kB can stand for 983 MB at most. The largest body that is taken stands for 8.6 GB; 10 GB need more than that.
    let bombs = [bomb(30_000).0, bomb(BODY_BYTES_MAX).0, bomb_of(10_000_000_000)];
    for bomb in &bombs {
        std::thread::scope(|scope| {
            for _ in 0..BOMBS_AT_ONCE {
                scope.spawn(|| {
                    let answer = send(&client, token, &zstd, bomb);
                    assert_eq!(answer.status, 413, "{}", answer.text());
                    let said = answer.json().expect("a reason");
                    assert_eq!(said["error"], "too_large", "{said}");
                });
            }
        });
    }
    let cost_kib = peak_kib() - before_kib;
    println!(
        "{} bombs, {BOMBS_AT_ONCE} at once: {cost_kib} KiB resident at most",
        bombs.len() * BOMBS_AT_ONCE
    );
    assert!(cost_kib <= BOMBS_KIB_MAX, "{cost_kib} KiB");

    let metrics = collector.get("/metrics").expect("metrics").text();
    let counted = format!(
        "suar_collector_pushes_total{{status=\"413\",reason=\"too_large\"}} {}",
        bombs.len() * BOMBS_AT_ONCE
    );
    assert!(metrics.lines().any(|line| line == counted), "{counted} is missing:\n{metrics}");
    let more = push(&joined, 4..=6).encode();
    assert_eq!(send(&client, token, &[], &more).status, 200, "the service goes on");
}

/// A client that promises more than it sends and goes away, before and after the TLS handshake.
fn broken_off_in_the_middle(collector: &Collector<'_>, token: &str, good: &[u8]) {
    let plain = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(&collector.address).expect("it listens");
        stream.write_all(bytes).expect("it takes bytes");
    };
    plain(b"GET /metrics HTTP/1.1\r\n\r\n");
    plain(&[22, 3, 1, 255, 255]);
    plain(&[]);
    let client = collector.client().expect("a certificate");
    let promised = (good.len() + 1_000).to_string();
    let bearer = format!("Bearer {token}");
    // Whether this is an answer or a closed connection is up to the server; it must not hang or die.
    let _ = client.post(
        None,
        "/v1/push",
        &[("authorization", &bearer), ("content-type", CONTENT_TYPE), ("content-length", &promised)],
        good,
    );
    wait_until("the collector to answer others", std::time::Duration::from_secs(5), || {
        let answer = collector.get("/healthz").map_err(|error| format!("{error:#}"))?;
        if answer.status == 200 { Ok(()) } else { Err(format!("status {}", answer.status)) }
    })
    .expect("it lives");
}
