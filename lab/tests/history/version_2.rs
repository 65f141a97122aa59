//! Version 2 of remote write to a receiver that speaks it: Prometheus 3, as the next Debian ships it. Debian 12's own
//! receivers know version 1 only.

use std::path::Path;

use suar_lab::programs::prometheus::{get_plain, percent_encoded};
use suar_lab::programs::{Collector, Receiver, wait_until};

use super::gate::Gate;
use super::receiver::{AT_MOST, Samples, count, expected, holding_for, metric, send_live};
use super::send_backlog;
use super::truth::Truth;

/// It takes samples as late as an office may be cut off.
const TAKES_LATE: &str = "storage:\n  tsdb:\n    out_of_order_time_window: 30d\n";
/// It takes a part of what is late.
const TAKES_THREE_DAYS: &str = "storage:\n  tsdb:\n    out_of_order_time_window: 3d\n";

/// As `holding_for`, by version 2.
fn by_version_2(directory: &Path, address: &str) -> (Collector<'static>, Truth, i64) {
    let (collector, truth, live_ms) = holding_for(directory, address);
    let config = std::fs::read_to_string(collector.config()).expect("a file");
    let second = config.replace("[remote_write]\n", "[remote_write]\nversion = 2\n");
    assert_ne!(second, config);
    std::fs::write(collector.config(), second).expect("a file");
    (collector, truth, live_ms)
}

/// Everything that it has of records, at whole seconds: a repaired clock is some milliseconds off.
fn samples(receiver: &Receiver) -> Samples {
    let query = percent_encoded("{__name__=~\"suar_record_.+\"}[30d]");
    let answer = get_plain(&receiver.address, &format!("/api/v1/query?query={query}")).expect("an answer");
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let series = answer["data"]["result"].as_array().expect("series").iter();
    series
        .map(|series| {
            let labels = serde_json::from_value(series["metric"].clone()).expect("labels");
            let values = series["values"].as_array().expect("values").iter().map(|pair| {
                let at_s = pair[0].as_f64().expect("seconds");
                let value = pair[1].as_str().expect("a value").parse().expect("a number");
                (at_s.round() as i64 * 1000, value)
            });
            (labels, values.collect())
        })
        .collect()
}

fn wait_for(receiver: &Receiver, wanted: &Samples) {
    wait_until("Prometheus 3 to have as many samples", AT_MOST, || {
        let found = count(&samples(receiver));
        if found == count(wanted) { Ok(()) } else { Err(format!("{found} of {}", count(wanted))) }
    })
    .expect("all of them, none twice");
    let found = samples(receiver);
    for (labels, samples) in wanted {
        assert_eq!(found.get(labels), Some(samples), "{labels:?}");
    }
    assert_eq!(found.len(), wanted.len());
}

fn settled(collector: &Collector<'_>, outcome: &str) -> f64 {
    metric(collector, &format!("suar_collector_remote_write_samples_total{{outcome=\"{outcome}\"}}"))
}

#[test]
fn prometheus_3_has_each_sample_once_by_version_2_through_kills_and_backlogs() {
    let directory = tempfile::tempdir().expect("a directory");
    let receiver = Receiver::prometheus_3(directory.path(), TAKES_LATE).expect("it starts");
    let gate = Gate::before(&receiver.address, 5);
    let (mut collector, truth, live_ms) = by_version_2(directory.path(), &gate.address);
    collector.serve().expect("it serves");
    gate.wait_until_busy();
    collector.kill().expect("killed");
    collector.serve().expect("it serves again");
    gate.let_pass(usize::MAX);
    let mut live = vec![(0, live_ms)];
    wait_for(&receiver, &expected(&truth, 1, &live));

    // An agent that was cut off for days delivers while the receiver is away, and after it something live.
    gate.let_pass(0);
    send_backlog(&collector, &truth);
    gate.wait_until_busy();
    let fresh_ms = send_live(&collector, &truth, &truth.agents[2]);
    live.push((2, fresh_ms));
    gate.wait_for_turned_away(|oldest_ms| oldest_ms == fresh_ms);
    gate.let_pass(usize::MAX);
    wait_for(&receiver, &expected(&truth, 2, &live));
    assert_eq!(settled(&collector, "refused"), 0.0);
}

#[test]
fn what_prometheus_3_keeps_of_a_push_is_counted_as_sent_and_what_is_too_old_as_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let receiver = Receiver::prometheus_3(directory.path(), TAKES_THREE_DAYS).expect("it starts");
    let (mut collector, truth, live_ms) = by_version_2(directory.path(), &receiver.address);
    collector.serve().expect("it serves");
    let all = count(&expected(&truth, 1, &[(0, live_ms)])) as f64;
    let outcomes = || (settled(&collector, "sent"), settled(&collector, "refused"));
    wait_until("all to be settled", AT_MOST, || {
        let (sent, refused) = outcomes();
        if sent + refused >= all { Ok(()) } else { Err(format!("{sent} sent, {refused} refused of {all}")) }
    })
    .expect("settled");
    let (sent, refused) = outcomes();
    assert!(sent > 1.0 && refused > 1.0 && sent + refused == all, "{sent} sent, {refused} refused of {all}");
    assert!(
        metric(&collector, "suar_collector_remote_writes_total{status=\"400\",reason=\"too_old\"}") > 0.0
    );
    let found = samples(&receiver);
    assert_eq!(count(&found) as f64, sent, "what it has is what is called sent");
    assert!(found.values().flatten().any(|(at_ms, _)| *at_ms == live_ms), "what is live is there");
}
