//! English.

use std::path::Path;

use suar_wire::SiteCode;
use suar_wire::bandwidth::{Direction, TestEnd};
use suar_wire::join_code::JoinCodeError;
use suar_wire::record::Round;
use suar_wire::{Cause, EchoError, EchoMethod, Failure, Note, Outcome, Stamp, Step, Verdict};

use super::picture::{mbps, picture};
use super::{Delivery, answered, line, mb, median_rtt, ms, seconds_since, seconds_until, used};
use crate::bandwidth::Tested;
use crate::files::Trouble;
use crate::identity::Identity;
use crate::language::Language;
use crate::service::Started;
use crate::status::{Freshness, LineTest, Status};

mod ndt7;

pub use ndt7::*;

pub fn code_mistyped(error: &JoinCodeError) -> String {
    format!("This is not a valid join code: {error}. Compare it with the one you were given.")
}

pub fn not_a_directory(path: &Path) -> String {
    format!("{} cannot be used as a directory.", path.display())
}

pub fn cannot_write(file: &Path, error: &std::io::Error) -> String {
    let what_to_do = Trouble::of(error).what_to_do(Language::En);
    format!("{} cannot be written: {error}. {what_to_do}", file.display())
}

pub fn proxy_is_not_used(address: &str) -> String {
    format!(
        "A proxy is set on this machine. The agent uses none: ask whoever runs this network to allow a direct connection to {address}."
    )
}

pub fn second_agent(other: &SiteCode) -> String {
    format!(
        "Another agent is installed on this machine already, for {other}. Both measure the same line and both cost data: remove one of them unless you want two."
    )
}

pub fn joined(identity: &Identity, file: &Path) -> String {
    format!(
        "Joined: this machine now measures for {} ({}).\nConfiguration: {}.",
        identity.site_name,
        identity.site,
        file.display()
    )
}

pub fn left_from_before(before: &Identity, file: &Path) -> String {
    format!(
        "What was measured for {} ({}) and not sent yet is not lost: when the agent starts it is put into\n{}\nBring that file to the administrator of the collector, who takes it with: suar-collector import FILE",
        before.site_name,
        before.site,
        file.display()
    )
}

pub fn started(started: &Started) -> String {
    match started {
        Started::Running => "The agent is running and starts by itself at each boot.".to_owned(),
        Started::NotInstalled => "Start it with: suar-agent run".to_owned(),
        Started::Refused(words) => {
            format!("The agent could not be started; tell your administrator what the system says:\n{words}")
        }
    }
}

pub fn checking(identity: &Identity) -> String {
    format!(
        "Checking the connection of {} ({}), this takes up to 15 seconds ...",
        identity.site_name, identity.site
    )
}

pub fn trouble(error: &anyhow::Error) -> String {
    format!(
        "The check cannot be done: {error:#}. This is not about the internet connection; tell the administrator."
    )
}

pub fn testing(identity: &Identity) -> String {
    format!("Testing the line of {} ({}), this takes up to a minute ...", identity.site_name, identity.site)
}

pub fn tested(tested: &Tested) -> String {
    let record = &tested.record;
    let direction = direction_name(record.direction);
    let cost = format!("{}, {:.1} s", mb(record.bytes), f64::from(record.elapsed_ms) / 1000.0);
    let Some(rate_bps) = record.rate_bps else {
        return format!("{direction}: {} ({cost})\n", no_rate(record.end));
    };
    let mut text = format!("{direction}: {} ({cost})\n", mbps(rate_bps));
    text += &picture(&tested.course, "sent", "arrived");
    if record.end == TestEnd::Unsteady {
        text += "  ! The line was not steady, or is faster than this could see: the figure may be off.\n";
    }
    if let Some(burst_bps) = record.burst_bps {
        text +=
            &format!("  ! At the start it was {}: the provider lets short bursts pass.\n", mbps(burst_bps));
    }
    if let Some(cross_bps) = record.cross_bps.filter(|cross_bps| cross_bps * 10 > rate_bps) {
        text += &format!(
            "  ! This machine was using {} itself: the line may be faster than measured.\n",
            mbps(cross_bps)
        );
    }
    if let Some((idle_us, loaded_us)) = record.idle_rtt_us.zip(record.loaded_rtt_us) {
        text += &format!("  Round trip {}, during the test {}.\n", ms(idle_us), ms(loaded_us));
    }
    text
}

pub fn no_rate(end: TestEnd) -> &'static str {
    match end {
        TestEnd::Measured | TestEnd::Unsteady => "measured",
        TestEnd::SkippedLinkDown => "not tested, the link is down",
        TestEnd::SkippedAllowance => "not tested, it would pass the data allowance",
        TestEnd::SkippedMetered => "not tested, the system says that this connection is metered",
        TestEnd::SkippedCrossTraffic => "not tested, the line was in use",
        TestEnd::SkippedBusy => "not tested, the collector is busy with other tests; try again later",
        TestEnd::SkippedPaused => "not tested, measuring is paused",
        TestEnd::SkippedNotOffered => "not tested, the collector offers no tests",
        TestEnd::FailedUnreachable => "failed, the collector cannot be reached",
        TestEnd::FailedBrokenOff => "failed, the connection broke off during the test",
        TestEnd::FailedUdpBlocked => "failed, the network lets no datagrams (UDP) through",
        TestEnd::FailedProtocol => "failed, what answers is no collector of this version",
    }
}

pub fn test_under_way() -> String {
    "another bandwidth test is running on this machine".to_owned()
}

pub fn cannot_test(error: &anyhow::Error) -> String {
    format!("No test was done: {error:#}.")
}

pub fn handed_in(agent_runs: bool) -> String {
    match agent_runs {
        true => "The running agent sends this to the collector.".to_owned(),
        false => "No agent is running here: this is sent to the collector when one does.".to_owned(),
    }
}

pub fn carried_out(identity: &Identity, file: &Path, records: u64) -> String {
    format!(
        "{records} records of {} ({}) are in {}.\nBring the file to the administrator of the collector, who takes it with: suar-collector import FILE\nNothing was removed here. The records are sent again when the connection returns, and count once.",
        identity.site_name,
        identity.site,
        file.display()
    )
}

pub fn nothing_to_carry() -> String {
    "Nothing is waiting here: the collector has received everything. No file was written.".to_owned()
}

pub fn cannot_carry(error: &anyhow::Error) -> String {
    format!("No file was written: {error:#}.")
}

pub fn would_replace(file: &Path) -> String {
    format!("{} exists and is no carried-out file; it was left alone. Choose another name.", file.display())
}

pub fn never_ran(runtime: &Path) -> String {
    format!("No agent has run here (no status in {}). Start it with: suar-agent run", runtime.display())
}

pub fn paused(seconds: u64) -> String {
    format!(
        "Paused for {}: from the next round on nothing is measured. The collector is told. \
         To end it earlier: suar-agent resume",
        span(seconds)
    )
}

pub fn resumed(was_paused: bool) -> String {
    if was_paused {
        "The pause is over: the next round is measured again.".to_owned()
    } else {
        "There is no pause; nothing was changed.".to_owned()
    }
}

pub fn pause_left(left_s: u64) -> String {
    format!("PAUSED, {} left: nothing is measured because somebody here asked for it.\n", span(left_s))
}

pub fn findings(round: &Round, delivery: &Delivery) -> String {
    let (reached, asked) = answered(round);
    let internet = match (median_rtt(round), asked) {
        (Some((rtt, EchoMethod::Icmp)), _) => format!("{reached} of {asked} addresses answer, {rtt}"),
        (Some((rtt, EchoMethod::TcpConnect)), _) => {
            format!("pings do not pass, the collector answers over TCP, {rtt}")
        }
        (None, 0) => "not asked".to_owned(),
        (None, _) => format!("none of {asked} addresses answers"),
    };
    let reached = if reached > 0 { Outcome::Ok { elapsed_us: 0 } } else { Outcome::Failed(Failure::Timeout) };
    let mut text = format!("{}\n", verdict(round.verdict));
    text += &line(round.gateway, "Router of this office", &found(round.gateway));
    text += &line(reached, "Internet addresses", &internet);
    text += &line(round.dns, "Names (DNS of this network)", &found(round.dns));
    text += &line(round.dns_public, "Names (public DNS)", &found(round.dns_public));
    text += &line(round.online, "Login page (portal)", &portal(round.online));
    text += &line(round.collector, "Collector", &found(round.collector));
    text += &format!("{}\n", whose_job(round.verdict, round.note));
    if round.echoes.iter().any(|echo| echo.error == Some(EchoError::NoPermission)) {
        text += "This program may not send pings here: run it as administrator, or allow it CAP_NET_RAW.\n";
    }
    text += &match delivery {
        Delivery::Done { records: 0 } => "Sent: nothing was waiting, the collector answers.\n".to_owned(),
        Delivery::Done { records } => {
            format!("Sent: the collector has {records} records that were waiting.\n")
        }
        Delivery::LeftToRunningAgent => {
            "Sent: left to the agent that is running on this machine (see `suar-agent status`).\n".to_owned()
        }
        Delivery::Failed(failure) => format!("Not sent: {failure}. Nothing is lost, it is sent later.\n"),
        Delivery::Unreadable(why) => format!("Not sent: {why}. Tell the administrator.\n"),
        Delivery::TimedOut => {
            "Not sent: the collector is too slow. Nothing is lost, it is sent later.\n".to_owned()
        }
    };
    text
}

fn found(outcome: Outcome) -> String {
    match outcome {
        Outcome::NotSent => "not asked".to_owned(),
        Outcome::Ok { elapsed_us: 0 } => "there".to_owned(),
        Outcome::Ok { elapsed_us } => format!("answers, {}", ms(elapsed_us)),
        Outcome::Failed(failure) => match failure {
            Failure::Timeout => "no answer within 3 seconds",
            Failure::Refused => "refuses",
            Failure::Unreachable => "cannot be reached",
            Failure::WrongAnswer => "a wrong answer",
            Failure::NxDomain => "says the name does not exist",
            Failure::ServFail => "says it is broken itself",
            Failure::CertificateWrong => "somebody else answers in its place",
            Failure::CertificateTime => "this machine's clock is wrong",
            Failure::TooLarge => "too large an answer",
            Failure::Local => "could not be asked",
            Failure::Status => "answers that it is in trouble",
        }
        .to_owned(),
    }
}

fn portal(outcome: Outcome) -> String {
    match outcome {
        Outcome::Ok { .. } => "none in the way".to_owned(),
        Outcome::Failed(Failure::WrongAnswer) => "something answers in place of the internet".to_owned(),
        other => found(other),
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Up => "The internet connection WORKS.",
        Verdict::Down(Cause::NoNetwork) => "NO CONNECTION: this machine is on no network.",
        Verdict::Down(Cause::Gateway) => "NO CONNECTION: the office's router does not answer.",
        Verdict::Down(Cause::Internet) => {
            "NO CONNECTION: the office's router works, the internet behind it does not."
        }
        Verdict::Down(Cause::Dns) => "NO CONNECTION for programs: addresses answer, names do not.",
        Verdict::Down(Cause::CaptivePortal) => {
            "NO CONNECTION: a login page or a used-up quota is in the way."
        }
    }
}

fn whose_job(verdict: Verdict, note: Note) -> &'static str {
    match (verdict, note) {
        (Verdict::Down(Cause::NoNetwork), _) => "What to do here: plug in the cable or turn on Wi-Fi.",
        (Verdict::Down(Cause::Gateway), _) => {
            "What to do here: check that the router has power and the cable is in; restart the router."
        }
        (Verdict::Down(Cause::Internet), _) => {
            "What to do: restart modem and router once; if that does not help, call the internet provider."
        }
        (Verdict::Down(Cause::Dns), _) => {
            "What to do: restart the router; if that does not help, the provider or IT staff must set another DNS."
        }
        (Verdict::Down(Cause::CaptivePortal), _) => {
            "What to do here: open a browser and log in, or top up the quota."
        }
        (Verdict::Up, Note::CollectorUnreachable) => {
            "Nothing to do here: only the collector is away, which is the administrator's job."
        }
        (Verdict::Up, Note::ClockWrong) => "What to do here: set the date and time of this machine.",
        (Verdict::Up, Note::IcmpUnavailable | Note::None) => "Nothing to do here.",
    }
}

pub fn status(status: &Status, freshness: Freshness, now: Stamp) -> String {
    let mut text = format!("{} ({})\n", status.site_name, status.site);
    text += &match freshness {
        Freshness::Running => "The agent is running.\n".to_owned(),
        Freshness::Stale { age_s } => {
            format!("THE AGENT IS NOT RUNNING: no word for {}. What follows is old.\n", span(age_s))
        }
        Freshness::Stopped => "The agent was stopped. What follows is old.\n".to_owned(),
        Freshness::BeforeBoot => {
            "THE AGENT HAS NOT RUN since this machine started. What follows is old.\n".to_owned()
        }
    };
    if let Some(until_ms) = status.paused_until_ms {
        text += &pause_left(seconds_until(until_ms, now));
    }
    text += match status.verdict {
        Some(found) => verdict(found),
        None => "No round is finished yet.",
    };
    text.push('\n');
    if let Some(since_ms) = status.verdict_since_ms.filter(|_| freshness == Freshness::Running) {
        text += &format!("  since {} ago\n", span(seconds_since(since_ms, now)));
    }
    if let Some((rtt, _)) = status.round.as_ref().and_then(median_rtt) {
        text += &format!("  round trip {rtt}\n");
    }
    text += &match status.uplink.last_receipt_wall_ms {
        Some(at) => format!("Last receipt from the collector: {} ago\n", span(seconds_since(at, now))),
        None => "No receipt from the collector since the start\n".to_owned(),
    };
    text += &format!("Waiting to be sent: {} records\n", status.spool.records_pending);
    for known in &status.bandwidth {
        text += &line_test(known, now);
    }
    if let Some(data) = &status.data {
        text += &format!("Data used by the agent in {}: {}\n", data.month, used(data, "of"));
        text += saving(data.step);
        if data.metered == Some(true) {
            text += "  this connection is paid by the amount of data\n";
        }
    }
    if status.uplink.revoked {
        text += "THE COLLECTOR DOES NOT ACCEPT THIS MACHINE ANY MORE; tell the administrator.\n";
    } else if let Some(error) = &status.uplink.last_error {
        text += &format!("The last push failed: {error}\n");
    }
    if let Some(refused) = &status.uplink.refused_plan {
        text += &format!(
            "THE COLLECTOR'S NEW PLAN CANNOT BE USED, measuring goes on by the old one; tell the administrator: {}\n",
            refused.reason
        );
    }
    if let Some(refused) = &status.refused_program {
        text +=
            &format!("The new version cannot be used, this one goes on; tell the administrator: {refused}\n");
    }
    if let Some(trouble) = &status.spool.trouble {
        text += &format!("TROUBLE WITH THE DISK: {trouble}\n");
    }
    if status.spool.dropped_total > 0 {
        text += &format!("Records lost because they waited too long: {}\n", status.spool.dropped_total);
    }
    text
}

/// The newest test of a direction in one line.
fn line_test(known: &LineTest, now: Stamp) -> String {
    let direction = direction_name(known.test.direction);
    let found = known.test.rate_bps.map_or_else(|| no_rate(known.test.end).to_owned(), mbps);
    let off = if known.test.end == TestEnd::Unsteady { " (not steady)" } else { "" };
    format!("{direction}: {found}{off}, {} ago\n", span(seconds_since(known.at_ms, now)))
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Download => "Download",
        Direction::Upload => "Upload",
    }
}

fn saving(step: Step) -> &'static str {
    match step {
        Step::Full => "",
        Step::NoBandwidth => "  to save data: no speed tests\n",
        Step::Standard => "  to save data: no speed tests, one ping to each target\n",
        Step::Frugal => "  to save data: measures and sends less often\n",
        Step::Heartbeat => "  to save data: only a sign of life now and then\n",
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} seconds"),
        120..=7_199 => format!("{} minutes", seconds / 60),
        7_200..=172_799 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
