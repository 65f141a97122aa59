//! Random numbers for the lab: small, seeded, and the seed is printed, so that a failure can be repeated.

use std::time::{SystemTime, UNIX_EPOCH};

/// Set this to repeat a run.
pub const SEED_VARIABLE: &str = "SUAR_LAB_SEED";

/// SplitMix64 (Steele, Lea, Flood 2014): every seed is a good one.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to but without `end`; 0 for an empty range.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(end)) >> 64) as u64
    }

    /// From 0 up to but without 1.
    pub fn share(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.share() < probability
    }
}

/// The seed of this run: from the environment, or a fresh one; printed either way.
pub fn printed_seed(what: &str) -> u64 {
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_nanos() as u64).unwrap_or(1)
    });
    // Not on standard output: the benchmarks write their figures there.
    eprintln!("{what}: {SEED_VARIABLE}={seed}");
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_shares_are_even() {
        let mut one = Random::from_seed(7);
        let mut two = Random::from_seed(7);
        assert!((0..100).all(|_| one.next_u64() == two.next_u64()));
        let hits = (0..100_000).filter(|_| one.chance(0.3)).count();
        assert!((29_000..31_000).contains(&hits), "{hits}");
        assert!((0..1_000).all(|_| one.below(7) < 7));
    }
}
