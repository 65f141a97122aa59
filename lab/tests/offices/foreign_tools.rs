//! What programs that are not ours make of the collector.

use std::process::Command;

use suar_lab::programs::{fed, tool};

use super::evidence::evidence;

#[test]
fn prometheus_never_failed_to_scrape_while_the_collector_was_there() {
    let Some(evidence) = evidence() else { return };
    // A scrape that began just before a stop may be cut off by it.
    const AT_THE_EDGE_MS: i64 = 1_500;
    let away = |at_ms: i64| {
        evidence.collector_away.iter().any(|(from, until)| (from - AT_THE_EDGE_MS..=*until).contains(&at_ms))
    };
    let failed: Vec<i64> =
        evidence.scrapes.iter().filter(|(at_ms, up)| !up && !away(*at_ms)).map(|(at_ms, _)| *at_ms).collect();
    assert!(
        failed.is_empty(),
        "failed at {failed:?}, collector away {:?}\n{}",
        evidence.collector_away,
        evidence.scrape_failures.join("\n")
    );
    let good = evidence.scrapes.iter().filter(|(_, up)| *up).count();
    assert!(good > 8, "only {good} scrapes");
    assert!(evidence.scraped_series > 50.0, "{} series", evidence.scraped_series);
}

/// Feeds the page to a program; its exit code and everything it said.
fn said_of(command: &mut Command, page: &str) -> (Option<i32>, String) {
    let output = fed(command, page).expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn promtool_has_nothing_to_say_about_the_metrics() {
    let Some(evidence) = evidence() else { return };
    let promtool = tool("promtool").expect("promtool");
    let (code, said) = said_of(Command::new(promtool).args(["check", "metrics"]), &evidence.metrics);
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[test]
fn pythons_client_reads_every_sample() {
    let Some(evidence) = evidence() else { return };
    const COUNT: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families as parse
print(sum(len(family.samples) for family in parse(sys.stdin.read())))
";
    let python = tool("python3").expect("python3");
    let (code, said) = said_of(Command::new(python).args(["-c", COUNT]), &evidence.metrics);
    let samples = evidence.metrics.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    assert_eq!((code, said.trim()), (Some(0), samples.to_string().as_str()));
    assert!(evidence.metrics_type.starts_with("text/plain; version=0.0.4"), "{}", evidence.metrics_type);
}
