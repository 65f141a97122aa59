//! What monitoring itself cost an office in data: no part of its standing, but a part of the bill.

use std::collections::BTreeMap;

use suar_wire::{Month, Purpose, Step};

/// A calendar month of one office, all its agents together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthData {
    pub month: Month,
    /// Both directions, as far as the agents have told.
    pub paid_bytes: u64,
    /// The same by what it was for.
    pub by_purpose: BTreeMap<Purpose, u64>,
    /// How far any of them went to save data.
    pub step: Step,
}

/// The months of an office in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSum {
    pub paid_bytes: u64,
    pub by_purpose: BTreeMap<Purpose, u64>,
    /// The month in which most was used.
    pub most: MonthData,
    /// The furthest of all months.
    pub step: Step,
}

impl DataSum {
    /// `None` without a month.
    pub fn of(months: &[MonthData]) -> Option<Self> {
        let most = months.iter().max_by_key(|month| month.paid_bytes)?.clone();
        let paid_bytes = months.iter().fold(0, |sum: u64, month| sum.saturating_add(month.paid_bytes));
        let mut by_purpose = BTreeMap::new();
        for (purpose, bytes) in months.iter().flat_map(|month| &month.by_purpose) {
            let sum: &mut u64 = by_purpose.entry(*purpose).or_default();
            *sum = sum.saturating_add(*bytes);
        }
        let step = months.iter().map(|month| month.step).max()?;
        Some(Self { paid_bytes, by_purpose, most, step })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_its_months_together() {
        let month = |text: &str, paid_bytes, step| MonthData {
            month: text.parse().expect("a month"),
            paid_bytes,
            by_purpose: [(Purpose::Push, paid_bytes)].into(),
            step,
        };
        let july = month("2026-07", 10, Step::Full);
        let august = month("2026-08", 30, Step::Standard);
        let september = month("2026-09", 20, Step::Frugal);
        let sum = DataSum::of(&[july, august.clone(), september]).expect("three months");
        let by_purpose = [(Purpose::Push, 60)].into();
        assert_eq!(sum, DataSum { paid_bytes: 60, by_purpose, most: august, step: Step::Frugal });
        assert_eq!(DataSum::of(&[]), None);
    }
}
