//! Exact fractions: a standing must not depend on how a processor rounds.

use std::cmp::Ordering;

/// Parts of a whole, both counts of the same thing; the whole is never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    pub part: u64,
    pub whole: u64,
}

impl Ratio {
    /// `None` where there is no whole to speak of.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        (whole > 0).then_some(Self { part, whole })
    }

    /// For printing and for metrics only.
    pub fn as_f64(self) -> f64 {
        self.part as f64 / self.whole as f64
    }

    /// Compares with a threshold of a configuration, which is exact to a millionth.
    pub fn cmp_share(self, share: f64) -> Ordering {
        let threshold = u128::from(millionths(share)) * u128::from(self.whole);
        (u128::from(self.part) * 1_000_000).cmp(&threshold)
    }

    pub fn at_least(self, share: f64) -> bool {
        self.cmp_share(share) != Ordering::Less
    }

    /// Rounded half up to a number of decimals of a per cent, in that unit: 9947 for 99.47 % with two.
    pub fn percent_scaled(self, decimals: u32) -> u64 {
        let scale = 100 * u128::from(10_u64.pow(decimals.min(9)));
        let doubled = 2 * u128::from(self.part) * scale + u128::from(self.whole);
        u64::try_from(doubled / (2 * u128::from(self.whole))).unwrap_or(u64::MAX)
    }
}

impl Ratio {
    /// Orders by value; 1/2 and 2/4 are equal in value and not the same fraction.
    pub fn value_cmp(self, other: Self) -> Ordering {
        let left = u128::from(self.part) * u128::from(other.whole);
        let right = u128::from(other.part) * u128::from(self.whole);
        left.cmp(&right)
    }
}

/// A share of a configuration as millionths; what is out of bounds is refused by `Rules::problems` before.
pub(super) fn millionths(share: f64) -> u64 {
    (share * 1e6).round().clamp(0.0, 1e18) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_exactly_at_a_threshold_reaches_it() {
        let at = Ratio { part: 95, whole: 100 };
        assert!(at.at_least(0.95));
        assert!(!Ratio { part: 94_999_999, whole: 100_000_000 }.at_least(0.95));
        assert_eq!(Ratio::of(1, 0), None);
    }

    #[test]
    fn per_cents_round_half_up() {
        assert_eq!(Ratio { part: 1, whole: 3 }.percent_scaled(2), 3_333);
        assert_eq!(Ratio { part: 199_999, whole: 200_000 }.percent_scaled(2), 10_000);
        assert_eq!(Ratio { part: 1, whole: 1 }.percent_scaled(2), 10_000);
    }
}
