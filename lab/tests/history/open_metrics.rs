//! The page as OpenMetrics, read by the strict parser of Python's `prometheus-client`.

use std::process::Command;
use std::time::Duration;

use suar_lab::programs::{Answer, Collector, fed, tool, wait_until};

use super::receiver::send_live;
use super::{READER_TOKEN, serving_a_week};

/// Family, type, number of samples and the sum of their values, one a line.
const LISTED: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
for family in parse(sys.stdin.read()):
    values = [sample.value for sample in family.samples]
    print(family.name, family.type, len(values), repr(sum(values)))
";

fn page(collector: &Collector<'_>, accept: &str) -> Answer {
    let client = collector.client().expect("a certificate");
    let asked = client.send(None, "/metrics", |client, url| {
        client.get(url).bearer_auth(READER_TOKEN).header("accept", accept)
    });
    asked.expect("a page")
}

#[test]
fn pythons_strict_parser_reads_every_family_and_sample() {
    let directory = tempfile::tempdir().expect("a directory");
    let (collector, truth) = serving_a_week(directory.path());
    send_live(&collector, &truth, &truth.agents[0]);
    wait_until("an office that is heard", Duration::from_secs(30), || {
        let text = page(&collector, "text/plain").text();
        if text.contains("\nsuar_site_up{") { Ok(()) } else { Err("none has suar_site_up".to_owned()) }
    })
    .expect("it is heard");
    let answer = page(&collector, "application/openmetrics-text; version=1.0.0");
    assert!(answer.content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    let text = answer.text();

    let python = tool("python3").expect("python3");
    let output = fed(Command::new(python).args(["-c", LISTED]), &text).expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).expect("text");

    let mut found = 0;
    for line in listed.lines() {
        let [name, kind, count, sum] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        // The same from the text itself: lines of a sample begin with the family's name.
        let of_family = |line: &&str| {
            let series = line.split(['{', ' ']).next().unwrap_or_default();
            let rest = series.strip_prefix(name);
            match kind {
                "counter" => rest == Some("_total"),
                "histogram" => matches!(rest, Some("_bucket" | "_sum" | "_count")),
                _ => rest == Some(""),
            }
        };
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter(of_family);
        let values: Vec<f64> = samples
            .map(|line| line.rsplit_once(' ').expect("a value").1.parse().expect("a number"))
            .collect();
        assert_eq!(values.len().to_string(), count, "{line}");
        let sum: f64 = sum.parse().expect("a number");
        assert!((values.iter().sum::<f64>() - sum).abs() <= 1e-9 * sum.abs(), "{line}");
        found += values.len();
    }
    assert_eq!(found, text.lines().filter(|line| !line.starts_with('#')).count());
    assert!(found > 150, "{found} samples");
    for name in
        ["suar_site_slots counter ", "suar_site_up gauge ", "suar_collector_commit_seconds histogram "]
    {
        assert!(listed.contains(name), "{name} is missing in\n{listed}");
    }
}
