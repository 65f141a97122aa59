//! What the agent says to the people at an office, in the language of theirs: plain words, and whose job
//! it is. One file for each language; here is what they share.

use std::path::Path;

use suar_wire::SiteCode;
use suar_wire::join_code::JoinCodeError;
use suar_wire::record::Round;
use suar_wire::{DataUse, EchoMethod, Outcome, Stamp};

use crate::bandwidth::Tested;
use crate::bandwidth::ndt7::{Cost, Found, NoAddress, NoTrust, Refused};
use crate::identity::Identity;
use crate::language::Language;
use crate::service::Started;
use crate::status::{Freshness, Status};
use crate::uplink::PushFailure;

mod english;
mod indonesian;
mod picture;

/// What became of the push of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    Done {
        records: u64,
    },
    /// The running agent holds the records and sends them itself.
    LeftToRunningAgent,
    Failed(PushFailure),
    /// The records on this machine cannot be read.
    Unreadable(String),
    TimedOut,
}

impl Delivery {
    pub fn is_trouble(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Unreadable(_) | Self::TimedOut)
    }
}

macro_rules! in_both {
    ($(pub fn $name:ident($($arg:ident: $type:ty),*);)*) => {
        $(pub fn $name(language: Language, $($arg: $type),*) -> String {
            match language {
                Language::Id => indonesian::$name($($arg),*),
                Language::En => english::$name($($arg),*),
            }
        })*
    };
}

in_both! {
    pub fn code_mistyped(error: &JoinCodeError);
    pub fn not_a_directory(path: &Path);
    pub fn cannot_write(file: &Path, error: &std::io::Error);
    pub fn proxy_is_not_used(address: &str);
    pub fn second_agent(other: &SiteCode);
    pub fn joined(identity: &Identity, file: &Path);
    pub fn left_from_before(before: &Identity, file: &Path);
    pub fn started(started: &Started);
    pub fn checking(identity: &Identity);
    pub fn paused(seconds: u64);
    pub fn resumed(was_paused: bool);
    pub fn pause_left(left_s: u64);
    pub fn findings(round: &Round, delivery: &Delivery);
    pub fn trouble(error: &anyhow::Error);
    pub fn testing(identity: &Identity);
    pub fn tested(tested: &Tested);
    pub fn test_under_way();
    pub fn cannot_test(error: &anyhow::Error);
    pub fn handed_in(agent_runs: bool);
    pub fn ndt7_no_address(why: NoAddress);
    pub fn ndt7_no_trust(file: &Path, why: &NoTrust);
    pub fn ndt7_costs(server: &str, costs: &[Cost]);
    pub fn ndt7_ask();
    pub fn ndt7_not_agreed();
    pub fn ndt7_nobody_to_ask();
    pub fn ndt7_refused(server: &str, why: &Refused);
    pub fn ndt7_found(found: &Found);
    pub fn ndt7_explained();
    pub fn carried_out(identity: &Identity, file: &Path, records: u64);
    pub fn nothing_to_carry();
    pub fn cannot_carry(error: &anyhow::Error);
    pub fn would_replace(file: &Path);
    pub fn never_ran(runtime: &Path);
    pub fn status(status: &Status, freshness: Freshness, now: Stamp);
}

/// The round trips of a round in one number: the median of what came back, with its unit.
fn median_rtt(round: &Round) -> Option<(String, EchoMethod)> {
    let icmp = round.echoes.iter().any(|echo| echo.method == EchoMethod::Icmp && echo.received() > 0);
    let method = if icmp { EchoMethod::Icmp } else { EchoMethod::TcpConnect };
    let of_method = round.echoes.iter().filter(|echo| echo.method == method);
    let mut rtt_us: Vec<u32> = of_method.flat_map(|echo| echo.rtt_us.iter().copied()).collect();
    rtt_us.sort_unstable();
    let median = rtt_us.get(rtt_us.len().checked_sub(1)? / 2)?;
    Some((ms(*median), method))
}

/// Addresses that answered, of those that were asked.
fn answered(round: &Round) -> (usize, usize) {
    (round.echoes.iter().filter(|echo| echo.received() > 0).count(), round.echoes.len())
}

/// The sign before a line: fine, failed, not looked at.
fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok { .. } => "+",
        Outcome::Failed(_) => "!",
        Outcome::NotSent => "-",
    }
}

/// One finding as a line with its sign.
fn line(outcome: Outcome, what: &str, found: &str) -> String {
    format!("  {} {what}: {found}\n", sign(outcome))
}

/// Milliseconds with one decimal below ten and none above.
fn ms(elapsed_us: u32) -> String {
    let ms = f64::from(elapsed_us) / 1000.0;
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}

/// Megabytes of 10^6 bytes, as providers sell them.
fn mb(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

fn mb_of_all(costs: &[Cost], of: impl Fn(&Cost) -> u64) -> String {
    mb(costs.iter().map(of).sum())
}

/// In either language: people answer in theirs, whatever the machine speaks.
pub fn is_yes(answer: &str) -> bool {
    ["y", "yes", "ya"].contains(&answer.trim().to_lowercase().as_str())
}

/// What was used, of how much.
fn used(data: &DataUse, of: &str) -> String {
    let allowance = data.allowance_bytes.map(|bytes| format!(" {of} {}", mb(bytes))).unwrap_or_default();
    format!("{}{allowance}", mb(data.paid_bytes()))
}

/// Seconds since a moment of the wall clock; none when that lies ahead because the clock was set.
fn seconds_since(wall_ms: i64, now: Stamp) -> u64 {
    u64::try_from(now.wall_ms.saturating_sub(wall_ms) / 1000).unwrap_or(0)
}

/// Seconds to a moment of the wall clock; none when it has passed.
fn seconds_until(wall_ms: i64, now: Stamp) -> u64 {
    u64::try_from(wall_ms.saturating_sub(now.wall_ms) / 1000).unwrap_or(0)
}
