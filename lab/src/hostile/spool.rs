//! What lies in an agent's spool directory, as a worn-out card may give it back.

use std::cell::RefCell;
use std::path::Path;

use suar_agent::spool::{Beside, Opened, Options, Order, PAYLOAD_BYTES_MAX, SEGMENT_BYTES, Spool};
use suar_wire::{Epoch, Sequence, decode_record};
use tempfile::TempDir;

use super::readings::receipted;

/// Of the segment and of the receipts in the corpus.
const EPOCH: Epoch = Epoch([7; 8]);
/// In the segment's name.
const FIRST: Sequence = 5;
const GOOD: &[u8] = include_bytes!("../../corpus/segments/good");
const SEGMENT_HEADER_BYTES: usize = 16;
const FRAME_HEADER_BYTES: usize = 16;

thread_local! {
    /// In memory, or the disk would set the pace.
    static DIRECTORY: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// A segment as it comes.
pub fn segment(bytes: &[u8]) -> bool {
    opened(bytes, b"")
}

/// A segment whose frames are given right checksums, as far as their lengths can be followed: what is behind a
/// checksum is not looked at otherwise.
pub fn frames(bytes: &[u8]) -> bool {
    let mut segment = bytes.to_vec();
    segment.resize(segment.len().clamp(SEGMENT_HEADER_BYTES, SEGMENT_BYTES), 0);
    segment[..8].copy_from_slice(b"SUARSEG1");
    segment[8..SEGMENT_HEADER_BYTES].copy_from_slice(&EPOCH.0);
    let mut at = SEGMENT_HEADER_BYTES;
    // As docs in `suar_agent::spool` say it: length, checksum, sequence, payload.
    while let Some(frame) = segment.get_mut(at..).filter(|rest| rest.len() > FRAME_HEADER_BYTES) {
        let length = u32::from_le_bytes(frame[..4].try_into().expect("four bytes")) as usize;
        let length = length.min(frame.len() - FRAME_HEADER_BYTES).min(PAYLOAD_BYTES_MAX);
        let told = (length as u32).to_le_bytes();
        frame[..4].copy_from_slice(&told);
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&EPOCH.0), &told);
        let checksum = crc32c::crc32c_append(checksum, &frame[8..FRAME_HEADER_BYTES]);
        let checksum = crc32c::crc32c_append(checksum, &frame[FRAME_HEADER_BYTES..][..length]);
        frame[4..8].copy_from_slice(&checksum.to_le_bytes());
        at += FRAME_HEADER_BYTES + length;
    }
    opened(&segment, b"")
}

/// Receipts beside a good segment, as they come and with a right checksum.
pub fn acked(bytes: &[u8]) -> bool {
    let content = &bytes[..bytes.len().saturating_sub(size_of::<u32>())];
    let checked = [content, &crc32c::crc32c(content).to_le_bytes()].concat();
    opened(GOOD, bytes) | opened(GOOD, &checked)
}

/// An answer of the collector, which says what may be forgotten.
pub fn receipt(bytes: &[u8]) -> bool {
    let Some(receipt) = receipted(bytes) else { return false };
    with_directory(GOOD, b"", |directory| {
        let mut spool = open(directory).0;
        spool.commit(&receipt.acknowledged);
        let stays = spool.peek(Order::NewestFirst, SEGMENT_BYTES, 1 << 20).expect("it reads");
        let forgotten =
            |sequence| receipt.acknowledged.iter().any(|(first, last)| (*first..=*last).contains(&sequence));
        assert!(stays.iter().all(|(sequence, _)| !forgotten(*sequence)), "a receipted record waits");
        goes_on(&mut spool, &stays);
    });
    true
}

/// Reads a spool of one segment from beside the agent and as the agent, and goes on.
fn opened(segment: &[u8], acked: &[u8]) -> bool {
    with_directory(segment, acked, |directory| {
        let beside = Beside::open(directory).expect("it reads").expect("there is a spool");
        let carried: Vec<_> = beside.segments().flat_map(|part| part.expect("it reads")).collect();
        let (mut spool, opened) = open(directory);
        let found = spool.peek(Order::OldestFirst, SEGMENT_BYTES, 1 << 20).expect("it reads");
        assert_eq!(carried, found, "carried out is something else than what would be sent");
        assert!(found.is_sorted_by(|before, after| before.0 < after.0), "numbers are not in order");
        for (_, payload) in &found {
            let _ = decode_record(payload);
        }
        goes_on(&mut spool, &found);
        opened.damaged_segments == 0 && !found.is_empty()
    })
}

fn open(directory: &Path) -> (Spool, Opened) {
    Spool::open(directory, Options { bytes_max: 1 << 20 }, Epoch([1; 8])).expect("it opens")
}

fn goes_on(spool: &mut Spool, found: &[(Sequence, Vec<u8>)]) {
    let next = spool.append(b"it goes on").expect("it fits").sequence;
    spool.sync();
    assert!(found.iter().all(|(sequence, _)| *sequence < next), "a number is given twice");
}

fn with_directory<T>(segment: &[u8], acked: &[u8], act: impl FnOnce(&Path) -> T) -> T {
    DIRECTORY.with_borrow_mut(|directory| {
        let directory =
            directory.get_or_insert_with(|| tempfile::tempdir_in("/dev/shm").expect("a directory in memory"));
        let spool = directory.path().join("spool");
        let _ = std::fs::remove_dir_all(&spool);
        std::fs::create_dir(&spool).expect("a directory");
        std::fs::write(spool.join("epoch"), format!("{EPOCH}\n")).expect("written");
        std::fs::write(spool.join("acked"), acked).expect("written");
        std::fs::write(spool.join(format!("{FIRST:020}.segment")), segment).expect("written");
        act(&spool)
    })
}
