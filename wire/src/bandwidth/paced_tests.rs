//! A synthetic line whose rate is known.

use super::*;
use crate::bandwidth::WORTH_SECONDS_MAX;
use crate::bandwidth::messages::Sent;

const MBIT: u64 = 1_000_000;

/// A line that takes what is sent into a queue and lets it out at its rate; every `lose`th packet is lost.
fn line(round: Round, line_bps: u64, queue_us: u64, lose: u32) -> (Sent, Seen) {
    let packet = packet_bytes(false);
    let packets = round.packets(packet);
    let mut arrivals = Arrivals::expecting(round, packet);
    let line_us = packet as f64 * 8e6 / line_bps as f64;
    let mut free_us = 0.0_f64;
    for number in 0..packets {
        let at_us = f64::from(number) * packet as f64 * 8e6 / round.rate_bps as f64;
        let lost = lose > 0 && number % lose == lose - 1;
        if lost || free_us - at_us > queue_us as f64 {
            continue;
        }
        free_us = free_us.max(at_us) + line_us;
        arrivals.add(free_us as u64 + 300_000, number, at_us as u32);
    }
    let sent = Sent { number: round.number, packets, elapsed_us: round.elapsed_us, late_us: 0 };
    (sent, arrivals.seen(round.number, packet))
}

fn round_of(packets: u32) -> Round {
    Round { number: 0, rate_bps: u64::from(packets) * packet_bytes(false) * 8, elapsed_us: 1_000_000 }
}

/// Runs a whole test; the estimate and the bytes that were sent.
fn test(prior: Option<u64>, line_bps: u64, queue_us: u64, lose: u32) -> (Estimate, u64) {
    let (mut search, mut round) = Search::begin(prior, 200 * MBIT, packet_bytes(false), 0);
    let mut bytes = 0;
    for _ in 0..20 {
        let (sent, seen) = line(round, line_bps, queue_us, lose);
        bytes += u64::from(sent.packets) * packet_bytes(false);
        match search.after(sent, seen) {
            Next::Round(next) => round = next,
            Next::Done(estimate) => return (estimate, bytes),
        }
    }
    panic!("the test did not end");
}

fn check(estimate: Estimate, line_bps: u64) {
    let off = (estimate.rate_bps as f64 / line_bps as f64 - 1.0).abs();
    assert!(off < 0.03, "{estimate:?} on a line of {line_bps}");
}

#[test]
fn a_line_is_known_with_and_without_a_prior_deep_and_shallow_with_loss_and_without() {
    for line_bps in [MBIT / 2, MBIT, 2 * MBIT, 5 * MBIT, 10 * MBIT, 20 * MBIT] {
        for queue_us in [30_000, 1_500_000] {
            for lose in [0, 20] {
                for prior in [None, Some(line_bps), Some(line_bps / 3), Some(line_bps * 4)] {
                    let (estimate, bytes) = test(prior, line_bps, queue_us, lose);
                    check(estimate, line_bps);
                    assert!(estimate.converged, "{estimate:?}");
                    let share = bytes as f64 * 8.0 / (line_bps as f64 * 10.0);
                    let share_max = if prior == Some(line_bps) { 0.15 } else { 0.30 };
                    assert!(share < share_max, "{prior:?} {line_bps}: {share}");
                }
            }
        }
    }
}

#[test]
fn the_first_test_of_all_costs_less_than_a_fifth() {
    for line_bps in [MBIT / 2, MBIT, 2 * MBIT, 5 * MBIT, 10 * MBIT, 20 * MBIT] {
        let (_, bytes) = test(None, line_bps, 200_000, 0);
        let share = bytes as f64 * 8.0 / (line_bps as f64 * 10.0);
        assert!(share < 0.20, "{line_bps}: {share}");
    }
}

/// A whole test on a line of 2 Mbit/s with a prior; `busy` spoils what each full round says.
fn busy_test(busy: impl Fn(usize, &mut Sent, &mut Seen)) -> (Estimate, usize, u64) {
    let (mut search, mut round) = Search::begin(Some(2 * MBIT), 200 * MBIT, packet_bytes(false), 0);
    let (mut rounds, mut bytes) = (0, 0);
    loop {
        let (mut sent, mut seen) = line(round, 2 * MBIT, 200_000, 0);
        bytes += u64::from(sent.packets) * packet_bytes(false);
        if round.elapsed_us >= 400_000 {
            rounds += 1;
            busy(rounds, &mut sent, &mut seen);
        }
        match search.after(sent, seen) {
            Next::Round(next) => round = next,
            Next::Done(estimate) => return (estimate, rounds, bytes),
        }
    }
}

#[test]
fn a_round_that_a_busy_machine_spoiled_is_sent_again() {
    let spoilt: [fn(&mut Sent, &mut Seen); 4] = [
        |sent, _| sent.elapsed_us = 2 * ROUND_US,
        |sent, _| sent.late_us = LATE_US_MAX + 1,
        |_, seen| seen.late_us = LATE_US_MAX + 1,
        |_, seen| (seen.dropped, seen.rate_bps) = (1, Some(MBIT)),
    ];
    for spoil in spoilt {
        let (estimate, rounds, _) = busy_test(|round, sent, seen| {
            if round == 1 {
                spoil(sent, seen);
            }
        });
        check(estimate, 2 * MBIT);
        assert!(estimate.converged && rounds == 2, "{estimate:?} {rounds}");
    }
}

#[test]
fn a_machine_that_stays_busy_does_not_call_its_figure_right_nor_passes_the_bound() {
    let (estimate, _, bytes) = busy_test(|round, _, seen| {
        (seen.dropped, seen.rate_bps) = (1, seen.rate_bps.map(|rate| rate / round as u64));
    });
    assert!(!estimate.converged, "{estimate:?}");
    check(estimate, 2 * MBIT);
    assert!(bytes as f64 * 8.0 <= 2e6 * WORTH_SECONDS_MAX, "{bytes}");
}

#[test]
fn no_test_costs_more_than_its_bound_whatever_lines_and_priors_do() {
    let lines = [MBIT / 2, MBIT, 2 * MBIT, 5 * MBIT, 10 * MBIT, 20 * MBIT];
    // Each line at what is a little more, and a little less, than what a step asks for.
    let lines = lines.iter().flat_map(|line| [70, 85, 100, 115, 130].map(|percent| line * percent / 100));
    for line_bps in lines.filter(|line_bps| *line_bps >= MBIT / 2) {
        for queue_us in [30_000, 200_000, 1_500_000] {
            for lose in [0, 100, 33, 20, 12] {
                for prior in [None, Some(line_bps * 7 / 10), Some(line_bps / 5), Some(line_bps * 2)] {
                    let (estimate, bytes) = test(prior, line_bps, queue_us, lose);
                    let share = bytes as f64 * 8.0 / (line_bps as f64 * 10.0);
                    let what = format!("{line_bps}, {queue_us}, 1 of {lose}, {prior:?}: {estimate:?}");
                    assert!(share <= 0.30, "{share}: {what}");
                    let off = (estimate.rate_bps as f64 / line_bps as f64 - 1.0).abs();
                    assert!(off < 0.03 || !estimate.converged, "{off}: {what}");
                }
            }
        }
    }
}

#[test]
fn a_full_queue_is_seen_before_anything_is_lost() {
    // Sent a tenth faster than the line, nothing is lost yet and nearly all arrives.
    let round = Round { number: 0, rate_bps: 5_500_000, elapsed_us: ROUND_US };
    let (sent, seen) = line(round, 5 * MBIT, 1_500_000, 0);
    assert_eq!(sent.packets, seen.packets);
    assert!((50_000..80_000).contains(&seen.growth_us), "{seen:?}");
    let (_, seen) = line(round, 6 * MBIT, 1_500_000, 0);
    assert!(seen.growth_us < 5_000, "{seen:?}");
}

#[test]
fn what_does_not_arrive_is_no_rate() {
    let (mut search, round) = Search::begin(None, 200 * MBIT, packet_bytes(false), 0);
    let nothing = Arrivals::expecting(round, packet_bytes(false)).seen(0, packet_bytes(false));
    let sent = Sent { number: 0, packets: 21, elapsed_us: round.elapsed_us, late_us: 0 };
    let Next::Done(estimate) = search.after(sent, nothing) else { panic!("it went on") };
    assert_eq!((estimate.rate_bps, estimate.converged, estimate.loss_permille), (0, false, 1_000));
}

#[test]
fn what_is_thrown_away_by_count_without_a_queue_looks_policed() {
    for (queue_us, expected) in [(0, true), (30_000, false), (1_500_000, false)] {
        let (mut search, mut round) = Search::begin(Some(2 * MBIT), 200 * MBIT, packet_bytes(false), 0);
        let estimate = loop {
            let (sent, seen) = line(round, 2 * MBIT, queue_us, 0);
            // A policer passes at once what it passes.
            let seen =
                if expected { Seen { queue_us: 0, end_queue_us: 0, growth_us: 0, ..seen } } else { seen };
            match search.after(sent, seen) {
                Next::Round(next) => round = next,
                Next::Done(estimate) => break estimate,
            }
        };
        assert_eq!(estimate.looks_policed, expected, "{queue_us}: {estimate:?}");
    }
}

#[test]
fn copies_and_strangers_are_not_counted() {
    let mut arrivals = Arrivals::expecting(round_of(10), packet_bytes(false));
    for number in [0, 1, 1, 1, 99, 2] {
        arrivals.add(u64::from(number), number, 0);
    }
    assert_eq!(arrivals.packets(), 3);
}

#[test]
fn a_collector_that_sends_no_faster_ends_the_search() {
    let (mut search, step) = Search::begin(Some(50 * MBIT), 20 * MBIT, packet_bytes(false), 0);
    assert_eq!(step.rate_bps, 20 * MBIT);
    let (sent, seen) = line(step, 100 * MBIT, 100_000, 0);
    let Next::Round(round) = search.after(sent, seen) else { panic!("a step is no test") };
    assert_eq!((round.rate_bps, round.elapsed_us), (20 * MBIT, ROUND_US));
    let (sent, seen) = line(round, 100 * MBIT, 100_000, 0);
    let Next::Done(estimate) = search.after(sent, seen) else { panic!("it went on") };
    assert!(!estimate.converged, "the line may be faster");
}

/// What a round of 600 packets comes to when so many of them come at four times the line's rate.
fn bucket(packets: u32) -> Seen {
    let mut arrivals = Arrivals::expecting(round_of(600), packet_bytes(false));
    let mut at_us = 0;
    for number in 0..600 {
        at_us += if number < packets { 500 } else { 2_000 };
        arrivals.add(at_us, number, at_us as u32);
    }
    arrivals.seen(0, packet_bytes(false))
}

#[test]
fn a_bucket_at_the_start_of_a_round_is_told_apart() {
    let line_bps = packet_bytes(false) * 8 * 500;
    let seen = bucket(200);
    assert!(
        !seen.still_falls && seen.rate_bps.is_some_and(|rate| rate.abs_diff(line_bps) < 50_000),
        "{seen:?}"
    );
    assert!(seen.burst_bps.is_some_and(|burst| burst > line_bps * 2), "{seen:?}");
}

#[test]
fn a_bucket_that_lasts_into_a_round_leaves_its_end_as_the_rate_and_a_doubt() {
    let line_bps = packet_bytes(false) * 8 * 500;
    let seen = bucket(350);
    assert!(
        seen.still_falls && seen.rate_bps.is_some_and(|rate| rate.abs_diff(line_bps) < 50_000),
        "{seen:?}"
    );
    let steady = bucket(0);
    assert!(!steady.still_falls && steady.burst_bps.is_none(), "{steady:?}");
}

#[test]
fn a_sender_that_was_held_up_goes_on_later_and_not_all_at_once() {
    let round = Round { number: 0, rate_bps: 9_824_000, elapsed_us: 100_000 };
    // A packet a millisecond.
    let mut pacer = Pacer::new(round, packet_bytes(false));
    assert_eq!(pacer.take(0), 0..1);
    assert_eq!(pacer.take(3_500), 1..4);
    let after_a_pause = pacer.take(70_000);
    assert!(after_a_pause.len() <= 27, "{after_a_pause:?}");
    let mut at_us = 70_000;
    while !pacer.is_done() {
        at_us += 1_000;
        pacer.take(at_us);
    }
    assert_eq!(pacer.sent(), 100);
    assert!(at_us > 135_000, "{at_us}");
}

#[test]
fn a_round_that_falls_and_loses_most_is_in_doubt() {
    let (mut search, round) = Search::begin(Some(5_000_000), 20_000_000, 1_228, 0);
    let sent = |round: Round| Sent {
        number: round.number,
        packets: round.packets(1_228),
        elapsed_us: round.elapsed_us,
        late_us: 0,
    };
    let seen = |round: Round, share: f64, burst_bps: Option<u64>| Seen {
        number: round.number,
        packets: (f64::from(round.packets(1_228)) * share) as u32,
        rate_bps: Some((round.rate_bps as f64 * share) as u64),
        burst_bps,
        still_falls: false,
        queue_us: 100_000,
        end_queue_us: 100_000,
        growth_us: 100_000,
        late_us: 0,
        dropped: 0,
    };
    let Next::Round(whole) = search.after(sent(round), seen(round, 0.7, None)) else {
        panic!("a round is next")
    };
    let end = |burst_bps, share| match search.clone().after(sent(whole), seen(whole, share, burst_bps)) {
        Next::Done(estimate) => (estimate.converged, estimate.looks_policed),
        Next::Round(round) => panic!("{round:?}"),
    };
    assert_eq!(end(None, 0.3), (true, false), "a full queue loses as much");
    assert_eq!(end(Some(4_000_000), 0.3), (false, false));
    assert_eq!(end(Some(4_000_000), 0.7), (true, false), "a bucket that ran dry at once");
}
