//! Whether this program got a processor when it wanted one: on a machine that is busy, packets wait for the program and
//! overflow its socket, which looks like a slow line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_millis(1);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watch {
    worst_us: Arc<AtomicU32>,
    watching: JoinHandle<()>,
}

impl Watch {
    pub fn start() -> Self {
        let worst_us = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&worst_us);
        let watching = tokio::spawn(async move {
            loop {
                let slept = Instant::now();
                tokio::time::sleep(TICK).await;
                let late = slept.elapsed().saturating_sub(TICK);
                seen.fetch_max(u32::try_from(late.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
            }
        });
        Self { worst_us, watching }
    }

    /// How late a short sleep ended at worst, in microseconds.
    pub fn worst_us(&self) -> u32 {
        self.worst_us.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watching.abort();
    }
}
