//! Prometheus' XOR chunks: times as differences of differences, values as changed bits (the Gorilla paper,
//! Pelkonen et al. 2015, with Prometheus' widths for milliseconds).
//!
//! ```text
//! u16 count, big-endian
//! 1st sample  varint time, 64 bits of the value
//! 2nd sample  uvarint difference of time, value
//! later       difference of differences, value
//!   time      0 | 10 + 14 bits | 110 + 17 bits | 1110 + 20 bits | 1111 + 64 bits
//!   value     0 (same) | 10 + bits inside the last window | 11 + 5 bits leading zeros + 6 bits width + bits
//! ```

/// Samples in a chunk, as Prometheus' own: a reader takes a chunk apart from its start.
pub const SAMPLES_MAX: u16 = 120;

/// A chunk being written. Times must ascend.
#[derive(Debug, Clone, PartialEq)]
pub struct XorChunk {
    bits: Bits,
    count: u16,
    first_ms: i64,
    last_ms: i64,
    step_ms: u64,
    last: u64,
    /// Leading and trailing zeros of the window that changed bits were last written in.
    window: Option<(u32, u32)>,
}

impl XorChunk {
    pub fn new(at_ms: i64, value: f64) -> Self {
        let mut bits = Bits { bytes: vec![0, 0], free: 0 };
        bits.varint(at_ms);
        bits.write(value.to_bits(), 64);
        Self {
            bits,
            count: 1,
            first_ms: at_ms,
            last_ms: at_ms,
            step_ms: 0,
            last: value.to_bits(),
            window: None,
        }
    }

    pub fn is_full(&self) -> bool {
        self.count >= SAMPLES_MAX
    }

    pub fn count(&self) -> u16 {
        self.count
    }

    /// Time of the first and the last sample, both included.
    pub fn span_ms(&self) -> (i64, i64) {
        (self.first_ms, self.last_ms)
    }

    /// A full chunk takes no more; ask [`Self::is_full`] first.
    pub fn push(&mut self, at_ms: i64, value: f64) {
        debug_assert!(!self.is_full() && at_ms > self.last_ms);
        let step_ms = at_ms.wrapping_sub(self.last_ms) as u64;
        if self.count == 1 {
            self.bits.uvarint(step_ms);
        } else {
            self.time(step_ms.wrapping_sub(self.step_ms) as i64);
        }
        self.value(value.to_bits());
        (self.last_ms, self.step_ms) = (at_ms, step_ms);
        self.count += 1;
    }

    fn time(&mut self, change: i64) {
        // A width of n bits holds -(2^(n-1) - 1) to 2^(n-1): readers take only what is above as negative.
        let fits = |width: u32| (-((1 << (width - 1)) - 1)..=1 << (width - 1)).contains(&change);
        let (prefix, prefix_width, width) = match change {
            0 => return self.bits.write(0, 1),
            _ if fits(14) => (0b10, 2, 14),
            _ if fits(17) => (0b110, 3, 17),
            _ if fits(20) => (0b1110, 4, 20),
            _ => (0b1111, 4, 64),
        };
        self.bits.write(prefix, prefix_width);
        self.bits.write(change as u64, width);
    }

    fn value(&mut self, value: u64) {
        let changed = value ^ self.last;
        self.last = value;
        if changed == 0 {
            return self.bits.write(0, 1);
        }
        // Five bits say how many leading zeros there are.
        let (leading, trailing) = (changed.leading_zeros().min(31), changed.trailing_zeros());
        match self.window {
            Some((before, after)) if leading >= before && trailing >= after => {
                self.bits.write(0b10, 2);
                self.bits.write(changed >> after, 64 - before - after);
            }
            _ => {
                self.window = Some((leading, trailing));
                let width = 64 - leading - trailing;
                self.bits.write(0b11, 2);
                self.bits.write(u64::from(leading), 5);
                // 64 does not fit into six bits and is written as 0, which no change needs.
                self.bits.write(u64::from(width), 6);
                self.bits.write(changed >> trailing, width);
            }
        }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        let mut bytes = self.bits.bytes;
        bytes[..2].copy_from_slice(&self.count.to_be_bytes());
        bytes
    }
}

/// Bits from the most significant on.
#[derive(Debug, Clone, PartialEq)]
struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not taken yet.
    free: u32,
}

impl Bits {
    /// The lowest `width` bits of `value`.
    fn write(&mut self, value: u64, width: u32) {
        let mut left = width;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let here = left.min(self.free);
            let part = (value >> (left - here)) & ((1 << here) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part as u8) << (self.free - here);
            }
            self.free -= here;
            left -= here;
        }
    }

    fn uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.write(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.write(value, 8);
    }

    fn varint(&mut self, value: i64) {
        self.uvarint((value << 1 ^ value >> 63) as u64);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a chunk bit by bit, from the format's description.
    pub(in crate::history) fn unpack(bytes: &[u8]) -> Vec<(i64, u64)> {
        let count = usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
        let mut bits =
            bytes[2..].iter().flat_map(|byte| (0..8).rev().map(move |at| u64::from(byte >> at & 1)));
        let mut take = |width: u32| (0..width).fold(0u64, |value, _| value << 1 | bits.next().unwrap());
        let mut samples: Vec<(i64, u64)> = Vec::new();
        let (mut step, mut window) = (0i64, (0, 0));
        for at in 0..count {
            let uvarint = |take: &mut dyn FnMut(u32) -> u64| {
                let (mut value, mut shift) = (0, 0);
                loop {
                    let byte = take(8);
                    value |= (byte & 0x7f) << shift;
                    shift += 7;
                    if byte < 0x80 {
                        return value;
                    }
                }
            };
            if at == 0 {
                let zigzag = uvarint(&mut take);
                let time = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
                samples.push((time, take(64)));
                continue;
            }
            if at == 1 {
                step = uvarint(&mut take) as i64;
            } else {
                let ones = (0..4).take_while(|_| take(1) == 1).count();
                let width = [0, 14, 17, 20, 64][ones];
                let raw = take(width);
                let signed = if width < 64 && raw > 1 << (width.max(1) - 1) {
                    raw.wrapping_sub(1 << width) as i64
                } else {
                    raw as i64
                };
                step = step.wrapping_add(signed);
            }
            let (time, mut value) = samples[at - 1];
            if take(1) == 1 {
                if take(1) == 1 {
                    let leading = take(5) as u32;
                    let width = match take(6) as u32 {
                        0 => 64,
                        width => width,
                    };
                    window = (width, 64 - leading - width);
                }
                value ^= take(window.0) << window.1;
            }
            samples.push((time.wrapping_add(step), value));
        }
        samples
    }

    fn packed(samples: &[(i64, u64)]) -> Vec<u8> {
        let mut chunk = XorChunk::new(samples[0].0, f64::from_bits(samples[0].1));
        for (at_ms, bits) in &samples[1..] {
            chunk.push(*at_ms, f64::from_bits(*bits));
        }
        assert_eq!(chunk.span_ms(), (samples[0].0, samples[samples.len() - 1].0));
        chunk.into_bytes()
    }

    #[test]
    fn the_first_bytes_are_those_of_the_format() {
        // 1.0 at 1 ms and again at 2 ms: count 2, zigzag 2, the bits of 1.0, step 1, one zero bit.
        let expected = [0, 2, 2, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 1, 0];
        assert_eq!(packed(&[(1, 1f64.to_bits()), (2, 1f64.to_bits())]), expected);
    }

    #[test]
    fn steps_at_the_edges_of_every_width_come_back() {
        let mut samples = vec![(-5_000_000_000_000, 0), (0, 1)];
        let (mut at, mut step) = (0i64, 5_000_000_000_000i64);
        for change in [
            8_192, 8_193, -8_191, -8_192, 65_536, 65_537, -65_535, -65_536, 524_288, 524_289, -524_287,
            -524_288, 1,
        ] {
            step += change;
            at += step;
            samples.push((at, at as u64));
        }
        assert_eq!(unpack(&packed(&samples)), samples);
    }

    proptest! {
        #[test]
        fn whatever_goes_in_comes_out(
            start in any::<i32>(),
            rest in prop::collection::vec(
                (prop_oneof![Just(60_000u32), 1..3_000_000u32, any::<u32>()], prop_oneof![Just(1f64.to_bits()), (0..9_999u64).prop_map(|us| (us as f64 / 1e6).to_bits()), any::<u64>()]),
                0..119,
            ),
        ) {
            let mut samples = vec![(i64::from(start), 0)];
            for (step, value) in rest {
                samples.push((samples[samples.len() - 1].0 + i64::from(step.max(1)), value));
            }
            prop_assert_eq!(unpack(&packed(&samples)), samples);
        }
    }
}
