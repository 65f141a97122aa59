//! History through Debian's real Prometheus: what PromQL says over remote read is what plain slow code
//! computes from the records, before and after a backlog arrives. And the protocol by hand, with bad input.

mod gate;
mod open_metrics;
mod plain_promql;
mod prometheus;
mod promql;
mod protocol;
mod receiver;
mod truth;
mod version_2;

use std::path::Path;
use std::sync::Arc;

use suar_collector::exposition::Own;
use suar_collector::ingest::{IngestCounters, Room, Submission};
use suar_collector::secrets;
use suar_collector::store::admin::Admin;
use suar_collector::store::joining::Joining;
use suar_collector::store::writer::{Job, Shared, Writer};
use suar_lab::programs::{Collector, free_address};
use suar_lab::seed::printed_seed;
use suar_lab::world::wall_ms;
use suar_wire::push::CONTENT_TYPE;
use suar_wire::{Epoch, Plan, Push, Record};
use tokio::sync::oneshot;
use truth::{DAY_S, DAYS, Truth, Watched};

const READER_TOKEN: &str = "a-reader-of-the-lab";

/// A collector that serves a week's store, the last wave missing. Only the token's holder may read.
fn serving_a_week(directory: &Path) -> (Collector<'static>, Truth) {
    let (mut collector, truth) = holding_a_week(directory, "", |_, _| {});
    collector.serve().expect("it serves");
    (collector, truth)
}

/// The same before it serves, with more configuration and after something else was done to its store.
fn holding_a_week(
    directory: &Path,
    more: &str,
    prepare: impl FnOnce(&Path, &Truth),
) -> (Collector<'static>, Truth) {
    let address = free_address().expect("two free ports");
    let hash = secrets::hash(READER_TOKEN.as_bytes());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let extra = format!("[readers]\naddresses = []\ntoken_hashes = [\"{hash}\"]\n{more}");
    let collector = Collector::init(None, directory, &address, &extra).expect("a data directory");
    let truth = Truth::new(last_end_s(wall_ms() / 1000) - DAYS * DAY_S, printed_seed("a week of history"));
    join(&collector.data(), &truth);
    prepare(&collector.data(), &truth);
    fill(&collector.data(), &truth);
    (collector, truth)
}

/// The midnight at which the newest week ends of which nothing is live any more: a receiver of remote write, and
/// Prometheus' own window, call the last hour live.
fn last_end_s(now_s: i64) -> i64 {
    const SURELY_OLD_S: i64 = 2 * 3_600;
    (now_s - SURELY_OLD_S).div_euclid(DAY_S) * DAY_S
}

#[test]
fn a_week_that_has_just_ended_is_not_live_soon_after_midnight() {
    let midnight_s = 20_000 * DAY_S;
    assert_eq!(last_end_s(midnight_s + 5), midnight_s - DAY_S);
    assert_eq!(last_end_s(midnight_s + 7_199), midnight_s - DAY_S);
    assert_eq!(last_end_s(midnight_s + 7_200), midnight_s);
    assert_eq!(last_end_s(midnight_s + DAY_S - 1), midnight_s);
}

fn join(data: &Path, truth: &Truth) {
    let mut admin = Admin::open(data).expect("a store");
    admin.put_sites(&truth.sites, truth.joined_ms()).expect("sites");
    for watched in &truth.agents {
        let secret_hash = watched.agent.0.repeat(2).try_into().expect("32 bytes");
        admin
            .put_join_code(secret_hash, &truth.code(watched.site), truth.joined_ms() + 1, 1)
            .expect("a code");
        let joining = Joining {
            secret_hash,
            attempt_hash: None,
            site: truth.code(watched.site),
            agent: watched.agent,
            token_hash: secrets::hash(token(watched).as_bytes()),
            agent_version: "0.1.0".to_owned(),
            system: "linux x86_64".to_owned(),
            now_ms: truth.joined_ms(),
        };
        admin.join(&joining).expect("it joins");
    }
}

/// Everything but what comes last.
fn fill(data: &Path, truth: &Truth) {
    for wave in 0..=1 {
        for watched in &truth.agents {
            keep(data, truth, watched, pushes(truth, watched, wave));
        }
    }
}

/// Pushes of an agent that come when their clocks say, into a store that nobody serves.
fn keep(data: &Path, truth: &Truth, watched: &Watched, pushes: Vec<Push>) {
    let shared = Shared {
        counters: Arc::new(IngestCounters::new(Own::new(0))),
        plan: Plan::standard(),
        witnesses: Arc::default(),
        live: None,
    };
    let mut writer = Writer::open(data, shared).expect("a store");
    for push in pushes {
        let received_ms = push.clock.wall_ms;
        let submission = Submission {
            agent: watched.agent,
            site: truth.code(watched.site),
            joined_ms: truth.joined_ms(),
            received_ms,
            push,
        };
        let (answer, mut receipt) = oneshot::channel();
        writer.commit(vec![Job::Push(Box::new(submission), Room::unbounded(), answer)]);
        let receipt = receipt.try_recv().expect("an answer").expect("a receipt");
        assert!(receipt.refused.is_empty(), "{:?}", receipt.refused);
    }
}

fn token(watched: &Watched) -> String {
    format!("suar_a_{}", watched.agent)
}

/// An agent's pushes of one wave: in time they go out with their last record, late ones now.
fn pushes(truth: &Truth, watched: &Watched, wave: u8) -> Vec<Push> {
    let records = watched.records(truth).into_iter().filter(|(of, _)| *of == wave);
    let records: Vec<Record> = records.map(|(_, record)| record).collect();
    records
        .chunks(1_000)
        .map(|records| {
            let last_ms = records.last().expect("a chunk has records").stamp.wall_ms;
            let at_ms = if wave == 0 { last_ms + 1_000 } else { truth.end_s() * 1000 };
            Push {
                agent: watched.agent,
                epoch: Epoch([watched.agent.0[0]; 8]),
                plan_version: 1,
                clock: watched.clock(truth, at_ms),
                records: records.to_vec(),
            }
        })
        .collect()
}

/// What an agent that was cut off for days sends at last, over HTTPS.
fn send_backlog(collector: &Collector<'_>, truth: &Truth) {
    let client = collector.client().expect("a certificate");
    for watched in &truth.agents {
        for mut push in pushes(truth, watched, 2) {
            push.clock = watched.clock(truth, wall_ms());
            let bearer = format!("Bearer {}", token(watched));
            let headers = [("authorization", bearer.as_str()), ("content-type", CONTENT_TYPE)];
            let answer = client.post(None, "/v1/push", &headers, &push.encode()).expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
}
