//! A day's half hours, as the bytes that are stored. A report has millions of half hours and looks at a third of them,
//! each once: a list and a histogram for every one cost it more than everything that is counted with them.

use prost::Message;

use super::fields::{Fields, Value, counted, small};
use super::{Block, RttHistogram};

/// The half hours in which anything was measured, ascending by `block`: protobuf messages, each behind its length.
/// Only what can be read gets in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HalfHours {
    bytes: Vec<u8>,
}

/// One of them, its round trips still packed.
#[derive(Debug, Clone, Copy)]
pub struct HalfHour<'a> {
    /// 0 to 47.
    pub block: u8,
    pub sent: u32,
    pub lost: u32,
    pub late: u32,
    pub duplicates: u32,
    pub rtt: PackedRtt<'a>,
}

/// Counts of round trips by bucket: distance from the bucket before and count, in turn.
#[derive(Debug, Clone, Copy)]
pub struct PackedRtt<'a>(&'a [u8]);

impl HalfHours {
    /// Empty, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// Adds a stored message; `None` where it is none.
    pub fn push(&mut self, message: &[u8]) -> Option<()> {
        HalfHour::of(message)?.rtt.check()?;
        prost::encoding::encode_varint(message.len() as u64, &mut self.bytes);
        self.bytes.extend_from_slice(message);
        Some(())
    }

    pub fn iter(&self) -> impl Iterator<Item = HalfHour<'_>> {
        self.messages().map(|message| HalfHour::of(message).expect("only what can be read got in"))
    }

    /// As they are stored, one by one.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || counted(&mut rest))
    }

    /// All of them: the same half hours give the same bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl FromIterator<Block> for HalfHours {
    fn from_iter<T: IntoIterator<Item = Block>>(blocks: T) -> Self {
        let mut half_hours = Self::default();
        for block in blocks {
            let message = BlockPb::of(&block);
            message
                .encode_length_delimited(&mut half_hours.bytes)
                .expect("a vector takes any number of bytes");
        }
        half_hours
    }
}

impl<'a> HalfHour<'a> {
    #[inline]
    fn of(message: &'a [u8]) -> Option<Self> {
        let mut half_hour = Self { block: 0, sent: 0, lost: 0, late: 0, duplicates: 0, rtt: PackedRtt(&[]) };
        let mut fields = Fields::of(message);
        while !fields.is_empty() {
            match fields.take_next()? {
                (1, Value::Number(number)) => half_hour.block = u8::try_from(number).ok()?,
                (2, Value::Number(number)) => half_hour.sent = u32::try_from(number).ok()?,
                (3, Value::Number(number)) => half_hour.lost = u32::try_from(number).ok()?,
                (4, Value::Number(number)) => half_hour.late = u32::try_from(number).ok()?,
                (5, Value::Number(number)) => half_hour.duplicates = u32::try_from(number).ok()?,
                (6, Value::Bytes(rtt)) => half_hour.rtt = PackedRtt(rtt),
                (1..=6, _) => return None,
                _ => {}
            }
        }
        Some(half_hour)
    }

    /// With lists of its own.
    pub fn unpacked(self) -> Block {
        let Self { block, sent, lost, late, duplicates, rtt } = self;
        Block { block, sent, lost, late, duplicates, rtt: RttHistogram { buckets: rtt.buckets().collect() } }
    }
}

impl<'a> PackedRtt<'a> {
    /// (bucket, count), ascending by bucket.
    #[inline]
    pub fn buckets(self) -> impl Iterator<Item = (u16, u32)> + 'a {
        let (mut rest, mut bucket) = (self.0, 0u16);
        std::iter::from_fn(move || next_bucket(&mut rest, &mut bucket))
    }

    fn check(self) -> Option<()> {
        let (mut rest, mut bucket) = (self.0, 0u16);
        while !rest.is_empty() {
            next_bucket(&mut rest, &mut bucket)?;
        }
        Some(())
    }
}

#[inline]
fn next_bucket(rest: &mut &[u8], bucket: &mut u16) -> Option<(u16, u32)> {
    let distance = u16::try_from(small(rest)?).ok()?;
    *bucket = bucket.checked_add(distance)?;
    Some((*bucket, small(rest)?))
}

/// As it is written. Field numbers are never used again.
#[derive(Clone, PartialEq, Message)]
struct BlockPb {
    #[prost(uint32, tag = "1")]
    block: u32,
    #[prost(uint32, tag = "2")]
    sent: u32,
    #[prost(uint32, tag = "3")]
    lost: u32,
    #[prost(uint32, tag = "4")]
    late: u32,
    #[prost(uint32, tag = "5")]
    duplicates: u32,
    /// Bucket (as the distance from the one before), count.
    #[prost(uint32, repeated, tag = "6")]
    rtt: Vec<u32>,
}

impl BlockPb {
    fn of(block: &Block) -> Self {
        let mut before = 0;
        let mut rtt = Vec::with_capacity(block.rtt.buckets.len() * 2);
        for &(bucket, count) in &block.rtt.buckets {
            rtt.extend([u32::from(bucket) - before, count]);
            before = u32::from(bucket);
        }
        Self {
            block: u32::from(block.block),
            sent: block.sent,
            lost: block.lost,
            late: block.late,
            duplicates: block.duplicates,
            rtt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_hours_come_out_as_they_went_in_and_a_cut_one_does_not_get_in() {
        let mut rtt = RttHistogram::default();
        [0, 41_000, 41_100, u32::MAX].iter().for_each(|rtt_us| rtt.add(*rtt_us));
        let first = Block { block: 0, sent: 90, lost: 200, late: 1, duplicates: u32::MAX, rtt };
        let blocks = [first, Block { block: 47, sent: 3, ..Block::default() }];
        let packed: HalfHours = blocks.iter().cloned().collect();
        assert_eq!(packed.iter().map(HalfHour::unpacked).collect::<Vec<_>>(), blocks);
        let mut again = HalfHours::default();
        for message in packed.messages() {
            again.push(message).expect("a whole one");
            assert_eq!(HalfHours::default().push(&message[..message.len() - 1]), None);
        }
        assert_eq!(again, packed);
    }
}
