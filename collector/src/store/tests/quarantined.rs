//! Records whose time cannot be trusted: held, bounded, released.

use super::*;
use crate::clock::SetAside;
use crate::store::quarantine::RECORDS_MAX;

/// A collector whose own clock stood at 1970 when it started: what it took then is before any joining.
#[test]
fn what_was_set_aside_is_kept_after_all_when_the_clock_is_known_better() {
    let bench = Bench::new();
    let push = |received_ms: i64, at_s, records| {
        let (job, answer) = job_received(received_ms, at_s, BOOT, records);
        bench.writer().commit(vec![job]);
        answer.blocking_recv().expect("an answer").expect("a receipt")
    };
    let receipt = push(3_600_000, 3_600, vec![round(1, 1), down(2, 2)]);
    assert_eq!((receipt.acknowledged, receipt.refused), (vec![(1, 2)], vec![]));
    let held =
        || bench.reader().quarantined().expect("a list").iter().map(|held| held.sequence).collect::<Vec<_>>();
    assert_eq!((held(), bench.slots().len()), (vec![1, 2], 0));
    assert_eq!(bench.counters.set_asides(SetAside::BeforeJoined), 2);

    // Its clock is set; three pushes that agree are believed.
    for (at_s, sequence) in [(3_700, 3), (3_760, 4)] {
        push(JOINED_MS + at_s * 1000, at_s, vec![round(sequence, sequence as i64)]);
        assert_eq!(bench.slots().len(), 0);
    }
    let receipt = push(JOINED_MS + 3_820_000, 3_820, vec![round(5, 5), round(6, 1)]);
    assert_eq!(receipt.acknowledged, [(5, 6)]);
    // The first minute is the newer round's by then; the older one stays where it is.
    assert_eq!(held(), [1]);
    assert_eq!(bench.slots(), BTreeMap::from([(60, 6), (120, 2), (180, 3), (240, 4), (300, 5)]));
    assert_eq!(bench.push_at(3_880, BOOT, vec![round(2, 2)]).acknowledged, [(2, 2)]);
    assert_eq!(bench.slots().len(), 5, "what was released is known");
}

#[test]
fn no_agent_fills_the_store_with_records_of_another_time() {
    let bench = Bench::new();
    let mut refused = 0;
    for part in 0..6u64 {
        let sequences = part * 2_000 + 1..=(part + 1) * 2_000;
        let records = sequences.map(|sequence| round(sequence, sequence as i64)).collect();
        let (job, answer) = job_received(3_600_000, 3_600, BOOT, records);
        bench.writer().commit(vec![job]);
        let receipt = answer.blocking_recv().expect("an answer").expect("a receipt");
        assert_eq!(receipt.acknowledged, [(part * 2_000 + 1, (part + 1) * 2_000)]);
        refused += receipt.refused.len();
    }
    assert_eq!(bench.reader().quarantined().expect("a list").len(), RECORDS_MAX);
    assert_eq!(refused, 12_000 - RECORDS_MAX);
}
