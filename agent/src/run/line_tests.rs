//! Bandwidth tests of the running agent: those that are due at the collector's moments, and those that somebody
//! ran beside it and handed in.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use suar_wire::bandwidth::{Bandwidth, Direction, Moments, TestEnd};
use suar_wire::{Purpose, Stamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bandwidth::guard::Circumstances;
use crate::bandwidth::handed_in;
use crate::bandwidth::{Courtesy, Tester};
use crate::meter::Meter;

/// Later than this after its moment a test is left out: it would meet that of another office.
const LATE_MS_MAX: i64 = 60_000;
/// Between two looks for what was handed in: the loop that asks also times the probes, and a look is one at the disk.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub struct LineTests {
    tester: Option<Tester>,
    meter: Meter,
    state: PathBuf,
    feed: watch::Receiver<Moments>,
    /// The newest moment that is dealt with.
    taken_ms: i64,
    under_way: Option<JoinHandle<Vec<Bandwidth>>>,
    looked_at: Option<Instant>,
}

impl LineTests {
    /// `tester`: none where the configured collector is no address.
    pub fn new(tester: Option<Tester>, meter: Meter, state: PathBuf, feed: watch::Receiver<Moments>) -> Self {
        Self { tester, meter, state, feed, taken_ms: i64::MIN, under_way: None, looked_at: None }
    }

    /// What was handed in, once; its bytes are in the meter then.
    pub fn handed_in(&mut self) -> Vec<(Stamp, Bandwidth)> {
        if self.looked_at.is_some_and(|looked_at| looked_at.elapsed() < LOOK_EVERY) {
            return Vec::new();
        }
        self.looked_at = Some(Instant::now());
        let tests = handed_in::take(&self.state);
        let metered = tests.into_iter().filter_map(|test| {
            self.meter.add(Purpose::Bandwidth, test.used());
            Some((test.at, test.record?))
        });
        metered.collect()
    }

    /// How long until a test is due, by the corrected clock.
    pub fn due_in(&self, now_ms: i64) -> Option<Duration> {
        let next_ms = self.next_ms(now_ms)?;
        Some(Duration::from_millis(u64::try_from(next_ms - now_ms).unwrap_or(0)))
    }

    fn next_ms(&self, now_ms: i64) -> Option<i64> {
        let earliest_ms = now_ms.saturating_sub(LATE_MS_MAX).max(self.taken_ms.saturating_add(1));
        self.feed.borrow().starts_ms.iter().copied().filter(|start_ms| *start_ms >= earliest_ms).min()
    }

    /// Starts what is due. Returns the records of tests that are left out instead.
    pub fn start_due(
        &mut self,
        now_ms: i64,
        circumstances: impl FnOnce(u64) -> Circumstances,
    ) -> Vec<Bandwidth> {
        let Some(next_ms) = self.next_ms(now_ms).filter(|next_ms| *next_ms <= now_ms) else {
            return Vec::new();
        };
        self.taken_ms = next_ms;
        let Some(tester) = self.tester.clone() else { return Vec::new() };
        if let Some(hindrance) = circumstances(tester.expected_bytes(&self.state)).hindrance() {
            tracing::info!(reason = hindrance.label(), "a bandwidth test is left out");
            return left_out(hindrance);
        }
        if self.under_way.is_none() {
            let state = self.state.clone();
            self.under_way = Some(tokio::spawn(async move { run(&tester, state).await }));
        }
        Vec::new()
    }

    pub fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// The records of the test that is under way, when it ends; never, when none is.
    pub async fn ended(&mut self) -> Vec<Bandwidth> {
        let Some(task) = self.under_way.as_mut() else { return std::future::pending().await };
        let ended = task.await;
        self.under_way = None;
        ended.unwrap_or_else(|error| {
            tracing::error!(%error, "a bandwidth test broke off");
            Vec::new()
        })
    }
}

impl Drop for LineTests {
    fn drop(&mut self) {
        if let Some(task) = &self.under_way {
            task.abort();
        }
    }
}

async fn run(tester: &Tester, state: PathBuf) -> Vec<Bandwidth> {
    match tester.run(&state, Direction::ALL, Courtesy::Yields, |_| ()).await {
        Ok(Some(tested)) => tested.into_iter().map(|tested| tested.record).collect(),
        // Somebody at the machine tests at this moment: that is as good, and is handed in.
        Ok(None) => Vec::new(),
        Err(error) => {
            tracing::warn!(%error, "what bandwidth tests found cannot be kept");
            Vec::new()
        }
    }
}

fn left_out(end: TestEnd) -> Vec<Bandwidth> {
    Direction::ALL.iter().map(|&direction| Bandwidth::without_rate(direction, end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_794_718_800_000;
    const MAY: Circumstances =
        Circumstances { link_is_up: true, is_paused: false, is_metered: false, may_spend: true };

    fn tests_at(starts_ms: &[i64]) -> (LineTests, watch::Sender<Moments>) {
        let (feed_in, feed) =
            watch::channel(Moments { starts_ms: starts_ms.to_vec(), until_ms: NOW_MS + 86_400_000 });
        let state = std::env::temp_dir();
        (LineTests::new(None, Meter::default(), state, feed), feed_in)
    }

    #[test]
    fn a_moment_is_taken_once_and_one_that_is_long_past_is_not() {
        let (mut tests, _feed) = tests_at(&[NOW_MS - LATE_MS_MAX - 1, NOW_MS + 5_000, NOW_MS + 9_000]);
        assert_eq!(tests.due_in(NOW_MS), Some(Duration::from_secs(5)));
        assert_eq!(tests.due_in(NOW_MS + 6_000), Some(Duration::ZERO), "a little late is not too late");
        tests.start_due(NOW_MS + 6_000, |_| MAY);
        assert_eq!(tests.due_in(NOW_MS + 6_000), Some(Duration::from_secs(3)));
        tests.start_due(NOW_MS + 9_000, |_| MAY);
        assert_eq!(tests.due_in(NOW_MS + 9_000), None);
    }

    #[test]
    fn what_is_left_out_has_a_record_for_each_direction() {
        let left_out = left_out(TestEnd::SkippedAllowance);
        let told: Vec<_> = left_out.iter().map(|test| (test.direction, test.end)).collect();
        let both = [Direction::Download, Direction::Upload];
        assert_eq!(told, both.map(|direction| (direction, TestEnd::SkippedAllowance)));
    }
}
