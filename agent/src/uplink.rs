//! The uplink: peeks a batch from the spool, pushes it, and commits what the receipt names.
//!
//! It knows nothing of probes: it carries records it did not make. Nothing is forgotten before its receipt,
//! and a receipt counts only for what was sent.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use suar_wire::bandwidth::Moments;
use suar_wire::push::{self, Clock};
use suar_wire::{Epoch, Plan, PlanFault, PlanRefused, Receipt, Sequence, Stamp, Step};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::budget;
use crate::http::HttpError;
use crate::identity::{self, Identity};
use crate::meter::Meter;
use crate::spool::{Order, Spool};
use crate::tls::Fingerprint;

pub mod backoff;
pub mod batch;
pub mod client;
mod running;
#[cfg(test)]
pub(crate) mod tests;

use batch::{Batch, Sender};
use client::Client;

/// Most bytes of payloads in one push. Together they take less than half of that as columns, so a body
/// stays far below [`push::UNPACKED_BYTES_MAX`].
const PAYLOAD_BYTES_MAX: usize = push::UNPACKED_BYTES_MAX / 2;
/// After an attempt that did not bring the plan that receipts name, the next is this much later.
const PLAN_SECONDS_MIN: u64 = 60;
/// Moments of bandwidth tests are asked for again when they reach no further than this.
const MOMENTS_LEFT_MS_MIN: i64 = 86_400_000;
/// Most refusals of one receipt that are logged one by one.
const REFUSALS_LOGGED_MAX: usize = 10;

/// Reads the machine's clocks.
pub type ClockFn = Arc<dyn Fn() -> Stamp + Send + Sync>;

#[derive(Debug, Clone)]
pub struct Options {
    /// `host:port`.
    pub collector: String,
    pub fingerprint: Fingerprint,
    /// Where a new plan is stored.
    pub state: PathBuf,
}

/// What the uplink knows of its collector; for `status` and health records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UplinkState {
    /// Our wall clock at the last receipt.
    pub last_receipt_wall_ms: Option<i64>,
    /// Why the last push failed, if it did.
    pub last_error: Option<String>,
    /// Our wall clock minus the collector's at the last exchange.
    pub clock_offset_ms: Option<i64>,
    /// What the newest exchange says the time is.
    pub server_time: Option<ServerTime>,
    pub pushes_ok: u64,
    pub pushes_failed: u64,
    /// Records that the collector refused for good, and those that could not be sent at all.
    pub refused_records: u64,
    /// The collector does not take this agent's token.
    pub revoked: bool,
    /// The plan that the collector has for us and that cannot be used.
    pub refused_plan: Option<PlanRefused>,
}

/// What one push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// Records that were sent; 0 when there was nothing to send, which still asks for the plan and lets
    /// the collector know that the agent is there.
    pub sent: usize,
    pub acknowledged: u64,
    pub refused: usize,
    /// The oldest record that was sent.
    pub oldest: Option<Sequence>,
    /// The oldest record that is still pending.
    pub oldest_pending: Option<Sequence>,
}

/// Why a push did not get its receipt. Each variant waits differently (see `backoff`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushFailure {
    #[error("cannot reach the collector: {0}")]
    Unreachable(String),
    #[error("the certificate at the collector's address is not the collector's")]
    WrongCertificate,
    #[error("the collector does not take this agent's token (status {status}); join again with a new code")]
    Unauthorized { status: u16 },
    #[error("the collector asks to come later (status {status})")]
    Later { status: u16, after_s: Option<u64> },
    #[error("the push is too large for the collector")]
    TooLarge,
    #[error("the collector cannot read the push")]
    Malformed,
    #[error("what answers is not the collector: {0}")]
    Answer(String),
}

/// The collector's time by this machine's boot-time clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerTime {
    pub ahead_of_boot_ms: i64,
    /// Half of what the exchange took.
    pub error_ms: u64,
}

impl ServerTime {
    /// The collector read its clock somewhere in an exchange that began at `boot_ms`.
    fn of(boot_ms: u64, elapsed_ms: u32, server_ms: i64) -> Self {
        let error_ms = u64::from(elapsed_ms / 2);
        let middle_ms = i64::try_from(boot_ms.saturating_add(error_ms)).unwrap_or(i64::MAX);
        Self { ahead_of_boot_ms: server_ms.saturating_sub(middle_ms), error_ms }
    }
}

pub struct Uplink {
    options: Options,
    identity: Identity,
    client: Client,
    spool: Arc<Mutex<Spool>>,
    clock: ClockFn,
    plan: watch::Sender<Plan>,
    /// How far data is saved.
    step: watch::Sender<Step>,
    state: watch::Sender<UplinkState>,
    /// Most records of the next push: halved when one was too much, doubled when one went through.
    records_max: usize,
    last_exchange_ms: Option<u32>,
    /// This session has reached the collector.
    met: bool,
    /// The exchange before this one came through, so that its connection is still there.
    warm: bool,
    /// A plan is not asked for before this; see [`PLAN_SECONDS_MIN`].
    plan_due: Instant,
    moments: watch::Sender<Moments>,
    /// Nor are the moments of bandwidth tests.
    moments_due: Instant,
}

impl std::fmt::Debug for Uplink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uplink")
            .field("options", &self.options)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl Uplink {
    pub fn new(
        options: Options,
        identity: Identity,
        plan: Plan,
        spool: Arc<Mutex<Spool>>,
        clock: ClockFn,
        meter: &Meter,
    ) -> Result<Self, HttpError> {
        Ok(Self {
            client: Client::new(&options.collector, options.fingerprint, &identity.token, meter)?,
            options,
            identity,
            spool,
            clock,
            plan: watch::Sender::new(plan),
            step: watch::Sender::new(Step::Full),
            state: watch::Sender::new(UplinkState::default()),
            records_max: push::RECORDS_MAX,
            last_exchange_ms: None,
            met: false,
            warm: false,
            plan_due: Instant::now(),
            moments: watch::Sender::new(Moments::default()),
            moments_due: Instant::now(),
        })
    }

    /// The plan, and every later one.
    pub fn plan(&self) -> watch::Receiver<Plan> {
        self.plan.subscribe()
    }

    /// When to test the line's bandwidth, and every later word on it.
    pub fn moments(&self) -> watch::Receiver<Moments> {
        self.moments.subscribe()
    }

    /// Where it is told how far to save data.
    pub fn step(&self) -> watch::Sender<Step> {
        self.step.clone()
    }

    pub fn state(&self) -> watch::Receiver<UplinkState> {
        self.state.subscribe()
    }

    /// One push now, of the newest pending records.
    pub async fn push_once(&mut self) -> Result<Pushed, PushFailure> {
        self.push(Order::NewestFirst).await
    }

    /// One push. A batch that is too much is halved until it goes through; a single record that the
    /// collector cannot take is given up, because it would hold up all others for ever.
    async fn push(&mut self, order: Order) -> Result<Pushed, PushFailure> {
        let pushed = self.push_or_halve(order).await;
        let told_before = self.state.borrow().last_error.clone();
        self.state.send_modify(|state| match &pushed {
            Ok(pushed) => {
                state.pushes_ok += 1;
                state.refused_records += pushed.refused as u64;
                (state.last_error, state.revoked) = (None, false);
            }
            Err(failure) => {
                state.pushes_failed += 1;
                state.revoked = matches!(failure, PushFailure::Unauthorized { .. });
                state.last_error = Some(failure.to_string());
            }
        });
        // A link may be away for weeks: the same failure is said once, and so is its end.
        match &pushed {
            Ok(pushed) if told_before.is_some() => {
                tracing::info!(sent = pushed.sent, "the collector is reached again")
            }
            Ok(pushed) => tracing::debug!(sent = pushed.sent, acknowledged = pushed.acknowledged, "pushed"),
            Err(error @ PushFailure::Unauthorized { .. }) => tracing::error!(%error, "push refused"),
            Err(error) if told_before != Some(error.to_string()) => tracing::warn!(%error, "push failed"),
            Err(error) => tracing::debug!(%error, "push failed again"),
        }
        pushed
    }

    async fn push_or_halve(&mut self, order: Order) -> Result<Pushed, PushFailure> {
        if !self.met {
            // By its first push the collector sets a boot's clock, and one that has to open a connection may
            // wait seconds for it. So that no record is dated by it, it carries none.
            let epoch = self.with_spool(|spool| spool.epoch()).await;
            self.exchange(&mut Batch::default(), epoch).await?;
        }
        loop {
            let (mut batch, epoch) = self.take(order).await;
            let failure = match self.exchange(&mut batch, epoch).await {
                Ok(receipt) => {
                    self.records_max = (self.records_max * 2).min(push::RECORDS_MAX);
                    return self.settle(&batch, &receipt).await;
                }
                Err(failure @ (PushFailure::TooLarge | PushFailure::Malformed)) => failure,
                Err(failure) => return Err(failure),
            };
            match batch.records.as_slice() {
                [] => return Err(failure),
                [record] => {
                    // Is it the record? A collector that takes not even an empty push has other troubles,
                    // and they must not cost the office its records.
                    self.exchange(&mut Batch::default(), epoch).await.map_err(|_| failure.clone())?;
                    let sequence = record.sequence;
                    tracing::error!(sequence, %failure, "the collector cannot take a record; it is given up");
                    let oldest_pending = self.commit(vec![(sequence, sequence)]).await;
                    let oldest = Some(sequence);
                    return Ok(Pushed { sent: 1, acknowledged: 0, refused: 1, oldest, oldest_pending });
                }
                records => self.records_max = records.len() / 2,
            }
        }
    }

    /// Makes what was appended durable, and peeks. An unreadable spool is no reason to be silent: then the
    /// push is empty.
    async fn take(&mut self, order: Order) -> (Batch, Epoch) {
        let records_max = self.records_max;
        let (peeked, epoch) = self
            .with_spool(move |spool| {
                spool.sync();
                (spool.peek(order, records_max, PAYLOAD_BYTES_MAX), spool.epoch())
            })
            .await;
        let peeked = peeked.unwrap_or_else(|error| {
            tracing::error!(%error, "the spool cannot be read");
            Vec::new()
        });
        let batch = Batch::read(peeked);
        if !batch.unreadable.is_empty() {
            tracing::error!(sequences = ?batch.unreadable, "records on disk cannot be read; they are given up");
            self.state.send_modify(|state| state.refused_records += batch.unreadable.len() as u64);
            self.commit(batch.unreadable.iter().map(|sequence| (*sequence, *sequence)).collect()).await;
        }
        (batch, epoch)
    }

    async fn exchange(&mut self, batch: &mut Batch, epoch: Epoch) -> Result<Receipt, PushFailure> {
        let plan_version = self.plan.borrow().version;
        let sender = Sender { agent: self.identity.agent, epoch, plan_version };
        let stamp = (self.clock)();
        let clock = Clock {
            boot: stamp.boot,
            boot_ms: stamp.boot_ms,
            wall_ms: stamp.wall_ms,
            last_exchange_ms: self.last_exchange_ms,
        };
        let (body, packed) = batch.body(sender, clock);
        if body.len() > push::BODY_BYTES_MAX {
            return Err(PushFailure::TooLarge);
        }
        let was_warm = std::mem::take(&mut self.warm);
        let exchange = self.client.push(body, packed).await?;
        (self.met, self.warm) = (true, true);
        let elapsed_ms = u32::try_from(exchange.elapsed.as_millis()).unwrap_or(u32::MAX);
        if was_warm {
            // Half of it is taken for the way there; opening a connection is no part of that.
            self.last_exchange_ms = Some(elapsed_ms);
        }
        // The collector read its clock somewhere in between; the middle is wrong by at most half.
        let middle_ms = stamp.wall_ms.saturating_add(i64::from(elapsed_ms / 2));
        let receipt = exchange.receipt;
        self.state.send_modify(|state| {
            state.last_receipt_wall_ms = Some((self.clock)().wall_ms);
            state.clock_offset_ms = Some(middle_ms.saturating_sub(receipt.server_ms));
            state.server_time = Some(ServerTime::of(stamp.boot_ms, elapsed_ms, receipt.server_ms));
        });
        Ok(receipt)
    }

    async fn settle(&mut self, batch: &Batch, receipt: &Receipt) -> Result<Pushed, PushFailure> {
        let settled = batch.settle(receipt);
        for refusal in settled.refused.iter().take(REFUSALS_LOGGED_MAX) {
            tracing::warn!(
                sequence = refusal.sequence,
                reason = refusal.reason.label(),
                "the collector refused a record"
            );
        }
        let pushed = Pushed {
            sent: batch.records.len(),
            acknowledged: settled.acknowledged.count(),
            refused: settled.refused.len(),
            oldest: batch.oldest(),
            oldest_pending: self.commit(settled.acknowledged.ranges().to_vec()).await,
        };
        if pushed.sent > 0 && pushed.acknowledged == 0 {
            // Sending the same records again at once would go on for ever.
            return Err(PushFailure::Answer("a receipt for none of the records".to_owned()));
        }
        if receipt.plan_version != self.plan.borrow().version {
            self.fetch_plan(receipt.plan_version).await;
        } else {
            // Whatever was refused was taken back.
            self.end_refusal();
        }
        Ok(pushed)
    }

    /// Asks anew a day before the known moments end, by the collector's clock.
    async fn fetch_moments(&mut self) {
        let Some(time) = self.state.borrow().server_time else { return };
        let boot_ms = i64::try_from((self.clock)().boot_ms).unwrap_or(i64::MAX);
        let server_ms = time.ahead_of_boot_ms.saturating_add(boot_ms);
        let left_ms = self.moments.borrow().until_ms.saturating_sub(server_ms);
        if left_ms > MOMENTS_LEFT_MS_MIN || Instant::now() < self.moments_due {
            return;
        }
        self.moments_due = Instant::now() + Duration::from_secs(PLAN_SECONDS_MIN);
        match self.client.moments().await {
            Ok(moments) => {
                let until_ms = server_ms.saturating_add(2 * MOMENTS_LEFT_MS_MIN);
                let mut moments = moments.unwrap_or(Moments { starts_ms: Vec::new(), until_ms });
                moments.starts_ms.truncate(Moments::STARTS_MAX);
                self.moments.send_replace(moments);
            }
            Err(error) => tracing::debug!(%error, "the moments of bandwidth tests cannot be fetched"),
        }
    }

    /// Commits, and says what the oldest pending record is then.
    async fn commit(&self, ranges: Vec<(Sequence, Sequence)>) -> Option<Sequence> {
        self.with_spool(move |spool| {
            if !ranges.is_empty() {
                spool.commit(&ranges);
            }
            spool.stats().oldest_pending
        })
        .await
    }

    /// Gets the plan that the collector has. A bad one, or none, leaves the old one in force.
    async fn fetch_plan(&mut self, expected_version: u32) {
        if Instant::now() < self.plan_due {
            return;
        }
        let not_again_before = Instant::now() + Duration::from_secs(PLAN_SECONDS_MIN);
        let due = std::mem::replace(&mut self.plan_due, not_again_before);
        let plan = match self.client.plan().await {
            Ok(plan) => plan,
            Err(PushFailure::Answer(reason)) => {
                return self.refuse_plan(PlanRefused::new(expected_version, PlanFault::Unreadable, &reason));
            }
            Err(error) => return tracing::warn!(%error, "the new plan cannot be fetched; the old one stays"),
        };
        let mistakes = plan.mistakes();
        if !mistakes.is_empty() {
            let reason = mistakes.join("; ");
            return self.refuse_plan(PlanRefused::new(plan.version, PlanFault::Mistakes, &reason));
        }
        self.end_refusal();
        let (state, stored) = (self.options.state.clone(), plan.clone());
        let written = tokio::task::spawn_blocking(move || identity::write_plan(&state, &stored)).await;
        if let Ok(Err(error)) = written {
            // It holds until the next start, and then is fetched again.
            tracing::warn!(%error, "the new plan cannot be stored");
        }
        if plan.version == expected_version {
            self.plan_due = due;
        }
        tracing::info!(version = plan.version, "a new plan");
        self.plan.send_replace(plan);
    }

    fn end_refusal(&self) {
        self.state.send_if_modified(|state| state.refused_plan.take().is_some());
    }

    /// The old plan stays, and the agent tells of it: each refusal once.
    fn refuse_plan(&self, refused: PlanRefused) {
        self.state.send_if_modified(|state| {
            if state.refused_plan.as_ref() == Some(&refused) {
                return false;
            }
            tracing::error!(
                version = refused.version,
                fault = refused.fault.label(),
                reason = refused.reason,
                "the new plan cannot be used; the old one stays"
            );
            state.refused_plan = Some(refused);
            true
        });
    }

    /// Runs on a thread that may wait for the disk.
    async fn with_spool<T: Send + 'static>(&self, act: impl FnOnce(&mut Spool) -> T + Send + 'static) -> T {
        let spool = Arc::clone(&self.spool);
        let acted = tokio::task::spawn_blocking(move || {
            act(&mut spool.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match acted.await {
            Ok(value) => value,
            // A panic in the spool is a fault to be seen; a cancelled task means that the runtime ends.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => std::future::pending().await,
            },
        }
    }

    fn push_seconds(&self) -> u32 {
        budget::push_seconds(*self.step.borrow(), &self.plan.borrow())
    }
}
