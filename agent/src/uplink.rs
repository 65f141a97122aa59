//! The uplink: peeks a batch from the spool, pushes it, and commits what the receipt names.
//!
//! It knows nothing of probes: it carries records it did not make. (signatures; being written)

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use suar_wire::{Plan, Stamp};
use tokio::sync::{Notify, watch};

use crate::identity::Identity;
use crate::spool::Spool;
use crate::tls::Fingerprint;

pub mod client;

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
    pub pushes_ok: u64,
    pub pushes_failed: u64,
    /// Records that the collector refused for good.
    pub refused_records: u64,
    /// The collector does not take this agent's token.
    pub revoked: bool,
}

/// What one push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// Records that were sent; 0 when there was nothing to send, which still asks for the plan.
    pub sent: usize,
    pub acknowledged: u64,
    pub refused: usize,
}

/// Why a push did not get its receipt.
#[derive(Debug, thiserror::Error)]
pub enum PushFailure {
    #[error("cannot reach the collector: {0}")]
    Unreachable(String),
    #[error("the certificate at the collector's address is not the collector's")]
    WrongCertificate,
    #[error("the collector does not take this agent's token (status {status})")]
    Unauthorized { status: u16 },
    #[error("the collector asks to come later (status {status})")]
    Later { status: u16, after_s: Option<u64> },
    #[error("the push is too large for the collector")]
    TooLarge,
    #[error("the collector cannot read the push")]
    Malformed,
    #[error("the collector's answer is no receipt: {0}")]
    Answer(String),
    #[error("the spool cannot be read: {0}")]
    Spool(String),
}

pub struct Uplink {
    _identity: Identity,
    _spool: Arc<Mutex<Spool>>,
    _clock: ClockFn,
    plan: watch::Sender<Plan>,
    state: watch::Sender<UplinkState>,
}

impl std::fmt::Debug for Uplink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Uplink").finish_non_exhaustive()
    }
}

impl Uplink {
    pub fn new(
        options: Options,
        identity: Identity,
        plan: Plan,
        spool: Arc<Mutex<Spool>>,
        clock: ClockFn,
    ) -> Result<Self, reqwest::Error> {
        let _client = crate::tls::http_client(options.fingerprint)?;
        let (plan, state) = (watch::Sender::new(plan), watch::Sender::new(UplinkState::default()));
        Ok(Self { _identity: identity, _spool: spool, _clock: clock, plan, state })
    }

    /// The plan, and every later one.
    pub fn plan(&self) -> watch::Receiver<Plan> {
        self.plan.subscribe()
    }

    pub fn state(&self) -> watch::Receiver<UplinkState> {
        self.state.subscribe()
    }

    /// One push now, of the newest pending records.
    pub async fn push_once(&mut self) -> Result<Pushed, PushFailure> {
        Ok(Pushed { sent: 0, acknowledged: 0, refused: 0 })
    }

    /// Pushes until `stop` turns true, then once more with a short deadline. `wake` asks for a push at once.
    pub async fn run(self, wake: Arc<Notify>, mut stop: watch::Receiver<bool>) {
        let _ = (wake, stop.wait_for(|stop| *stop).await);
    }
}
