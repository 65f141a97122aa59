//! The uplink's loop: when to push live records, when the backlog, when to wait, and the push at the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::{PushFailure, Uplink, backoff};
use crate::random;
use crate::spool::Order;

/// Most records of the push at the end: it has to be through before the system pulls the plug.
const FAREWELL_RECORDS_MAX: usize = 200;
/// Longest wait for the push at the end.
const FAREWELL_SECONDS_MAX: u64 = 5;

impl Uplink {
    /// Pushes until `stop` turns true (or its sender is gone), then once more with a short deadline.
    /// `wake` asks for a push at once: the link came back, or went.
    pub async fn run(mut self, wake: Arc<Notify>, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.push_for_ever(&wake) => {}
            // Cancelling a push in flight is safe: what it sent and did not commit is sent again.
            _ = stop.wait_for(|stop| *stop) => {}
        }
        self.records_max = FAREWELL_RECORDS_MAX;
        let farewell =
            tokio::time::timeout(Duration::from_secs(FAREWELL_SECONDS_MAX), self.push_once()).await;
        match farewell {
            Ok(Ok(pushed)) => tracing::info!(records = pushed.sent, "the last push is receipted"),
            Ok(Err(error)) => tracing::info!(%error, "the last push failed; its records wait on disk"),
            Err(_) => tracing::info!("the last push took too long; its records wait on disk"),
        }
    }

    async fn push_for_ever(&mut self, wake: &Notify) {
        let mut failures = 0;
        let mut due = Instant::now() + backoff::first(self.push_seconds(), random::fraction());
        let mut may_wake = true;
        let mut attempted_at = None;
        loop {
            let woken = async {
                if !may_wake {
                    std::future::pending::<()>().await;
                }
                wake.notified().await;
                if let Some(attempted_at) = attempted_at {
                    tokio::time::sleep_until(attempted_at + backoff::wake_gap(self.push_seconds())).await;
                }
            };
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = woken => {}
            }
            attempted_at = Some(Instant::now());
            match self.push_live_and_backlog(wake).await {
                Ok(next) => {
                    (failures, may_wake) = (0, true);
                    due = next;
                }
                Err(failure) => {
                    failures += 1;
                    may_wake = backoff::may_wake(&failure);
                    let push_seconds = self.push_seconds();
                    due = Instant::now()
                        + backoff::after_failure(&failure, failures, push_seconds, random::fraction());
                }
            }
        }
    }

    /// The newest records, then everything older, oldest first, until the next live push is due or asked
    /// for. Returns when it is due.
    async fn push_live_and_backlog(&mut self, wake: &Notify) -> Result<Instant, PushFailure> {
        let wake_due = Instant::now() + backoff::wake_gap(self.push_seconds());
        let live = self.push(Order::NewestFirst).await?;
        self.fetch_moments().await;
        let due = Instant::now() + backoff::between(self.push_seconds(), random::fraction());
        // Younger records than those of the live push are the next live push's.
        let Some(floor) = live.oldest else { return Ok(due) };
        let mut oldest_pending = live.oldest_pending;
        while oldest_pending.is_some_and(|oldest| oldest < floor) {
            let pause = Instant::now() + Duration::from_secs_f64(backoff::BACKLOG_SECONDS);
            if pause >= due {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep_until(pause) => {}
                () = wake.notified() => return Ok(wake_due),
            }
            let backlog = self.push(Order::OldestFirst).await?;
            if backlog.oldest.is_none_or(|oldest| oldest >= floor) {
                // What is left cannot be read; asking for it again helps nobody.
                break;
            }
            oldest_pending = backlog.oldest_pending;
        }
        Ok(due)
    }
}
