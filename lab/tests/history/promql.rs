//! Questions in PromQL with their answers in plain code, before and after a backlog.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use suar_wire::outcome::EchoMethod;

use super::plain_promql::*;
use super::prometheus::Prometheus;
use super::truth::{DAY_S, MEMORY_KIB, Plain, Series, Truth};
use super::{send_backlog, serving_a_week};

/// A query, what plain code says of it, and how far a histogram's bucket may be from the value in it.
type Question = (String, Vector, f64);

/// Every series that has arrived, as lists of samples.
struct Expected {
    up: Vec<Series>,
    causes: Vec<Series>,
    rtt: Vec<Series>,
    tcp: Vec<Series>,
    loss: Vec<Series>,
    cpu: Vec<Series>,
    available: Vec<Series>,
    total: Vec<Series>,
    disks: Vec<Series>,
    availability: Vec<Series>,
    observed: Vec<Series>,
    hourly_loss: Vec<Series>,
    hourly_rtt: Vec<Series>,
    /// Up, down, unobserved.
    office: [Vec<Series>; 3],
}

impl Expected {
    fn of(plain: &Plain<'_>) -> Self {
        let disk =
            |mount: usize| plain.device(Some(mount), move |look| look.free_mib[mount] as f64 * 1_048_576.0);
        Self {
            up: plain.up(),
            causes: plain.down_cause(),
            rtt: plain.rtt(EchoMethod::Icmp),
            tcp: plain.rtt(EchoMethod::TcpConnect),
            loss: plain.loss(),
            cpu: plain.device(None, |look| f64::from(look.cpu_permille) / 1000.0),
            available: plain.device(None, |look| look.available_kib as f64 * 1024.0),
            total: plain.device(None, |_| MEMORY_KIB as f64 * 1024.0),
            disks: [disk(0), disk(1)].concat(),
            availability: plain.hourly_availability(),
            observed: plain.hourly_observed(),
            hourly_loss: plain.hourly_loss(),
            hourly_rtt: plain.hourly_rtt(),
            office: ["up", "down", "unobserved"].map(|state| plain.hourly_office(state)),
        }
    }
}

/// What is asked at one moment of the week.
fn questions(expected: &Expected, t: i64) -> Vec<Question> {
    let Expected { up, causes, rtt, tcp, loss, cpu, available, total, disks, availability, .. } = expected;
    let office = |state: usize| over(&expected.office[state], t, 7 * DAY_S, sum);
    let seliu = "19.02.02.2009";
    let exact: Vec<(&str, Vector)> = vec![
        ("suar_history_site_up", at(up, t)),
        ("suar_history_site_up offset 26h", at(up, t - 26 * HOUR_S)),
        ("count_over_time(suar_history_site_up[7d])", over(up, t, 7 * DAY_S, count)),
        ("avg_over_time(suar_history_site_up[1d])", over(up, t, DAY_S, average)),
        (
            "avg by (island) (avg_over_time(suar_history_site_up[36h]))",
            by(over(up, t, 36 * HOUR_S, average), &["island"], average),
        ),
        ("changes(suar_history_site_up{site=\"19.02.02.2009\"}[2d])", {
            over(&where_label(up.clone(), "site", |site| site == seliu), t, 2 * DAY_S, changes)
        }),
        ("count(suar_history_site_up == 0)", by(where_value(at(up, t), |value| value == 0.0), &[], count)),
        (
            "sum by (cause) (count_over_time(suar_history_site_down_cause[7d]))",
            by(over(causes, t, 7 * DAY_S, count), &["cause"], sum),
        ),
        ("suar_history_site_down_cause", at(causes, t)),
        (
            "count_over_time(suar_history_site_down_cause{cause=~\"dns|gateway\",regency!=\"19.01\"}[3d])",
            over(
                &where_label(
                    where_label(causes.clone(), "cause", |cause| ["dns", "gateway"].contains(&cause)),
                    "regency",
                    |regency| regency != "19.01",
                ),
                t,
                3 * DAY_S,
                count,
            ),
        ),
        ("suar_history_rtt_seconds", at(rtt, t)),
        (
            "quantile_over_time(0.9, suar_history_rtt_seconds{target=\"9.9.9.9\"}[1d])",
            over(&where_label(rtt.clone(), "target", |target| target == "9.9.9.9"), t, DAY_S, quantile(0.9)),
        ),
        ("max by (site) (max_over_time(suar_history_rtt_seconds[12h]))", {
            by(over(rtt, t, 12 * HOUR_S, max), &["site"], max)
        }),
        ("min_over_time(suar_history_tcp_connect_seconds[1d])", over(tcp, t, DAY_S, min)),
        ("avg_over_time(suar_history_loss_ratio[1d])", over(loss, t, DAY_S, average)),
        ("avg_over_time(suar_history_agent_cpu_ratio[7d])", over(cpu, t, 7 * DAY_S, average)),
        (
            "last_over_time(suar_history_agent_memory_available_bytes[1d]) / \
             last_over_time(suar_history_agent_memory_total_bytes[1d])",
            with(over(available, t, DAY_S, last), &over(total, t, DAY_S, last), &[], |a, b| a / b),
        ),
        (
            "min by (agent, mount) (min_over_time(suar_history_agent_disk_free_bytes[2d]))",
            by(over(disks, t, 2 * DAY_S, min), &["agent", "mount"], min),
        ),
        (
            "avg_over_time(suar_history_hourly_availability_ratio[3d])",
            over(availability, t, 3 * DAY_S, average),
        ),
        ("last_over_time(suar_history_hourly_availability_ratio[1h])", over(availability, t, HOUR_S, last)),
        (
            "sum_over_time(suar_history_hourly_observed_ratio{site!~\"19\\\\.01.*\"}[6d])",
            over(
                &where_label(expected.observed.clone(), "site", |site| !site.starts_with("19.01")),
                t,
                6 * DAY_S,
                sum,
            ),
        ),
        (
            "avg_over_time(suar_history_hourly_loss_ratio[2d])",
            over(&expected.hourly_loss, t, 2 * DAY_S, average),
        ),
        (
            "sum_over_time(suar_history_hourly_office_seconds{state=\"up\"}[7d]) / ignoring (state) \
             (sum_over_time(suar_history_hourly_office_seconds{state=\"up\"}[7d]) + ignoring (state) \
             sum_over_time(suar_history_hourly_office_seconds{state=\"down\"}[7d]))",
            with(
                office(0),
                &with(office(0), &office(1), &["state"], |up, down| up + down),
                &["state"],
                |up, seen| up / seen,
            ),
        ),
        (
            "sum(sum_over_time(suar_history_hourly_office_seconds[7d]))",
            by(
                [office(0), office(1), office(2)]
                    .map(|one| by(one, &["state"], sum))
                    .into_iter()
                    .flatten()
                    .collect(),
                &[],
                sum,
            ),
        ),
        ("suar_history_site_up{site=\"no such office\"}", Vector::new()),
        ("suar_history_no_such_family", Vector::new()),
    ];
    let mut all: Vec<Question> =
        exact.into_iter().map(|(query, vector)| (query.to_owned(), vector, 1e-9)).collect();
    let median = over(&expected.hourly_rtt, t, HOUR_S, last);
    all.push(("last_over_time(suar_history_hourly_rtt_median_seconds[1h])".to_owned(), median, 0.017));
    all
}

fn vector(answer: &serde_json::Value) -> Vector {
    let mut vector = Vector::new();
    for series in answer["data"]["result"].as_array().expect("a vector") {
        let mut labels: super::truth::Labels =
            serde_json::from_value(series["metric"].clone()).expect("labels");
        labels.remove("__name__");
        let value = series["value"][1].as_str().and_then(|text| text.parse().ok()).expect("a number");
        assert!(vector.insert(labels, value).is_none(), "a series stands twice: {series}");
    }
    vector
}

fn close(found: &Vector, expected: &Vector, off_max: f64) -> bool {
    found.len() == expected.len()
        && found.iter().zip(expected).all(|((found_at, found), (expected_at, expected))| {
            found_at == expected_at && (found - expected).abs() <= off_max * expected.abs()
        })
}

fn compare(prometheus: &Prometheus, truth: &Truth, wave: u8, moments: &[i64]) -> BTreeSet<String> {
    let all = Expected::of(&Plain::new(truth, wave));
    let mut waited = Duration::ZERO;
    let (mut asked, mut filled) = (0, BTreeSet::new());
    for t in moments {
        for (query, expected, off_max) in questions(&all, *t) {
            let started = Instant::now();
            let answer = prometheus.api("query", &[("query", query.clone()), ("time", t.to_string())]);
            waited += started.elapsed();
            assert_eq!(answer["status"], "success", "{query}: {answer}");
            assert!(answer["warnings"].is_null(), "{query}: {answer}");
            let found = vector(&answer);
            assert!(
                close(&found, &expected, off_max),
                "{query} at {t}\nfound {found:#?}\nexpected {expected:#?}"
            );
            if !expected.is_empty() {
                filled.insert(query);
            }
            asked += 1;
        }
    }
    println!(
        "{asked} answers over remote read are what plain code says, wave {wave}: {} different queries with \
         samples; {:.1} s",
        filled.len(),
        waited.as_secs_f64()
    );
    filled
}

/// Every step of a graph of a day: holes are holes, at the second.
fn compare_graph(prometheus: &Prometheus, truth: &Truth, wave: u8) {
    let plain = Plain::new(truth, wave);
    let (from, to) = (truth.start_s + 4 * DAY_S, truth.start_s + 5 * DAY_S);
    for (query, series) in
        [("suar_history_site_up", plain.up()), ("suar_history_site_down_cause", plain.down_cause())]
    {
        let parameters = [
            ("query", query.to_owned()),
            ("start", from.to_string()),
            ("end", to.to_string()),
            ("step", "20".to_owned()),
        ];
        let answer = prometheus.api("query_range", &parameters);
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let mut found = std::collections::BTreeMap::new();
        for series in answer["data"]["result"].as_array().expect("a matrix") {
            let mut labels: super::truth::Labels =
                serde_json::from_value(series["metric"].clone()).expect("labels");
            labels.remove("__name__");
            for point in series["values"].as_array().expect("values") {
                let value: f64 = point[1].as_str().and_then(|text| text.parse().ok()).expect("a number");
                found.insert((point[0].as_i64().expect("a time"), labels.clone()), value);
            }
        }
        let steps = (from..=to).step_by(20);
        let expected: std::collections::BTreeMap<_, _> = steps
            .flat_map(|t| at(&series, t).into_iter().map(move |(labels, value)| ((t, labels), value)))
            .collect();
        assert!(!expected.is_empty(), "{query} says nothing");
        let differing = expected.iter().find(|(key, value)| found.get(key) != Some(value));
        assert_eq!(differing, None, "{query}: expected");
        assert_eq!(found.len(), expected.len(), "{query}: nothing else is shown");
    }
}

#[test]
fn promql_over_remote_read_is_what_plain_code_computes_before_and_after_a_backlog() {
    let directory = tempfile::tempdir().expect("a directory");
    let (collector, truth) = serving_a_week(directory.path());
    let prometheus = Prometheus::start(directory.path(), &collector);
    // Off the minute, so that no sample lies on the edge of a range.
    let moments = [truth.end_s() - 6 * HOUR_S + 7, truth.start_s + 2 * DAY_S + 13 * HOUR_S + 7];
    let mut filled = compare(&prometheus, &truth, 1, &moments[..1]);
    compare_graph(&prometheus, &truth, 1);
    send_backlog(&collector, &truth);
    filled.append(&mut compare(&prometheus, &truth, 2, &moments));
    assert!(filled.len() >= 20, "only these ever said something: {filled:?}");
    compare_graph(&prometheus, &truth, 2);

    // Too long a range is a warning with the reason, and Prometheus' own data are left.
    let year = [("query", "count(last_over_time({__name__=~\"suar_.+\"}[1y]))".to_owned())];
    let answer = prometheus.api("query", &year);
    let warning = answer["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("400") && warning.contains("hourly"), "{answer}");
}
