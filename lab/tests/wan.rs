//! The emulator against tools that know nothing of it: fping's clock, nftables' counters.

use std::time::Duration;

use suar_lab::netns::{Namespace, can_run_here};
use suar_lab::seed::printed_seed;
use suar_lab::wan::{Conditions, DEVICE, Direction, Loss, Wan};

/// Bytes of an echo as IP sees it with fping's default payload: 20 + 8 + 56.
const ECHO_BYTES: u64 = 84;

/// Two hosts and the link between them, nothing else.
struct Line {
    wan: Wan,
    office: Namespace,
    internet: Namespace,
}

impl Line {
    fn new() -> Self {
        let seed = printed_seed("line");
        let office = Namespace::create("office").expect("a namespace");
        let internet = Namespace::create("internet").expect("a namespace");
        let wan = Wan::between(&office, &internet, DEVICE, seed).expect("a link");
        office
            .ip(&["address", "add", "100.64.0.2", "peer", "100.64.0.1", "dev", DEVICE])
            .expect("an address");
        internet
            .ip(&["address", "add", "100.64.0.1", "peer", "100.64.0.2", "dev", DEVICE])
            .expect("an address");
        Self { wan, office, internet }
    }

    /// Round trips in milliseconds as fping saw them; `None` is a lost one.
    fn fping(&self, count: u32, period_ms: u32) -> Vec<Option<f64>> {
        let (count, period) = (count.to_string(), period_ms.to_string());
        // In count mode fping waits for a reply no longer than the period unless it is told to.
        let mut fping = self.office.command("fping");
        fping.args(["-q", "-C", &count, "-p", &period, "-t", "3000", "100.64.0.1"]);
        let output = fping.output().expect("fping runs");
        // fping ends with 1 when replies are missing, and prints the times on standard error.
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let times = said.split_once(" : ").unwrap_or_else(|| panic!("fping said {said:?}")).1;
        times.split_whitespace().map(|time| time.parse().ok()).collect()
    }
}

#[test]
fn round_trips_are_what_was_set_within_a_millisecond_and_two_percent() {
    if !can_run_here("round trips through the emulator") {
        return;
    }
    let line = Line::new();
    for rtt_ms in [20, 120, 600u32] {
        line.wan.set_both(&Conditions::delayed(Duration::from_micros(u64::from(rtt_ms) * 500)));
        let mut times: Vec<f64> =
            line.fping(11, 30).into_iter().map(|time| time.expect("no loss is set")).collect();
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[times.len() / 2]);
        let set = f64::from(rtt_ms);
        assert!(least >= set - 0.05, "{least} ms is faster than the {set} ms that were set");
        assert!((median - set).abs() <= 1.0 + 0.02 * set, "median {median} ms, set {set} ms, all {times:?}");
    }
}

#[test]
fn counters_equal_what_fping_sent_and_what_the_kernel_counted() {
    if !can_run_here("byte counters of the emulator") {
        return;
    }
    let line = Line::new();
    line.internet
        .exec("nft", &["add table ip count; add chain ip count in { type filter hook input priority 0; }; add rule ip count in ip protocol icmp counter"])
        .expect("an nftables counter");
    line.wan.set_both(&Conditions::delayed(Duration::from_millis(2)));
    assert!(line.fping(50, 10).iter().all(Option::is_some));
    for direction in [Direction::Up, Direction::Down] {
        let counted = line.wan.counters(direction);
        assert_eq!((counted.offered.packets, counted.offered.bytes), (50, 50 * ECHO_BYTES), "{direction:?}");
        assert_eq!(counted.delivered, counted.offered, "{direction:?}");
    }
    let kernel = line.internet.exec("nft", &["list table ip count"]).expect("the counter");
    assert!(kernel.contains(&format!("packets 50 bytes {}", 50 * ECHO_BYTES)), "{kernel}");
}

#[test]
fn the_kernel_loses_exactly_three_of_ten() {
    if !can_run_here("exact loss by nftables") {
        return;
    }
    let line = Line::new();
    line.internet
        .exec("nft", &["add table ip lose; add chain ip lose in { type filter hook input priority 0; }; add rule ip lose in ip protocol icmp numgen inc mod 10 < 3 drop"])
        .expect("exact loss");
    let lost = line.fping(50, 10).iter().filter(|time| time.is_none()).count();
    assert_eq!(lost, 15);
    assert_eq!(line.wan.counters(Direction::Up).delivered.packets, 50);
    assert_eq!(line.wan.counters(Direction::Down).offered.packets, 35);
}

#[test]
fn the_emulator_loses_exactly_what_it_was_told_and_a_block_loses_all() {
    if !can_run_here("exact loss by the emulator") {
        return;
    }
    let line = Line::new();
    line.wan.set(Direction::Up, Conditions { loss: Loss::Exact { lost: 1, of: 5 }, ..Conditions::default() });
    let times = line.fping(20, 10);
    let lost: Vec<usize> = (0..20).filter(|place| times[*place].is_none()).collect();
    assert_eq!(lost, vec![0, 5, 10, 15]);
    line.wan.set_blocked(true);
    assert!(line.fping(3, 10).iter().all(Option::is_none));
    assert_eq!(line.wan.counters(Direction::Up).blocked.packets, 3);
    line.wan.set_both(&Conditions::default());
    assert!(line.fping(3, 10).iter().all(Option::is_some));
}
