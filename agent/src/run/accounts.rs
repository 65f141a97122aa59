//! The ledger of the running agent: brings what the meter has counted into it, holds it against the allowance, and
//! says when it is to be written and when the collector is to be told. At most what was used within one push
//! interval is lost with a killed process.

use std::path::Path;
use std::time::{Duration, Instant};

use suar_wire::data_use::paid_bytes;
use suar_wire::{DataUse, Month, Plan, Step};

use crate::budget::{self, Account};
use crate::health::News;
use crate::ledger::{self, Ledger, Today};
use crate::meter::{Meter, Traffic};

#[derive(Debug)]
pub struct Accounts {
    meter: Meter,
    /// What of the meter's counts is in the ledger.
    entered: Traffic,
    ledger: Option<Ledger>,
    written_at: Instant,
    /// What the collector was told last, and when.
    told: Option<(DataUse, Instant)>,
}

/// What data may be used by.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'p> {
    /// As the collector ordered it, with nothing left out.
    pub plan: &'p Plan,
    /// What the system says of the connection.
    pub system_says_metered: Option<bool>,
}

impl Terms<'_> {
    fn metered(&self) -> Option<bool> {
        self.plan.metered.or(self.system_says_metered)
    }
}

/// The corrected clock.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub unix_ms: i64,
    /// The time comes from the collector.
    pub is_confirmed: bool,
}

impl Accounts {
    pub fn open(state: &Path, meter: Meter) -> Self {
        let ledger = ledger::read(state).unwrap_or_else(|error| {
            tracing::error!(%error, "what was used of the month cannot be read; it is counted anew");
            None
        });
        Self { meter, entered: Traffic::new(), ledger, written_at: Instant::now(), told: None }
    }

    /// Enters what was used up to now, and takes the steps that it asks for. Returns what the collector is to be told.
    pub fn enter(&mut self, now: Now, terms: Terms<'_>) -> Vec<DataUse> {
        let ended = self.turn(now, terms);
        let account = self.account(now, terms);
        let step = budget::step(&account, terms.plan);
        if step != account.reached {
            tracing::info!(step = step.label(), "data is saved, so that the month's allowance lasts");
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.reach(step, account.allowance_bytes);
        }
        ended.into_iter().chain(self.news(now, terms)).collect()
    }

    /// Brings the meter's counts in and follows the calendar. Returns the last account of a month that has ended.
    fn turn(&mut self, now: Now, terms: Terms<'_>) -> Option<DataUse> {
        let today = today(now, terms.plan);
        let ledger = self.ledger.get_or_insert_with(|| Ledger::new(today));
        let so_far = self.meter.so_far();
        let since = so_far.iter().map(|(purpose, bytes)| {
            (*purpose, bytes.since(self.entered.get(purpose).copied().unwrap_or_default()))
        });
        // Before the page is turned: it was used before now.
        ledger.add(&since.collect());
        self.entered = so_far;
        let reached = ledger.reached(terms.plan.allowance_bytes);
        if !ledger.turn_to(today) {
            return None;
        }
        tracing::info!(month = %ledger.month(), "a new month of data use");
        let (month, used) = ledger.before()?;
        Some(data_use(month, used, reached, terms))
    }

    /// The present account, when it differs from what was told in more than bytes, or that was long ago.
    fn news(&mut self, now: Now, terms: Terms<'_>) -> Option<DataUse> {
        let account = self.now(now, terms)?;
        let every = Duration::from_secs(terms.plan.health_seconds.into()) * News::TOLD_EVERY_LOOKS;
        let is_known = self.told.as_ref().is_some_and(|(told, at)| {
            let same = DataUse { used: account.used.clone(), ..told.clone() };
            same == account && at.elapsed() < every
        });
        if is_known {
            return None;
        }
        self.told = Some((account.clone(), Instant::now()));
        Some(account)
    }

    /// How the month stands, and what is done about it.
    pub fn now(&self, now: Now, terms: Terms<'_>) -> Option<DataUse> {
        let ledger = self.ledger.as_ref()?;
        let step = budget::step_in_force(&self.account(now, terms), terms.plan);
        Some(data_use(ledger.month(), ledger.used(), step, terms))
    }

    /// For [`budget::may_spend`].
    pub fn account(&self, now: Now, terms: Terms<'_>) -> Account {
        let allowance_bytes = terms.plan.allowance_bytes;
        let metered = terms.metered() == Some(true);
        let Some(ledger) = &self.ledger else {
            return Account { paid_bytes: 0, allowance_bytes, progress: 0.0, metered, reached: Step::Full };
        };
        let offset = terms.plan.utc_offset_minutes;
        // A clock that is in another month than the ledger is wrong: then all of the month is still to come.
        let is_this_month = Month::at(now.unix_ms, offset) == ledger.month();
        Account {
            paid_bytes: paid_bytes(ledger.used()),
            allowance_bytes,
            progress: if is_this_month { ledger.month().progress(now.unix_ms, offset) } else { 0.0 },
            metered,
            reached: ledger.reached(allowance_bytes),
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

    /// The last entry, when nothing is sent any more. Waits for the disk.
    pub fn close(mut self, state: &Path, now: Now, terms: Terms<'_>) {
        self.turn(now, terms);
        if let Some(Err(error)) = self.ledger.map(|ledger| ledger::write(state, &ledger)) {
            tracing::warn!(%error, "what was used of the month cannot be written");
        }
    }
}

fn today(now: Now, plan: &Plan) -> Today {
    let month = Month::at(now.unix_ms, plan.utc_offset_minutes);
    if now.is_confirmed { Today::Sure(month) } else { Today::Unsure(month) }
}

fn data_use(month: Month, used: &[suar_wire::Use], step: Step, terms: Terms<'_>) -> DataUse {
    DataUse {
        month,
        used: used.to_vec(),
        allowance_bytes: terms.plan.allowance_bytes,
        step,
        metered: terms.metered(),
    }
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "month_tests.rs"]
mod month_tests;
