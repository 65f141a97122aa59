//! The thread that keeps the store in order: packs what is due into the month files, deletes old months.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::witnesses::{Heard, Witnesses};
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
    /// What is old is said by our clock, and that is believed only if the offices' clocks agree.
    pub witnesses: Arc<Witnesses>,
}

/// What was done last about old months.
#[derive(Debug, Default)]
struct Retirement {
    /// The day on which old rows were looked for.
    rows_on: Option<Day>,
    /// Why old months are left, when that was told.
    told: Option<Heard>,
}

impl Packer {
    /// Until the other end of `stops` is dropped. What waits then is durable in the inbox.
    pub fn run(self, stops: &Receiver<()>) {
        let pause = Duration::from_secs(self.options.pack_seconds.min(LOOK_SECONDS_MAX));
        let (mut unreadable, mut retirement) = (Unreadable::default(), Retirement::default());
        // At once after the start: the collector may have been away for days.
        loop {
            self.pack(&mut unreadable);
            self.retire(now_ms(), &mut retirement);
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
    fn retire(&self, now_ms: i64, retirement: &mut Retirement) {
        let keep_months = self.options.keep_months;
        let heard = self.witnesses.judge(now_ms, Instant::now());
        if !heard.is_believed() {
            // After a start nobody was heard yet, which is no trouble.
            let odd = heard.differ > 0 && keep_months > 0;
            if odd && retirement.told.replace(heard) != Some(heard) {
                let Heard { agree, differ } = heard;
                tracing::error!(
                    agree,
                    differ,
                    "nothing old is deleted: most offices' clocks are not as ours; is this machine's clock right?"
                );
            }
            return;
        }
        retirement.told = None;
        match retire::months(&self.data, keep_months, day_of(now_ms)) {
            Ok(gone) => gone.iter().for_each(|month| {
                tracing::info!(month = %format_args!("{}-{:02}", month.year, month.month), "a month was deleted");
            }),
            Err(error) => tracing::error!(%error, "old months could not be deleted"),
        }
        if retirement.rows_on.replace(day_of(now_ms)) != Some(day_of(now_ms)) {
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
            Ok(Err(error)) => Err(StoreError::OfCommit(error)),
            Err(_) => Err(StoreError::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use suar_wire::AgentId;

    use super::*;
    use crate::store::months::{self, Month};
    use crate::store::schema;
    use crate::wall_clock::MS_A_DAY;

    const OLD: Month = Month { year: 2019, month: 3 };

    fn packer(keep_months: u32) -> (tempfile::TempDir, Packer, mpsc::Receiver<Job>) {
        let dir = tempfile::tempdir().expect("a directory");
        schema::create(dir.path()).expect("a store");
        drop(months::open(dir.path(), OLD).expect("an old month"));
        let (jobs, waiting) = mpsc::channel(1);
        let options = StoreOptions { keep_months, pack_seconds: 3_600 };
        let packer = Packer { data: dir.path().to_owned(), options, jobs, witnesses: Arc::default() };
        (dir, packer, waiting)
    }

    #[test]
    fn nothing_is_deleted_by_a_clock_that_the_offices_do_not_share() {
        let (dir, packer, _waiting) = packer(12);
        let (now_ms, mut retirement) = (now_ms(), Retirement::default());
        let kept = || Month::all(dir.path()).expect("months") == [OLD];
        packer.retire(now_ms, &mut retirement);
        assert!(kept(), "nobody was heard yet");
        packer.witnesses.heard(AgentId([1; 16]), now_ms, Instant::now());
        let years_ahead_ms = now_ms + 5 * 365 * MS_A_DAY;
        packer.retire(years_ahead_ms, &mut retirement);
        assert!(kept(), "our clock is years ahead");
        assert_eq!(retirement.told, Some(Heard { agree: 0, differ: 1 }));
        packer.retire(now_ms, &mut retirement);
        assert!(!kept(), "it is old by every clock");
        assert_eq!(retirement.told, None);
    }

    #[test]
    fn a_disk_that_is_full_is_not_called_damaged() {
        let (_dir, packer, mut waiting) = packer(0);
        let writer = std::thread::spawn(move || {
            let Some(Job::Forget(_, answer)) = waiting.blocking_recv() else { panic!("rows to forget") };
            drop(answer.send(Err(Arc::new(StoreError::DiskFull))));
        });
        let error = packer.forget(vec![1]).expect_err("the writer could not");
        writer.join().expect("it answers");
        assert!(matches!(&error, StoreError::OfCommit(cause) if matches!(**cause, StoreError::DiskFull)));
        assert!(error.to_string().contains("is full"), "{error}");
    }
}
