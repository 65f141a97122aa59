//! Rounds over real sockets, in a network of their own: loopback answers, and everything behind a gateway
//! that nobody has plugged in is lost without a word.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use suar_wire::{Cause, EchoError, EchoMethod, Failure, Note, SlotWidth, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;
use crate::meter::Meter;
use crate::probe::net::System;
use crate::probe::{dns, http};

const KEY: &[u8] = b"key of the online check";
/// Where packets vanish: a cable whose other end takes no notice.
const LOST: [[u8; 4]; 2] = [[10, 99, 7, 7], [10, 99, 7, 8]];
const THERE: [[u8; 4]; 2] = [[127, 0, 0, 2], [127, 0, 0, 3]];
/// In no network that the machine says it is in.
const BEYOND: &str = "192.0.2.80:0";
const BESIDE: &str = "127.0.0.1:0";

/// Runs the test in a thread with a network namespace of its own. Says so loudly where that is forbidden.
fn in_a_network(test: impl AsyncFnOnce() + Send + 'static) {
    let thread = std::thread::spawn(move || {
        // SAFETY: changes the namespace of this thread alone; what it starts inherits it.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            assert!(std::env::var_os("CI").is_none(), "CI must be able to make network namespaces");
            eprintln!("SKIPPED: making a network namespace is not allowed here (root is needed)");
            return;
        }
        for command in [
            "ip link set lo up",
            "ip addr add 192.0.2.80/32 dev lo",
            "ip link add v0 type veth peer name v1",
            "ip addr add 10.99.7.1/24 dev v0",
            "ip link set v0 up",
            "ip link set v1 up",
            "ip -6 addr add 2001:db8:2::2/128 dev lo",
            "ip -6 addr add 2001:db8:7::1/64 dev v0 nodad",
            "ip -6 neigh add 2001:db8:7::7 lladdr 02:00:00:00:00:07 dev v0",
            "ip neigh add 10.99.7.7 lladdr 02:00:00:00:00:07 dev v0",
            "ip neigh add 10.99.7.8 lladdr 02:00:00:00:00:08 dev v0",
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            let done = Command::new(words[0]).args(&words[1..]).status().expect("ip of iproute2");
            assert!(done.success(), "{command}");
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

async fn prober(collector: &str) -> Prober {
    let resolver = UdpSocket::bind("127.0.0.1:0").await.expect("a socket").local_addr().expect("an address");
    // Nobody listens there any more: the office's resolver refuses.
    // `/proc/net` of a thread is that of the whole process: what this network looks like is given as a file.
    let root = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(root.path().join("proc/net")).expect("made");
    let route = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n\
                 v0 0007630A 00000000 0001 0 0 0 00FFFFFF 0 0 0\n";
    std::fs::write(root.path().join("proc/net/route"), route).expect("written");
    let system = System::at(&root.keep());
    Prober::new(collector, [7; 16], KEY.to_vec(), &Meter::default())
        .expect("a prober")
        .with_system(system, resolver)
}

fn plan(targets: [[u8; 4]; 2]) -> Plan {
    Plan {
        targets: targets.map(IpAddr::from).to_vec(),
        public_resolver: IpAddr::from([127, 0, 0, 53]),
        ..Plan::standard()
    }
}

fn window(left: Duration) -> Window {
    let started_at = Instant::now();
    Window { started_at, ends_at: started_at + left }
}

const MINUTE: Duration = Duration::from_secs(50);
const SECOND: Duration = Duration::from_millis(700);
/// Nothing but echoes is due.
const QUIET: Due = Due {
    number: 1,
    asks: Asks { dns: false, dns_public: false, online: false, collector: false },
    clock_wrong: false,
};

fn slot() -> Slot {
    SlotWidth::STANDARD.slot_at(0)
}

/// The collector's online check; returns its address.
async fn online_server(at: &str) -> SocketAddr {
    let listener = TcpListener::bind(at).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 2048];
            let bytes = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..bytes]).into_owned();
            let nonce = request.split("nonce=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("");
            let answer = http::answer_to(nonce, KEY);
            let page = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
            let _ = stream.write_all(page.as_bytes()).await;
        }
    });
    address
}

/// A resolver that answers every question at an address of its own.
async fn resolver_at(address: Ipv4Addr) {
    let socket = UdpSocket::bind((address, dns::PORT)).await.expect("a privileged port of this namespace");
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((bytes, from)) = socket.recv_from(&mut buffer).await {
            let mut answer = buffer[..bytes].to_vec();
            (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
            answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
            let _ = socket.send_to(&answer, from).await;
        }
    });
}

#[test]
fn a_quiet_round_sends_its_echoes_and_nothing_else() {
    in_a_network(async || {
        let plan = Plan { echoes: 3, ..plan(THERE) };
        let round = run(&prober("127.0.0.1:9").await, &plan, slot(), window(MINUTE), QUIET).await;
        assert_eq!((round.verdict, round.note), (Verdict::Up, Note::None), "{round:?}");
        assert_eq!(
            round.echoes.iter().map(|echo| (echo.sent, echo.received())).collect::<Vec<_>>(),
            [(3, 3); 2]
        );
        let asked = [round.dns, round.dns_public, round.online, round.collector];
        assert_eq!(asked, [Outcome::NotSent; 4]);
    });
}

#[test]
fn silence_is_confirmed_inside_the_slot_before_it_is_called_down() {
    in_a_network(async || {
        let round = run(&prober("127.0.0.1:9").await, &plan(LOST), slot(), window(MINUTE), QUIET).await;
        assert_eq!(round.verdict, Verdict::Down(Cause::Internet), "{round:?}");
        assert!(
            round.echoes.iter().all(|echo| (echo.sent, echo.received()) == (2, 0)),
            "asked twice: {round:?}"
        );
        assert!(round.dns.is_failed() && round.dns_public.is_failed() && round.collector.is_failed());
        assert_eq!(round.online, Outcome::NotSent, "the plan has no address for it");
    });
}

#[test]
fn a_slot_without_time_for_a_confirmation_is_judged_by_what_was_sent_in_it() {
    in_a_network(async || {
        let round = run(&prober("127.0.0.1:9").await, &plan(LOST), slot(), window(SECOND), QUIET).await;
        assert_eq!(round.verdict, Verdict::Down(Cause::Internet));
        assert!(round.echoes.iter().all(|echo| echo.sent == 1), "{round:?}");
        assert_eq!(round.dns, Outcome::NotSent);
    });
}

#[test]
fn one_address_that_answers_is_enough_and_needs_no_confirmation() {
    in_a_network(async || {
        let round =
            run(&prober("127.0.0.1:9").await, &plan([LOST[0], THERE[0]]), slot(), window(MINUTE), QUIET)
                .await;
        assert_eq!(round.verdict, Verdict::Up);
        assert_eq!(
            round.echoes.iter().map(|echo| (echo.sent, echo.lost())).collect::<Vec<_>>(),
            [(1, 1), (1, 0)]
        );
    });
}

#[test]
fn a_broken_resolver_is_told_from_a_broken_line() {
    in_a_network(async || {
        resolver_at(Ipv4Addr::new(127, 0, 0, 53)).await;
        let dns_due = Due { number: 5, asks: Asks { dns: true, ..Asks::default() }, ..QUIET };
        let round = run(&prober("127.0.0.1:9").await, &plan(THERE), slot(), window(MINUTE), dns_due).await;
        assert_eq!(round.dns, Outcome::Failed(Failure::Refused));
        assert!(round.dns_public.is_ok(), "asked because the other failed: {round:?}");
        assert_eq!(round.verdict, Verdict::Down(Cause::Dns));
    });
}

#[test]
fn a_slot_too_short_for_a_second_question_asks_both_at_once() {
    assert!(!window(TIMEOUT * 3).is_short());
    assert!(
        window(TIMEOUT * 2).is_short(),
        "a resolver that is silent takes the first half, and a moment more"
    );
}

#[test]
fn blocked_pings_are_no_outage_and_are_replaced_by_tcp_after_three_rounds() {
    in_a_network(async || {
        let online = online_server(BEYOND).await;
        let plan = Plan { online_url: Some(format!("http://{online}/v1/online")), ..plan(LOST) };
        let prober = prober(&online.to_string()).await;
        for _ in 0..3 {
            let round = run(&prober, &plan, slot(), window(MINUTE), QUIET).await;
            assert_eq!(round.verdict, Verdict::Up, "{round:?}");
            assert!(round.online.is_ok() && round.echoes.iter().all(|echo| echo.method == EchoMethod::Icmp));
        }
        let round = run(&prober, &plan, slot(), window(MINUTE), QUIET).await;
        assert_eq!((round.verdict, round.note), (Verdict::Up, Note::IcmpUnavailable), "{round:?}");
        let [echo] = round.echoes.as_slice() else { panic!("one connection: {round:?}") };
        assert_eq!((echo.method, echo.target, echo.received()), (EchoMethod::TcpConnect, online.ip(), 1));
        let again = Due { number: 15, ..QUIET };
        let round = run(&prober, &plan, slot(), window(MINUTE), again).await;
        assert!(round.echoes.iter().all(|echo| echo.method == EchoMethod::Icmp), "tried again: {round:?}");
    });
}

#[test]
fn a_collector_beside_the_agent_answers_and_the_internet_is_down_all_the_same() {
    in_a_network(async || {
        let online = online_server(BESIDE).await;
        let plan = Plan { online_url: Some(format!("http://{online}/v1/online")), ..plan(LOST) };
        let prober = prober(&online.to_string()).await;
        let round = run(&prober, &plan, slot(), window(MINUTE), QUIET).await;
        assert!(round.online.is_ok(), "{round:?}");
        assert_eq!(round.verdict, Verdict::Down(Cause::Internet), "{round:?}");

        let round = run(
            &prober,
            &Plan { targets: THERE.map(IpAddr::from).to_vec(), ..plan },
            slot(),
            window(MINUTE),
            QUIET,
        )
        .await;
        assert_eq!(round.verdict, Verdict::Up, "{round:?}");
    });
}

#[test]
fn addresses_of_ipv6_are_measured_like_those_of_ipv4() {
    in_a_network(async || {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let there = [address("2001:db8:2::2"), address("::1")];
        let lost = address("2001:db8:7::7");
        let prober = prober("127.0.0.1:9").await;
        let targets = vec![there[0], lost, there[1]];
        let mixed = Plan { targets, echoes: 3, ..plan(LOST) };
        let round = run(&prober, &mixed, slot(), window(MINUTE), QUIET).await;
        assert_eq!(round.verdict, Verdict::Up, "{round:?}");
        let counts: Vec<_> =
            round.echoes.iter().map(|e| (e.target, e.method, e.sent, e.received())).collect();
        let icmp = |target, received| (target, EchoMethod::Icmp, 3, received);
        assert_eq!(counts, [icmp(there[0], 3), icmp(lost, 0), icmp(there[1], 3)]);

        let alone = Plan { targets: vec![lost], ..plan(LOST) };
        let round = run(&prober, &alone, slot(), window(MINUTE), QUIET).await;
        assert_eq!(round.verdict, Verdict::Down(Cause::Internet), "{round:?}");
    });
}

#[test]
fn packets_that_cannot_leave_are_not_counted_as_sent_and_are_no_network() {
    in_a_network(async || {
        let nowhere = [[203, 0, 113, 1], [203, 0, 113, 2]];
        let round = run(&prober("203.0.113.1:9").await, &plan(nowhere), slot(), window(MINUTE), QUIET).await;
        assert!(!round.verdict.is_up(), "{round:?}");
        for echo in &round.echoes {
            assert_eq!((echo.sent, echo.error), (0, Some(EchoError::Unsendable)));
        }
    });
}

#[test]
fn a_connection_that_the_slot_cut_short_says_nothing() {
    let short = Duration::from_millis(300);
    let timeout = Outcome::Failed(Failure::Timeout);
    assert_eq!(cut_short(timeout, short), Outcome::NotSent);
    assert_eq!(cut_short(timeout, TIMEOUT), timeout);
    let refused = Outcome::Failed(Failure::Refused);
    assert_eq!(cut_short(refused, short), refused);
}
