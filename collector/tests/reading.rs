//! What readers see, from a real store: the metrics page, the JSON interface, and both after a restart.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic like the tests themselves")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use suar_collector::board::{Board, Options, Pace};
use suar_collector::calendar::{Holidays, OfficeHours, TimeZone};
use suar_collector::coverage::Rules;
use suar_collector::exposition::{Format, Own};
use suar_collector::http::{api, metrics};
use suar_collector::ingest::{Accepted, IngestCounters, Room, Submission};
use suar_collector::region;
use suar_collector::registry::{LinkKind, Papers, Site, SiteKind};
use suar_collector::store::admin::Admin;
use suar_collector::store::joining::Joining;
use suar_collector::store::schema;
use suar_collector::store::writer::{Job, Shared, ToLive, Writer};
use suar_collector::wall_clock::now_ms;
use suar_wire::outcome::EchoMethod;
use suar_wire::push::Clock;
use suar_wire::record::Round;
use suar_wire::{
    AgentId, Body, BootId, Cause, Echo, Epoch, Note, Outcome, Plan, Push, Record, SiteCode, SlotWidth, Stamp,
    Verdict,
};
use tokio::sync::{mpsc, oneshot};
use tower::ServiceExt;

const MINUTE_MS: i64 = 60_000;
const BOOT: BootId = BootId([7; 16]);
const SELIU: &str = "19.02.02.2009";
const SUMEDANG: &str = "19.02.02.2010";

fn code(text: &str) -> SiteCode {
    text.parse().unwrap()
}

fn site(village: &str, island: &str) -> Site {
    Site {
        code: code(village),
        name: format!("Kantor Desa \"{village}\""),
        kind: SiteKind::VillageOffice,
        village: village.to_owned(),
        island: island.to_owned(),
        point: None,
        link: LinkKind::GeoSatellite,
        provider: "Bakti".to_owned(),
        time_zone: TimeZone::Wib,
        hours: OfficeHours::always(),
        power_hours: None,
        allowance_mib: None,
        metered: None,
        subscribed_download_kbps: None,
        subscribed_upload_kbps: None,
        measured_from: None,
        papers: Papers { contact: "0812 RAHASIA".to_owned(), ..Papers::default() },
    }
}

/// A collector's data directory with its writer, as the server has it.
struct Collector {
    data: tempfile::TempDir,
    writer: Writer,
    accepted: mpsc::Receiver<Accepted>,
    own: Own,
    now_ms: i64,
}

impl Collector {
    fn new() -> Self {
        let now_ms = now_ms();
        let data = tempfile::tempdir().unwrap();
        schema::create(data.path()).unwrap();
        let mut admin = Admin::open(data.path()).unwrap();
        let sites = [site(SELIU, "19.02.40141"), site(SUMEDANG, "19.02.40142")];
        admin.put_sites(&sites, now_ms - 3 * 3_600_000).unwrap();
        let own = Own::new(now_ms);
        let (sender, accepted) = mpsc::channel(16);
        let shared = Shared {
            counters: Arc::new(IngestCounters::new(own.clone())),
            plan: Plan::standard(),
            witnesses: Arc::default(),
            live: Some(ToLive { accepted: sender, counted_row: 0 }),
        };
        let writer = Writer::open(data.path(), shared).unwrap();
        Self { data, writer, accepted, own, now_ms }
    }

    fn join(&self, who: u8, site: &str) {
        let mut admin = Admin::open(self.data.path()).unwrap();
        admin.put_join_code([who; 32], &code(site), self.now_ms, 1).unwrap();
        let joining = Joining {
            secret_hash: [who; 32],
            attempt_hash: None,
            site: code(site),
            agent: AgentId([who; 16]),
            token_hash: [who; 32],
            agent_version: "0.1.0".to_owned(),
            system: "linux x86_64".to_owned(),
            now_ms: self.now_ms - 2 * 3_600_000,
        };
        admin.join(&joining).unwrap();
    }

    /// One push of the slots that ended `first_ago` minutes ago and after, received `received_ago_ms` ago.
    fn push(
        &mut self,
        who: u8,
        site: &str,
        sequence: u64,
        first_ago: i64,
        verdicts: &[Verdict],
        received_ago_ms: i64,
    ) -> Accepted {
        let received_ms = self.now_ms - received_ago_ms;
        let boot_at_ms = self.now_ms - 10 * 3_600_000;
        let records = (sequence..)
            .zip(verdicts)
            .map(|(sequence, verdict)| {
                let ago = first_ago - (sequence as i64 - 1) % 1_000;
                let slot = SlotWidth::STANDARD.slot_at(received_ms - ago * MINUTE_MS);
                round(sequence, slot.start_ms() + 20_000, boot_at_ms, *verdict)
            })
            .collect();
        let clock = Clock {
            boot: BOOT,
            boot_ms: (received_ms - boot_at_ms) as u64,
            wall_ms: received_ms,
            last_exchange_ms: Some(600),
        };
        let agent = AgentId([who; 16]);
        let push = Push { agent, epoch: Epoch([who; 8]), plan_version: 1, clock, records };
        let joined_ms = self.now_ms - 2 * 3_600_000;
        let submission = Submission { agent, site: code(site), joined_ms, received_ms, push };
        let (answer, mut receipt) = oneshot::channel();
        self.writer.commit(vec![Job::Push(Box::new(submission), Room::unbounded(), answer)]);
        receipt.try_recv().unwrap().unwrap();
        self.accepted.try_recv().unwrap()
    }

    fn board(&self) -> Arc<Board> {
        let options = Options {
            data: self.data.path().to_owned(),
            region: region::builtin("19").unwrap(),
            rules: Rules::default(),
            holidays: Holidays::national(),
            push_seconds: 300,
            own: self.own.clone(),
        };
        Arc::new(Board::open(options, self.now_ms).unwrap().0)
    }
}

fn round(sequence: u64, at_ms: i64, boot_at_ms: i64, verdict: Verdict) -> Record {
    let stamp = Stamp { boot: BOOT, boot_ms: (at_ms - boot_at_ms) as u64, wall_ms: at_ms };
    let echo = Echo {
        target: [9, 9, 9, 9].into(),
        method: EchoMethod::Icmp,
        sent: 1,
        late: 0,
        duplicates: 0,
        error: None,
        // Some are lost while the link is up.
        rtt_us: if verdict.is_up() && !sequence.is_multiple_of(9) { vec![610_000] } else { vec![] },
    };
    let body = Body::Round(Round {
        slot: SlotWidth::STANDARD.slot_at(at_ms),
        verdict,
        note: Note::None,
        gateway: Outcome::Ok { elapsed_us: 500 },
        dns: Outcome::NotSent,
        dns_public: Outcome::NotSent,
        online: Outcome::NotSent,
        collector: Outcome::NotSent,
        echoes: vec![echo],
    });
    Record { sequence, stamp, body }
}

fn verdicts(up: usize, down: usize, up_again: usize) -> Vec<Verdict> {
    let down = std::iter::repeat_n(Verdict::Down(Cause::Internet), down);
    std::iter::repeat_n(Verdict::Up, up)
        .chain(down)
        .chain(std::iter::repeat_n(Verdict::Up, up_again))
        .collect()
}

fn routes(board: &Arc<Board>) -> Router {
    metrics::routes(Arc::clone(board)).merge(api::routes(Arc::clone(board)))
}

fn get(board: &Arc<Board>, path: &str) -> (StatusCode, String, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let request = Request::get(path).body(HttpBody::empty()).unwrap();
        let answer = routes(board).oneshot(request).await.unwrap();
        let status = answer.status();
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
        (status, kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    })
}

fn json(board: &Arc<Board>, path: &str) -> Value {
    let (status, _, body) = get(board, path);
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Two offices: one measured for an hour with an outage in it, one silent since an hour.
fn two_offices() -> (Collector, Arc<Board>) {
    let mut collector = Collector::new();
    collector.join(1, SELIU);
    collector.join(2, SUMEDANG);
    let board = collector.board();
    let silent = collector.push(2, SUMEDANG, 1, 20, &verdicts(10, 0, 0), 3_600_000);
    board.take(&[silent], collector.now_ms - 3_600_000);
    let newest = collector.push(1, SELIU, 1_021, 40, &verdicts(0, 0, 20), 0);
    board.take(&[newest], collector.now_ms);
    let backlog = collector.push(1, SELIU, 1, 60, &verdicts(10, 10, 0), 0);
    board.take(&[backlog], collector.now_ms);
    board.judge(collector.now_ms).unwrap();
    (collector, board)
}

#[test]
fn whoever_looks_keeps_what_was_seen_and_keeps_no_push_waiting() {
    let (collector, board) = two_offices();
    let code: SiteCode = SELIU.parse().unwrap();
    let seen = board.live();
    let before = seen.site(&code).unwrap().clone();
    let next = Accepted {
        site: code.clone(),
        agent: AgentId([1; 16]),
        plan_version: before.agents[&AgentId([1; 16])].plan_version + 1,
        plan_is_right: true,
        clock_offset_ms: None,
        carried: false,
        records: Vec::new(),
    };
    // Taken while `seen` is held: nothing has to be given back first.
    board.take(&[next], collector.now_ms);
    assert_eq!(seen.site(&code), Some(&before));
    assert_ne!(board.live().site(&code), Some(&before));
    let other = SUMEDANG.parse().unwrap();
    assert!(
        std::ptr::eq(seen.site(&other).unwrap(), board.live().site(&other).unwrap()),
        "shared while unchanged"
    );
}

/// The lines of a page that say something about sites, without the time of judging.
fn about_sites(page: &str) -> Vec<&str> {
    page.lines().filter(|line| line.starts_with("suar_site_") || line.starts_with("suar_island_")).collect()
}

#[test]
fn the_metrics_page_tells_what_was_pushed() {
    let (_collector, board) = two_offices();
    let (status, kind, page) = get(&board, "/metrics");
    assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "suar_site_up{site=\"19.02.02.2009\"} 1",
        "suar_site_state{site=\"19.02.02.2010\",state=\"silent\"} 1",
        "suar_site_slots_total{site=\"19.02.02.2009\",state=\"up\",hours=\"office\"} 30",
        "suar_site_slots_total{site=\"19.02.02.2009\",state=\"down\",hours=\"office\"} 10",
        "suar_site_echoes_total{site=\"19.02.02.2009\",outcome=\"lost\"} 3",
        "suar_island_sites{island=\"19.02.40142\",island_name=\"Pulau Semedang\",state=\"silent\"} 1",
        "suar_collector_records_total{kind=\"round\"} 50",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
    }
    assert!(!page.contains("suar_site_up{site=\"19.02.02.2010\"}"), "a silent office is not down");
}

/// The names of series on a page that begin like this, with their labels.
fn series_of(page: &str, begin: &str) -> BTreeSet<String> {
    let lines = page.lines().filter(|line| line.starts_with(begin));
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

#[test]
fn a_scope_shows_its_own_sites_and_the_scopes_together_show_the_whole_page() {
    let (_collector, board) = two_offices();
    let page = |path: &str| {
        let (status, _, page) = get(&board, path);
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
        page
    };
    let whole = page("/metrics");
    let seliu = page(&format!("/metrics?scope={SELIU}"));
    assert!(seliu.contains("suar_site_up{site=\"19.02.02.2009\"} 1") && !seliu.contains("19.02.02.2010"));
    assert!(!seliu.contains("suar_collector_"), "several jobs read scopes; one reads the collector's health");
    let own = page("/metrics?scope=collector");
    assert!(own.contains("suar_collector_records_total") && !own.contains("suar_site_"));
    let mut together = series_of(&own, "suar_");
    let sites = series_of(&whole, "suar_site_info").len();
    assert_eq!(
        series_of(&page("/metrics?scope=19.02"), "suar_site_info").len(),
        sites,
        "all are in Belitung"
    );
    for place in [SELIU, SUMEDANG, "19.02.03.2001"] {
        together.extend(series_of(&page(&format!("/metrics?scope={place}")), "suar_"));
    }
    assert_eq!(together, series_of(&whole, "suar_"));
    for wrong in ["/metrics?scope=99.99", "/metrics?scope=", "/metrics?Scope=19.02"] {
        let (status, kind, said) = get(&board, wrong);
        assert_eq!((status, kind.as_str()), (StatusCode::BAD_REQUEST, "application/json"), "{wrong}: {said}");
        assert!(said.contains("scope"), "{said}");
    }
}

#[test]
fn the_page_comes_as_openmetrics_and_packed_when_that_is_asked_for() {
    let (_collector, board) = two_offices();
    let ask = |name: &str, value: &str| {
        let request = Request::get("/metrics").header(name, value).body(HttpBody::empty()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let answer = metrics::routes(Arc::clone(&board)).oneshot(request).await.unwrap();
            let headers = answer.headers().clone();
            let body = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
            (headers, body.to_vec())
        })
    };
    let (headers, body) = ask("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    assert_eq!(headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(body.ends_with(b"# EOF\n"));
    let (headers, packed) = ask("accept-encoding", "gzip, deflate");
    assert_eq!(headers["content-encoding"], "gzip");
    let mut page = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*packed), &mut page).unwrap();
    // Not the values: a second may have passed, and silence grows.
    assert_eq!(series_of(&page, "suar_"), series_of(&get(&board, "/metrics").2, "suar_"));
    assert!(packed.len() * 2 < page.len(), "{} of {}", packed.len(), page.len());
}

fn page_of(board: &Board, now_ms: i64) -> String {
    String::from_utf8(board.metrics(now_ms, None, Format::Prometheus, false).unwrap()).unwrap()
}

#[test]
fn after_a_restart_the_page_says_the_same_of_every_site() {
    let (collector, board) = two_offices();
    let again = collector.board();
    again.judge(collector.now_ms).unwrap();
    let page = |board: &Board| page_of(board, collector.now_ms);
    let (before, after) = (page(&board), page(&again));
    assert_eq!(about_sites(&before), about_sites(&after));
}

#[test]
fn sites_tell_their_state_and_one_site_its_agents() {
    let (_collector, board) = two_offices();
    let sites = json(&board, "/api/sites");
    let states: Vec<_> = sites["sites"].as_array().unwrap().iter().map(|site| &site["state"]).collect();
    assert_eq!(states, ["up", "silent"]);
    assert_eq!(sites["sites"][0]["island_name"], "Pulau Seliuk");
    let one = json(&board, "/api/sites/19.02.02.2009");
    assert_eq!(one["agents"][0]["verdict"], "up");
    assert_eq!(one["agents"][0]["clock_offset_ms"], 300);
    assert_eq!(one["agents"][0]["rtts"][0]["rtt_us"], 610_000);
    assert_eq!(one["counters"]["slots_office_hours"]["down"], 10);
    for path in ["/api/sites", "/api/sites/19.02.02.2009", "/api/coverage", "/metrics"] {
        let (status, _, body) = get(&board, path);
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!body.contains("RAHASIA"), "{path} shows whom to call");
    }
    let (status, _, body) = get(&board, "/api/sites/19.99");
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body.contains("no site has the code"), "{body}");
}

#[test]
fn islands_tell_how_many_offices_stand_how_and_which_islands_are_outside() {
    let (_collector, board) = two_offices();
    let answer = json(&board, "/api/islands");
    let seliu =
        answer["islands"].as_array().unwrap().iter().find(|island| island["code"] == "19.02.40141").unwrap();
    assert_eq!(seliu["standing"], "not_assessable", "an hour is no quarter");
    assert_eq!(seliu["summary"]["id"], "0 dari 1 kantor punya cukup data");
    assert_eq!(seliu["offices_now"]["up"], 1);
    assert!(seliu["latitude"].as_f64().unwrap() < -3.0);
    assert!(!answer["outside"].as_array().unwrap().is_empty());
}

#[test]
fn coverage_and_reports_are_judged_for_the_period_and_scope_that_was_asked_for() {
    let (collector, board) = two_offices();
    let coverage = json(&board, &format!("/api/coverage?scope={SELIU}"));
    assert_eq!(coverage["sites"].as_array().unwrap().len(), 1);
    let from_s = coverage["period"]["start_s"].as_i64().unwrap();
    if from_s * 1000 < collector.now_ms - 2 * 3_600_000 {
        assert_eq!(coverage["sites"][0]["down_s"], 600);
        assert_eq!(coverage["sites"][0]["up_s"], 1_800);
    }
    for (query, kind, words) in [
        ("", "text/markdown; charset=utf-8", "Pulau Seliuk"),
        ("?lang=en&format=md", "text/markdown; charset=utf-8", "Pulau Seliuk"),
        ("?format=csv", "text/csv; charset=utf-8", SELIU),
        ("?format=json", "application/json", "input_sha256"),
    ] {
        let (status, found, body) = get(&board, &format!("/api/report{query}"));
        assert_eq!((status, found.as_str()), (StatusCode::OK, kind), "{body}");
        assert!(body.contains(words), "{query}: {body}");
    }
}

#[test]
fn a_wrong_question_is_answered_with_what_would_be_right() {
    let (_collector, board) = two_offices();
    for (path, words) in [
        ("/api/report?format=exe", "md, csv, json"),
        ("/api/report?lang=fr", "id or en"),
        ("/api/report?format=md&language=id", "period, scope"),
        ("/api/coverage?period=yesterday", "yesterday"),
        ("/api/coverage?period=2020-01-01..2025-12-31", "at most 1100"),
        ("/api/coverage?scope=99.99", "99.99"),
    ] {
        let (status, kind, body) = get(&board, path);
        assert_eq!((status, kind.as_str()), (StatusCode::BAD_REQUEST, "application/json"), "{path}: {body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["error"], "bad_request");
        assert!(answer["message"].as_str().unwrap().contains(words), "{path}: {body}");
    }
}

#[test]
fn a_site_made_by_the_command_line_appears_and_a_revoked_agent_is_forgotten() {
    let (collector, board) = two_offices();
    let mut admin = Admin::open(collector.data.path()).unwrap();
    admin.put_sites(&[site("19.02.03.2001", "19.02.40114")], collector.now_ms).unwrap();
    admin.revoke(AgentId([1; 16]), collector.now_ms).unwrap();
    board.refresh(collector.now_ms).unwrap();
    let sites = json(&board, "/api/sites");
    let states: Vec<_> = sites["sites"].as_array().unwrap().iter().map(|site| &site["state"]).collect();
    assert_eq!(states, ["never_heard", "silent", "never_heard"]);
    let page = page_of(&board, collector.now_ms);
    let counted = "suar_site_slots_total{site=\"19.02.02.2009\",state=\"up\",hours=\"office\"} 30";
    assert!(page.contains(counted), "what a revoked agent measured stays true");
    assert!(Path::new(collector.data.path()).join("suar.db").exists());
}

#[test]
fn the_background_counts_the_first_push_of_a_site_that_was_just_made_and_judges_by_itself() {
    let mut collector = Collector::new();
    let board = collector.board();
    let mut admin = Admin::open(collector.data.path()).unwrap();
    admin.put_sites(&[site("19.02.03.2001", "19.02.40114")], collector.now_ms - 3 * 3_600_000).unwrap();
    collector.join(3, "19.02.03.2001");
    let first = collector.push(3, "19.02.03.2001", 1, 10, &verdicts(5, 0, 0), 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (accepted, waiting) = mpsc::channel(4);
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let second = std::time::Duration::from_secs(1);
        let pace = Pace { refresh: 60 * second, judge: second / 10, judge_anyway: 600 * second };
        let work = tokio::spawn(suar_collector::board::run(Arc::clone(&board), waiting, pace, stopped));
        accepted.send(first).await.unwrap();
        let counted = "suar_site_slots_total{site=\"19.02.03.2001\",state=\"up\",hours=\"office\"} 5";
        let judged = "suar_site_standing{site=\"19.02.03.2001\",standing=\"not_enough_data\"} 1";
        let deadline = std::time::Instant::now() + 30 * second;
        loop {
            let page = page_of(&board, now_ms());
            if page.contains(counted) && page.contains(judged) {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "last seen:\n{page}");
            tokio::task::yield_now().await;
        }
        stop.send(true).unwrap();
        work.await.unwrap();
    });
}
