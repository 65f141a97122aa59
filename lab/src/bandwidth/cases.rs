//! Lines that mislead, or on which a test cannot be done: what the record says of each.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use suar_wire::bandwidth::{Bandwidth, Direction};

use super::lines::Lines;
use crate::netns::Namespace;
use crate::programs::{Process, wait_until};
use crate::wan::{Bucket, Conditions, Loss};
use crate::world::COLLECTOR;

/// One line that is not what it seems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// 2 Mbit/s, and after a rest 500 kB at 10 Mbit/s.
    TokenBucket,
    /// Another machine of the office takes 30 % of 5 Mbit/s.
    CrossTrafficOfOthers,
    /// This machine takes 30 % of 5 Mbit/s.
    CrossTrafficOfItsOwn,
    /// 5 Mbit/s, a fifth more or less each half second.
    VaryingRate,
    /// 2 Mbit/s with a queue of 1.5 s.
    Bufferbloat,
    /// 5 Mbit/s with a queue of 30 ms, 300 ms round trip.
    SmallBuffer,
    /// 5 Mbit/s, 5 % loss in runs of ten packets.
    GilbertLoss,
    /// 5 Mbit/s down, 0.5 Mbit/s up.
    Asymmetry,
    /// 2 Mbit/s, 600 ms, and nothing but TCP and ICMP passes.
    UdpBlocked,
    /// 5 Mbit/s, 300 ms, of which UDP gets 1 Mbit/s.
    UdpPoliced,
    /// 2 Mbit/s that are cut one second after the test has begun.
    Dies,
}

pub const CASES: [Case; 11] = [
    Case::TokenBucket,
    Case::CrossTrafficOfOthers,
    Case::CrossTrafficOfItsOwn,
    Case::VaryingRate,
    Case::Bufferbloat,
    Case::SmallBuffer,
    Case::GilbertLoss,
    Case::Asymmetry,
    Case::UdpBlocked,
    Case::UdpPoliced,
    Case::Dies,
];

/// One test of one case.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub case: Case,
    /// The line's rate as a test of that direction should see it.
    pub true_kbps: u64,
    pub record: Bandwidth,
}

impl Case {
    /// What it is, for people.
    fn words(self) -> &'static str {
        match self {
            Self::TokenBucket => "token bucket: 2 Mbit/s, after a rest 500 kB at 10 Mbit/s",
            Self::CrossTrafficOfOthers => "another machine takes 1.5 of 5 Mbit/s (download)",
            Self::CrossTrafficOfItsOwn => "this machine takes 1.5 of 5 Mbit/s (download)",
            Self::VaryingRate => "5 Mbit/s, ±20 % each half second",
            Self::Bufferbloat => "2 Mbit/s with a queue of 1.5 s",
            Self::SmallBuffer => "5 Mbit/s, 300 ms, queue of 30 ms",
            Self::GilbertLoss => "5 Mbit/s, 5 % loss in runs",
            Self::Asymmetry => "5 Mbit/s down, 0.5 Mbit/s up",
            Self::UdpBlocked => "2 Mbit/s, 600 ms, UDP blocked",
            Self::UdpPoliced => "5 Mbit/s, 300 ms, UDP policed to 1 Mbit/s",
            Self::Dies => "2 Mbit/s, cut in the middle of the test",
        }
    }

    fn kbps(self) -> [u64; 2] {
        match self {
            Self::TokenBucket | Self::Bufferbloat | Self::UdpBlocked | Self::Dies => [2_000; 2],
            Self::Asymmetry => [5_000, 500],
            _ => [5_000; 2],
        }
    }

    fn conditions(self, kbps: u64) -> Conditions {
        let (rtt_ms, queue_ms) = match self {
            Self::Bufferbloat => (60, 1_500),
            Self::SmallBuffer => (300, 30),
            Self::UdpBlocked => (600, 600),
            Self::UdpPoliced => (300, 300),
            _ => (60, 200),
        };
        let bucket = Bucket { bytes: 500_000, peak_bps: 10_000_000 };
        // Bad for ten packets in a row, and good for 190.
        let gilbert = Loss::Gilbert { turns_bad: 1.0 / 190.0, turns_good: 0.1, lost_when_bad: 1.0 };
        Conditions {
            rate_bps: Some(kbps * 1_000),
            bucket: (self == Self::TokenBucket).then_some(bucket),
            queue_bytes_max: (kbps * queue_ms / 8).max(6_000),
            delay: Duration::from_millis(rtt_ms / 2),
            loss: if self == Self::GilbertLoss { gilbert } else { Loss::None },
            ..Conditions::default()
        }
    }
}

/// Runs the cases with `only` in their descriptions in order on the first line, each twice in both directions: without a
/// prior and with one.
pub fn run(lines: &Lines<'_>, only: &str, mut tell: impl FnMut(&Finding)) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for case in CASES.into_iter().filter(|case| case.words().contains(only)) {
        let [down_kbps, up_kbps] = case.kbps();
        lines.set(0, &case.conditions(down_kbps), &case.conditions(up_kbps))?;
        lines.forget(0)?;
        for _ in 0..2 {
            for (direction, true_kbps) in [(Direction::Download, down_kbps), (Direction::Upload, up_kbps)] {
                let record = with_trouble(lines, case, || lines.ask(0, direction))
                    .with_context(|| format!("{case:?}"))?;
                lines.wait_until_quiet(0)?;
                let finding = Finding { case, true_kbps, record };
                tell(&finding);
                findings.push(finding);
            }
        }
    }
    Ok(findings)
}

/// Does the work while the case's trouble is there.
fn with_trouble<T>(lines: &Lines<'_>, case: Case, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let office = lines.office(0)?;
    match case {
        Case::UdpBlocked => with_rule(&office.router, "ip protocol udp drop", work),
        Case::UdpPoliced => with_rule(
            &office.router,
            "ip protocol udp limit rate over 125 kbytes/second burst 8 kbytes drop",
            work,
        ),
        Case::CrossTrafficOfOthers => with_traffic(lines, &office.router, work),
        Case::CrossTrafficOfItsOwn => with_traffic(lines, &office.pc, work),
        Case::VaryingRate => {
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let varying = scope.spawn(|| vary(lines, case, &stop));
                let done = work();
                stop.store(true, Ordering::SeqCst);
                joined(varying.join())?;
                done
            })
        }
        Case::Dies => std::thread::scope(|scope| {
            let cutting = scope.spawn(|| {
                let before = delivered(lines)?;
                wait_until("the test to fill the line", Duration::from_secs(20), || {
                    let since = delivered(lines).map_err(|error| format!("{error:#}"))? - before;
                    if since > 100_000 { Ok(()) } else { Err(format!("{since} bytes")) }
                })?;
                office.cut_uplink();
                // An office is cut off for minutes; this is longer than the test waits.
                sleep(Duration::from_secs(30));
                office.mend_uplink();
                Ok(())
            });
            let done = work();
            joined(cutting.join())?;
            done
        }),
        _ => work(),
    }
}

/// Changes the rate until it is told to stop.
fn vary(lines: &Lines<'_>, case: Case, stop: &AtomicBool) -> Result<()> {
    for percent in [100, 120, 90, 80, 110].iter().cycle() {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let conditions = case.conditions(case.kbps()[0] * percent / 100);
        lines.set(0, &conditions, &conditions)?;
        // The thing that is asked for: a rate that changes with time.
        sleep(Duration::from_millis(500));
    }
    Ok(())
}

fn joined(result: std::thread::Result<Result<()>>) -> Result<()> {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn delivered(lines: &Lines<'_>) -> Result<u64> {
    let uplink = &lines.office(0)?.uplink;
    let ways = [crate::wan::Direction::Up, crate::wan::Direction::Down];
    Ok(ways.map(|way| uplink.counters(way).delivered.bytes).iter().sum())
}

/// A rule for what the office's router passes on.
fn with_rule<T>(router: &Namespace, rule: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let rules = format!(
        "add table ip odd; add chain ip odd through {{ type filter hook forward priority 0; }}; \
         add rule ip odd through {rule}"
    );
    router.exec("nft", &[&rules])?;
    let done = work();
    router.exec("nft", &["delete table ip odd"])?;
    done
}

/// 1.5 Mbit/s of datagrams towards a machine of the office.
fn with_traffic<T>(lines: &Lines<'_>, machine: &Namespace, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let directory = tempfile::tempdir()?;
    let mut command = machine.command("iperf3");
    command.args(["--client", &COLLECTOR.to_string(), "--port", "5200", "--udp", "--reverse"]);
    command.args(["--bitrate", "1500K", "--length", "1172", "--time", "120"]);
    let before = delivered(lines)?;
    let mut traffic = Process::start("traffic", &mut command, &directory.path().join("traffic.log"))?;
    wait_until("the traffic to flow", Duration::from_secs(20), || {
        if let Some(status) = traffic.ended() {
            return Err(format!("it ended with {status}: {}", traffic.log()));
        }
        let since = delivered(lines).map_err(|error| format!("{error:#}"))? - before;
        if since > 300_000 { Ok(()) } else { Err(format!("{since} bytes")) }
    })?;
    let done = work();
    traffic.kill()?;
    done
}

/// Markdown.
pub fn table(findings: &[Finding]) -> String {
    let mut text = String::from(
        "| line | direction | record: end, method | rate, Mbit/s | off by | marks in the record | cost |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for finding in findings {
        let record = &finding.record;
        let true_bps = (finding.true_kbps * 1_000) as f64;
        let off = record.rate_bps.map(|rate| format!("{:+.1} %", (rate as f64 / true_bps - 1.0) * 100.0));
        let rate = record.rate_bps.map(|rate| format!("{:.2}", rate as f64 / 1e6));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {}, {} | {} | {} | {} | {:.2} |",
            finding.case.words(),
            record.direction.label(),
            record.end.label(),
            record.method.map_or("-", |method| method.label()),
            rate.unwrap_or_else(|| "-".to_owned()),
            off.unwrap_or_else(|| "-".to_owned()),
            marks(record),
            record.bytes as f64 / (true_bps * 10.0 / 8.0),
        );
    }
    text
}

/// What a reader of the record is warned by.
fn marks(record: &Bandwidth) -> String {
    let mbps = |bps: u64| format!("{:.2}", bps as f64 / 1e6);
    let marks = [
        record.burst_bps.map(|burst| format!("burst {}", mbps(burst))),
        record.cross_bps.filter(|cross| *cross > 50_000).map(|cross| format!("cross {}", mbps(cross))),
        record.loss_permille.filter(|loss| *loss > 0).map(|loss| format!("loss {loss} ‰")),
        record
            .idle_rtt_us
            .zip(record.loaded_rtt_us)
            .map(|(idle, loaded)| format!("round trip {} → {} ms", idle / 1_000, loaded / 1_000)),
    ];
    marks.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
