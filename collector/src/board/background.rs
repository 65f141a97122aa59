//! The board's work beside the scrapes: takes what ingest accepted, follows the registry, judges anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Board;
use crate::live::Accepted;
use crate::wall_clock::now_ms;

/// How often the board looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two readings of the registry.
    pub refresh: Duration,
    /// Least time between two judgements when something new has come.
    pub judge: Duration,
    /// Most time between two judgements: expected time grows when nothing comes, too.
    pub judge_anyway: Duration,
}

impl Pace {
    pub const STANDARD: Self = Self {
        refresh: Duration::from_secs(5),
        judge: Duration::from_secs(60),
        judge_anyway: Duration::from_secs(600),
    };

    /// Where pushes come faster than that, what they bring is shown as fast.
    fn with_pushes_every(self, pushes: Duration) -> Self {
        Self { refresh: self.refresh.min(pushes), judge: self.judge.min(pushes), ..self }
    }
}

/// Pushes that are taken at once, when so many wait.
const TAKEN_AT_ONCE_MAX: usize = 256;

/// Judging takes at most this part of one core: after a long judgement the next one waits longer.
const REST_TIMES: u32 = 10;

const READING: &str = "reading the registry";

/// Runs until `stop` turns true or its sender is gone. `accepted` is drained first, so that a counter
/// misses nothing that was receipted.
pub async fn run(
    board: Arc<Board>,
    mut accepted: mpsc::Receiver<Accepted>,
    pace: Pace,
    mut stop: watch::Receiver<bool>,
) {
    let pushes = Duration::from_millis(board.live().push_ms().max(1_000).unsigned_abs());
    let pace = pace.with_pushes_every(pushes);
    let follower = tokio::spawn(follow(Arc::clone(&board), pace, stop.clone()));
    loop {
        let mut waiting = Vec::new();
        tokio::select! {
            biased;
            received = accepted.recv_many(&mut waiting, TAKEN_AT_ONCE_MAX) => if received == 0 {
                break;
            },
            changed = stop.changed() => if changed.is_err() || *stop.borrow() {
                break;
            } else {
                continue;
            },
        }
        if !waiting.iter().all(|accepted| board.knows(&accepted.site)) {
            on_disk(&board, READING, |board| board.refresh(now_ms())).await;
        }
        aside(&board, "taking pushes", move |board| board.take(&waiting, now_ms())).await;
    }
    follower.abort();
}

/// The last judgement: when it began, how long it took, and what had been taken by then.
#[derive(Debug, Clone, Copy)]
struct Judged {
    at: Instant,
    took: Duration,
    taken: u64,
}

async fn follow(board: Arc<Board>, pace: Pace, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(pace.refresh.min(pace.judge));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut refreshed: Option<Instant> = None;
    let mut judged: Option<Judged> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            changed = stop.changed() => if changed.is_err() || *stop.borrow() {
                return;
            },
        }
        if refreshed.is_none_or(|at| at.elapsed() >= pace.refresh) {
            refreshed = Some(Instant::now());
            on_disk(&board, READING, |board| board.refresh(now_ms())).await;
        }
        let taken = board.taken();
        let due = judged.is_none_or(|Judged { at, took, taken: before }| {
            let least = if taken == before { pace.judge_anyway } else { pace.judge };
            at.elapsed() >= least.max(took * REST_TIMES)
        });
        if due {
            let at = Instant::now();
            on_disk(&board, "judging the quarter", |board| board.judge(now_ms())).await;
            judged = Some(Judged { at, took: at.elapsed(), taken });
        }
    }
}

/// Runs something that reads the store. Trouble is told and tried again later.
async fn on_disk<E: std::fmt::Display + Send + 'static>(
    board: &Arc<Board>,
    what: &'static str,
    work: impl FnOnce(&Board) -> Result<(), E> + Send + 'static,
) {
    if let Some(Err(error)) = aside(board, what, work).await {
        tracing::warn!(%error, "{what} failed; tried again at the next turn");
    }
}

/// Runs something that takes its time where it disturbs nobody; `None` when it broke off.
async fn aside<T: Send + 'static>(
    board: &Arc<Board>,
    what: &'static str,
    work: impl FnOnce(&Board) -> T + Send + 'static,
) -> Option<T> {
    let board = Arc::clone(board);
    let done = tokio::task::spawn_blocking(move || work(&board)).await;
    done.inspect_err(|error| tracing::error!(%error, "{what} broke off")).ok()
}
