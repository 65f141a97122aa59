//! The thread that writes: it numbers records, appends them to the spool, makes them durable, and writes
//! the status file. Everything that may wait for a disk happens here.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use suar_wire::record::Dropped;
use suar_wire::{Body, Record, Stamp, encode_record};
use tokio::sync::{Notify, watch};

use crate::spool::{Spool, Stats};
use crate::status::{self, Status};

/// Records and status files that wait for a slow disk. At one-second slots a disk may hang for minutes.
const QUEUE_MAX: usize = 1024;

enum Job {
    Record(Stamp, Box<Body>),
    Status(Box<Status>),
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
    pub fn start(spool: Arc<Mutex<Spool>>, wake: Arc<Notify>, status_in: PathBuf) -> Self {
        let (jobs, todo) = sync_channel(QUEUE_MAX);
        let (tell, stats) = watch::channel(lock(&spool).stats());
        let desk = Desk { spool, wake, tell, status_in, status_failed: false };
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
