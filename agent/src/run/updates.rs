//! The running agent and a newer program: whether one is wanted, and when its next piece may come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use suar_wire::Plan;
use suar_wire::release::{Offer, OfferedFile, Version};
use tokio::task::JoinHandle;

use crate::program::fetch::{Source, Step};
use crate::program::{Build, Next, own_version, target};

/// Between two looks whether circumstances allow it.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// After a step that the line did not let through, doubled each time.
const RETRY_WAIT_MIN: Duration = Duration::from_secs(60);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(3_600);

pub struct Updates {
    /// `None`: this agent takes no programs.
    source: Option<Arc<Source>>,
    under_way: Option<(Build, JoinHandle<Step>)>,
    /// `None` until this process has reached the collector: one that has not is on trial, and asks for no other program.
    not_before: Option<Instant>,
    /// Steps that the line did not let through, one after another.
    refusals: u32,
    /// What is being fetched, and how much of it is left as far as this process knows.
    left: Option<(Build, u64)>,
    /// The plan whose program is known not to be used.
    told: Option<u32>,
}

/// News for the agent.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// This is to run now.
    Next(Next),
    /// The plan's program is not used; said once for each plan.
    Refused(String),
}

impl Updates {
    pub fn new(source: Option<Source>) -> Self {
        Self {
            source: source.map(Arc::new),
            under_way: None,
            not_before: None,
            refusals: 0,
            left: None,
            told: None,
        }
    }

    /// The collector has answered.
    pub fn reached(&mut self) {
        self.not_before.get_or_insert_with(Instant::now);
    }

    /// How long until something can be done for this plan.
    pub fn due_in(&self, plan: &Plan) -> Option<Duration> {
        let (offer, not_before) = (plan.program.as_ref()?, self.not_before?);
        let is_wanted = self.source.is_some() && self.under_way.is_none() && self.told != Some(plan.version);
        (is_wanted && offer.concerns(own_version()))
            .then(|| not_before.saturating_duration_since(Instant::now()))
    }

    /// Does what is due for this plan. `may_spend`: whether so many bytes may be fetched now.
    pub fn start_due(&mut self, plan: &Plan, may_spend: impl FnOnce(u64) -> bool) -> Option<News> {
        if self.due_in(plan) != Some(Duration::ZERO) {
            return None;
        }
        let (source, offer) = (self.source.clone()?, plan.program.as_ref()?);
        self.not_before = Some(Instant::now() + LOOK_EVERY);
        if is_installed(&source, offer.version) {
            return Some(News::Next(Next::Installed));
        }
        let target = target();
        let Some(file) = offer.file_for(&target) else {
            return self.refuse(plan, offer, &format!("there is none for {target}"));
        };
        let build = Build { version: offer.version, digest: file.digest.clone() };
        if let Some(failure) = source.shelf.failure(&build).filter(|failure| failure.is_final()) {
            return self.refuse(plan, offer, failure.why.sentence());
        }
        let known = self.left.as_ref().filter(|(known, _)| *known == build).map(|(_, left)| *left);
        if may_spend(known.unwrap_or(file.bytes)) {
            self.start(source, build, file.clone(), known.is_none());
        }
        None
    }

    fn start(&mut self, source: Arc<Source>, build: Build, file: OfferedFile, is_first: bool) {
        let version = build.version;
        let task = tokio::spawn(async move { source.step(version, &file, is_first).await });
        self.under_way = Some((build, task));
    }

    fn refuse(&mut self, plan: &Plan, offer: &Offer, why: &str) -> Option<News> {
        self.told = Some(plan.version);
        // Another plan need not wait.
        self.not_before = Some(Instant::now());
        Some(News::Refused(format!("{}: {why}", offer.version)))
    }

    /// What came of the step that is under way; never, when none is.
    pub async fn ended(&mut self) -> Option<News> {
        let Some((_, task)) = self.under_way.as_mut() else { return std::future::pending().await };
        let step = task.await;
        let (build, _) = self.under_way.take()?;
        let step = step.unwrap_or_else(|error| Step::Later(error.to_string()));
        self.take(build, step)
    }

    fn take(&mut self, build: Build, step: Step) -> Option<News> {
        let wait = match step {
            Step::More { left, took } => {
                self.refusals = 0;
                self.left = Some((build, left));
                // As long again as it took, so that at most half of a thin line is in use.
                took
            }
            Step::Ready => return Some(News::Next(Next::Try(build))),
            // The next look finds what is known against it; it may be tried once more.
            Step::Failed(why) => {
                tracing::error!(%build, why = why.sentence(), "a new program is not used");
                self.left = None;
                Duration::ZERO
            }
            Step::Later(why) => {
                tracing::info!(%build, why, "a new program cannot be fetched now");
                let doubled = RETRY_WAIT_MIN * 2_u32.saturating_pow(self.refusals.min(16));
                self.refusals += 1;
                doubled.min(RETRY_WAIT_MAX)
            }
        };
        self.not_before = Some(Instant::now() + wait);
        None
    }
}

/// Whether the installed program is what is offered, so that nothing has to be fetched.
fn is_installed(source: &Source, offered: Version) -> bool {
    offered == source.installed && offered != own_version()
}

impl Drop for Updates {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.under_way {
            task.abort();
        }
    }
}

#[cfg(test)]
#[path = "updates_tests.rs"]
mod tests;
