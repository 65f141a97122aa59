//! The spool as its users see it, on real files.

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::frame::{FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES};
use super::*;

mod disk_trouble;
mod model;

const EPOCH: Epoch = Epoch([1; 8]);
const OTHER_EPOCH: Epoch = Epoch([2; 8]);
const ROOMY: Options = Options { bytes_max: 100 * SEGMENT_BYTES as u64 };

fn open(dir: &Path) -> (Spool, Opened) {
    Spool::open(dir, ROOMY, OTHER_EPOCH).unwrap()
}

fn new(dir: &Path) -> Spool {
    Spool::open(dir, ROOMY, EPOCH).unwrap().0
}

fn all(spool: &Spool) -> Vec<(Sequence, Vec<u8>)> {
    spool.peek(Order::OldestFirst, usize::MAX, usize::MAX).unwrap()
}

fn sequences(records: &[(Sequence, Vec<u8>)]) -> Vec<Sequence> {
    records.iter().map(|(sequence, _)| *sequence).collect()
}

fn append_durably(spool: &mut Spool, payloads: &[impl AsRef<[u8]>]) {
    for payload in payloads {
        spool.append(payload.as_ref()).unwrap();
    }
    spool.sync();
    assert_eq!(spool.stats().trouble, None);
}

fn only_segment(dir: &Path) -> PathBuf {
    let segments = Segment::list(dir).unwrap();
    assert_eq!(segments.len(), 1, "{segments:?}");
    segments.into_iter().next().unwrap().path
}

#[test]
fn records_are_seen_only_after_they_are_durable_and_survive_a_restart() {
    let dir = TempDir::new().unwrap();
    let mut spool = new(dir.path());
    spool.append(b"one").unwrap();
    assert!(all(&spool).is_empty());
    spool.commit(&[(1, 1)]);
    spool.sync();
    assert_eq!(all(&spool), [(1, b"one".to_vec())], "a receipt for what was not durable counts for nothing");
    append_durably(&mut spool, &[b"two"]);
    drop(spool);
    let (mut spool, opened) = open(dir.path());
    assert_eq!(spool.epoch(), EPOCH);
    assert_eq!(opened, Opened { last: Some(b"two".to_vec()), ..Opened::default() });
    assert_eq!(sequences(&all(&spool)), [1, 2]);
    spool.commit(&[(1, 1)]);
    drop(spool);
    let (spool, _) = open(dir.path());
    assert_eq!(sequences(&all(&spool)), [2]);
    assert_eq!(spool.next_sequence(), 3);
}

#[test]
fn a_batch_is_taken_from_either_end_within_its_bounds() {
    let dir = TempDir::new().unwrap();
    let mut spool = new(dir.path());
    append_durably(&mut spool, &[b"12345"; 10]);
    let peek = |order, records, bytes| sequences(&spool.peek(order, records, bytes).unwrap());
    assert_eq!(peek(Order::NewestFirst, 3, 1000), [8, 9, 10]);
    assert_eq!(peek(Order::OldestFirst, 3, 1000), [1, 2, 3]);
    assert_eq!(peek(Order::NewestFirst, 100, 14), [9, 10]);
    assert_eq!(peek(Order::OldestFirst, 100, 15), [1, 2, 3]);
    assert_eq!(peek(Order::OldestFirst, 100, 1), [1], "one record always comes");
    assert!(peek(Order::OldestFirst, 0, 100).is_empty());
}

#[test]
fn a_second_agent_is_refused_with_one_sentence() {
    let dir = TempDir::new().unwrap();
    let spool = new(dir.path());
    let refused = Spool::open(dir.path(), ROOMY, EPOCH).unwrap_err();
    assert!(matches!(refused, SpoolError::Locked { .. }));
    assert!(refused.to_string().contains("another suar-agent uses"), "{refused}");
    drop(spool);
    open(dir.path());
}

#[test]
fn a_wiped_directory_begins_a_new_epoch() {
    let dir = TempDir::new().unwrap();
    append_durably(&mut new(dir.path()), &[b"one"]);
    for entry in fs::read_dir(dir.path()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let (spool, _) = open(dir.path());
    assert_eq!((spool.epoch(), spool.next_sequence()), (OTHER_EPOCH, 1));
}

#[test]
fn sequences_that_begin_again_do_so_in_a_new_epoch() {
    let dir = TempDir::new().unwrap();
    append_durably(&mut new(dir.path()), &[b"one"]);
    fs::remove_file(only_segment(dir.path())).unwrap();
    let (spool, _) = open(dir.path());
    assert_eq!((spool.epoch(), spool.next_sequence()), (OTHER_EPOCH, 1));
}

#[test]
fn a_lost_epoch_file_is_made_again_from_the_segments() {
    let dir = TempDir::new().unwrap();
    append_durably(&mut new(dir.path()), &[b"one"]);
    for content in [None, Some("rubbish"), Some("")] {
        match content {
            None => fs::remove_file(dir.path().join("epoch")).unwrap(),
            Some(text) => fs::write(dir.path().join("epoch"), text).unwrap(),
        }
        let (spool, _) = open(dir.path());
        assert_eq!((spool.epoch(), sequences(&all(&spool))), (EPOCH, vec![1]));
    }
}

#[test]
fn a_lost_or_damaged_acked_file_only_means_sending_again() {
    let dir = TempDir::new().unwrap();
    let mut spool = new(dir.path());
    append_durably(&mut spool, &[b"one", b"two"]);
    spool.commit(&[(1, 2)]);
    assert!(all(&spool).is_empty());
    drop(spool);
    let path = dir.path().join("acked");
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (spool, _) = open(dir.path());
    assert_eq!(sequences(&all(&spool)), [1, 2]);
}

#[test]
fn the_sequence_goes_on_when_everything_is_acknowledged() {
    let dir = TempDir::new().unwrap();
    let mut spool = new(dir.path());
    let mut expected = 1;
    for _ in 0..5 {
        append_durably(&mut spool, &[[7; 9000]; 7]);
        expected += 7;
        spool.commit(&[(1, u64::MAX)]);
        assert_eq!(spool.stats().records_pending, 0);
        assert_eq!(spool.stats().bytes_on_disk, SEGMENT_BYTES as u64);
        drop(spool);
        // The receipts may be gone too.
        fs::remove_file(dir.path().join("acked")).unwrap();
        let (again, opened) = open(dir.path());
        assert_eq!((again.next_sequence(), opened.last.is_some()), (expected, true));
        spool = again;
    }
}

#[test]
fn the_oldest_records_go_first_and_are_counted_and_told() {
    let dir = TempDir::new().unwrap();
    let options = Options { bytes_max: 2 * SEGMENT_BYTES as u64 };
    let mut spool = Spool::open(dir.path(), options, EPOCH).unwrap().0;
    // Six of these fill a segment.
    append_durably(&mut spool, &[[7; 10_000]; 12]);
    spool.commit(&[(2, 3)]);
    append_durably(&mut spool, &[[7; 10_000]]);
    assert_eq!(sequences(&all(&spool)), [7, 8, 9, 10, 11, 12, 13]);
    assert_eq!(spool.stats().dropped_total, 4, "what was receipted is not lost");
    assert_eq!(spool.append(b"x").unwrap().dropped, Some((1, 1)));
    assert_eq!(spool.append(b"x").unwrap().dropped, Some((4, 6)));
    assert_eq!(spool.append(b"x").unwrap().dropped, None);
    drop(spool);
    let (spool, _) = open(dir.path());
    assert_eq!(spool.stats().dropped_total, 4, "the count survives a restart");
}

#[test]
fn a_payload_that_is_empty_or_too_large_is_refused_and_costs_no_sequence() {
    let dir = TempDir::new().unwrap();
    let mut spool = new(dir.path());
    for wrong in [&[][..], &[0; PAYLOAD_BYTES_MAX + 1]] {
        assert!(matches!(spool.append(wrong), Err(SpoolError::Payload { .. })));
    }
    append_durably(&mut spool, &[[9; PAYLOAD_BYTES_MAX]]);
    assert_eq!(all(&spool), [(1, vec![9; PAYLOAD_BYTES_MAX])]);
}

const SMALL: [&[u8]; 4] = [b"first", b"second\0\0", b"\0\0\0", b"the last one"];

/// A directory with one small segment, and the frames' places in it.
fn small_segment() -> (TempDir, PathBuf, Vec<u8>, Vec<std::ops::Range<usize>>) {
    let dir = TempDir::new().unwrap();
    append_durably(&mut new(dir.path()), &SMALL);
    let path = only_segment(dir.path());
    let bytes = fs::read(&path).unwrap();
    let mut start = SEGMENT_HEADER_BYTES;
    let frames = SMALL
        .iter()
        .map(|payload| {
            let frame = start..start + FRAME_HEADER_BYTES + payload.len();
            start = frame.end;
            frame
        })
        .collect();
    (dir, path, bytes, frames)
}

fn put_back(dir: &Path, path: &Path, bytes: &[u8]) {
    for segment in Segment::list(dir).unwrap() {
        fs::remove_file(segment.path).unwrap();
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn any_flipped_byte_costs_at_most_its_record_and_no_sequence_comes_twice() {
    let (dir, path, good, frames) = small_segment();
    for at in 0..frames[3].end + 20 {
        let mut bytes = good.clone();
        bytes[at] ^= 0xa5;
        put_back(dir.path(), &path, &bytes);
        let (mut spool, opened) = open(dir.path());
        let touched = frames.iter().position(|frame| frame.contains(&at)).map(|index| index as u64 + 1);
        let expected: Vec<_> = (1..=4).filter(|sequence| Some(*sequence) != touched).collect();
        let records = all(&spool);
        assert_eq!(sequences(&records), expected, "byte {at}");
        assert!(records.iter().all(|(sequence, payload)| payload == SMALL[*sequence as usize - 1]));
        let lost: IntervalSet = opened.lost.iter().copied().collect();
        match touched {
            Some(sequence) => assert!(lost.contains(sequence) && lost.count() == 1, "byte {at}: {lost:?}"),
            // A sequence that was never given may be told as lost; one that is there may not.
            None => assert!(expected.iter().all(|sequence| !lost.contains(*sequence))),
        }
        let inside = touched.is_some_and(|sequence| sequence < 4) || at < SEGMENT_HEADER_BYTES;
        assert_eq!(opened.damaged_segments, u32::from(inside), "byte {at}");
        // Life goes on, and the damage is told once.
        let next = spool.next_sequence();
        assert!(next > 4, "byte {at}");
        append_durably(&mut spool, &[b"after"]);
        drop(spool);
        let (spool, opened) = open(dir.path());
        assert_eq!((opened.damaged_segments, opened.lost.len()), (0, 0), "byte {at}");
        assert_eq!(sequences(&all(&spool)), [&expected[..], &[next]].concat(), "byte {at}");
        assert_eq!(opened.last, Some(b"after".to_vec()));
    }
}

#[test]
fn a_segment_cut_anywhere_costs_the_record_at_the_cut_and_those_after() {
    let (dir, path, good, frames) = small_segment();
    for cut in 0..frames[3].end {
        for zero_filled in [false, true] {
            let mut bytes = good[..cut].to_vec();
            if zero_filled {
                bytes.resize(good.len(), 0);
            }
            put_back(dir.path(), &path, &bytes);
            let (mut spool, _) = open(dir.path());
            let whole =
                |end: usize| end <= cut || (zero_filled && good[cut..end].iter().all(|byte| *byte == 0));
            let expected: Vec<_> = (1..=4).take_while(|sequence| whole(frames[*sequence - 1].end)).collect();
            assert_eq!(all(&spool).len(), expected.len(), "cut at {cut}");
            let next = spool.next_sequence();
            assert!(next > expected.len() as u64);
            append_durably(&mut spool, &[b"after"]);
            drop(spool);
            let (spool, _) = open(dir.path());
            assert_eq!(all(&spool).last(), Some(&(next, b"after".to_vec())), "cut at {cut}");
            assert_eq!(all(&spool).len(), expected.len() + 1);
        }
    }
}

#[test]
fn a_torn_tail_costs_only_the_record_that_was_being_written() {
    let dir = TempDir::new().unwrap();
    append_durably(&mut new(dir.path()), &[b"one", b"two"]);
    let path = only_segment(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    let used = SEGMENT_HEADER_BYTES + 2 * (FRAME_HEADER_BYTES + 3);
    let mut frame = Vec::new();
    frame::encode(EPOCH, 3, b"three", &mut frame);
    bytes[used..used + frame.len() - 1].copy_from_slice(&frame[..frame.len() - 1]);
    fs::write(&path, bytes).unwrap();
    let (spool, opened) = open(dir.path());
    assert_eq!(sequences(&all(&spool)), [1, 2]);
    assert_eq!((opened.lost, opened.damaged_segments), (vec![(3, 3)], 0));
    assert_eq!(spool.next_sequence(), 4, "3 is told as lost, so nothing else may be called 3");
}

#[test]
fn a_damaged_segment_is_set_aside_read_and_at_last_forgotten() {
    let dir = TempDir::new().unwrap();
    append_durably(&mut new(dir.path()), &[[7; 10_000]; 8]);
    let path = Segment::list(dir.path()).unwrap().remove(0).path;
    let mut bytes = fs::read(&path).unwrap();
    bytes[SEGMENT_HEADER_BYTES + 20_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (mut spool, opened) = open(dir.path());
    assert_eq!((opened.damaged_segments, opened.lost), (1, vec![(2, 2)]));
    assert!(!path.exists() && path.with_extension("segment.damaged").exists());
    assert_eq!(sequences(&all(&spool)), [1, 3, 4, 5, 6, 7, 8]);
    spool.commit(&[(1, 8)]);
    assert!(!path.with_extension("segment.damaged").exists());
    assert_eq!(spool.next_sequence(), 9);
}

#[test]
fn a_segment_of_another_life_is_set_aside_and_never_read() {
    let (elsewhere, path, bytes, _) = small_segment();
    let dir = TempDir::new().unwrap();
    append_durably(&mut Spool::open(dir.path(), ROOMY, OTHER_EPOCH).unwrap().0, &[b"mine"]);
    drop(elsewhere);
    fs::write(dir.path().join("00000000000000000900.segment"), bytes).unwrap();
    let (spool, opened) = open(dir.path());
    assert_eq!((spool.epoch(), all(&spool)), (OTHER_EPOCH, vec![(1, b"mine".to_vec())]));
    assert_eq!(opened.damaged_segments, 1, "{}", path.display());
    assert!(spool.next_sequence() > 900);
}

#[test]
fn a_creation_that_was_cut_short_is_done_again() {
    let dir = TempDir::new().unwrap();
    append_durably(&mut new(dir.path()), &[b"one"]);
    for content in [vec![], vec![0; 100], vec![0; SEGMENT_BYTES]] {
        let path = dir.path().join("00000000000000000002.segment");
        fs::write(&path, content).unwrap();
        let (mut spool, opened) = open(dir.path());
        assert_eq!((opened.last, spool.next_sequence()), (Some(b"one".to_vec()), 2));
        append_durably(&mut spool, &[b"two"]);
        drop(spool);
        let (spool, opened) = open(dir.path());
        assert_eq!((sequences(&all(&spool)), opened.damaged_segments), (vec![1, 2], 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_in_any_of_its_files_are_lived_with(
        epoch in prop::collection::vec(any::<u8>(), 0..40),
        acked in prop::collection::vec(any::<u8>(), 0..100),
        segment in prop::collection::vec(any::<u8>(), 0..400),
        with_header in any::<bool>(),
    ) {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("epoch"), epoch).unwrap();
        fs::write(dir.path().join("acked"), acked).unwrap();
        let mut bytes = if with_header { frame::segment_header(EPOCH).to_vec() } else { vec![] };
        bytes.extend(segment);
        fs::write(dir.path().join("00000000000000000005.segment"), bytes).unwrap();
        let (mut spool, _) = open(dir.path());
        prop_assert_eq!(all(&spool), vec![]);
        append_durably(&mut spool, &[b"goes on"]);
        prop_assert_eq!(all(&spool).len(), 1);
    }
}
