//! A set of numbers kept as inclusive ranges: which sequences are known, which are receipted.
//!
//! A set and not a high-water mark, so that an agent can send what is newest first and fill in after.

use serde::{Deserialize, Serialize};

/// Sorted, disjoint, non-adjacent inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntervalSet {
    ranges: Vec<(u64, u64)>,
}

impl IntervalSet {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many numbers are in the set; saturates.
    pub fn count(&self) -> u64 {
        self.ranges.iter().fold(0, |sum, (first, last)| sum.saturating_add((last - first).saturating_add(1)))
    }

    pub fn contains(&self, number: u64) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= number);
        after > 0 && self.ranges[after - 1].1 >= number
    }

    pub fn insert(&mut self, number: u64) {
        self.insert_range(number, number);
    }

    /// Adds `first..=last`; an empty range (`first > last`) changes nothing.
    pub fn insert_range(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        // Everything that overlaps or touches melts into one range.
        let start = self.ranges.partition_point(|&(_, end)| end < first.saturating_sub(1));
        let end = self.ranges.partition_point(|&(begin, _)| begin <= last.saturating_add(1));
        let merged = self.ranges[start..end]
            .iter()
            .fold((first, last), |(low, high), &(begin, end)| (low.min(begin), high.max(end)));
        self.ranges.splice(start..end, [merged]);
    }

    /// The parts of `first..=last` that are not in the set.
    pub fn missing_in(&self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut next = first;
        let start = self.ranges.partition_point(|&(_, end)| end < first);
        for &(begin, end) in &self.ranges[start..] {
            if begin > last {
                break;
            }
            if begin > next {
                missing.push((next, begin - 1));
            }
            match end.checked_add(1) {
                Some(after) => next = after,
                None => return missing,
            }
        }
        if next <= last {
            missing.push((next, last));
        }
        missing
    }
}

impl FromIterator<u64> for IntervalSet {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut set = Self::new();
        numbers.into_iter().for_each(|number| set.insert(number));
        set
    }
}

impl FromIterator<(u64, u64)> for IntervalSet {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(ranges: I) -> Self {
        let mut set = Self::new();
        ranges.into_iter().for_each(|(first, last)| set.insert_range(first, last));
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_equals_a_plain_set_of_numbers(ranges in prop::collection::vec((0u64..60, 0u64..8), 0..30), probe in (0u64..70, 0u64..70)) {
            let mut set = IntervalSet::new();
            let mut plain = BTreeSet::new();
            for (first, length) in ranges {
                set.insert_range(first, first + length);
                plain.extend(first..=first + length);
            }
            prop_assert_eq!(set.count(), plain.len() as u64);
            for number in 0..80 {
                prop_assert_eq!(set.contains(number), plain.contains(&number));
            }
            for pair in set.ranges().windows(2) {
                prop_assert!(pair[0].1 + 1 < pair[1].0, "touching ranges were not melted: {:?}", set);
            }
            let missing: BTreeSet<u64> =
                set.missing_in(probe.0, probe.1).into_iter().flat_map(|(a, b)| a..=b).collect();
            let expected: BTreeSet<u64> = (probe.0..=probe.1).filter(|n| !plain.contains(n)).collect();
            prop_assert_eq!(missing, expected);
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut set = IntervalSet::new();
        set.insert_range(u64::MAX - 1, u64::MAX);
        set.insert(0);
        assert!(set.contains(u64::MAX));
        assert_eq!(set.missing_in(u64::MAX, u64::MAX), vec![]);
        assert_eq!(set.missing_in(0, 3), vec![(1, 3)]);
    }
}
