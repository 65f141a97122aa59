//! How sure an availability is: a 95 % interval from resampling whole days.
//!
//! Outages last, so slots of one day are not independent and the textbook interval is far too narrow;
//! days nearly are. The seed comes from the site and the window: the same data give the same bytes.

use super::ratio::Ratio;

/// Fewer days say too little about their own spread.
pub(super) const DAYS_MIN: usize = 14;
const RESAMPLES: usize = 1_000;

/// Both ends of the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub low: Ratio,
    pub high: Ratio,
}

/// `days` holds (up, up + down) seconds of every observed day, in order.
pub(super) fn resample(days: &[(u64, u64)], seed: u64) -> Option<Bounds> {
    if days.len() < DAYS_MIN {
        return None;
    }
    if days.iter().all(|(up, seen)| up == seen) {
        // Whatever days are drawn, the answer is the same; most offices of a good quarter end here.
        let whole = Ratio { part: 1, whole: 1 };
        return Some(Bounds { low: whole, high: whole });
    }
    // Both counts of a day in one number, so that a draw costs one addition: 2^32 seconds are 136 years.
    let days: Vec<u64> = days.iter().map(|(up, seen)| up << 32 | seen).collect();
    let mut random = SplitMix64(seed);
    let mut ratios: Vec<Ratio> = (0..RESAMPLES)
        .filter_map(|_| {
            let drawn = (0..days.len()).map(|_| days[random.below(days.len() as u64) as usize]);
            let both = drawn.sum::<u64>();
            Ratio::of(both >> 32, both & u64::from(u32::MAX))
        })
        .collect();
    // Nearest rank: the 25th and the 975th of a thousand.
    let low = ratios.len() * 25 / 1_000;
    let high = (ratios.len() * 975 / 1_000).checked_sub(1).filter(|high| low < *high)?;
    let order = |a: &Ratio, b: &Ratio| a.value_cmp(*b).then(a.whole.cmp(&b.whole));
    let (below, high, _) = ratios.select_nth_unstable_by(high, order);
    let high = *high;
    let (_, low, _) = below.select_nth_unstable_by(low, order);
    Some(Bounds { low: *low, high })
}

/// FNV-1a over the parts, so that no part can be mistaken for the next.
pub(super) fn seed(site: &str, start_s: i64, end_s: i64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let numbers = [start_s.to_le_bytes(), end_s.to_le_bytes()].concat();
    for byte in site.bytes().chain([0]).chain(numbers) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

/// Vigna's SplitMix64: small, and the same everywhere for ever, which a library's generator is not.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `bound` - 1; the bias of a multiply-shift is below 2^-50 for a few hundred days.
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    #[test]
    fn the_generator_is_vignas() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn equal_days_leave_no_doubt_and_thirteen_days_give_no_interval() {
        let bounds = resample(&[(90, 100); 20], 7).expect("enough days");
        assert_eq!(bounds.low.value_cmp(Ratio { part: 9, whole: 10 }), Ordering::Equal);
        assert_eq!(bounds.high.value_cmp(Ratio { part: 9, whole: 10 }), Ordering::Equal);
        assert_eq!(resample(&[(90, 100); 13], 7), None);
    }

    #[test]
    fn one_bad_day_widens_the_interval_and_the_same_seed_gives_the_same() {
        let mut days = [(100, 100); 30];
        days[4] = (0, 100);
        let bounds = resample(&days, 7).expect("enough days");
        assert!(bounds.low.as_f64() < 0.95 && bounds.high.as_f64() > 0.99, "{bounds:?}");
        assert_eq!(resample(&days, 7), Some(bounds));
    }
}
