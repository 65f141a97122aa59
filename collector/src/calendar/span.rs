//! Stretches of UTC time in whole seconds, and cutting them with each other.

use serde::{Deserialize, Serialize};

pub(super) use crate::day::DAY_S;

/// Seconds since 1970, the start included, the end not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    pub start_s: i64,
    pub end_s: i64,
}

impl Span {
    pub fn new(start_s: i64, end_s: i64) -> Self {
        Self { start_s, end_s }
    }

    pub fn is_empty(self) -> bool {
        self.end_s <= self.start_s
    }

    /// Length in seconds; an empty span has none.
    pub fn seconds(self) -> u64 {
        u64::try_from(self.end_s.saturating_sub(self.start_s)).unwrap_or(0)
    }

    /// What both have in common, if anything.
    pub fn and(self, other: Self) -> Option<Self> {
        let both = Self::new(self.start_s.max(other.start_s), self.end_s.min(other.end_s));
        (!both.is_empty()).then_some(both)
    }
}

/// What two ascending, disjoint lists have in common; touching pieces are joined.
pub fn intersect(left: &[Span], right: &[Span]) -> Vec<Span> {
    let (mut l, mut r) = (0, 0);
    let mut common: Vec<Span> = Vec::new();
    while let (Some(a), Some(b)) = (left.get(l), right.get(r)) {
        if let Some(both) = a.and(*b) {
            push_joined(&mut common, both);
        }
        if a.end_s <= b.end_s {
            l += 1;
        } else {
            r += 1;
        }
    }
    common
}

/// Appends a span that begins at or after the last one's end, joining them when they touch.
pub fn push_joined(spans: &mut Vec<Span>, next: Span) {
    match spans.last_mut() {
        Some(last) if last.end_s >= next.start_s => last.end_s = last.end_s.max(next.end_s),
        _ => spans.push(next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_lists_share_is_what_each_second_says() {
        let spans = |pairs: &[(i64, i64)]| pairs.iter().map(|p| Span::new(p.0, p.1)).collect::<Vec<_>>();
        let left = spans(&[(0, 5), (8, 20), (30, 31)]);
        let right = spans(&[(3, 9), (10, 12), (15, 40)]);
        let common = intersect(&left, &right);
        let holds = |list: &[Span], s: i64| list.iter().any(|span| (span.start_s..span.end_s).contains(&s));
        for second in -1..45 {
            assert_eq!(holds(&common, second), holds(&left, second) && holds(&right, second), "{second}");
        }
        assert_eq!(common, spans(&[(3, 5), (8, 9), (10, 12), (15, 20), (30, 31)]));
    }
}
