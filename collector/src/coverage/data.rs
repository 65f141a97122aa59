//! What monitoring itself cost an office in data: no part of its standing, but a part of the bill.

use suar_wire::{Month, Step};

/// A calendar month of one office, all its agents together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthData {
    pub month: Month,
    /// Both directions, as far as the agents have told.
    pub paid_bytes: u64,
    /// How far any of them went to save data.
    pub step: Step,
}

/// The months of an office in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataSum {
    pub paid_bytes: u64,
    /// The month in which most was used.
    pub most: MonthData,
    /// The furthest of all months.
    pub step: Step,
}

impl DataSum {
    /// `None` without a month.
    pub fn of(months: &[MonthData]) -> Option<Self> {
        let most = *months.iter().max_by_key(|month| month.paid_bytes)?;
        let paid_bytes = months.iter().fold(0, |sum: u64, month| sum.saturating_add(month.paid_bytes));
        let step = months.iter().map(|month| month.step).max()?;
        Some(Self { paid_bytes, most, step })
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
            step,
        };
        let july = month("2026-07", 10, Step::Full);
        let august = month("2026-08", 30, Step::Standard);
        let september = month("2026-09", 20, Step::Frugal);
        let sum = DataSum::of(&[july, august, september]).expect("three months");
        assert_eq!(sum, DataSum { paid_bytes: 60, most: august, step: Step::Frugal });
        assert_eq!(DataSum::of(&[]), None);
    }
}
