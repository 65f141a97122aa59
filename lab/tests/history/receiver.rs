//! Remote write to real receivers: Debian's VictoriaMetrics has exactly what was measured, though the line to
//! it, the collector and a backlog come and go; what Debian's Prometheus calls too old is final.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use suar_collector::store::admin::Admin;
use suar_lab::programs::prometheus::{get_plain, percent_encoded};
use suar_lab::programs::{Collector, Receiver, wait_until};
use suar_lab::world::wall_ms;
use suar_wire::outcome::EchoMethod;
use suar_wire::push::CONTENT_TYPE;
use suar_wire::record::Round;
use suar_wire::{Body, BootId, Epoch, Note, Outcome, Push, Record, SlotWidth, Stamp, Verdict};

use super::gate::Gate;
use super::truth::{Labels, MEMORY_KIB, MOUNTS, Truth, Watched};
use super::{READER_TOKEN, holding_a_week, keep, send_backlog, token};

const HOUR_MS: i64 = 3_600_000;
pub const AT_MOST: Duration = Duration::from_secs(120);

/// Samples by series, as a receiver has them.
pub type Samples = BTreeMap<Labels, Vec<(i64, f64)>>;

fn label(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// What the records of a week, and the live ones, are as samples; plain code, record by record.
pub fn expected(truth: &Truth, wave: u8, live: &[(usize, i64)]) -> Samples {
    let mut all = Samples::new();
    for (at, watched) in truth.agents.iter().enumerate() {
        let site = &truth.sites[watched.site];
        let mut add = |family: &str, more: Option<(String, String)>, at_ms: i64, value: f64| {
            let labels = [
                label("__name__", format!("suar_record_{family}")),
                label("agent", watched.agent),
                label("site", &site.code),
                label("village", &site.village),
                label("regency", &site.village[..5]),
                label("island", &site.island),
            ];
            all.entry(labels.into_iter().chain(more).collect()).or_default().push((at_ms, value));
        };
        for slot in watched.rounds.iter().filter(|slot| slot.wave <= wave) {
            let at_ms = slot.start_s * 1000;
            add("up", None, at_ms, if slot.verdict.is_up() { 1.0 } else { 0.0 });
            if let Some(cause) = slot.verdict.cause() {
                add("down_cause", Some(label("cause", cause.label())), at_ms, 1.0);
            }
            for (target, method, sent, rtts) in &slot.echoes {
                let target = Some(label("target", target.map(|byte| byte.to_string()).join(".")));
                let icmp = *method == EchoMethod::Icmp;
                if icmp && slot.verdict.is_up() {
                    let lost = f64::from(*sent) - rtts.len() as f64;
                    add("loss_ratio", target.clone(), at_ms, lost / f64::from(*sent));
                }
                if let Some(shortest_us) = rtts.iter().min() {
                    let family = if icmp { "rtt_seconds" } else { "tcp_connect_seconds" };
                    add(family, target, at_ms, f64::from(*shortest_us) / 1e6);
                }
            }
        }
        for look in watched.health.iter().filter(|look| look.wave <= wave) {
            let at_ms = look.at_s * 1000;
            add("cpu_ratio", None, at_ms, f64::from(look.cpu_permille) / 1000.0);
            add("memory_available_bytes", None, at_ms, look.available_kib as f64 * 1024.0);
            add("memory_total_bytes", None, at_ms, MEMORY_KIB as f64 * 1024.0);
            for (mount, free_mib) in MOUNTS.iter().zip(look.free_mib) {
                add("disk_free_bytes", Some(label("mount", mount)), at_ms, free_mib as f64 * 1_048_576.0);
            }
        }
        for (_, at_ms) in live.iter().filter(|(who, _)| *who == at) {
            add("up", None, *at_ms, 1.0);
        }
    }
    all
}

pub fn count(samples: &Samples) -> usize {
    samples.values().map(Vec::len).sum()
}

/// A push of one round of this minute, and where its slot begins.
fn live(truth: &Truth, watched: &Watched, sequence: u64) -> (Push, i64) {
    let now_ms = wall_ms();
    let slot = SlotWidth::STANDARD.slot_at(now_ms);
    let not_sent = || Outcome::NotSent;
    let body = Body::Round(Round {
        slot,
        verdict: Verdict::Up,
        note: Note::None,
        gateway: not_sent(),
        dns: not_sent(),
        dns_public: not_sent(),
        online: not_sent(),
        collector: not_sent(),
        echoes: Vec::new(),
    });
    let clock = watched.clock(truth, now_ms);
    let stamp = Stamp { boot: BootId(watched.agent.0), boot_ms: clock.boot_ms, wall_ms: now_ms };
    let records = vec![Record { sequence, stamp, body }];
    let epoch = Epoch([watched.agent.0[0]; 8]);
    (Push { agent: watched.agent, epoch, plan_version: 1, clock, records }, slot.start_ms())
}

/// A sequence that none of the week has.
const LIVE_SEQUENCE: u64 = 1_000_000;

/// A collector that is about to serve, with a week and one live push that wait for the receiver at `address`.
pub fn holding_for(directory: &Path, address: &str) -> (Collector<'static>, Truth, i64) {
    let mut live_ms = 0;
    let more = format!("[remote_write]\nurl = \"http://{address}/api/v1/write\"\n");
    let (collector, truth) = holding_a_week(directory, &more, |data, truth| {
        Admin::open(data).expect("a store").switch_remote_write(true).expect("switched");
        let (push, at_ms) = live(truth, &truth.agents[0], LIVE_SEQUENCE);
        live_ms = at_ms;
        keep(data, truth, &truth.agents[0], vec![push]);
    });
    (collector, truth, live_ms)
}

struct VictoriaMetrics(Receiver);

impl VictoriaMetrics {
    fn start(directory: &Path) -> Self {
        Self(Receiver::victoria_metrics(directory, &[]).expect("it starts"))
    }

    /// Everything it has of records, doubles too, at whole seconds: a repaired clock is some milliseconds off.
    fn samples(&self) -> Samples {
        get_plain(&self.0.address, "/internal/force_flush").expect("it flushes");
        let matcher = percent_encoded("{__name__=~\"suar_record_.+\"}");
        let path = format!("/api/v1/export?match[]={matcher}&start=0&end={}", wall_ms() / 1000 + 3_600);
        let text = get_plain(&self.0.address, &path).expect("an export");
        let mut all = Samples::new();
        for line in text.lines() {
            let series: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let labels = serde_json::from_value(series["metric"].clone()).expect("labels");
            let times = series["timestamps"].as_array().expect("times").iter();
            let values = series["values"].as_array().expect("values").iter();
            let samples = times.zip(values).map(|(at_ms, value)| {
                let at_ms = at_ms.as_i64().expect("milliseconds");
                ((at_ms + 500).div_euclid(1000) * 1000, value.as_f64().expect("a number"))
            });
            // A series comes in one line for each block that holds it.
            all.entry(labels).or_default().extend(samples);
        }
        for samples in all.values_mut() {
            samples.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        }
        all
    }

    fn wait_for(&self, wanted: &Samples) {
        wait_until("VictoriaMetrics to have as many samples", AT_MOST, || {
            let found = count(&self.samples());
            if found == count(wanted) { Ok(()) } else { Err(format!("{found} of {}", count(wanted))) }
        })
        .expect("all of them, none twice");
        let found = self.samples();
        for (labels, samples) in wanted {
            assert_eq!(found.get(labels), Some(samples), "{labels:?}");
        }
        assert_eq!(found.len(), wanted.len());
    }
}

/// A number of the collector's own metrics; 0 where it is not shown.
pub fn metric(collector: &Collector<'_>, series: &str) -> f64 {
    let client = collector.client().expect("a certificate");
    let page = client
        .send(None, "/metrics?scope=collector", |client, url| client.get(url).bearer_auth(READER_TOKEN))
        .expect("a page")
        .text();
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

/// An agent tells that its link is up, now; returns the beginning of the slot.
pub fn send_live(collector: &Collector<'_>, truth: &Truth, watched: &Watched) -> i64 {
    let (push, at_ms) = live(truth, watched, LIVE_SEQUENCE);
    let bearer = format!("Bearer {}", token(watched));
    let headers = [("authorization", bearer.as_str()), ("content-type", CONTENT_TYPE)];
    let client = collector.client().expect("a certificate");
    let answer = client.post(None, "/v1/push", &headers, &push.encode()).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    at_ms
}

#[test]
fn victoria_metrics_has_each_sample_once_through_kills_and_backlogs() {
    let directory = tempfile::tempdir().expect("a directory");
    let receiver = VictoriaMetrics::start(directory.path());
    let gate = Gate::before(&receiver.0.address, 5);
    let (mut collector, truth, live_ms) = holding_for(directory.path(), &gate.address);
    collector.serve().expect("it serves");
    gate.wait_until_busy();
    collector.kill().expect("killed");
    collector.serve().expect("it serves again");
    gate.let_pass(usize::MAX);
    let mut live_pushes = vec![(0, live_ms)];
    receiver.wait_for(&expected(&truth, 1, &live_pushes));

    // An agent that was cut off for days delivers while the receiver is away, and after it something live.
    gate.let_pass(0);
    send_backlog(&collector, &truth);
    gate.wait_until_busy();
    let passed_before = gate.seen().len();
    let fresh_ms = send_live(&collector, &truth, &truth.agents[2]);
    live_pushes.push((2, fresh_ms));
    gate.wait_for_turned_away(|oldest_ms| oldest_ms == fresh_ms);
    gate.let_pass(usize::MAX);
    receiver.wait_for(&expected(&truth, 2, &live_pushes));

    let seen = gate.seen();
    assert_eq!(seen[0].oldest_ms, live_ms, "what is live goes first");
    let first = seen[passed_before..].iter().find(|seen| seen.passed).expect("one passed");
    assert_eq!(first.oldest_ms, fresh_ms, "what is live overtakes a backlog");
    for seen in seen {
        let from_ms = seen.at_ms - HOUR_MS;
        let (is_old, is_live) = (seen.oldest_ms < from_ms, seen.newest_ms > from_ms);
        assert!(is_old != is_live, "old and live in one request: {seen:?}");
    }
}

#[test]
fn a_receiver_of_version_1_is_not_believed_in_version_2_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let receiver = VictoriaMetrics::start(directory.path());
    let (mut collector, truth, live_ms) = holding_for(directory.path(), &receiver.0.address);
    let config = std::fs::read_to_string(collector.config()).expect("a file");
    let second = config.replace("[remote_write]\n", "[remote_write]\nversion = 2\n");
    std::fs::write(collector.config(), second).expect("a file");
    collector.serve().expect("it serves");
    wait_until("an answer that is not believed", AT_MOST, || {
        let found =
            metric(&collector, "suar_collector_remote_writes_total{status=\"204\",reason=\"version\"}");
        if found > 0.0 { Ok(()) } else { Err(format!("{found}")) }
    })
    .expect("one");
    assert_eq!(count(&receiver.samples()), 0);
    assert!(metric(&collector, "suar_collector_remote_write_waiting_bytes") > 0.0);
    collector.stop().expect("it stops");
    std::fs::write(collector.config(), config).expect("a file");
    collector.serve().expect("it serves");
    receiver.wait_for(&expected(&truth, 1, &[(0, live_ms)]));
}

#[test]
fn what_prometheus_calls_too_old_is_final_and_takes_nothing_live_along() {
    let directory = tempfile::tempdir().expect("a directory");
    let receiver = Receiver::prometheus(directory.path(), "{}").expect("it starts");
    let address = &receiver.address;
    let (mut collector, truth, live_ms) = holding_for(directory.path(), address);
    collector.serve().expect("it serves");
    let old = count(&expected(&truth, 1, &[]));
    let outcome = |outcome: &str| {
        metric(&collector, &format!("suar_collector_remote_write_samples_total{{outcome=\"{outcome}\"}}"))
    };
    wait_until("all to be settled", AT_MOST, || {
        let (sent, refused) = (outcome("sent"), outcome("refused"));
        if (sent, refused) == (1.0, old as f64) {
            Ok(())
        } else {
            Err(format!("{sent} sent, {refused} of {old} refused"))
        }
    })
    .expect("settled");
    assert!(
        metric(&collector, "suar_collector_remote_writes_total{status=\"400\",reason=\"too_old\"}") > 0.0
    );
    wait_until("nothing to wait", AT_MOST, || {
        let found = metric(&collector, "suar_collector_remote_write_waiting_bytes");
        if found == 0.0 { Ok(()) } else { Err(format!("{found}")) }
    })
    .expect("nothing waits");
    let query = percent_encoded("{__name__=~\"suar_record_.+\"}[30d]");
    let answer = get_plain(address, &format!("/api/v1/query?query={query}")).expect("an answer");
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let series = answer["data"]["result"].as_array().expect("series");
    assert_eq!(series.len(), 1, "{answer}");
    assert_eq!(series[0]["values"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(series[0]["values"][0][0].as_f64(), Some(live_ms as f64 / 1000.0));
    assert_eq!(series[0]["values"][0][1], "1");
}
