//! The thread that packs fresh records into the month files now and then, and once more at the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::IngestCounters;
use crate::config::StoreOptions;
use crate::store::writer::Job;
use crate::store::{Reader, StoreError, day_of, pack};
use crate::wall_clock::now_ms;

#[derive(Debug)]
pub struct Packer {
    pub data: PathBuf,
    pub options: StoreOptions,
    pub jobs: mpsc::Sender<Job>,
    pub counters: Arc<IngestCounters>,
}

impl Packer {
    /// Until the other end of `stops` is dropped.
    pub fn run(self, stops: &Receiver<()>) {
        let pause = Duration::from_secs(self.options.pack_seconds);
        // At once after the start: a crash may have left an inbox behind.
        loop {
            self.once();
            match stops.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.once();
    }

    fn once(&self) {
        match pack::pack(&self.data, |ids| self.forget(ids)) {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "packed"),
            // Nothing is lost: the rows stay in the inbox and are read from there.
            Err(error) => {
                tracing::error!(%error, "fresh records could not be packed; they stay in the inbox")
            }
        }
        match pack::retire(&self.data, self.options.keep_months, day_of(now_ms())) {
            Ok(gone) => gone.iter().for_each(|month| {
                tracing::info!(month = %format_args!("{}-{:02}", month.year, month.month), "a month was deleted");
            }),
            Err(error) => tracing::error!(%error, "old months could not be deleted"),
        }
        if let Ok(counts) = Reader::open(&self.data).and_then(|reader| reader.counts()) {
            self.counters.own().store_bytes(counts.bytes);
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
