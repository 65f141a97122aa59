//! A small server has the program; the golden one of the wire is signed for `linux-x86_64`.

use std::sync::Mutex;

use suar_wire::release::{self, Digest, Key, PIECE_BYTES, Release};
use tempfile::TempDir;

use super::*;
use crate::meter::Meter;
use crate::program::shelf::Shelf;
use crate::uplink::client::Client;
use crate::uplink::tests::server::{Reply, Server};

const PROGRAM: &[u8] = include_bytes!("../../../wire/tests/golden/release/program");
const SIGNATURE: &[u8] = include_bytes!("../../../wire/tests/golden/release/program.minisig");

fn key() -> Key {
    include_str!("../../../wire/tests/golden/release/key").trim().parse().expect("a key")
}

/// Hands out this program; the requests whose numbers are named are left without an answer.
async fn server(program: Vec<u8>, lost: &'static [usize]) -> Server {
    let count = Mutex::new(0);
    Server::start(move |request| {
        let mut count = count.lock().expect("nobody panics with it");
        *count += 1;
        if lost.contains(&*count) {
            return Reply::Close;
        }
        if request.head.lines().next().is_some_and(|line| line.contains("/signature ")) {
            return Reply::Answer(200, "", SIGNATURE.to_vec());
        }
        let range = request.head.lines().find_map(|line| line.strip_prefix("range: bytes="));
        let from: usize = range.and_then(|range| range.strip_suffix('-')?.parse().ok()).expect("a range");
        let until = (from + PIECE_BYTES as usize).min(program.len());
        Reply::Answer(206, "", program[from..until].to_vec())
    })
    .await
}

fn updates(server: &Server, state: &TempDir, meter: &Meter) -> Updates {
    let token = "correct-horse".to_owned().try_into().expect("a token");
    let source = Source {
        shelf: Shelf::new(state.path(), key(), target()),
        client: Client::new(&server.address, server.fingerprint, &token, meter).expect("a client"),
        config_file: state.path().join("agent.toml"),
        installed: own_version(),
    };
    Updates::new(Some(source))
}

fn plan(version: &str, program: &[u8]) -> Plan {
    let file = OfferedFile { target: target(), bytes: program.len() as u64, digest: Digest::of(program) };
    let version = version.parse().expect("a version");
    Plan { program: Some(Offer { version, older: false, files: vec![file] }), ..Plan::standard() }
}

/// Goes on until there is news, without waiting for its turn.
async fn news(updates: &mut Updates, plan: &Plan, steps_max: usize) -> Option<News> {
    for _ in 0..steps_max {
        updates.not_before = Some(Instant::now());
        let mut news = updates.start_due(plan, |_| true);
        if updates.under_way.is_some() {
            news = updates.ended().await;
        }
        if news.is_some() {
            return news;
        }
    }
    None
}

fn ranges(server: &Server) -> Vec<u64> {
    let of = |head: &str| {
        let range = head.lines().find_map(|line| line.strip_prefix("range: bytes="))?;
        range.strip_suffix('-')?.parse().ok()
    };
    server.requests().iter().filter_map(|request| of(&request.head)).collect()
}

#[tokio::test]
async fn a_program_is_fetched_in_pieces_that_a_lost_line_and_a_restart_do_not_bring_twice_but_one() {
    let program: Vec<u8> = (0..3 * PIECE_BYTES + 5).map(|byte| byte as u8).collect();
    let plan = plan("9.9.9", &program);
    let (state, meter) = (TempDir::new().expect("a directory"), Meter::default());
    // The third request is the one for the second piece.
    let server = server(program.clone(), &[3]).await;
    let mut first = updates(&server, &state, &meter);
    assert_eq!(news(&mut first, &plan, 4).await, None);
    drop(first);
    let mut second = updates(&server, &state, &meter);
    // It is not what was signed; that is found out when all of it is here, twice.
    let refused = news(&mut second, &plan, 30).await;
    assert_eq!(refused, Some(News::Refused("9.9.9: its signature is not right".to_owned())));
    let piece = PIECE_BYTES;
    let all = [0, piece, 2 * piece, 3 * piece];
    let expected = [&[0, piece, piece], &[piece][..], &all[2..], &all].concat();
    assert_eq!(ranges(&server), expected);
    assert_eq!(news(&mut second, &plan, 3).await, None, "said once, and not asked for again");
    assert_eq!(ranges(&server), expected);

    let so_far = meter.so_far();
    let update = so_far.get(&suar_wire::Purpose::Update).expect("counted as what it is");
    assert!(update.received > 2 * program.len() as u64, "{so_far:?}");
    assert_eq!(so_far.len(), 1, "{so_far:?}");
    let release = Release { version: "9.9.9".parse().expect("a version"), target: target() };
    let asks_right = |head: &str| head.starts_with(&format!("get {}", release::path(&release)));
    assert!(server.requests().iter().all(|request| asks_right(&request.head)));
    assert!(
        server.requests().iter().all(|request| request.head.contains("authorization: bearer correct-horse"))
    );
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[tokio::test]
async fn a_program_with_a_right_signature_is_news_when_it_has_passed_its_test() {
    let state = TempDir::new().expect("a directory");
    let server = server(PROGRAM.to_vec(), &[]).await;
    let plan = plan("9.9.9", PROGRAM);
    let mut updates = updates(&server, &state, &Meter::default());
    let Some(News::Next(Next::Try(build))) = news(&mut updates, &plan, 9).await else {
        panic!("it says its name and ends well");
    };
    assert_eq!((build.version.to_string().as_str(), build.digest), ("9.9.9", Digest::of(PROGRAM)));
}

#[tokio::test]
async fn nothing_is_fetched_that_is_not_wanted_or_that_the_allowance_does_not_allow() {
    let state = TempDir::new().expect("a directory");
    let server = server(PROGRAM.to_vec(), &[]).await;
    let mut updates = updates(&server, &state, &Meter::default());
    let (newer, older) = (plan("9.9.9", PROGRAM), plan("0.0.1", PROGRAM));
    assert_eq!(updates.due_in(&newer), None, "the collector was not reached yet");
    updates.reached();
    assert_eq!(updates.due_in(&newer), Some(Duration::ZERO));
    assert_eq!(updates.due_in(&Plan::standard()), None);
    assert_eq!(updates.due_in(&older), None);
    let mut closed = Updates::new(None);
    closed.reached();
    assert_eq!(closed.due_in(&newer), None, "this agent takes no programs");
    let mut asked = 0;
    assert_eq!(
        updates.start_due(&newer, |bytes| {
            asked = bytes;
            false
        }),
        None
    );
    assert_eq!((asked, updates.under_way.is_some()), (PROGRAM.len() as u64, false));
    assert!(updates.due_in(&newer) > Some(Duration::from_secs(1)), "and not asked again at once");

    let mut elsewhere = newer.clone();
    let offer = elsewhere.program.as_mut().expect("an offer");
    offer.files[0].target = "plan9-mips".to_owned();
    updates.not_before = Some(Instant::now());
    let refused = updates.start_due(&elsewhere, |_| true);
    assert_eq!(refused, Some(News::Refused(format!("9.9.9: there is none for {}", target()))));
    assert!(server.requests().is_empty());
}
