//! What monitoring has used of the month: the meter's counts, added up over restarts. Pure but for the file.
//!
//! The file holds sums, and a process counts from nothing: whatever is written in between is in the file
//! once. What a killed process had not written is lost, and never is anything counted twice.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suar_wire::{Month, Purpose, Step, Use};

use crate::files;
use crate::meter::{Bytes, Traffic};

const FILE: &str = "data-use.json";
/// Most bytes that are read back; a real one has some hundred.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// What is known about the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Today {
    /// By the collector's clock.
    Sure(Month),
    /// By the machine's own, which may be years off.
    Unsure(Month),
}

impl Today {
    fn month_and_surety(self) -> (Month, bool) {
        match self {
            Self::Sure(month) => (month, true),
            Self::Unsure(month) => (month, false),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    month: Month,
    /// The collector's clock has said so.
    sure: bool,
    used: Vec<Use>,
    /// The month before with what was used in it, for the day on which it turns out to be still that one.
    before: Option<(Month, Vec<Use>)>,
    /// How far an allowance has made us step down in this month.
    #[serde(default)]
    saving: Saving,
}

/// A step, and the allowance that it was taken for: another one is judged anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Saving {
    step: Step,
    allowance_bytes: Option<u64>,
}

impl Default for Saving {
    fn default() -> Self {
        Self { step: Step::Full, allowance_bytes: None }
    }
}

impl Ledger {
    pub fn new(today: Today) -> Self {
        let (month, sure) = today.month_and_surety();
        Self { month, sure, used: Vec::new(), before: None, saving: Saving::default() }
    }

    pub fn month(&self) -> Month {
        self.month
    }

    pub fn add(&mut self, traffic: &Traffic) {
        self.used = sum(&self.used, &uses(traffic));
    }

    /// Follows the calendar; true when a new month has begun.
    ///
    /// A clock that nobody has confirmed turns the page only to the very next month: a dead battery must
    /// neither forget what was used nor begin a month each time it is believed. The collector's word is
    /// taken, and where it says that the month is an earlier one, the pages are put together again.
    pub fn turn_to(&mut self, today: Today) -> bool {
        let (month, sure) = today.month_and_surety();
        if month == self.month {
            self.sure |= sure;
            return false;
        }
        let first_days = !self.sure && self.before.is_none();
        if first_days {
            // Nothing but a guess has named the month so far, and what was left out was for that month.
            self.begin(month, sure);
            return false;
        }
        if sure && month < self.month {
            if let Some((_, used)) = self.before.take_if(|(before, _)| *before == month) {
                self.used = sum(&self.used, &used);
            }
            self.begin(month, true);
            return false;
        }
        if sure || (self.sure && month == self.month.next()) {
            self.before = Some((self.month, std::mem::take(&mut self.used)));
            self.begin(month, sure);
            return true;
        }
        false
    }

    /// Another month has another rest: nothing is left out of it yet.
    fn begin(&mut self, month: Month, sure: bool) {
        (self.month, self.sure, self.saving) = (month, sure, Saving::default());
    }

    /// Ascending by purpose, nothing that was not used.
    pub fn used(&self) -> &[Use] {
        &self.used
    }

    /// The month before with what was used in it, if this page was turned after it.
    pub fn before(&self) -> Option<(Month, &[Use])> {
        self.before.as_ref().map(|(month, used)| (*month, used.as_slice()))
    }

    /// How far this allowance has made us step down in this month.
    pub fn reached(&self, allowance_bytes: Option<u64>) -> Step {
        if self.saving.allowance_bytes == allowance_bytes { self.saving.step } else { Step::Full }
    }

    pub fn reach(&mut self, step: Step, allowance_bytes: Option<u64>) {
        self.saving = Saving { step, allowance_bytes };
    }
}

fn uses(traffic: &Traffic) -> Vec<Use> {
    let one =
        |(&purpose, bytes): (&Purpose, &Bytes)| Use { purpose, sent: bytes.sent, received: bytes.received };
    traffic.iter().map(one).filter(|one| one.sent + one.received > 0).collect()
}

fn sum(some: &[Use], more: &[Use]) -> Vec<Use> {
    let mut sum = Traffic::new();
    for one in some.iter().chain(more) {
        let known = sum.entry(one.purpose).or_default();
        *known = known.plus(Bytes { sent: one.sent, received: one.received });
    }
    uses(&sum)
}

pub fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

pub fn write(state: &Path, ledger: &Ledger) -> io::Result<()> {
    files::replace(&path(state), &serde_json::to_vec_pretty(ledger)?)
}

/// The ledger that was written last; `None` when there is none.
pub fn read(state: &Path) -> io::Result<Option<Ledger>> {
    let text = files::read_text(&path(state), FILE_BYTES_MAX)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn sure(text: &str) -> Today {
        Today::Sure(month(text))
    }

    fn unsure(text: &str) -> Today {
        Today::Unsure(month(text))
    }

    fn pushes(sent: u64) -> Traffic {
        Traffic::from([(Purpose::Push, Bytes { sent, received: 1 })])
    }

    fn sent(ledger: &Ledger) -> u64 {
        ledger.used.iter().map(|one| one.sent).sum()
    }

    fn november() -> Ledger {
        let mut ledger = Ledger::new(sure("2026-11"));
        ledger.add(&pushes(100));
        ledger
    }

    #[test]
    fn a_new_month_begins_with_nothing_used_and_nothing_left_out() {
        let mut ledger = november();
        assert!(!ledger.turn_to(sure("2026-11")));
        ledger.reach(Step::Frugal, Some(5));
        assert_eq!((ledger.reached(Some(5)), ledger.reached(Some(6))), (Step::Frugal, Step::Full));
        assert!(ledger.turn_to(sure("2026-12")));
        assert_eq!((ledger.month(), sent(&ledger)), (month("2026-12"), 0));
        assert_eq!(ledger.reached(Some(5)), Step::Full);
        assert_eq!(ledger.before().map(|(month, used)| (month, used.len())), Some((month("2026-11"), 1)));
        ledger.add(&pushes(7));
        ledger.add(&pushes(8));
        assert_eq!(sent(&ledger), 15);
    }

    #[test]
    fn a_clock_without_a_witness_turns_one_page_and_no_more() {
        for wild in ["2009-01", "2026-10", "2027-01", "2036-11"] {
            let mut ledger = november();
            assert!(!ledger.turn_to(unsure(wild)), "{wild}");
            assert_eq!((ledger.month(), sent(&ledger)), (month("2026-11"), 100), "{wild}");
        }
        let mut ledger = november();
        assert!(ledger.turn_to(unsure("2026-12")));
        assert!(!ledger.turn_to(unsure("2027-01")), "that one month was already a guess");
    }

    #[test]
    fn a_page_that_was_turned_too_early_is_turned_back_and_nothing_is_lost() {
        let mut ledger = november();
        ledger.turn_to(unsure("2026-12"));
        ledger.add(&pushes(7));
        assert!(!ledger.turn_to(sure("2026-11")));
        assert_eq!((ledger.month(), sent(&ledger)), (month("2026-11"), 107));
        assert!(ledger.turn_to(sure("2026-12")));
        assert_eq!(sent(&ledger), 0);
    }

    #[test]
    fn what_was_used_before_the_first_word_of_the_collector_belongs_to_its_month() {
        let mut ledger = Ledger::new(unsure("2009-01"));
        ledger.add(&pushes(40));
        ledger.reach(Step::Frugal, Some(5));
        assert!(!ledger.turn_to(unsure("2026-10")));
        assert_eq!(ledger.reached(Some(5)), Step::Full, "another month has another rest");
        assert!(!ledger.turn_to(sure("2026-11")));
        assert_eq!((ledger.month(), sent(&ledger)), (month("2026-11"), 40));
    }

    #[test]
    fn what_was_written_reads_back() {
        let state = tempfile::tempdir().expect("a directory");
        assert_eq!(read(state.path()).expect("read"), None);
        let mut ledger = november();
        ledger.turn_to(sure("2026-12"));
        write(state.path(), &ledger).expect("written");
        assert_eq!(read(state.path()).expect("read"), Some(ledger));
        std::fs::write(path(state.path()), "{").expect("written");
        assert!(read(state.path()).is_err());
    }
}
