//! One agent with a wrong clock among others: what is kept of the others is the same to the byte with it and
//! without it, and its own records lie where they really were as far as that can be known.

use super::*;
use crate::clock::Quality;

const BAD: AgentId = AgentId([66; 16]);
const GOOD: [AgentId; 2] = [AGENT, AgentId([8; 16])];
const MINUTES: i64 = 180;
/// The bad one measured this long.
const BAD_MINUTES: i64 = 160;
const BAD_PUSHES: i64 = 4;
/// The good agents push every so many minutes; the bad one was away until the end.
const PUSH_MINUTES: i64 = 5;
const DARK: BootId = BootId([13; 16]);
const BRIGHT: BootId = BootId([14; 16]);

/// What the bad agent's clock shows in a minute of the test, and in which boot that is.
type Wrong = fn(minute: i64) -> (BootId, i64);

const YEAR_MS: i64 = 365 * 86_400_000;

fn true_ms(minute: i64) -> i64 {
    JOINED_MS + minute * 60_000 + 30_000
}

fn clocks() -> [(&'static str, Wrong); 5] {
    [
        ("right", |minute| (BRIGHT, true_ms(minute))),
        ("1970 at boot, right after half an hour", |minute| {
            (BRIGHT, if minute < 30 { minute * 60_000 } else { true_ms(minute) })
        }),
        ("two years ahead", |minute| (BRIGHT, true_ms(minute) + 2 * YEAR_MS)),
        ("steps to and fro", |minute| {
            let steps_ms = [0, 7_200_000, -3_600_000, 90_000, -YEAR_MS];
            (BRIGHT, true_ms(minute) + steps_ms[(minute / 7 % 5) as usize])
        }),
        ("a boot at 1970 that never met the collector, then one that did", |minute| {
            if minute < 90 { (DARK, minute * 60_000) } else { (BRIGHT, true_ms(minute)) }
        }),
    ]
}

fn measured(minute: i64, boot: BootId, wall_ms: i64) -> Record {
    let mut record = round(minute as u64 + 1, minute);
    record.stamp = Stamp { boot, boot_ms: minute as u64 * 60_000 + 30_000, wall_ms };
    if let Body::Round(round) = &mut record.body {
        round.slot = SlotWidth::STANDARD.slot_at(wall_ms);
    }
    record
}

fn send(bench: &Bench, agent: AgentId, minute: i64, boot: BootId, records: Vec<Record>) {
    let received_ms = true_ms(minute) + 400;
    let clock =
        Clock { boot, boot_ms: minute as u64 * 60_000 + 30_000, wall_ms: 0, last_exchange_ms: Some(800) };
    let push = Push { agent, epoch: EPOCH, plan_version: 1, clock, records };
    let site = SITE.parse().expect("a code");
    let submission = Submission { agent, site, joined_ms: JOINED_MS, received_ms, push };
    let (answer, receipt) = oneshot::channel();
    bench.writer().commit(vec![Job::Push(Box::new(submission), Room::unbounded(), answer)]);
    receipt.blocking_recv().expect("an answer").expect("a receipt");
}

/// The good agents live through the test; the bad one sends all it has at the end, newest first.
fn lived(bad: Option<Wrong>) -> Bench {
    let bench = Bench::new();
    bench.join(GOOD[1]);
    bench.join(BAD);
    for minute in 1..=MINUTES {
        if minute % PUSH_MINUTES != 0 {
            continue;
        }
        for (agent, boot) in GOOD.into_iter().zip([BootId([21; 16]), BootId([22; 16])]) {
            let minutes = minute - PUSH_MINUTES..minute;
            send(&bench, agent, minute, boot, minutes.map(|m| measured(m, boot, true_ms(m))).collect());
        }
        if let Some(wrong) = bad.filter(|_| minute > MINUTES - BAD_PUSHES * PUSH_MINUTES) {
            let length = BAD_MINUTES / BAD_PUSHES;
            let part = (MINUTES - minute) / PUSH_MINUTES * length;
            let records = (part..part + length).map(|m| measured(m, wrong(m).0, wrong(m).1));
            send(&bench, BAD, minute, BRIGHT, records.collect());
        }
        if minute % 60 == 0 {
            bench.pack();
        }
    }
    bench
}

/// Everything that readers and reports can see of the good agents.
fn seen_of_others(bench: &Bench) -> String {
    let reader = bench.reader();
    let seen = GOOD.map(|agent| {
        let records = reader.all_records(agent).expect("records");
        let days = reader.day_summaries(agent, DAY - 2, DAY + 800).expect("summaries");
        format!("{}\n{days:?}", serde_json::to_string(&records).expect("JSON"))
    });
    seen.join("\n")
}

#[test]
fn others_are_the_same_to_the_byte_beside_any_wrong_clock() {
    let alone = seen_of_others(&lived(None));
    assert_eq!(alone.matches("\"sequence\"").count() as i64, 2 * MINUTES, "{alone}");
    for (what, wrong) in clocks() {
        assert_eq!(seen_of_others(&lived(Some(wrong))), alone, "{what}");
    }
}

#[test]
fn a_wrong_clock_does_not_move_what_its_boot_can_tell() {
    for (what, wrong) in clocks() {
        let bench = lived(Some(wrong));
        let kept = bench.reader().all_records(BAD).expect("records");
        assert_eq!(bench.reader().quarantined().expect("a list"), [], "{what}");
        assert_eq!(kept.len() as i64, BAD_MINUTES, "{what}");
        let mut before_ms = 0;
        for stored in &kept {
            let minute = stored.record.sequence as i64 - 1;
            if stored.record.stamp.boot == DARK {
                // Nobody can know when that was: after joining, in order, before the boot that met us.
                assert_eq!(stored.quality, Quality::Bounded, "{what}");
                assert!((JOINED_MS..true_ms(90)).contains(&stored.at_ms), "{what}: {stored:?}");
            } else {
                assert_eq!(stored.quality, Quality::Synced, "{what}");
                assert_eq!(
                    stored.slot(),
                    Some(SlotWidth::STANDARD.slot_at(true_ms(minute))),
                    "{what}: {stored:?}"
                );
            }
            assert!(stored.at_ms > before_ms, "{what}: {stored:?}");
            before_ms = stored.at_ms;
        }
    }
}
