//! Frames inside a segment, as bytes. Pure: the files are `segment`'s.

use std::ops::Range;

use suar_wire::{Epoch, SEQUENCE_MAX, Sequence};

use super::PAYLOAD_BYTES_MAX;

/// Length, checksum, sequence.
pub const FRAME_HEADER_BYTES: usize = 16;
/// Magic and epoch.
pub const SEGMENT_HEADER_BYTES: usize = 16;
/// More frames than a segment has room for.
pub const FRAMES_MAX: u64 = (super::SEGMENT_BYTES / FRAME_HEADER_BYTES) as u64;
const MAGIC: &[u8; 8] = b"SUARSEG1";

/// An intact frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub sequence: Sequence,
    pub payload: Range<usize>,
}

/// What the bytes of a segment hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// Intact frames, ascending by sequence.
    pub frames: Vec<Frame>,
    /// Sequences between two intact frames that damage cost, inclusive.
    pub lost: Vec<(Sequence, Sequence)>,
    /// Something before the end of the last intact frame cannot be read.
    pub damaged: bool,
    /// Where the next frame belongs.
    pub end: usize,
    pub tail: Option<Tail>,
}

/// Bytes after the last intact frame that are not zero: a write that power cut short, or damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// After the last byte that is not zero.
    pub end: usize,
    /// How many records the tail was, as far as its lengths can be followed; at least one.
    pub records: u64,
}

pub fn segment_header(epoch: Epoch) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..].copy_from_slice(&epoch.0);
    header
}

/// The epoch that a segment says it belongs to.
pub fn segment_epoch(bytes: &[u8]) -> Option<Epoch> {
    let epoch = bytes.get(..SEGMENT_HEADER_BYTES)?.strip_prefix(MAGIC)?;
    Epoch::from_slice(epoch)
}

/// Appends one frame to `bytes`.
pub fn encode(epoch: Epoch, sequence: Sequence, payload: &[u8], bytes: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).expect("payloads are bounded by PAYLOAD_BYTES_MAX");
    bytes.extend(length.to_le_bytes());
    bytes.extend(checksum(epoch, length, sequence, payload).to_le_bytes());
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(payload);
}

/// Finds every intact frame with a sequence from `first` on.
///
/// Where a frame cannot be read, the next intact one is looked for at every byte: one damaged length
/// costs one record, not the rest of the segment.
pub fn scan(epoch: Epoch, first: Sequence, bytes: &[u8]) -> Scan {
    let content_end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut scan = Scan { end: SEGMENT_HEADER_BYTES, ..Scan::default() };
    scan.damaged = content_end > 0 && segment_epoch(bytes) != Some(epoch);
    let mut floor = first;
    while scan.end < content_end {
        let found =
            (scan.end..content_end).find_map(|offset| Some((offset, frame_at(epoch, floor, bytes, offset)?)));
        let Some((offset, frame)) = found else {
            scan.tail =
                Some(Tail { end: content_end, records: records_in_tail(&bytes[scan.end..content_end]) });
            break;
        };
        if offset > scan.end {
            scan.damaged = true;
            if frame.sequence > floor {
                scan.lost.push((floor, frame.sequence - 1));
            }
        }
        floor = frame.sequence.saturating_add(1);
        scan.end = frame.payload.end;
        scan.frames.push(frame);
    }
    scan
}

fn frame_at(epoch: Epoch, floor: Sequence, bytes: &[u8], offset: usize) -> Option<Frame> {
    let header = bytes.get(offset..offset + FRAME_HEADER_BYTES)?;
    let length = number(header, 0)?;
    let sequence = Sequence::from_le_bytes(header.get(8..)?.try_into().ok()?);
    let payload = payload_range(offset, length)?;
    let right = (floor..=SEQUENCE_MAX).contains(&sequence)
        && checksum(epoch, length, sequence, bytes.get(payload.clone())?) == number(header, 4)?;
    right.then_some(Frame { sequence, payload })
}

fn payload_range(offset: usize, length: u32) -> Option<Range<usize>> {
    let length = usize::try_from(length).ok()?;
    let start = offset + FRAME_HEADER_BYTES;
    (1..=PAYLOAD_BYTES_MAX).contains(&length).then_some(start..start + length)
}

/// Follows lengths as long as they make sense.
fn records_in_tail(tail: &[u8]) -> u64 {
    let (mut records, mut offset) = (1, 0);
    while let Some(payload) = tail.get(offset..).and_then(|rest| payload_range(offset, number(rest, 0)?)) {
        if payload.end >= tail.len() {
            break;
        }
        offset = payload.end;
        records += 1;
    }
    records
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The epoch is part of it, so that a segment of another life of the directory never reads.
fn checksum(epoch: Epoch, length: u32, sequence: Sequence, payload: &[u8]) -> u32 {
    let checksum = crc32c::crc32c(&epoch.0);
    let checksum = crc32c::crc32c_append(checksum, &length.to_le_bytes());
    let checksum = crc32c::crc32c_append(checksum, &sequence.to_le_bytes());
    crc32c::crc32c_append(checksum, payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch([7; 8]);

    fn segment(records: &[(Sequence, &[u8])]) -> Vec<u8> {
        let mut bytes = segment_header(EPOCH).to_vec();
        for (sequence, payload) in records {
            encode(EPOCH, *sequence, payload, &mut bytes);
        }
        bytes
    }

    fn read(scan: &Scan, bytes: &[u8]) -> Vec<(Sequence, Vec<u8>)> {
        scan.frames.iter().map(|frame| (frame.sequence, bytes[frame.payload.clone()].to_vec())).collect()
    }

    const RECORDS: [(Sequence, &[u8]); 4] = [(5, b"one"), (6, b"two\0"), (7, b"\0\0\0\0\0\0"), (9, b"four")];

    fn owned() -> Vec<(Sequence, Vec<u8>)> {
        RECORDS.iter().map(|(sequence, payload)| (*sequence, payload.to_vec())).collect()
    }

    #[test]
    fn frames_read_back_even_when_payloads_are_zeros() {
        let mut bytes = segment(&RECORDS);
        let end = bytes.len();
        bytes.resize(300, 0);
        let scan = scan(EPOCH, 5, &bytes);
        assert_eq!(read(&scan, &bytes), owned());
        assert_eq!((scan.end, scan.tail, scan.damaged), (end, None, false));
    }

    /// The record whose frame holds this byte; none for the segment's header.
    fn touched(at: usize) -> Option<Sequence> {
        let mut start = SEGMENT_HEADER_BYTES;
        RECORDS.iter().find_map(|(sequence, payload)| {
            let frame = start..start + FRAME_HEADER_BYTES + payload.len();
            start = frame.end;
            frame.contains(&at).then_some(*sequence)
        })
    }

    #[test]
    fn any_flipped_bit_costs_at_most_the_record_it_is_in() {
        let good = segment(&RECORDS);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                bytes.resize(300, 0);
                let scan = scan(EPOCH, 5, &bytes);
                let expected: Vec<_> =
                    owned().into_iter().filter(|(sequence, _)| Some(*sequence) != touched(at)).collect();
                assert_eq!(read(&scan, &bytes), expected, "byte {at}, bit {bit}");
                match touched(at) {
                    Some(9) => assert_eq!(scan.tail.map(|tail| tail.records), Some(1)),
                    // Before 9 there was a hole already: it cannot be told from the damage.
                    Some(7) => assert_eq!(scan.lost, vec![(7, 8)]),
                    Some(sequence) => assert_eq!(scan.lost, vec![(sequence, sequence)]),
                    None => assert!(scan.damaged && scan.lost.is_empty()),
                }
            }
        }
    }

    #[test]
    fn any_cut_costs_the_record_it_is_in_and_those_after() {
        let good = segment(&RECORDS);
        for cut in 0..good.len() {
            for filled in [cut, 300] {
                let mut bytes = good[..cut].to_vec();
                bytes.resize(filled, 0);
                let scan = scan(EPOCH, 5, &bytes);
                let mut start = SEGMENT_HEADER_BYTES;
                // A frame whose cut bytes were zeros anyway is whole again once the segment is zero-filled.
                let whole = |end: usize| {
                    end <= cut || (filled == 300 && good[cut..end].iter().all(|byte| *byte == 0))
                };
                let expected: Vec<_> = owned()
                    .into_iter()
                    .take_while(|(_, payload)| {
                        start += FRAME_HEADER_BYTES + payload.len();
                        whole(start)
                    })
                    .collect();
                assert_eq!(read(&scan, &bytes), expected, "cut at {cut} of {filled}");
                assert!(scan.lost.is_empty());
            }
        }
    }

    #[test]
    fn a_number_that_nobody_could_have_given_is_damage() {
        let bytes = segment(&[(5, b"one"), (Sequence::MAX, b"two"), (6, b"three")]);
        let scan = scan(EPOCH, 5, &bytes);
        assert!(scan.damaged);
        assert_eq!(scan.frames.iter().map(|frame| frame.sequence).collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn frames_of_another_epoch_do_not_read() {
        assert!(scan(Epoch([8; 8]), 1, &segment(&RECORDS)).frames.is_empty());
    }

    #[test]
    fn a_tail_of_several_records_is_counted_by_its_lengths() {
        let mut bytes = segment(&RECORDS);
        let second = SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES + 3;
        // Checksums of the last three go wrong, their lengths stay.
        let mut start = second;
        for (_, payload) in &RECORDS[1..] {
            bytes[start + 5] ^= 0xff;
            start += FRAME_HEADER_BYTES + payload.len();
        }
        let scan = scan(EPOCH, 5, &bytes);
        assert_eq!((scan.frames.len(), scan.tail.map(|tail| tail.records)), (1, Some(3)));
    }
}
