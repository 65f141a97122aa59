//! Random actions on a spool against a plain model of what it promises.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[derive(Debug, Clone)]
enum Action {
    Append {
        bytes: usize,
    },
    Sync,
    Peek {
        newest: bool,
        records: usize,
        bytes: usize,
    },
    /// Receipts for a part of what is pending, and for whatever lies between and beyond.
    Commit {
        from: usize,
        count: usize,
        beyond: bool,
    },
    /// The process dies; of what was appended and not synced some bytes may have reached the disk.
    Crash {
        torn_bytes: usize,
        receipts_lost: bool,
    },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        6 => (1usize..9000).prop_map(|bytes| Action::Append { bytes }),
        3 => Just(Action::Sync),
        2 => (any::<bool>(), 0usize..12, 0usize..40_000)
            .prop_map(|(newest, records, bytes)| Action::Peek { newest, records, bytes }),
        2 => (0usize..20, 0usize..12, any::<bool>())
            .prop_map(|(from, count, beyond)| Action::Commit { from, count, beyond }),
        1 => (0usize..20_000, prop::bool::weighted(0.2))
            .prop_map(|(torn_bytes, receipts_lost)| Action::Crash { torn_bytes, receipts_lost }),
    ];
    prop::collection::vec(action, 1..70)
}

/// What a user may rely on, told in sets.
#[derive(Default)]
struct Model {
    payloads: BTreeMap<Sequence, Vec<u8>>,
    durable: BTreeSet<Sequence>,
    unsynced: BTreeSet<Sequence>,
    acked: BTreeSet<Sequence>,
    told: BTreeSet<Sequence>,
    /// Every sequence that was ever shown: it may have been sent, so it may never be given again.
    shown: BTreeSet<Sequence>,
}

const BOUND: Options = Options { bytes_max: 3 * SEGMENT_BYTES as u64 };

impl Model {
    fn pending(&self) -> Vec<(Sequence, Vec<u8>)> {
        let gone = |sequence: &&Sequence| !self.acked.contains(sequence) && !self.told.contains(sequence);
        self.durable
            .iter()
            .filter(gone)
            .map(|sequence| (*sequence, self.payloads[sequence].clone()))
            .collect()
    }

    fn tell(&mut self, ranges: impl IntoIterator<Item = (Sequence, Sequence)>) {
        self.told.extend(ranges.into_iter().flat_map(|(first, last)| first..=last));
    }

    fn check(&mut self, spool: &Spool) {
        // What a bound has just cost is told with the next append; the model looks ahead.
        self.tell(spool.untold.ranges().to_vec());
        let found = all(spool);
        assert_eq!(sequences(&found), sequences(&self.pending()));
        assert!(found == self.pending(), "a payload is not what was appended");
        self.shown.extend(sequences(&found));
        let stats = spool.stats();
        assert_eq!(stats.records_pending as usize, found.len() + stats.in_memory);
        assert!(stats.bytes_on_disk <= BOUND.bytes_max, "{} bytes", stats.bytes_on_disk);
        assert_eq!(stats.trouble, None);
    }
}

fn run(actions: Vec<Action>) {
    let dir = TempDir::new().unwrap();
    let mut spool = Spool::open(dir.path(), BOUND, EPOCH).unwrap().0;
    let mut model = Model::default();
    for (step, action) in actions.into_iter().enumerate() {
        match action {
            Action::Append { bytes } => {
                let payload = vec![step as u8 | 1; bytes];
                let expected = spool.next_sequence();
                let appended = spool.append(&payload).unwrap();
                assert_eq!(appended.sequence, expected);
                assert!(!model.shown.contains(&appended.sequence), "{} came twice", appended.sequence);
                model.payloads.insert(appended.sequence, payload);
                model.unsynced.insert(appended.sequence);
                model.tell(appended.dropped);
            }
            Action::Sync => {
                spool.sync();
                model.durable.append(&mut model.unsynced);
            }
            Action::Peek { newest, records, bytes } => {
                let pending = model.pending();
                let mut expected: Vec<_> = if newest { pending.into_iter().rev().collect() } else { pending };
                let mut sum = 0;
                let fitting = expected
                    .iter()
                    .enumerate()
                    .take_while(|(index, (_, payload))| {
                        sum += payload.len();
                        *index < records && (sum <= bytes || *index == 0)
                    })
                    .count();
                expected.truncate(fitting);
                expected.sort();
                let order = if newest { Order::NewestFirst } else { Order::OldestFirst };
                assert!(spool.peek(order, records, bytes).unwrap() == expected);
            }
            Action::Commit { from, count, beyond } => {
                let chosen: Vec<_> = sequences(&model.pending()).into_iter().skip(from).take(count).collect();
                if let (Some(first), Some(last)) = (chosen.first(), chosen.last()) {
                    let last = if beyond { u64::MAX } else { *last };
                    spool.commit(&[(*first, last)]);
                    model.acked.extend(model.durable.range(*first..=last).copied());
                }
            }
            Action::Crash { torn_bytes, receipts_lost } => {
                tear(&mut spool, torn_bytes);
                drop(spool);
                if receipts_lost {
                    let _ = fs::remove_file(dir.path().join("acked"));
                }
                let (again, opened) = Spool::open(dir.path(), BOUND, OTHER_EPOCH).unwrap();
                spool = again;
                // Frames that reached the disk whole are durable now, by luck.
                let found: BTreeSet<_> = sequences(&all(&spool)).into_iter().collect();
                let unsynced = std::mem::take(&mut model.unsynced);
                model.durable.extend(unsynced.intersection(&found));
                if receipts_lost {
                    model.acked.retain(|sequence| !found.contains(sequence));
                }
                let lost: IntervalSet = opened.lost.iter().copied().collect();
                assert!(model.durable.iter().all(|sequence| !lost.contains(*sequence)), "{lost:?}");
                assert_eq!(opened.damaged_segments, 0);
                if spool.epoch() != EPOCH {
                    // Nothing was ever durable here, so the directory is as good as new.
                    assert!(model.durable.is_empty());
                    return;
                }
                let newest = model.durable.last().map(|newest| &model.payloads[newest]);
                assert!(opened.last.as_ref() == newest, "the newest record is not found");
            }
        }
        model.check(&spool);
    }
}

/// Lets the first bytes of what waits reach the disk, as a power cut in the middle of a write does.
fn tear(spool: &mut Spool, bytes: usize) {
    let (Some(active), Some(segment)) = (&spool.active, spool.segments.last()) else { return };
    let mut frames = Vec::new();
    for (sequence, payload) in spool.queue.iter() {
        if active.has_room_for(frames.len() + payload.len()) {
            frame::encode(spool.epoch, sequence, payload, &mut frames);
        }
    }
    frames.truncate(bytes);
    let mut content = fs::read(&segment.path).unwrap();
    content[active.used..active.used + frames.len()].copy_from_slice(&frames);
    fs::write(&segment.path, content).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn it_keeps_what_the_model_keeps(actions in actions()) {
        run(actions);
    }
}
