//! The thread that keeps the store in order: packs what is due into the month files, deletes old months.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::config::StoreOptions;
use crate::day::Day;
use crate::store::pack::Due;
use crate::store::unreadable::Unreadable;
use crate::store::writer::Job;
use crate::store::{StoreError, day_of, pack, retire};
use crate::wall_clock::now_ms;

/// How often it is looked whether something is due.
const LOOK_SECONDS_MAX: u64 = 60;

#[derive(Debug)]
pub struct Packer {
    pub data: PathBuf,
    pub options: StoreOptions,
    pub jobs: mpsc::Sender<Job>,
}

impl Packer {
    /// Until the other end of `stops` is dropped. What waits then is durable in the inbox.
    pub fn run(self, stops: &Receiver<()>) {
        let pause = Duration::from_secs(self.options.pack_seconds.min(LOOK_SECONDS_MAX));
        let (mut unreadable, mut retired_on) = (Unreadable::default(), None);
        // At once after the start: the collector may have been away for days.
        loop {
            self.pack(&mut unreadable);
            self.retire(&mut retired_on);
            match stops.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    fn pack(&self, unreadable: &mut Unreadable) {
        let wait_ms = i64::try_from(self.options.pack_seconds * 1000).unwrap_or(i64::MAX);
        let due = Due::At { now_ms: now_ms(), wait_ms };
        match pack::pack_but(&self.data, due, unreadable, |ids| self.forget(ids)) {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "packed"),
            // Nothing is lost: the rows stay in the inbox and are read from there.
            Err(error) => {
                tracing::error!(%error, "fresh records could not be packed; they stay in the inbox")
            }
        }
    }

    /// Months when they are due; rows once a day, because finding the old ones means looking at all.
    fn retire(&self, retired_on: &mut Option<Day>) {
        let (now_ms, keep_months) = (now_ms(), self.options.keep_months);
        match retire::months(&self.data, keep_months, day_of(now_ms)) {
            Ok(gone) => gone.iter().for_each(|month| {
                tracing::info!(month = %format_args!("{}-{:02}", month.year, month.month), "a month was deleted");
            }),
            Err(error) => tracing::error!(%error, "old months could not be deleted"),
        }
        if retired_on.replace(day_of(now_ms)) != Some(day_of(now_ms)) {
            match retire::rows(&self.data, keep_months, now_ms) {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "old rows of the small tables were deleted"),
                Err(error) => tracing::error!(%error, "old rows could not be deleted; tried again tomorrow"),
            }
        }
    }

    fn forget(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        let (answer, done) = oneshot::channel();
        self.jobs.blocking_send(Job::Forget(ids, answer)).map_err(|_| StoreError::Busy)?;
        match done.blocking_recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(StoreError::Damaged(error.to_string())),
            Err(_) => Err(StoreError::Busy),
        }
    }
}
