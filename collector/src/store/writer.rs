//! The one thread that commits what agents send. It takes whatever waits, puts it into one transaction,
//! and answers only after that is on disk: one fsync for many pushes.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, TransactionBehavior};
use suar_wire::{Plan, Receipt};
use tokio::sync::{mpsc, oneshot};

use super::accept::{Arrival, accept};
use super::joining::{self, Joined, Joining};
use super::plans::Versions;
use super::{StoreError, import, schema};
use crate::ingest::decide::Decision;
use crate::ingest::{Accepted, IngestCounters, Room, Submission, Witnesses};
use crate::live::Timed;
use crate::wall_clock::now_ms;

/// Most jobs in one transaction: more would make the first of them wait for no gain.
pub const GROUP_MAX: usize = 256;
/// With this many records a transaction takes no further job: live pushes wait behind backlogs.
const GROUP_RECORDS_MAX: usize = 10_000;

/// What the writer is asked to do, with where the answer goes. Errors travel as shared values because one
/// failed commit fails the whole group.
#[derive(Debug)]
pub enum Job {
    Push(Box<Submission>, Room, Answer<Receipt>),
    Join(Box<Joining>, Answer<Joined>),
    /// Inbox rows that are in the month files now.
    Forget(Vec<i64>, Answer<()>),
    /// The last job: what waits behind it is answered as failed.
    Stop,
}

pub type Answer<T> = oneshot::Sender<Result<T, Arc<StoreError>>>;

/// What the writer shares with the rest of the process.
#[derive(Debug, Clone)]
pub struct Shared {
    pub counters: Arc<IngestCounters>,
    /// The plan of all, of which each site's is made.
    pub plan: Plan,
    pub witnesses: Arc<Witnesses>,
    /// `None` when nobody looks.
    pub live: Option<ToLive>,
}

/// Where new records go once they are durable.
#[derive(Debug, Clone)]
pub struct ToLive {
    pub accepted: mpsc::Sender<Accepted>,
    /// The newest inbox row that is counted there already.
    pub counted_row: i64,
}

#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    shared: Shared,
    plans: Versions,
    /// The newest inbox row that the live state has: newer ones were imported by another process.
    seen_row: i64,
}

impl Writer {
    pub fn open(dir: &Path, shared: Shared) -> Result<Self, StoreError> {
        let connection = schema::open(dir)?;
        let seen_row = shared.live.as_ref().map_or(0, |live| live.counted_row);
        let plans = Versions::new(shared.plan.clone());
        Ok(Self { connection, shared, plans, seen_row })
    }

    /// Runs on a thread of its own until it is told to stop or every sender is gone.
    pub fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut records = first.records();
            let mut group = vec![first];
            while group.len() < GROUP_MAX
                && records < GROUP_RECORDS_MAX
                && let Ok(job) = jobs.try_recv()
            {
                records += job.records();
                group.push(job);
            }
            self.shared.counters.own().queue_pushes(jobs.len());
            let stops = group.iter().position(|job| matches!(job, Job::Stop));
            group.truncate(stops.unwrap_or(group.len()));
            if !group.is_empty() {
                self.commit(group);
            }
            if stops.is_some() {
                break;
            }
        }
        // Dropping the receiver tells those who still wait that nothing was kept of theirs.
        drop(jobs);
        if let Err(error) = self.connection.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
            tracing::warn!(%error, "the write-ahead log stays: it is read at the next start");
        }
    }

    /// One transaction for the group; the answers go out after it is on disk.
    pub fn commit(&mut self, group: Vec<Job>) {
        let mut done = Vec::with_capacity(group.len());
        match self.transact(group, &mut done) {
            Ok(()) => done.into_iter().for_each(|done| done.tell(&self.shared)),
            Err(error) => {
                tracing::error!(%error, "a commit failed; nothing of it was acknowledged");
                let error = Arc::new(error);
                done.into_iter().for_each(|done| done.fail(&error));
            }
        }
    }

    fn transact(&mut self, group: Vec<Job>, done: &mut Vec<Done>) -> Result<(), StoreError> {
        let begun_at = Instant::now();
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let mut transaction = match begun {
            Ok(transaction) => transaction,
            Err(error) => {
                done.extend(group.into_iter().map(Done::not_begun));
                return Err(error.into());
            }
        };
        // Before any of these jobs packs such a row away.
        let imported = match &self.shared.live {
            Some(_) => import::imported_since(&transaction, self.seen_row),
            None => Ok(Vec::new()),
        };
        let imported = match imported {
            Ok(imported) => imported,
            Err(error) => {
                done.extend(group.into_iter().map(Done::not_begun));
                return Err(error);
            }
        };
        if let Err(error) = self.plans.follow(&transaction) {
            done.extend(group.into_iter().map(Done::not_begun));
            return Err(error);
        }
        let mut jobs = group.into_iter();
        while let Some(job) = jobs.next() {
            // A savepoint each: what the store cannot take from one agent must not fail the others.
            let finished = match transaction.savepoint() {
                Ok(savepoint) => {
                    job.perform(&savepoint, &self.shared.plan, &mut self.plans).and_settle(savepoint)
                }
                Err(error) => job.fail_alone(error.into()),
            };
            done.push(finished);
            // A full disk undoes the whole transaction, savepoints and all: nobody's push was kept.
            if transaction.is_autocommit() {
                let error = done.last_mut().and_then(Done::take_error);
                done.extend(jobs.map(Done::not_begun));
                return Err(error.unwrap_or(StoreError::Busy));
            }
        }
        let newest = import::newest_row(&transaction)?;
        transaction.commit()?;
        self.seen_row = newest;
        if let Some(live) = &self.shared.live {
            imported.into_iter().for_each(|news| drop(live.accepted.blocking_send(news)));
        }
        self.shared.counters.committed(now_ms(), begun_at.elapsed());
        Ok(())
    }
}

/// A job that was performed but is not durable yet.
enum Done {
    Push {
        result: Result<(Decision, Context), StoreError>,
        answer: Answer<Receipt>,
    },
    Join {
        result: Result<Joined, StoreError>,
        answer: Answer<Joined>,
    },
    Forget {
        result: Result<(), StoreError>,
        answer: Answer<()>,
    },
    /// `run` takes stops out of a group.
    Nothing,
}

/// What the receipt and the live state need besides the decision.
struct Context {
    agent: suar_wire::AgentId,
    site: suar_wire::SiteCode,
    /// The plan that the agent works by, and the one that it should.
    plan_version: u32,
    right_version: u32,
    clock_offset_ms: Option<i64>,
    wall_ms: i64,
    /// Until the live state has the records.
    _room: Room,
}

impl Job {
    fn records(&self) -> usize {
        match self {
            Self::Push(submission, ..) => submission.push.records.len(),
            Self::Join(..) | Self::Forget(..) | Self::Stop => 0,
        }
    }

    fn perform(self, connection: &Connection, plan: &Plan, plans: &mut Versions) -> Done {
        match self {
            Self::Push(submission, room, answer) => {
                let plan_version = submission.push.plan_version;
                let right = plans.of_site(connection, &submission.site, submission.received_ms);
                let context = Context {
                    _room: room,
                    agent: submission.agent,
                    site: submission.site.clone(),
                    plan_version,
                    // Records are not to wait for a site's entry that cannot be read.
                    right_version: right.unwrap_or_else(|error| {
                        tracing::error!(site = %submission.site, %error, "the plan of a site cannot be made");
                        plan_version
                    }),
                    clock_offset_ms: clock_offset_ms(&submission),
                    wall_ms: submission.push.clock.wall_ms,
                };
                let result = accept(connection, *submission, plan.slot_seconds, Arrival::Sent)
                    .map(|decision| (decision, context));
                Done::Push { result, answer }
            }
            Self::Join(asked, answer) => {
                plans.forget(&asked.site);
                Done::Join { result: joining::join(connection, &asked), answer }
            }
            Self::Forget(ids, answer) => {
                Done::Forget { result: super::pack::forget(connection, &ids), answer }
            }
            Self::Stop => Done::Nothing,
        }
    }

    fn fail_alone(self, error: StoreError) -> Done {
        match self {
            Self::Push(_, _, answer) => Done::Push { result: Err(error), answer },
            Self::Join(_, answer) => Done::Join { result: Err(error), answer },
            Self::Forget(_, answer) => Done::Forget { result: Err(error), answer },
            Self::Stop => Done::Nothing,
        }
    }
}

impl Done {
    fn not_begun(job: Job) -> Self {
        job.fail_alone(StoreError::Busy)
    }

    fn and_settle(mut self, mut savepoint: rusqlite::Savepoint<'_>) -> Self {
        let failed = match &self {
            Self::Push { result, .. } => result.is_err(),
            Self::Join { result, .. } => result.is_err(),
            Self::Forget { result, .. } => result.is_err(),
            Self::Nothing => false,
        };
        let settled = if failed { savepoint.rollback() } else { Ok(()) };
        if let Err(error) = settled.and_then(|()| savepoint.commit())
            && !failed
        {
            self.set_error(error.into());
        }
        self
    }

    fn take_error(&mut self) -> Option<StoreError> {
        let error = match self {
            Self::Push { result, .. } => result.as_mut().err(),
            Self::Join { result, .. } => result.as_mut().err(),
            Self::Forget { result, .. } => result.as_mut().err(),
            Self::Nothing => None,
        };
        error.map(|error| std::mem::replace(error, StoreError::Busy))
    }

    fn set_error(&mut self, error: StoreError) {
        match self {
            Self::Push { result, .. } => *result = Err(error),
            Self::Join { result, .. } => *result = Err(error),
            Self::Forget { result, .. } => *result = Err(error),
            Self::Nothing => {}
        }
    }

    /// The transaction is on disk.
    fn tell(self, shared: &Shared) {
        match self {
            Self::Push { result: Ok((decision, context)), answer } => {
                tell_push(decision, context, answer, shared);
            }
            Self::Push { result: Err(error), answer } => answer_with(answer, Err(error)),
            Self::Join { result, answer } => answer_with(answer, result),
            Self::Forget { result, answer } => answer_with(answer, result),
            Self::Nothing => {}
        }
    }

    fn fail(self, error: &Arc<StoreError>) {
        match self {
            Self::Push { answer, .. } => drop(answer.send(Err(Arc::clone(error)))),
            Self::Join { answer, .. } => drop(answer.send(Err(Arc::clone(error)))),
            Self::Forget { answer, .. } => drop(answer.send(Err(Arc::clone(error)))),
            Self::Nothing => {}
        }
    }
}

fn answer_with<T>(answer: Answer<T>, result: Result<T, StoreError>) {
    if let Err(error) = &result {
        tracing::error!(%error, "the store could not do what an agent asked for");
    }
    // Whoever asked may have gone away; what was done stays done.
    drop(answer.send(result.map_err(Arc::new)));
}

/// The agent's wall clock minus ours; not known before its first exchange was timed.
fn clock_offset_ms(submission: &Submission) -> Option<i64> {
    let clock = submission.push.clock;
    let half_ms = i64::from(clock.last_exchange_ms?) / 2;
    Some(clock.wall_ms.saturating_add(half_ms).saturating_sub(submission.received_ms))
}

fn tell_push(decision: Decision, context: Context, answer: Answer<Receipt>, shared: &Shared) {
    let counters = &shared.counters;
    shared.witnesses.heard(context.agent, context.wall_ms, Instant::now());
    counters.kept(decision.kept.len() as u64, decision.known);
    for refusal in &decision.refused {
        counters.refused(refusal.reason);
    }
    for (_, reason) in &decision.set_aside {
        counters.set_aside(*reason);
    }
    let receipt = Receipt {
        acknowledged: decision.acknowledged,
        refused: decision.refused,
        server_ms: now_ms(),
        plan_version: context.right_version,
    };
    drop(answer.send(Ok(receipt)));
    if let Some(live) = &shared.live {
        let news = Accepted {
            agent: context.agent,
            site: context.site,
            plan_version: context.plan_version,
            plan_is_right: context.plan_version == context.right_version,
            clock_offset_ms: context.clock_offset_ms,
            carried: false,
            records: decision
                .kept
                .into_iter()
                .map(|stored| Timed { at_ms: stored.at_ms, record: stored.record })
                .collect(),
        };
        // Waits when the live state is behind, so that its counters never miss a record.
        drop(live.accepted.blocking_send(news));
    }
}

#[cfg(test)]
impl Writer {
    /// From now on a transaction that wrote an inbox row cannot be committed.
    pub fn break_commits(&self) {
        self.connection
            .execute_batch(
                "PRAGMA foreign_keys = ON;
                 CREATE TEMP TABLE parent (id INTEGER PRIMARY KEY);
                 CREATE TEMP TABLE child (parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
                 CREATE TEMP TRIGGER broken AFTER INSERT ON main.inbox
                 BEGIN INSERT INTO child VALUES (1); END;",
            )
            .expect("temporary tables");
    }

    /// From now on the store cannot grow.
    pub fn bound_pages(&self) {
        let pages: i64 =
            self.connection.pragma_query_value(None, "page_count", |row| row.get(0)).expect("a number");
        self.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).expect("a bound");
    }

    pub fn pretend_version(&self, version: i64) {
        self.connection.pragma_update(None, "user_version", version).expect("a version");
    }
}
