//! The ledger of the running agent: brings what the meter has counted into it, and says when it is to be
//! written. At most what was used within one push interval is lost with a killed process.

use std::path::Path;
use std::time::{Duration, Instant};

use suar_wire::{Month, Use};

use crate::ledger::{self, Ledger, Today};
use crate::meter::{Meter, Traffic};

/// Where the office's clock is ahead of UTC; months begin by it. All of Bangka Belitung lives by WIB.
const UTC_OFFSET_MINUTES: i16 = 7 * 60;

#[derive(Debug)]
pub struct Accounts {
    meter: Meter,
    /// What of the meter's counts is in the ledger.
    entered: Traffic,
    ledger: Option<Ledger>,
    written_at: Instant,
}

impl Accounts {
    pub fn open(state: &Path, meter: Meter) -> Self {
        let ledger = ledger::read(state).unwrap_or_else(|error| {
            tracing::error!(%error, "what was used of the month cannot be read; it is counted anew");
            None
        });
        Self { meter, entered: Traffic::new(), ledger, written_at: Instant::now() }
    }

    /// Enters what was used up to now. `confirmed`: the time comes from the collector.
    pub fn enter(&mut self, now_ms: i64, confirmed: bool) {
        let month = Month::at(now_ms, UTC_OFFSET_MINUTES);
        let today = if confirmed { Today::Sure(month) } else { Today::Unsure(month) };
        let ledger = self.ledger.get_or_insert_with(|| Ledger::new(today));
        let so_far = self.meter.so_far();
        let since = so_far.iter().map(|(purpose, bytes)| {
            (*purpose, bytes.since(self.entered.get(purpose).copied().unwrap_or_default()))
        });
        // Before the page is turned: it was used before now.
        ledger.add(&since.collect());
        self.entered = so_far;
        if ledger.turn_to(today) {
            tracing::info!(month = %ledger.month(), "a new month of data use");
        }
    }

    /// The ledger, when it is time to write it.
    pub fn due(&mut self, every: Duration) -> Option<Ledger> {
        if self.written_at.elapsed() < every {
            return None;
        }
        self.written_at = Instant::now();
        self.ledger.clone()
    }

    pub fn month(&self) -> Option<(Month, &[Use])> {
        self.ledger.as_ref().map(|ledger| (ledger.month(), ledger.used()))
    }

    /// The last entry, when nothing is sent any more. Waits for the disk.
    pub fn close(mut self, state: &Path, now_ms: i64, confirmed: bool) {
        self.enter(now_ms, confirmed);
        if let Some(Err(error)) = self.ledger.map(|ledger| ledger::write(state, &ledger)) {
            tracing::warn!(%error, "what was used of the month cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use suar_wire::Purpose;

    use super::*;
    use crate::meter::Bytes;

    /// 2026-11-15 12:00 WIB.
    const NOON_MS: i64 = 1_794_718_800_000;

    fn used(accounts: &Accounts) -> u64 {
        accounts.month().map_or(0, |(_, used)| used.iter().map(|one| one.sent).sum())
    }

    #[test]
    fn what_was_written_counts_once_after_a_kill_and_the_rest_is_lost() {
        let state = tempfile::tempdir().expect("a directory");
        let meter = Meter::default();
        let mut first = Accounts::open(state.path(), meter.clone());
        meter.add(Purpose::Push, Bytes { sent: 100, received: 0 });
        first.enter(NOON_MS, true);
        first.enter(NOON_MS, true);
        assert_eq!(used(&first), 100, "entered twice, counted once");
        let due = first.due(Duration::ZERO).expect("at once");
        ledger::write(state.path(), &due).expect("written");
        meter.add(Purpose::Push, Bytes { sent: 7, received: 0 });
        // Killed here: another process has another meter.
        drop(first);
        let meter = Meter::default();
        let mut second = Accounts::open(state.path(), meter.clone());
        meter.add(Purpose::Echo, Bytes { sent: 44, received: 44 });
        second.enter(NOON_MS, false);
        assert_eq!(used(&second), 144);
        second.close(state.path(), NOON_MS, true);
        assert_eq!(used(&Accounts::open(state.path(), Meter::default())), 144);
    }
}
