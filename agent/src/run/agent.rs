//! The running agent: which rounds are under way, what the clocks did, what is due.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use suar_wire::bandwidth::Bandwidth;
use suar_wire::record::{ClockStep, Gap, GapReason, Health, Round};
use suar_wire::{Body, Plan, PlanFault, PlanRefused, Slot, Stamp, Step};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::accounts::{Accounts, Now, Terms};
use super::corrected::Corrected;
use super::line_tests::LineTests;
use super::updates::{self, Updates};
use super::writer::Writer;
use crate::bandwidth::guard::Circumstances;
use crate::budget;
use crate::clock::{Clocks, Jump, JumpWatch, Reading};
use crate::health::{self, News, Watcher};
use crate::identity::Identity;
use crate::metered;
use crate::pause;
use crate::program::Next;
use crate::round::{self, Due, Prober, Window, Worries};
use crate::schedule::{Appointment, Schedule, Turn};
use crate::status::Status;
use crate::uplink::UplinkState;
use crate::verdict::Debounce;

/// Longest sleep between two looks at the clocks: a suspend is dated to within this.
const LOOK_MAX: Duration = Duration::from_secs(5);
/// Shortest wait for a bandwidth test that is due.
const TEST_LOOK_MIN: Duration = Duration::from_millis(200);
/// Rounds under way at once. One takes up to ten seconds, so one-second slots need that many and some more.
const IN_FLIGHT_MAX: usize = 16;

pub struct Parts {
    pub clocks: Clocks,
    pub prober: Prober,
    pub plan: watch::Receiver<Plan>,
    pub uplink: watch::Receiver<UplinkState>,
    /// Where the uplink hears how far it has to save.
    pub step: watch::Sender<Step>,
    pub writer: Writer,
    pub identity: Identity,
    pub collector: String,
    /// Where a pause is told.
    pub state: PathBuf,
    pub accounts: Accounts,
    pub line_tests: LineTests,
    pub updates: Updates,
}

struct UnderWay {
    stamp: Stamp,
    task: JoinHandle<Round>,
}

pub struct Agent {
    clocks: Clocks,
    prober: Arc<Prober>,
    plan_feed: watch::Receiver<Plan>,
    /// The collector's, with nothing left out.
    ordered: Plan,
    /// What is done: as ordered, less what the step leaves out.
    plan: Arc<Plan>,
    step: watch::Sender<Step>,
    uplink_feed: watch::Receiver<UplinkState>,
    uplink: UplinkState,
    writer: Writer,
    jumps: JumpWatch,
    corrected: Corrected,
    schedule: Schedule,
    appointment: Option<Appointment>,
    /// The newest slot that has been taken.
    taken: Option<Slot>,
    number: u64,
    under_way: VecDeque<UnderWay>,
    state: PathBuf,
    /// Since when, by the boot-time clock, nothing was measured because of a pause and no record says so yet.
    paused_from: Option<u64>,
    pause_unreadable: bool,
    debounce: Debounce,
    health: HealthWatch,
    accounts: Accounts,
    line_tests: LineTests,
    updates: Updates,
    /// Whether the connection is paid by the byte, as far as the system knows.
    system_says_metered: Option<bool>,
    status: Status,
}

/// What a look at the machine found, and who looked.
struct Look {
    watcher: Watcher,
    health: Health,
    metered: Option<bool>,
}

/// The look at the machine that is due or under way.
#[derive(Default)]
struct HealthWatch {
    resting: Option<Watcher>,
    looking: Option<JoinHandle<Look>>,
    next_at: Option<Instant>,
    news: News,
}

impl Agent {
    pub fn new(parts: Parts) -> Self {
        let Parts {
            clocks,
            prober,
            plan: plan_feed,
            uplink: uplink_feed,
            step,
            writer,
            identity,
            collector,
            state,
            accounts,
            line_tests,
            updates,
        } = parts;
        let ordered = plan_feed.borrow().clone();
        let plan = Arc::new(ordered.clone());
        let uplink = uplink_feed.borrow().clone();
        let now = clocks.read();
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            agent: identity.agent,
            site: identity.site,
            site_name: identity.site_name,
            collector,
            running: true,
            started: clocks.stamp(now),
            written: clocks.stamp(now),
            slot_seconds: plan.slot_seconds.seconds(),
            plan_version: plan.version,
            verdict: None,
            verdict_since_ms: None,
            round: None,
            paused_until_ms: None,
            uplink: Default::default(),
            spool: Default::default(),
            data: None,
            bandwidth: Vec::new(),
            refused_program: None,
        };
        Self {
            clocks,
            prober: Arc::new(prober),
            schedule: Schedule::new(identity.agent, plan.slot_seconds),
            plan_feed,
            ordered,
            plan,
            step,
            uplink,
            uplink_feed,
            writer,
            jumps: JumpWatch::new(now),
            corrected: Corrected::default(),
            appointment: None,
            taken: None,
            number: 0,
            under_way: VecDeque::new(),
            state,
            paused_from: None,
            pause_unreadable: false,
            debounce: Debounce::default(),
            health: HealthWatch { resting: Some(Watcher::new()), ..HealthWatch::default() },
            accounts,
            line_tests,
            updates,
            system_says_metered: None,
            status,
        }
    }

    /// Measures until another program is to run.
    pub async fn measure(&mut self) -> Next {
        self.write_status(self.clocks.now());
        loop {
            let now = self.look_at_clocks();
            self.keep_accounts(now);
            self.test_line(now);
            if let Some(next) = self.update_program(now) {
                return next;
            }
            let left = match self.turn(now) {
                Turn::Wait { left_ms } => Duration::from_millis(left_ms),
                Turn::Go | Turn::Missed { .. } if self.is_paused(now) => {
                    self.skip_round(now);
                    continue;
                }
                Turn::Go => {
                    self.start_round(now);
                    continue;
                }
                Turn::Missed { late_ms } => {
                    self.miss_round(now, late_ms);
                    continue;
                }
            };
            let health_in = self.health.due_in();
            let test_in = self.line_tests.due_in(self.corrected.now_ms(now)).unwrap_or(LOOK_MAX);
            // A test whose moment cannot be known yet must not make this a busy loop.
            let test_in = test_in.max(TEST_LOOK_MIN);
            let piece_in = self.updates.due_in(&self.ordered).unwrap_or(LOOK_MAX);
            tokio::select! {
                () = tokio::time::sleep(left.min(LOOK_MAX).min(health_in).min(test_in).min(piece_in)) => {
                    self.start_health_look();
                }
                news = self.updates.ended() => {
                    if let Some(next) = self.take_news(news) {
                        return next;
                    }
                }
                tests = self.line_tests.ended() => self.end_test(tests),
                (stamp, round) = ended(&mut self.under_way) => self.end_round(stamp, round),
                look = looked(&mut self.health.looking) => self.end_health_look(look),
                Ok(()) = self.plan_feed.changed() => self.take_plan(),
                Ok(()) = self.uplink_feed.changed() => self.take_uplink_state(),
            }
        }
    }

    /// Drops what is under way, says goodbye, and waits until that is on disk. Returns what is to be done when
    /// nothing is sent any more; it may wait for the disk.
    pub async fn end(mut self, goodbye: Body) -> impl FnOnce() + Send + 'static {
        self.drop_rounds();
        let reading = self.clocks.read();
        let now = self.clocks.stamp(reading);
        self.tell_pause(reading);
        self.writer.record(now, goodbye);
        self.status.running = false;
        self.write_status(now);
        self.writer.finish().await;
        let Self { accounts, clocks, corrected, state, ordered, system_says_metered, .. } = self;
        move || {
            let terms = Terms { plan: &ordered, system_says_metered };
            accounts.close(&state, corrected_now(corrected, clocks.read()), terms);
        }
    }

    /// Enters what was used into the ledger, has it written at each push interval, tells the collector, and takes
    /// the step that the allowance asks for.
    fn keep_accounts(&mut self, reading: Reading) {
        let now = corrected_now(self.corrected, reading);
        let terms = Terms { plan: &self.ordered, system_says_metered: self.system_says_metered };
        for told in self.accounts.enter(now, terms) {
            self.writer.record(self.clocks.stamp(reading), Body::DataUse(told));
        }
        self.status.data = self.accounts.now(now, terms);
        let step = self.status.data.as_ref().map_or(Step::Full, |data| data.step);
        if *self.step.borrow() != step {
            self.step.send_replace(step);
            self.put_plan_in_force();
            // So that the collector does not take a saving agent for a silent one.
            self.writer.wake_uplink();
        }
        let every = Duration::from_secs(self.plan.push_seconds.into());
        if let Some(ledger) = self.accounts.due(every) {
            self.writer.ledger(ledger);
        }
    }

    /// Starts a bandwidth test that is due, and takes those that somebody ran beside this agent.
    fn test_line(&mut self, now: Reading) {
        for (stamp, test) in self.line_tests.handed_in() {
            self.keep_test(stamp, test);
        }
        let now_ms = self.corrected.now_ms(now);
        // Without the collector's word on the time, nobody knows when a moment is.
        if !self.corrected.is_confirmed() || self.line_tests.due_in(now_ms) != Some(Duration::ZERO) {
            return;
        }
        let is_paused = self.is_paused(now);
        // Before the first round nothing speaks against it; a test finds out by itself.
        let link_is_up = self.status.round.as_ref().is_none_or(|round| round.verdict.is_up());
        let terms = Terms { plan: &self.ordered, system_says_metered: self.system_says_metered };
        let left_out = self.line_tests.start_due(now_ms, |bytes| {
            let account = self.accounts.account(corrected_now(self.corrected, now), terms);
            Circumstances {
                link_is_up,
                is_paused,
                is_metered: account.metered,
                may_spend: budget::may_spend(&account, terms.plan, bytes),
            }
        });
        let stamp = self.clocks.stamp(now);
        for test in left_out {
            self.keep_test(stamp, test);
        }
    }

    /// Fetches the next piece of a newer program, where the plan names one and nothing speaks against it.
    fn update_program(&mut self, now: Reading) -> Option<Next> {
        if self.updates.due_in(&self.ordered) != Some(Duration::ZERO) {
            return None;
        }
        let link_is_up = self.status.round.as_ref().is_none_or(|round| round.verdict.is_up());
        let is_free = link_is_up && !self.line_tests.is_under_way() && !self.is_paused(now);
        let terms = Terms { plan: &self.ordered, system_says_metered: self.system_says_metered };
        let account = self.accounts.account(corrected_now(self.corrected, now), terms);
        let news = self
            .updates
            .start_due(&self.ordered, |bytes| is_free && budget::may_update(&account, &self.ordered, bytes));
        self.take_news(news)
    }

    fn take_news(&mut self, news: Option<updates::News>) -> Option<Next> {
        match news? {
            updates::News::Next(next) => Some(next),
            updates::News::Refused(reason) => {
                tracing::error!(reason, "the plan's program is not used");
                let refused = PlanRefused::new(self.ordered.version, PlanFault::Program, &reason);
                self.status.refused_program = Some(refused.reason.clone());
                self.writer.record(self.clocks.now(), Body::PlanRefused(refused));
                None
            }
        }
    }

    fn end_test(&mut self, tests: Vec<Bandwidth>) {
        let stamp = self.clocks.now();
        for test in tests {
            self.keep_test(stamp, test);
        }
        self.write_status(stamp);
    }

    fn keep_test(&mut self, stamp: Stamp, test: Bandwidth) {
        self.status.keep_test(stamp.wall_ms, &test);
        self.writer.record(stamp, Body::Bandwidth(test));
        self.writer.wake_uplink();
    }

    /// Reads the clocks, and records what they did that they should not have done.
    fn look_at_clocks(&mut self) -> Reading {
        let now = self.clocks.read();
        for jump in self.jumps.observe(now) {
            let stamp = self.clocks.stamp(now);
            if self.corrected.jumped(jump) {
                self.appointment = None;
            }
            match jump {
                Jump::Slept { from_boot_ms } => {
                    tracing::info!(seconds = (now.boot_ms - from_boot_ms) / 1000, "the machine was asleep");
                    // What straddles the sleep says nothing about the link.
                    self.drop_rounds();
                    self.appointment = None;
                    self.tell_pause(before(now, from_boot_ms));
                    self.paused_from = self.paused_from.map(|_| now.boot_ms);
                    let gap = Gap { reason: GapReason::Suspended, from_boot_ms };
                    self.writer.record(stamp, Body::Gap(gap));
                }
                Jump::WallStepped { by_ms } => {
                    tracing::info!(by_ms, "the clock was set");
                    self.writer.record(stamp, Body::ClockStep(ClockStep { by_ms }));
                }
            }
        }
        now
    }

    fn turn(&mut self, now: Reading) -> Turn {
        let now_ms = self.corrected.now_ms(now);
        let schedule = self.schedule;
        let taken = self.taken;
        self.appointment.get_or_insert_with(|| schedule.next(now_ms, taken)).turn(now_ms)
    }

    fn start_round(&mut self, now: Reading) {
        let Some(appointment) = self.appointment.take() else { return };
        if self.under_way.len() >= IN_FLIGHT_MAX {
            self.appointment = Some(appointment);
            return self.miss_round(now, 0);
        }
        self.taken = Some(appointment.slot);
        let started_at = Instant::now();
        let left_ms = appointment.slot.end_ms().saturating_sub(self.corrected.now_ms(now));
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
        let window = Window { started_at, ends_at: started_at + left };
        let worries = Worries {
            down: self.status.round.as_ref().is_some_and(|round| !round.verdict.is_up()),
            pushes_fail: self.uplink.last_error.is_some(),
            clock_wrong: self.corrected.proves_wall_wrong(now),
        };
        let due = Due::new(&self.plan, self.number, worries, window.is_short());
        self.number += 1;
        let (prober, plan, slot) = (Arc::clone(&self.prober), Arc::clone(&self.plan), appointment.slot);
        let task = tokio::spawn(async move { round::run(&prober, &plan, slot, window, due).await });
        self.under_way.push_back(UnderWay { stamp: self.clocks.stamp(now), task });
    }

    /// Reads the file anew for each slot: it is a few bytes that the system has in memory, or the name of a
    /// file that is not there.
    fn is_paused(&mut self, now: Reading) -> bool {
        let stamp = self.clocks.stamp(now);
        let left_ms = match pause::read(&self.state, stamp) {
            Ok(left_ms) => {
                self.pause_unreadable = false;
                left_ms
            }
            Err(error) => {
                // Said once, not each minute for a year.
                if !std::mem::replace(&mut self.pause_unreadable, true) {
                    tracing::warn!(%error, "a pause cannot be read, so measuring goes on");
                }
                None
            }
        };
        if left_ms.is_none() && self.paused_from.is_some() {
            tracing::info!("the pause is over");
            self.tell_pause(now);
            self.paused_from = None;
            // Best effort. One that stays is over all the same, unless the wall clock goes back in a later boot.
            let _ = pause::remove(&self.state);
        }
        self.status.paused_until_ms = left_ms.map(|left_ms| now.wall_ms.saturating_add_unsigned(left_ms));
        left_ms.is_some()
    }

    /// The slot is left out because somebody asked for it. A long pause is told piece by piece, so that the
    /// collector need not wait for its end to know the reason of the silence.
    fn skip_round(&mut self, now: Reading) {
        self.taken = self.appointment.take().map(|appointment| appointment.slot);
        let from_boot_ms = *self.paused_from.get_or_insert_with(|| {
            tracing::info!("measuring is paused");
            now.boot_ms
        });
        if now.boot_ms.saturating_sub(from_boot_ms) >= u64::from(self.plan.push_seconds) * 1000 {
            self.tell_pause(now);
        }
        self.write_status(self.clocks.stamp(now));
    }

    /// Records the pause up to now, if there is one; it may go on.
    fn tell_pause(&mut self, now: Reading) {
        let Some(from_boot_ms) = self.paused_from.as_mut() else { return };
        let from_boot_ms = std::mem::replace(from_boot_ms, now.boot_ms).min(now.boot_ms);
        let gap = Gap { reason: GapReason::Paused, from_boot_ms };
        self.writer.record(self.clocks.stamp(now), Body::Gap(gap));
    }

    /// The agent was there but came too late to look.
    fn miss_round(&mut self, now: Reading, late_ms: u64) {
        if let Some(appointment) = self.appointment.take() {
            tracing::warn!(late_ms, "too busy to measure in time, the slot is left out");
            self.taken = Some(appointment.slot);
        }
        let gap = Gap { reason: GapReason::Starved, from_boot_ms: now.boot_ms.saturating_sub(late_ms) };
        self.writer.record(self.clocks.stamp(now), Body::Gap(gap));
    }

    fn end_round(&mut self, stamp: Stamp, round: Round) {
        // A sleep since the round began makes it worthless; looking finds out and empties the queue, from
        // which this one is gone already.
        let now = self.clocks.read();
        if slept(now, self.jumps) {
            return;
        }
        let first = self.debounce.shown().is_none();
        let changed_from = self.debounce.observe(round.verdict);
        self.writer.record(stamp, Body::Round(round.clone()));
        if first || changed_from.is_some() {
            self.status.verdict = self.debounce.shown();
            self.status.verdict_since_ms = Some(stamp.wall_ms);
            tracing::info!(from = ?changed_from, to = ?self.status.verdict, "the link's state");
            self.writer.wake_uplink();
        }
        self.status.round = Some(round);
        self.write_status(self.clocks.stamp(now));
    }

    fn drop_rounds(&mut self) {
        for round in self.under_way.drain(..) {
            round.task.abort();
        }
    }

    fn take_plan(&mut self) {
        self.status.refused_program = None;
        self.ordered = self.plan_feed.borrow_and_update().clone();
        self.put_plan_in_force();
        tracing::info!(version = self.plan.version, "a new plan, from the next slot on");
    }

    fn put_plan_in_force(&mut self) {
        self.plan = Arc::new(budget::applied(*self.step.borrow(), &self.ordered));
        self.schedule = Schedule::new(self.status.agent, self.plan.slot_seconds);
        self.appointment = None;
        self.status.slot_seconds = self.plan.slot_seconds.seconds();
        self.status.plan_version = self.plan.version;
    }

    fn take_uplink_state(&mut self) {
        let before = std::mem::replace(&mut self.uplink, self.uplink_feed.borrow_and_update().clone());
        if let Some(server) = self.uplink.server_time.filter(|server| before.server_time != Some(*server))
            && self.corrected.learn(self.clocks.read(), server)
        {
            self.appointment = None;
        }
        if let Some(refused) = &self.uplink.refused_plan
            && before.refused_plan.as_ref() != Some(refused)
        {
            let stamp = self.clocks.stamp(self.clocks.read());
            self.writer.record(stamp, Body::PlanRefused(refused.clone()));
        }
        if self.uplink.pushes_ok > 0 {
            self.updates.reached();
        }
        self.status.uplink = (&self.uplink).into();
    }

    fn write_status(&mut self, now: Stamp) {
        self.status.written = now;
        self.writer.status(self.status.clone());
    }

    fn start_health_look(&mut self) {
        if self.health.due_in() > Duration::ZERO {
            return;
        }
        self.health.next_at = Some(Instant::now() + Duration::from_secs(self.plan.health_seconds.into()));
        // One that still hangs on a sick disk keeps the watcher, and no second one is started.
        if let Some(mut watcher) = self.health.resting.take() {
            self.health.looking = Some(tokio::task::spawn_blocking(move || {
                let health = watcher.look();
                Look { watcher, health, metered: metered::look() }
            }));
        }
    }

    fn end_health_look(&mut self, look: Option<Look>) {
        self.health.looking = None;
        let Some(Look { watcher, health, metered }) = look else {
            self.health.resting = Some(Watcher::new());
            return;
        };
        self.health.resting = Some(watcher);
        self.system_says_metered = metered;
        let health = self.health.news.of(health);
        let health = health::with_own(health, &self.writer.stats(), self.uplink.clock_offset_ms);
        self.writer.record(self.clocks.now(), Body::Health(Box::new(health)));
    }
}

impl HealthWatch {
    fn due_in(&self) -> Duration {
        match self.next_at {
            None => Duration::ZERO,
            Some(next_at) => next_at.saturating_duration_since(Instant::now()),
        }
    }
}

fn corrected_now(corrected: Corrected, reading: Reading) -> Now {
    Now { unix_ms: corrected.now_ms(reading), is_confirmed: corrected.is_confirmed() }
}

/// What the clocks said at an earlier moment of this boot, by the boot-time clock.
fn before(now: Reading, boot_ms: u64) -> Reading {
    let ago_ms = now.boot_ms.saturating_sub(boot_ms);
    Reading {
        boot_ms,
        awake_ms: now.awake_ms,
        wall_ms: now.wall_ms.saturating_sub(i64::try_from(ago_ms).unwrap_or(i64::MAX)),
    }
}

/// Whether the machine slept since the clocks were looked at last.
fn slept(now: Reading, mut jumps: JumpWatch) -> bool {
    jumps.observe(now).iter().any(|jump| matches!(jump, Jump::Slept { .. }))
}

/// The oldest round's end; never, when none is under way. Younger ones wait their turn.
async fn ended(under_way: &mut VecDeque<UnderWay>) -> (Stamp, Round) {
    loop {
        let Some(oldest) = under_way.front_mut() else { return std::future::pending().await };
        let result = (&mut oldest.task).await;
        let stamp = oldest.stamp;
        under_way.pop_front();
        match result {
            Ok(round) => return (stamp, round),
            Err(error) => tracing::error!(%error, "a round broke off"),
        }
    }
}

async fn looked(looking: &mut Option<JoinHandle<Look>>) -> Option<Look> {
    let Some(task) = looking else { return std::future::pending().await };
    task.await.inspect_err(|error| tracing::error!(%error, "the look at the machine broke off")).ok()
}

#[cfg(test)]
#[path = "agent_tests.rs"]
mod tests;
