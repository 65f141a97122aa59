//! The whole page of a small fixed state, as golden text, and what Prometheus' own tool says to it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic like the tests themselves")]

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use suar_wire::bandwidth::{Bandwidth, Direction, Method, TestEnd};
use suar_wire::outcome::EchoMethod;
use suar_wire::record::{Attachment, Disk, Ending, Health, Medium, Round, SessionStart};
use suar_wire::{
    AgentId, Body, BootId, Cause, DataUse, Echo, Failure, Note, Outcome, PlanFault, PlanRefused, Purpose,
    Record, SiteCode, SlotWidth, Stamp, Step, Use, Verdict,
};

use suar_collector::calendar::{Holidays, OfficeHours, PeriodName, TimeZone};
use suar_collector::coverage::{Counts, IslandCoverage, IslandStanding, SharedBy, SharedOutage, Standing};
use suar_collector::exposition::{
    Format, IslandGrade, Own, Places, Scene, SiteGrade, Standings, families, history_families,
    record_families, render,
};
use suar_collector::live::{Accepted, Hours, Live, Timed};
use suar_collector::registry::{LinkKind, Papers, Point, Site, SiteKind};

const T0: i64 = 1_790_000_040_000;

fn code(text: &str) -> SiteCode {
    text.parse().unwrap()
}

fn site(code: &str, name: &str, village: &str, island: &str, point: Option<Point>) -> Site {
    Site {
        code: code.parse().unwrap(),
        name: name.to_owned(),
        kind: SiteKind::VillageOffice,
        village: village.to_owned(),
        island: island.to_owned(),
        point,
        link: LinkKind::GeoSatellite,
        provider: "Bakti".to_owned(),
        time_zone: TimeZone::Wib,
        hours: OfficeHours::standard(),
        power_hours: None,
        allowance_mib: None,
        subscribed_download_kbps: Some(2_000),
        subscribed_upload_kbps: None,
        metered: None,
        measured_from: None,
        papers: Papers::default(),
    }
}

fn places() -> Places {
    let (seliu, bangka) = ("19.02.40141", "19.00.40001");
    let point = Some(Point { latitude: -3.25, longitude: 107.5 });
    Places::of(
        &[
            site("D", "Kantor yang diam", "19.01.01.1001", bangka, None),
            Site {
                allowance_mib: Some(20),
                ..site("A", "Kantor Desa \"Pulau Seliu\"", "19.02.02.2009", seliu, point)
            },
            site("B", "Kantor Desa dengan \\ garis miring", "19.02.02.2009", seliu, None),
            site("C", "Kantor yang belum pernah terdengar", "19.01.01.1001", bangka, None),
            site("E", "Kantor di luar wilayah", "77.01.01.1001", "77.01.40001", None),
        ],
        suar_collector::region::builtin("19").unwrap(),
    )
}

fn timed(at_ms: i64, body: Body) -> Timed {
    let stamp = Stamp { boot: BootId([1; 16]), boot_ms: 0, wall_ms: at_ms };
    Timed { at_ms, record: Record { sequence: 1, stamp, body } }
}

fn round(at_ms: i64, verdict: Verdict) -> Timed {
    let echo = |target: [u8; 4], rtt_us: &[u32]| Echo {
        target: target.into(),
        method: EchoMethod::Icmp,
        sent: 1,
        late: 0,
        duplicates: 0,
        error: None,
        rtt_us: rtt_us.to_vec(),
    };
    let answered: &[u32] = if verdict.is_up() { &[612_345] } else { &[] };
    timed(
        at_ms,
        Body::Round(Round {
            slot: SlotWidth::STANDARD.slot_at(at_ms),
            verdict,
            note: if verdict.is_up() { Note::CollectorUnreachable } else { Note::None },
            gateway: Outcome::Ok { elapsed_us: 431 },
            dns: Outcome::Failed(Failure::Timeout),
            dns_public: Outcome::Ok { elapsed_us: 650_000 },
            online: Outcome::NotSent,
            collector: Outcome::NotSent,
            echoes: vec![echo([1, 1, 1, 1], answered), echo([8, 8, 8, 8], &[])],
        }),
    )
}

fn health() -> Body {
    Body::Health(Box::new(Health {
        cpu_permille: Some(125),
        memory_total_kib: Some(4_000_000),
        memory_available_kib: Some(1_000_000),
        swap_used_kib: None,
        uptime_s: Some(86_400),
        temperature_dc: Some(-15),
        disks: vec![Disk { mount: "/".to_owned(), total_mib: 30_000, free_mib: 12_345, read_only: false }],
        interface_rx_bytes: Some(1_000_000),
        interface_tx_bytes: Some(500_000),
        interface_errors: Some(0),
        agent_rss_kib: Some(7_000),
        agent_cpu_ms: Some(1_234),
        spool_records: 3,
        spool_bytes: 65_536,
        spool_bytes_max: Some(33_554_432),
        spool_dropped: 0,
        clock_offset_ms: Some(-250),
        attachment: Some(Attachment {
            medium: Some(Medium::Cable),
            speed_mbps: Some(100),
            on_mains: Some(false),
            battery_percent: Some(87),
        }),
    }))
}

fn bandwidth() -> Body {
    Body::Bandwidth(Bandwidth {
        method: Some(Method::Udp),
        rate_bps: Some(1_950_000),
        bytes: 280_000,
        elapsed_ms: 800,
        burst_bps: Some(4_000_000),
        loss_permille: Some(280),
        idle_rtt_us: Some(612_345),
        loaded_rtt_us: Some(1_100_000),
        ..Bandwidth::without_rate(Direction::Download, TestEnd::Measured)
    })
}

fn skipped() -> Body {
    Body::Bandwidth(Bandwidth::without_rate(Direction::Upload, TestEnd::SkippedAllowance))
}

fn data_use(month: &str) -> Body {
    let used = [(Purpose::Echo, 4_000, 3_900), (Purpose::Gateway, 900, 900), (Purpose::Push, 7_000, 5_000)];
    let used = used.map(|(purpose, sent, received)| Use { purpose, sent, received }).to_vec();
    Body::DataUse(DataUse {
        month: month.parse().unwrap(),
        used,
        allowance_bytes: Some(10_485_760),
        step: Step::Frugal,
        metered: Some(true),
    })
}

fn session() -> Body {
    Body::SessionStart(SessionStart {
        agent_version: "0.1.0".to_owned(),
        system: "linux x86_64".to_owned(),
        previous_ended: Ending::None,
        previous_last: None,
    })
}

fn push(site: &str, who: u8, records: Vec<Timed>) -> Accepted {
    let agent = AgentId([who; 16]);
    Accepted {
        site: code(site),
        agent,
        plan_version: 2,
        plan_is_right: false,
        clock_offset_ms: Some(-250),
        carried: false,
        records,
    }
}

fn live() -> Live {
    let hours = |_: &SiteCode, at_ms: i64| if at_ms < T0 + 60_000 { Hours::Off } else { Hours::Office };
    let down = Verdict::Down(Cause::Internet);
    let mut live = Live::new(300);
    let told = vec![
        timed(T0, session()),
        round(T0 + 7_120, Verdict::Up),
        round(T0 + 67_120, Verdict::Up),
        timed(T0 + 68_000, health()),
        timed(T0 + 69_000, bandwidth()),
        timed(T0 + 70_000, skipped()),
        timed(T0 + 71_000, Body::PlanRefused(PlanRefused::new(3, PlanFault::Mistakes, "echoes: 0"))),
    ];
    live.apply(&push("D", 4, told.clone()), T0 - 900_000, hours);
    live.apply(&push("A", 1, told), T0 + 120_000, hours);
    // The end of a month and the beginning of the next are told in one moment.
    let months = ["2026-08", "2026-09"].map(|month| timed(T0 + 69_000, data_use(month)));
    live.apply(&push("A", 1, months.to_vec()), T0 + 120_000, hours);
    live.apply(&push("B", 2, vec![timed(T0 + 1_000, data_use("2026-08"))]), T0 + 120_100, hours);
    live.apply(&push("B", 2, vec![round(T0 + 5_000, down), round(T0 + 65_000, down)]), T0 + 120_500, hours);
    live
}

fn standings() -> Standings {
    let grade = |standing, availability: Option<f64>| SiteGrade {
        standing,
        availability,
        observed: Some(0.75),
        worst_case: availability.map(|ratio| ratio * 0.75),
        at_border: false,
        limited_by_power: false,
    };
    let island = |standing, availability| IslandGrade {
        coverage: IslandCoverage {
            code: String::new(),
            name: String::new(),
            usual_names: Vec::new(),
            populated: true,
            counts: Counts::default(),
            standing,
        },
        availability,
    };
    Standings {
        computed_ms: T0 + 90_000,
        quarter: PeriodName::quarter_at(T0 / 1000),
        sites: [
            (code("A"), grade(Standing::Limited, Some(0.984))),
            (code("B"), grade(Standing::Unreliable, Some(0.5))),
            (code("C"), SiteGrade { observed: None, ..grade(Standing::NotMonitored, None) }),
            (code("D"), grade(Standing::NotEnoughData, Some(1.0))),
        ]
        .into(),
        islands: [
            ("19.00.40001".to_owned(), island(IslandStanding::NotAssessable, None)),
            ("19.02.40141".to_owned(), island(IslandStanding::Unreliable, Some(0.742))),
        ]
        .into(),
        outside: Vec::new(),
        shared: vec![
            shared(SharedBy::Island("19.02.40141".to_owned()), -7_200, -3_700),
            shared(SharedBy::Provider("Bakti".to_owned()), -1_800, -900),
            shared(SharedBy::Island("19.02.40141".to_owned()), -600, -60),
            shared(SharedBy::Provider("nobody's".to_owned()), -600, -60),
        ],
    }
}

/// Seen from and to so many seconds beside [`T0`].
fn shared(by: SharedBy, from_s: i64, to_s: i64) -> SharedOutage {
    let sites = ["A", "B", "D"].map(code).into();
    let (start_s, end_s) = (T0 / 1000 + from_s, T0 / 1000 + to_s);
    SharedOutage { by, start_s, end_s, cause: Cause::Internet, sites, of_sites: 4 }
}

fn own() -> Own {
    let own = Own::new(T0 - 1_000_000);
    own.connection_ended("served");
    own.connection_ended("handshake_failed");
    own.join_answered(200, "ok");
    own.join_answered(403, "expired");
    own.request_refused("reading", "readers_only");
    own.read_answered(200, "ok");
    own.read_answered(400, "range_too_long");
    own.read_samples("chunks", 1_440);
    own.push_answered(200, "ok");
    own.push_answered(200, "ok");
    own.push_answered(401, "token");
    own.records_refused("slot_taken", 2);
    own.records_quarantined("future", 1);
    own.committed(T0 + 120_500, std::time::Duration::from_millis(4));
    own.write_answered(204, "ok");
    own.write_answered(0, "unreachable");
    own.write_settled("sent", 36);
    own.write_waits(4_096, 12);
    own.queue_pushes(0);
    own.store_bytes(81_920);
    own.disk(5_368_709_120, 21_474_836_480);
    own.pack_lag_seconds(61);
    own
}

fn text_of(scene: &Scene<'_>, format: Format) -> String {
    String::from_utf8(render(scene, format, false)).unwrap()
}

fn page() -> String {
    page_as(Format::Prometheus)
}

fn page_as(format: Format) -> String {
    page_at(T0 + 125_000, format)
}

fn page_at(now_ms: i64, format: Format) -> String {
    let (places, live, standings, own) = (places(), live(), standings(), own());
    let holidays = Holidays::default();
    let open = [code("A"), code("B"), code("C")].into();
    let scene = Scene {
        now_ms,
        places: &places,
        holidays: &holidays,
        live: &live,
        open: &open,
        standings: Some(&standings),
        own: Some(&own),
    };
    text_of(&scene, format)
}

/// Compares with a file of this repository, or writes it when SUAR_RENEW is set.
fn check_golden(path: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("SUAR_RENEW").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (found, kept)) in (1..).zip(text.lines().zip(golden.lines())) {
        assert_eq!(found, kept, "{} line {number}; SUAR_RENEW=1 renews it", path.display());
    }
    assert!(golden == text, "{} has another length; SUAR_RENEW=1 renews it", path.display());
}

#[test]
fn the_page_of_a_small_fixed_state_is_the_golden_one() {
    check_golden("tests/golden/metrics.txt", &page());
}

#[test]
fn every_family_of_the_table_is_on_the_golden_page_and_no_other() {
    let page = page();
    let shown: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let swap = families::AGENT_SWAP_USED.name;
    let expected: Vec<&str> =
        families::ALL.iter().map(|family| family.name).filter(|name| *name != swap).collect();
    let sorted = |mut names: Vec<&'static str>| {
        names.sort_unstable();
        names
    };
    let mut shown_sorted = shown.clone();
    shown_sorted.sort_unstable();
    assert_eq!(shown_sorted, sorted(expected));
}

#[test]
fn a_silent_site_has_no_up_and_no_readings_but_keeps_its_counters() {
    let page = page();
    assert!(!page.contains("suar_site_up{site=\"D\"}"));
    assert!(!page.contains("suar_site_rtt_seconds{site=\"D\""));
    assert!(!page.contains("suar_agent_cpu_ratio{site=\"D\""));
    assert!(page.contains("suar_site_state{site=\"D\",state=\"silent\"} 1"));
    assert!(page.contains("suar_site_slots_total{site=\"D\",state=\"up\",hours=\"office\"} 1"));
    assert!(page.contains("suar_agent_spool_dropped_total{site=\"D\""));
}

#[test]
fn silence_is_counted_in_office_hours_only() {
    const HOUR_MS: i64 = 3_600_000;
    // T0 is a Monday, 21:14 at the office.
    let silent = |now_ms| {
        let page = page_at(now_ms, Format::Prometheus);
        let of = |site: &str| {
            let series = format!("suar_site_silent_office_seconds{{site=\"{site}\"}} ");
            page.lines().find_map(|line| line.strip_prefix(&series)?.parse::<i64>().ok())
        };
        ["A", "B", "C", "D"].map(of)
    };
    assert_eq!(silent(T0 + 125_000), [None, None, None, Some(0)], "closed, and two are heard");
    let wednesday_noon = T0 + 38 * HOUR_MS + 46 * 60_000;
    assert_eq!(silent(wednesday_noon), [Some(12 * 3_600), Some(12 * 3_600), None, Some(12 * 3_600)]);
    // No more than the last fourteen days are looked at: two working weeks of 37 hours.
    assert_eq!(silent(wednesday_noon + 70 * 24 * HOUR_MS)[0], Some(2 * (4 * 8 * 3_600 + 6 * 3_600 + 1_800)));
}

#[test]
fn openmetrics_names_counters_without_total_and_ends_with_eof() {
    let page = page_as(Format::OpenMetrics);
    assert!(page.contains("# TYPE suar_site_slots counter\nsuar_site_slots_total{site=\"A\""), "{page}");
    assert!(page.contains("# TYPE suar_collector_commit_seconds histogram\n"));
    assert!(page.ends_with("\n# EOF\n"));
    let samples = |page: &str| page.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(samples(&page), samples(&self::page()));
}

#[test]
fn data_of_a_month_that_is_over_is_not_shown_as_the_running_one() {
    let page = page();
    assert!(
        page.contains("suar_site_month_data_bytes{site=\"A\"} 19900"),
        "without the router's 1800: {page}"
    );
    assert!(!page.contains("suar_site_month_data_bytes{site=\"B\""));
    assert!(!page.contains("suar_agent_month_data_bytes{site=\"B\""));
    assert!(page.contains("suar_site_month_data_allowance_bytes{site=\"A\"} 20971520"));
    assert!(!page.contains("suar_site_month_data_allowance_bytes{site=\"B\""));
}

#[test]
fn no_series_stands_twice_whatever_an_agent_says() {
    let disk = |mount: &str| Disk { mount: mount.to_owned(), total_mib: 2, free_mib: 1, read_only: true };
    let disks = ["/", "/", "/\"\\\n", ""].map(disk).to_vec();
    let health = Body::Health(Box::new(Health { disks, ..Health::default() }));
    let mut live = live();
    live.apply(&push("A", 1, vec![timed(T0 + 90_000, health)]), T0 + 120_000, |_, _| Hours::Off);
    let (places, open, holidays) = (places(), BTreeSet::new(), Holidays::default());
    let scene = Scene {
        now_ms: T0 + 125_000,
        places: &places,
        holidays: &holidays,
        live: &live,
        open: &open,
        standings: None,
        own: None,
    };
    let page = text_of(&scene, Format::Prometheus);
    let mut seen = BTreeSet::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(seen.insert(series), "{series} stands twice");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(page.contains(r#"mount="/\"\\\n""#), "escaped: {page}");
}

#[test]
fn no_sample_has_a_timestamp() {
    for line in page().lines().filter(|line| !line.starts_with('#')) {
        let after = line.rsplit_once('}').map_or(line, |(_, after)| after);
        assert!(after.split_whitespace().count() <= 2, "{line}");
        assert!(line.contains('}') == (after.split_whitespace().count() == 1), "{line}");
    }
}

#[test]
fn promtool_has_nothing_to_say() {
    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match spawned {
        Ok(promtool) => promtool,
        Err(error) if std::env::var_os("CI").is_some() => panic!("promtool: {error}"),
        Err(error) => return eprintln!("NOT RUN: promtool ({error}); apt-get install prometheus"),
    };
    // The page is smaller than a pipe's buffer is not guaranteed; the thread keeps both ends moving.
    let mut stdin = promtool.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, page().as_bytes()));
    let output = promtool.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "", "promtool check metrics");
    assert!(output.status.success());
}

#[test]
fn the_docs_list_every_family() {
    let mut text = String::from(DOCS_HEAD);
    for family in families::ALL {
        let labels = family.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
        let kind = family.kind.label();
        text += &format!("| `{}` | {kind} | {} | {labels} | {} |\n", family.name, family.unit, family.help);
    }
    check_golden("../docs/metrics.md", &text);
}

#[test]
fn the_docs_of_history_list_every_family() {
    let mut text = String::from(HISTORY_HEAD);
    for family in history_families::ALL {
        let labels = family.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
        text += &format!("| `{}` | {} | {labels} | {} |\n", family.name, family.unit, family.help);
    }
    check_golden("../docs/history.md", &text);
}

#[test]
fn the_docs_of_remote_write_list_every_family() {
    let mut text = String::from(REMOTE_WRITE_HEAD);
    for family in record_families::ALL {
        let labels = family.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(" ");
        text += &format!("| `{}` | {} | {labels} | {} |\n", family.name, family.unit, family.help);
    }
    check_golden("../docs/remote-write.md", &text);
}

const REMOTE_WRITE_HEAD: &str = "\
# Remote write

For those who want a copy of what was measured in VictoriaMetrics, Mimir or a Prometheus of their own. Nobody needs it
for Grafana: `docs/history.md` says how Prometheus reads the collector's own store. `[remote_write]` in the collector's
configuration switches it on (`deploy/examples/collector.toml` explains each key); it is read when the collector
starts. Made from the table in `collector/src/exposition/record_families.rs` (`SUAR_RENEW=1 cargo test -p
suar-collector --test exposition` renews it); do not edit by hand.

- Sent is each record that is accepted from then on, whenever it arrives and however (`import` too), at the time it
  was measured: agent by agent, as it came. Reports and `suar_history_*` merge the agents of an office and change when
  one of them delivers late; a copy can only grow, so its series have names and labels of their own. Office by office:
  `max by (site) (suar_record_up)`. What was accepted before it was switched on is not sent.
- What waits lies in the store, and is forgotten when the receiver has said what became of it: a collector or a
  receiver that was away goes on where it stopped. One request may be sent twice when its answer is lost. Mimir and
  Prometheus know such a sample; VictoriaMetrics does with `-dedup.minScrapeInterval=1ms`: start it so. A restored
  backup sends again what waited when it was made.
- Samples that are older than an hour never share a request with younger ones, and wait for them. A receiver that
  takes none of that age loses only those: its \"too old\" is final and counted
  (`suar_collector_remote_write_samples_total{outcome=\"refused\"}`). VictoriaMetrics takes what lies within
  `-retentionPeriod`; Mimir needs `out_of_order_time_window`, Prometheus `storage.tsdb.out_of_order_time_window`, each as
  long as an office may be cut off.
- A push that is refused is tried alone, so that it takes no other along. 401, 403, 404, 408, 429, 5xx and silence lose
  nothing: the same is sent again after 1 s, then at most each 60 s, or when `Retry-After` says (at most 300 s).
- At most `waiting_mb_max` megabytes wait; beyond it what has waited longest is dropped from the copy and counted.
- There is no mark for the end of a series: a hole is where samples are missing.
- Where the width of slots was changed, two rounds of one agent can begin at the same moment, once.
- Version 2 of the protocol asks the receiver how many samples it has kept. One that does not say so is not believed,
  and nothing is lost: set `version = 1`. VictoriaMetrics 1.79 is such a one. Prometheus 3 speaks it: what it
  keeps of a request that it answers with 400 is counted as sent, the rest as refused (tried with 3.5.3).

| url | receiver |
|---|---|
| `http://HOST:8428/api/v1/write` | VictoriaMetrics |
| `https://HOST/api/v1/push`, with `tenant` | Mimir |
| `https://HOST:9090/api/v1/write` | Prometheus with `--web.enable-remote-write-receiver` |

`suar_collector_remote_writes_total{status,reason}` counts answers:

| reason | meaning | what to do |
|---|---|---|
| `ok` | taken | nothing |
| `too_old`, `duplicate`, `refused`, `too_large` | refused for good | look at what the receiver says (in the collector's log, once) |
| `login` | 401, 403 | another token or password; restart the collector |
| `address` | 404, 405, a redirect | the right `url` |
| `version` | 415, or an answer without the number of samples | `version = 1` |
| `too_often`, `too_slow`, `receiver`, `unreachable` | 429, 408, 5xx, no answer | look at the receiver |

| name | unit | labels | meaning |
|---|---|---|---|
";

const HISTORY_HEAD: &str = "\
# History

What the collector answers to Prometheus' remote read (`POST /api/v1/read`): everything that was measured,
at the time it was measured, also what arrived weeks late. Prometheus keeps no copy of it: each query reads
the collector's store. `deploy/prometheus.yml` has the lines that switch it on. Made from the table in
`collector/src/exposition/history_families.rs` (`SUAR_RENEW=1 cargo test -p suar-collector exposition` renews
it); do not edit by hand.

- `suar_history_*` are names of their own. A scraped `suar_site_up` says what was known when Prometheus asked;
  `suar_history_site_up` says what was so. Alerts belong on the first, questions about the past on the second.
- `suar_history_site_*`, `_rtt`, `_loss` and `_tcp_connect` have one sample for each slot, at the slot's start. Where
  nobody looked the series ends (a stale mark) and begins again: a graph has a gap there, and
  `avg_over_time` counts measured slots only. The newest slot has no such end yet.
- Several agents of a site are merged as in reports: up if any saw it up, down if all that looked saw it
  down, with the cause that most saw. Read as steps, `suar_history_site_up` says of every second what the report
  says. Round trips and losses of several agents to one target are taken together.
- `suar_history_agent_*` have one sample for each look at the machine (every ten minutes by the standard plan).
  Prometheus looks back five minutes only: ask with a range, `last_over_time(suar_history_agent_cpu_ratio[15m])`.
- `suar_history_hourly_*` are for months and years. A sample stands at the end of its hour: ask with a range of
  at least an hour, and for sums with whole hours. The availability of an office in any range, as in the report:
  `sum_over_time(suar_history_hourly_office_seconds{state=\"up\"}[30d]) / ignoring (state) (sum_over_time(suar_history_hourly_office_seconds{state=\"up\"}[30d]) + ignoring (state) sum_over_time(suar_history_hourly_office_seconds{state=\"down\"}[30d]))`.
  The other hourly ratios are of day and night.
- `site`, `village`, `regency` and `island` are codes. A site that moved has its old series under its old codes.
  Names come from the scraped `suar_site_info`: `... * on (site) group_left (name, island_name) suar_site_info`.
- `=` and `=~` on `site`, `island`, `regency`, `village` and `agent` limit what is read from the disk: use them.
- Bounds of one request: 93 days of slots or device readings, 1,100 days of hours, 50,000 series, 5 million
  samples (1 million in the older unstreamed form), 50 seconds. Passing one is an error that says so; Prometheus shows it
  as a warning and answers with what it has itself, so look at warnings. `suar_collector_remote_reads_total` counts
  answers by reason.
- With `external_labels` in Prometheus' own configuration, `filter_external_labels: false` is needed: history
  does not have them.

| name | unit | labels | meaning |
|---|---|---|---|
";

const DOCS_HEAD: &str = "\
# Metrics

What `GET /metrics` of the collector shows. Made from the table in `collector/src/exposition/families.rs`
(`SUAR_RENEW=1 cargo test -p suar-collector --test exposition` renews it); do not edit by hand.

- Values have no timestamps: they are the newest that is known. `suar_site_last_measured_timestamp_seconds`
  says from when. Records that arrive late grow the counters and change nothing else.
- A silent site has no `suar_site_up` and no readings: not heard says nothing about the link. An alert on
  `suar_site_up == 0` therefore never fires for an office that has closed for the day.
- `hours` is `office` or `off` by the site's own office hours and holidays. With several agents at a site
  their slots are added up.
- Counters of slots and echoes are made again from the store when the collector starts; those of the
  collector itself start at zero. Where `keep_months` has deleted a month, the next start makes the former
  smaller, and `increase()` over that moment is too large: reports are not made from these counters.
- Standings and ratios are of the running quarter, computed in the background at most once a minute, never
  during a scrape.
- Whoever asks for OpenMetrics 1.0.0 gets it; the names are the same. Whoever takes gzip gets that.
- `/metrics?scope=CODE` shows the sites of a regency, district, village or island (its code), or one site, with
  their agents, and `/metrics?scope=collector` the families of the collector itself: for a large fleet several jobs
  share the work. An island's counts of sites are then those of the scope: add them up; of its standing and
  availability take the largest.
- Join names to numbers by site: `suar_site_up * on (site) group_left (name, island_name) suar_site_info`.

| name | type | unit | labels | meaning |
|---|---|---|---|---|
";

/// Every file of these folders that speaks to Prometheus, with its text.
fn shipped() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards");
    let mut files = Vec::new();
    for folder in ["id", "en", "rules", "tests"].map(|folder| root.join(folder)) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                files.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(files.len() >= 14, "dashboards, rules and their tests are there");
    files
}

/// The names of ours in a text, each with what follows it.
fn names(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices("suar_").filter_map(|(start, _)| {
        let before = text[..start].chars().next_back();
        let length = text[start..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let (name, rest) = text[start..].split_at(length);
        before
            .is_none_or(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | ':' | '/'))
            .then_some((name, rest))
    })
}

#[test]
fn dashboards_and_rules_use_only_families_of_the_table_and_their_labels() {
    // Names of rule groups, which are no metrics.
    let groups = ["suar_recorded", "suar_islands", "suar_offices", "suar_agents", "suar_collector"];
    let mut used = 0;
    for (file, text) in shipped() {
        for (name, rest) in names(&text).filter(|(name, _)| !groups.contains(name)) {
            let bare = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
            let family =
                (families::ALL.iter().chain(history_families::ALL).find(|family| family.name == name))
                    .or_else(|| families::ALL.iter().find(|family| Some(family.name) == bare))
                    .unwrap_or_else(|| panic!("{file}: {name} is not in the table"));
            used += 1;
            let Some(matchers) = rest.strip_prefix('{').and_then(|rest| rest.split('}').next()) else {
                continue;
            };
            for matcher in matchers.replace("\\\"", "\"").split("\",") {
                let label = matcher.split(['=', '!']).next().unwrap().trim();
                let known = family.labels.contains(&label) || ["job", "instance", "le"].contains(&label);
                assert!(known, "{file}: {name} has no label {label:?}");
            }
        }
    }
    assert!(used > 40, "{used} uses were found");
}
