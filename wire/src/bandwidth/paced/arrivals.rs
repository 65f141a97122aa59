//! What came of a round, packet by packet.

use super::{Round, Seen};

/// The first packets of a round meet an empty queue: this share of them says nothing of the line.
const SKIPPED_SHARE: usize = 10;
/// Nothing is concluded from fewer packets.
const PACKETS_MIN: usize = 8;
/// Times the last third, the first one was a bucket of tokens.
const BURST_FACTOR: f64 = 1.25;

/// Times the last third, the middle one had not come to rest.
const STILL_FACTOR: f64 = 1.10;

/// Arrivals of one round, in the order they came.
#[derive(Debug, Clone, Default)]
pub struct Arrivals {
    at_us: Vec<u64>,
    /// From sender to receiver, by clocks that do not agree: only differences mean something.
    ways_us: Vec<i64>,
    known: Vec<bool>,
}

impl Arrivals {
    /// For the packets of one round; others are not counted.
    pub fn expecting(round: Round, packet_bytes: u64) -> Self {
        let known = vec![false; round.packets(packet_bytes) as usize];
        Self { at_us: Vec::new(), ways_us: Vec::new(), known }
    }

    /// A second copy is not counted.
    pub fn add(&mut self, at_us: u64, number: u32, sent_us: u32) {
        if let Some(known) = self.known.get_mut(number as usize)
            && !std::mem::replace(known, true)
        {
            self.at_us.push(at_us);
            self.ways_us.push(at_us as i64 - i64::from(sent_us));
        }
    }

    pub fn packets(&self) -> u32 {
        self.at_us.len() as u32
    }

    pub fn seen(&self, number: u8, packet_bytes: u64) -> Seen {
        let count = self.at_us.len();
        let skipped = &self.at_us[count / SKIPPED_SHARE..];
        let third = skipped.len() / 3;
        let part = |from: usize, to: usize| rate_bps(skipped.get(from..to)?, packet_bytes);
        // Each third with the first packet of the next: as many gaps as packets.
        let early = part(0, third + 1);
        let middle = part(third, 2 * third + 1);
        let last = part(2 * third, skipped.len());
        let falls = |from: Option<u64>, factor: f64| {
            let (from, last) = from.filter(|_| third >= PACKETS_MIN).zip(last)?;
            Some(from as f64 > last as f64 * factor)
        };
        let has_burst = falls(early, BURST_FACTOR).unwrap_or(false);
        let still_falls = has_burst && falls(middle, STILL_FACTOR).unwrap_or(false);
        // A bucket's first packets are not the line's rate.
        let rate_bps = match (has_burst, still_falls) {
            (false, _) => part(0, skipped.len()),
            (true, false) => part(third, skipped.len()),
            (true, true) => last,
        };
        Seen {
            number,
            packets: self.packets(),
            rate_bps,
            burst_bps: early.filter(|_| has_burst),
            still_falls,
            queue_us: self.queue_us(),
            end_queue_us: self.end_queue_us(),
            growth_us: self.growth_us(),
            late_us: 0,
            dropped: 0,
        }
    }

    /// What three quarters of the packets waited at most, for the slowest met a receiver that was held up, perhaps.
    fn queue_us(&self) -> u64 {
        let mut ways = self.ways_us.clone();
        ways.sort_unstable();
        let quartile = ways.get(ways.len() * 3 / 4);
        quartile.zip(ways.first()).map_or(0, |(quartile, fastest)| quartile.abs_diff(*fastest))
    }

    fn end_queue_us(&self) -> u64 {
        let last = median(&self.ways_us[self.ways_us.len() - self.ways_us.len() / 4..]);
        last.zip(self.ways_us.iter().min()).map_or(0, |(last, fastest)| last.abs_diff(*fastest))
    }

    fn growth_us(&self) -> u64 {
        let quarter = self.ways_us.len() / 4;
        let first = median(&self.ways_us[..quarter]);
        let last = median(&self.ways_us[self.ways_us.len() - quarter..]);
        first.zip(last).map_or(0, |(first, last)| u64::try_from(last - first).unwrap_or(0))
    }
}

fn median(values: &[i64]) -> Option<i64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

fn rate_bps(at_us: &[u64], packet_bytes: u64) -> Option<u64> {
    let (first, last) = (*at_us.first()?, *at_us.last()?);
    if at_us.len() < PACKETS_MIN || last <= first {
        return None;
    }
    let bits = (at_us.len() as u64 - 1) * packet_bytes * 8;
    Some(bits.saturating_mul(1_000_000) / (last - first))
}
