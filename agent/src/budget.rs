//! What may still be spent of a month's allowance, and what is left out for that. Pure.
//!
//! Each step keeps back what the next one needs until the month ends: an agent goes on as the plan says for
//! as long as it could live on the next step for the rest of the month, and only then takes it. So the month
//! ends within the allowance, and nothing is left out earlier than it has to be.

use std::net::IpAddr;

use suar_wire::slot::SECONDS_A_DAY;
use suar_wire::{Plan, SlotWidth, Step};

use crate::http::{IDLE_SECONDS_MAX, KEEPALIVE_SECONDS};
use crate::meter::datagram;
use crate::probe::echo::PAYLOAD_BYTES;

/// What is kept back is this many times what a quiet month costs: trouble asks more questions.
const RESERVE_TIMES: f64 = 1.25;
/// A test may take more than it was meant to.
const TEST_TIMES: f64 = 1.3;
/// Headers, acknowledgements and a piece that is asked for twice.
const UPDATE_TIMES: f64 = 1.1;
/// No month is longer.
const MONTH_SECONDS: f64 = 31.0 * SECONDS_A_DAY as f64;
const SLOT_SECONDS_MAX: u32 = 3_600;

/// A question and its answer, headers included. These are what a real agent spent on a good line, rounded up.
const DNS_BYTES: f64 = 150.0;
/// An online check: connection, question, answer, farewell.
const ONLINE_BYTES: f64 = 900.0;
/// A push of five rounds and its receipt over a connection that is there.
const PUSH_BYTES: f64 = 900.0;
/// What a push costs more when its connection was given up meanwhile.
const CONNECTION_BYTES: f64 = 2_500.0;
/// A sign of life on an idle connection, and the answer.
const KEEPALIVE_BYTES: f64 = 104.0;
/// Everything that a round asks when the link is down.
const DIAGNOSIS_BYTES: f64 = 3_500.0;
/// What is on its way when a step is taken: rounds and a push.
const UNDER_WAY_BYTES: f64 = 10_000.0;

/// Where a month stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Account {
    pub paid_bytes: u64,
    /// None: there is no bound.
    pub allowance_bytes: Option<u64>,
    /// How much of the month is over, 0 to 1.
    pub progress: f64,
    /// The connection is paid by the byte.
    pub metered: bool,
    /// How far the allowance has made us step down before in this month: there is no way back.
    pub reached: Step,
}

/// How far the allowance makes us step down.
pub fn step(account: &Account, plan: &Plan) -> Step {
    let later = Step::ALL.iter().copied().filter(|step| *step >= account.reached);
    later.into_iter().find(|step| can_go_on(account, plan, *step)).unwrap_or(Step::Heartbeat)
}

/// What is done: less than the allowance says where bytes cost money.
pub fn step_in_force(account: &Account, plan: &Plan) -> Step {
    let least = if account.metered { Step::Standard } else { Step::Full };
    step(account, plan).max(least)
}

/// Whether a test of about this many bytes, both directions together, may run now: the connection is not paid by
/// the byte, and the rest of the month could still be lived without tests after it.
pub fn may_spend(account: &Account, plan: &Plan, bytes: u64) -> bool {
    let paid_bytes = account.paid_bytes.saturating_add((bytes as f64 * TEST_TIMES) as u64);
    step_in_force(&Account { paid_bytes, ..*account }, plan) == Step::Full
}

/// Whether so many bytes of a newer program may be fetched now: after them the rest of the month can still be lived as
/// the plan says, but for bandwidth tests. Where bytes cost money they are fetched all the same, within the allowance:
/// offices on such lines are where nobody comes by.
pub fn may_update(account: &Account, plan: &Plan, bytes: u64) -> bool {
    let paid_bytes = account.paid_bytes.saturating_add((bytes as f64 * UPDATE_TIMES) as u64);
    step(&Account { paid_bytes, ..*account }, plan) <= Step::NoBandwidth
}

fn can_go_on(account: &Account, plan: &Plan, step: Step) -> bool {
    let (Some(allowance), Some(next)) = (account.allowance_bytes, next(step)) else { return true };
    let reserve = month_bytes(&applied(next, plan)) * (1.0 - account.progress) * RESERVE_TIMES;
    account.paid_bytes as f64 + reserve + UNDER_WAY_BYTES <= allowance as f64
}

fn next(step: Step) -> Option<Step> {
    Step::ALL.iter().copied().find(|later| *later > step)
}

/// The plan with what the step leaves out.
pub fn applied(step: Step, plan: &Plan) -> Plan {
    let push_seconds = push_seconds(step, plan);
    let slot_seconds = widened(plan.slot_seconds, step.slot_factor());
    Plan {
        echoes: if step >= Step::Standard { 1 } else { plan.echoes },
        slot_seconds,
        push_seconds,
        // One look for each push is enough where pushes are rare.
        health_seconds: match step {
            Step::Full | Step::NoBandwidth | Step::Standard => plan.health_seconds,
            Step::Frugal | Step::Heartbeat => plan.health_seconds.max(push_seconds),
        },
        ..plan.clone()
    }
}

/// From one push to the next.
pub fn push_seconds(step: Step, plan: &Plan) -> u32 {
    plan.push_seconds.saturating_mul(step.push_factor()).min(SECONDS_A_DAY)
}

/// The narrowest width that is at least this many times as wide, or the widest there is.
fn widened(width: SlotWidth, times: u32) -> SlotWidth {
    if times == 1 {
        return width;
    }
    let at_least = width.seconds().saturating_mul(times).min(SLOT_SECONDS_MAX);
    (at_least..=SLOT_SECONDS_MAX).find_map(SlotWidth::from_seconds).unwrap_or(width)
}

/// What a month costs by a plan. A quiet one; where slots are so wide that rounds cost little, one in trouble.
fn month_bytes(plan: &Plan) -> f64 {
    let times = |seconds: f64| MONTH_SECONDS / seconds;
    let push_seconds = f64::from(plan.push_seconds);
    let idle_seconds = push_seconds.min(IDLE_SECONDS_MAX as f64);
    let connection = if push_seconds > IDLE_SECONDS_MAX as f64 { CONNECTION_BYTES } else { 0.0 };
    let keepalives = (idle_seconds / KEEPALIVE_SECONDS as f64).floor() * KEEPALIVE_BYTES;
    let pushes = times(push_seconds) * (PUSH_BYTES + connection + keepalives);
    let echo = |target: &IpAddr| 2.0 * datagram(*target, PAYLOAD_BYTES) as f64;
    let echoes = plan.targets.iter().map(echo).sum::<f64>() * f64::from(plan.echoes);
    let questions = if plan.slot_seconds.seconds() == SLOT_SECONDS_MAX {
        DIAGNOSIS_BYTES
    } else {
        let online = plan.online_url.as_ref().map_or(0.0, |_| ONLINE_BYTES / f64::from(plan.online_every));
        DNS_BYTES / f64::from(plan.dns_every) + online
    };
    pushes + times(f64::from(plan.slot_seconds.seconds())) * (echoes + questions)
}

#[cfg(test)]
#[path = "budget/tests.rs"]
mod tests;
