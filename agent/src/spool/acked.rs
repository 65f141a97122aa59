//! The file `acked`: which records the collector has receipted. Losing it costs sending them again.
//!
//! Magic, epoch, records dropped so far, number of ranges, first and last of each, CRC32C of all that;
//! numbers are little-endian.

use suar_wire::{Epoch, IntervalSet, SEQUENCE_MAX};

pub const FILE: &str = "acked";
const MAGIC: &[u8; 8] = b"SUARACK1";
/// Most ranges that are read; each is a hole in what was receipted.
const RANGES_MAX: usize = 64 * 1024;
pub const FILE_BYTES_MAX: u64 = 32 + 16 * RANGES_MAX as u64;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acked {
    pub ranges: IntervalSet,
    /// Records that bounds have cost in this epoch.
    pub dropped_total: u64,
}

pub fn encode(epoch: Epoch, acked: &Acked) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(epoch.0);
    bytes.extend(acked.dropped_total.to_le_bytes());
    // More ranges than are read again means that the newest are sent once more.
    let ranges = &acked.ranges.ranges()[..acked.ranges.ranges().len().min(RANGES_MAX)];
    bytes.extend((ranges.len() as u32).to_le_bytes());
    for (first, last) in ranges {
        bytes.extend(first.to_le_bytes());
        bytes.extend(last.to_le_bytes());
    }
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// `None` when the bytes are damaged or of another epoch.
pub fn decode(epoch: Epoch, bytes: &[u8]) -> Option<Acked> {
    let (body, checksum) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let body = body.strip_prefix(MAGIC)?.strip_prefix(&epoch.0)?;
    let (dropped_total, body) = body.split_first_chunk::<8>()?;
    let (count, body) = body.split_first_chunk::<4>()?;
    let (ranges, rest) = body.as_chunks::<16>();
    if !rest.is_empty() || ranges.len() != u32::from_le_bytes(*count) as usize {
        return None;
    }
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
    let ranges: IntervalSet = ranges.iter().map(|range| (number(&range[..8]), number(&range[8..]))).collect();
    // What could not have been given out was not receipted either.
    if ranges.ranges().last().is_some_and(|(_, last)| *last > SEQUENCE_MAX) {
        return None;
    }
    Some(Acked { ranges, dropped_total: u64::from_le_bytes(*dropped_total) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_for_a_number_that_nobody_gave_is_none() {
        let acked = |last| Acked { ranges: [(1, last)].into_iter().collect(), dropped_total: 0 };
        let decoded = |last| decode(Epoch([1; 8]), &encode(Epoch([1; 8]), &acked(last)));
        assert_eq!(decoded(SEQUENCE_MAX), Some(acked(SEQUENCE_MAX)));
        assert_eq!(decoded(u64::MAX), None);
    }

    #[test]
    fn any_flipped_or_missing_byte_makes_it_nothing_and_never_another_set() {
        let acked = Acked { ranges: [(1, 9), (12, 12), (20, 4000)].into_iter().collect(), dropped_total: 3 };
        let good = encode(Epoch([1; 8]), &acked);
        assert_eq!(decode(Epoch([1; 8]), &good), Some(acked));
        assert_eq!(decode(Epoch([2; 8]), &good), None);
        for at in 0..good.len() {
            assert_eq!(decode(Epoch([1; 8]), &good[..at]), None);
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            assert_eq!(decode(Epoch([1; 8]), &bytes), None);
        }
    }
}
