//! `suar-agent check`: one round with all probes and one push, explained to the person who stands there.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use suar_machine::output::{self, say, tell};
use suar_wire::{Note, Plan};

use super::words::{self, Delivery};
use super::{EXIT_DOWN, EXIT_TROUBLE, start_log};
use crate::clock::Clocks;
use crate::config::Config;
use crate::identity::Identity;
use crate::language::Language;
use crate::meter::Meter;
use crate::pause;
use crate::round::{self, Due, Window};
use crate::run;
use crate::spool::SpoolError;
use crate::status::{self, Freshness};
use crate::uplink::Uplink;
use crate::verdict::is_clock_wrong;

/// Longest wait for the push; with the round's ten seconds the whole check stays under 15.
const PUSH_WAIT_MAX: Duration = Duration::from_secs(4);
/// A check belongs to no slot: it may send for as long as a round needs.
const WINDOW: Duration = Duration::from_secs(30);

/// Who sends what waits in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Whoever holds the spool: the running agent, or this check when none runs.
    WhoHoldsTheSpool,
    /// An agent that was started a moment ago and may not have opened its spool yet: it must find it free.
    StartedAgent,
}

pub async fn execute(config: &Config, language: Language, sender: Sender) -> ExitCode {
    // Its own words are the answer; the log only speaks up when something is broken.
    start_log("error");
    match check(config, language, sender).await {
        Ok(code) => code,
        Err(error) => {
            tell!("{}", words::trouble(language, &error));
            ExitCode::from(EXIT_TROUBLE)
        }
    }
}

async fn check(config: &Config, language: Language, sender: Sender) -> anyhow::Result<ExitCode> {
    let identity = run::read_identity(&config.state)?;
    let plan = run::read_plan(&config.state)?;
    let prober = run::prober(config, &identity, &Meter::default())?;
    say!("{}", words::checking(language, &identity));

    let slot = plan.slot_seconds.slot_at(Clocks::system().now().wall_ms);
    // The push first: its receipt has the time.
    let (delivery, clock_wrong) = match sender {
        Sender::WhoHoldsTheSpool => push(config, &identity, plan.clone()).await,
        Sender::StartedAgent => (Delivery::LeftToRunningAgent, running_agent_sees_wrong_clock(config)),
    };
    let started_at = Instant::now();
    let window = Window { started_at, ends_at: started_at + WINDOW };
    let round = round::run(&prober, &plan, slot, window, Due::check(clock_wrong)).await;

    output::write(format_args!("{}", words::findings(language, &round, &delivery)));
    if let Some(left_ms) = pause::read(&config.state, Clocks::system().now())? {
        output::write(format_args!("{}", words::pause_left(language, left_ms / 1000)));
    }
    Ok(match (round.verdict.is_up(), delivery.is_trouble()) {
        (false, _) => ExitCode::from(EXIT_DOWN),
        (true, true) => ExitCode::from(EXIT_TROUBLE),
        (true, false) => ExitCode::SUCCESS,
    })
}

/// Sends what waits, and says whether the wall clock is wrong by what the collector says. The check's own round is
/// no record: it belongs to no slot and no session.
async fn push(config: &Config, identity: &Identity, plan: Plan) -> (Delivery, bool) {
    let spool = match run::open_spool(config) {
        Ok((spool, _)) => spool,
        Err(error) if matches!(error.downcast_ref(), Some(SpoolError::Locked { .. })) => {
            return (Delivery::LeftToRunningAgent, running_agent_sees_wrong_clock(config));
        }
        Err(error) => return (Delivery::Unreadable(format!("{error:#}")), false),
    };
    let uplink = Uplink::new(
        run::uplink_options(config),
        identity.clone(),
        plan,
        Arc::new(Mutex::new(spool)),
        run::clock_fn(Clocks::system()),
        &Meter::default(),
    );
    let mut uplink = match uplink {
        Ok(uplink) => uplink,
        Err(error) => return (Delivery::Unreadable(error.to_string()), false),
    };
    let delivery = match tokio::time::timeout(PUSH_WAIT_MAX, uplink.push_once()).await {
        Ok(Ok(pushed)) => Delivery::Done { records: pushed.acknowledged },
        Ok(Err(failure)) => Delivery::Failed(failure),
        Err(_) => Delivery::TimedOut,
    };
    let state = uplink.state().borrow().clone();
    let error_ms = state.server_time.map_or(0, |time| time.error_ms);
    (delivery, state.clock_offset_ms.is_some_and(|apart_ms| is_clock_wrong(apart_ms, error_ms)))
}

fn running_agent_sees_wrong_clock(config: &Config) -> bool {
    let status = status::read(&config.runtime, &config.state).ok().flatten();
    let round = status.filter(|status| status.freshness(Clocks::system().now()) == Freshness::Running);
    round.and_then(|status| status.round).is_some_and(|round| round.note == Note::ClockWrong)
}
