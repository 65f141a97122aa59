//! The thread that writes: it numbers records, appends them to the spool, makes them durable, and writes
//! the status file. Everything that may wait for a disk happens here.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use suar_wire::record::Dropped;
use suar_wire::{Body, Record, Stamp, encode_record};
use tokio::sync::{Notify, watch};

use crate::ledger::{self, Ledger};
use crate::spool::{Spool, Stats};
use crate::status::{self, Status};

/// Records and status files that wait for a slow disk. At one-second slots a disk may hang for minutes.
const QUEUE_MAX: usize = 1024;

enum Job {
    Record(Stamp, Box<Body>),
    Status(Box<Status>),
    Ledger(Box<Ledger>),
    /// Ask the uplink to push once everything before this is durable.
    Wake,
}

#[derive(Debug)]
pub struct Writer {
    jobs: SyncSender<Job>,
    stats: watch::Receiver<Stats>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub fn start(spool: Arc<Mutex<Spool>>, wake: Arc<Notify>, status_in: PathBuf, state: PathBuf) -> Self {
        let (jobs, todo) = sync_channel(QUEUE_MAX);
        let (tell, stats) = watch::channel(lock(&spool).stats());
        let desk = Desk { spool, wake, tell, status_in, state, status_failed: false };
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || desk.work(&todo))
            .expect("a machine that cannot start one thread cannot run an agent");
        Self { jobs, stats, thread }
    }

    /// Never waits. When even the queue is full, the record is lost, which is said loudly.
    pub fn record(&self, stamp: Stamp, body: Body) {
        if !self.take(Job::Record(stamp, Box::new(body))) {
            tracing::error!("the disk has hung for so long that a record is lost");
        }
    }

    pub fn status(&self, status: Status) {
        self.take(Job::Status(Box::new(status)));
    }

    pub fn ledger(&self, ledger: Ledger) {
        self.take(Job::Ledger(Box::new(ledger)));
    }

    pub fn wake_uplink(&self) {
        self.take(Job::Wake);
    }

    pub fn stats(&self) -> Stats {
        self.stats.borrow().clone()
    }

    fn take(&self, job: Job) -> bool {
        !matches!(self.jobs.try_send(job), Err(TrySendError::Full(_) | TrySendError::Disconnected(_)))
    }

    /// Waits until everything that was handed over is done.
    pub async fn finish(self) {
        let Self { jobs, thread, .. } = self;
        drop(jobs);
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the writer broke off");
        }
    }
}

struct Desk {
    spool: Arc<Mutex<Spool>>,
    wake: Arc<Notify>,
    tell: watch::Sender<Stats>,
    status_in: PathBuf,
    state: PathBuf,
    status_failed: bool,
}

impl Desk {
    fn work(mut self, todo: &Receiver<Job>) {
        while let Ok(first) = todo.recv() {
            // Whatever has come meanwhile shares one wait for the disk.
            let jobs: Vec<Job> = std::iter::once(first).chain(todo.try_iter().take(QUEUE_MAX)).collect();
            let (mut status, mut wake, mut appended) = (None, false, false);
            for job in jobs {
                match job {
                    Job::Record(stamp, body) => {
                        self.append(stamp, *body);
                        appended = true;
                    }
                    Job::Status(newer) => status = Some(newer),
                    Job::Ledger(ledger) => {
                        if let Err(error) = ledger::write(&self.state, &ledger) {
                            tracing::warn!(%error, "what was used of the month cannot be written");
                        }
                    }
                    Job::Wake => wake = true,
                }
            }
            if appended {
                lock(&self.spool).sync();
            }
            let stats = lock(&self.spool).stats();
            if wake {
                self.wake.notify_one();
            }
            if let Some(status) = status {
                self.write_status(*status, &stats);
            }
            self.tell.send_replace(stats);
        }
    }

    fn append(&self, stamp: Stamp, body: Body) {
        let mut spool = lock(&self.spool);
        let mut next = Some(body);
        // A record that pushed others out is followed by one that says which; that one may push out more,
        // but each tells of at least one other, so this ends.
        while let Some(body) = next.take() {
            let record = Record { sequence: spool.next_sequence(), stamp, body };
            match spool.append(&encode_record(&record)) {
                Ok(appended) => {
                    next = appended.dropped.map(|(first, last)| {
                        tracing::warn!(first, last, "the spool is full, its oldest records were dropped");
                        Body::Dropped(Dropped { first, last })
                    });
                }
                Err(error) => tracing::error!(%error, "a record is lost"),
            }
        }
    }

    fn write_status(&mut self, mut status: Status, stats: &Stats) {
        status.spool = stats.into();
        match status::write(&self.status_in, &status) {
            Ok(()) => self.status_failed = false,
            // Said once, not each minute for a year.
            Err(error) if !self.status_failed => {
                tracing::warn!(%error, directory = %self.status_in.display(), "cannot write the status file");
                self.status_failed = true;
            }
            Err(_) => {}
        }
    }
}

fn lock(spool: &Mutex<Spool>) -> std::sync::MutexGuard<'_, Spool> {
    spool.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use suar_wire::record::ClockStep;
    use suar_wire::{BootId, Epoch, decode_record};

    use super::*;
    use crate::spool::{Options, Order};

    const STAMP: Stamp = Stamp { boot: BootId([1; 16]), boot_ms: 1, wall_ms: 2 };

    fn spool(directory: &std::path::Path, bytes_max: u64) -> Spool {
        Spool::open(directory, Options { bytes_max }, Epoch([1; 8])).expect("a spool").0
    }

    #[tokio::test]
    async fn everything_handed_over_is_on_disk_and_numbered_when_it_has_finished() {
        let directory = tempfile::tempdir().expect("a directory");
        let shared = Arc::new(Mutex::new(spool(directory.path(), 1 << 20)));
        let wake = Arc::new(Notify::new());
        let writer = Writer::start(
            Arc::clone(&shared),
            Arc::clone(&wake),
            directory.path().to_owned(),
            directory.path().to_owned(),
        );
        for by_ms in 1..=50 {
            writer.record(STAMP, Body::ClockStep(ClockStep { by_ms }));
        }
        writer.wake_uplink();
        writer.finish().await;
        wake.notified().await;
        drop(shared);
        let found = spool(directory.path(), 1 << 20).peek(Order::OldestFirst, 1000, 1 << 20).expect("read");
        let steps: Vec<(u64, Body)> = found
            .iter()
            .map(|(_, bytes)| decode_record(bytes).expect("a record"))
            .map(|record| (record.sequence, record.body))
            .collect();
        let expect: Vec<_> =
            (1..=50).map(|by_ms| (by_ms as u64, Body::ClockStep(ClockStep { by_ms }))).collect();
        assert_eq!(steps, expect);
    }

    #[tokio::test]
    async fn what_a_full_spool_costs_is_told_by_a_record() {
        let directory = tempfile::tempdir().expect("a directory");
        let shared = Arc::new(Mutex::new(spool(directory.path(), 256 * 1024)));
        let writer = Writer::start(
            Arc::clone(&shared),
            Arc::new(Notify::new()),
            directory.path().to_owned(),
            directory.path().to_owned(),
        );
        // Many more than fit, handed over slowly enough for the queue.
        for batch in 0..40i64 {
            for by_ms in 0..500 {
                writer.record(STAMP, Body::ClockStep(ClockStep { by_ms: batch * 1000 + by_ms }));
            }
            let mut stats = writer.stats.clone();
            let total = (batch as u64 + 1) * 500;
            let settled =
                |stats: &Stats| stats.in_memory == 0 && stats.records_pending + stats.dropped_total >= total;
            tokio::time::timeout(std::time::Duration::from_secs(60), stats.wait_for(settled))
                .await
                .expect("the writer keeps up")
                .expect("the writer runs");
        }
        writer.finish().await;
        let spool = lock(&shared);
        assert!(spool.stats().dropped_total > 0);
        let found = spool.peek(Order::OldestFirst, usize::MAX, usize::MAX).expect("read");
        let told: u64 = found
            .iter()
            .filter_map(|(_, bytes)| match decode_record(bytes).expect("a record").body {
                Body::Dropped(dropped) => Some(dropped.last - dropped.first + 1),
                _ => None,
            })
            .sum();
        assert!(told > 0, "some of the losses are told by records that are still there");
    }
}
