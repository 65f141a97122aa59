//! What a person sees: help and findings, held against golden text. Renew with `SUAR_RENEW=1`.

use clap::CommandFactory;
use suar_wire::record::Round;
use suar_wire::{
    Cause, DataUse, Echo, EchoMethod, Failure, Note, Outcome, Plan, PlanFault, PlanRefused, Purpose, Stamp,
    Step, Use, Verdict,
};

use super::words::{self, Delivery};
use super::*;
use crate::status::{Freshness, Status};
use crate::uplink::PushFailure;

fn golden(name: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("SUAR_RENEW").is_some() {
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(&path, text).expect("written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{} differs; renew it with SUAR_RENEW=1 and look at the diff", path.display());
}

fn help(of: &mut clap::Command) -> String {
    format!("{}\n", of.render_help())
}

#[cfg(unix)]
#[test]
fn the_help_is_what_was_reviewed() {
    let mut cli = Cli::command();
    cli.build();
    let mut text = help(&mut cli);
    for name in ["join", "run", "check", "bandwidth", "status", "pause", "resume", "carry-out"] {
        text += &format!("---- {name}\n");
        text += &help(cli.find_subcommand_mut(name).expect("a command"));
    }
    golden("help.txt", &text);
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

fn round(verdict: Verdict, note: Note) -> Round {
    let ok = Outcome::Ok { elapsed_us: 42_300 };
    let lost = Outcome::Failed(Failure::Timeout);
    let up = verdict.is_up();
    let echo = |last: u8, rtt_us| Echo {
        target: std::net::IpAddr::from([192, 0, 2, last]),
        method: EchoMethod::Icmp,
        sent: 1,
        late: 0,
        duplicates: 0,
        error: None,
        rtt_us,
    };
    Round {
        slot: Plan::standard().slot_seconds.slot_at(0),
        verdict,
        note,
        gateway: Outcome::Ok { elapsed_us: 800 },
        dns: if up { ok } else { lost },
        dns_public: if up { ok } else { lost },
        online: if up { ok } else { lost },
        collector: if up && note == Note::None { ok } else { lost },
        echoes: vec![echo(1, if up { vec![38_000] } else { Vec::new() }), echo(2, Vec::new())],
    }
}

#[test]
fn the_findings_of_a_check_are_what_was_reviewed() {
    let scenes = [
        (Verdict::Up, Note::None, Delivery::Done { records: 12 }),
        (
            Verdict::Up,
            Note::CollectorUnreachable,
            Delivery::Failed(PushFailure::Unreachable("connection refused".to_owned())),
        ),
        (Verdict::Down(Cause::Internet), Note::None, Delivery::TimedOut),
        (Verdict::Down(Cause::CaptivePortal), Note::None, Delivery::LeftToRunningAgent),
        (Verdict::Up, Note::ClockWrong, Delivery::LeftToRunningAgent),
        (Verdict::Down(Cause::NoNetwork), Note::None, Delivery::LeftToRunningAgent),
        (Verdict::Down(Cause::Gateway), Note::None, Delivery::LeftToRunningAgent),
        (Verdict::Down(Cause::Dns), Note::None, Delivery::LeftToRunningAgent),
    ];
    let mut text = String::new();
    for (verdict, note, delivery) in scenes {
        for language in [Language::En, Language::Id] {
            text += &words::findings(language, &round(verdict, note), &delivery);
            text += "----\n";
        }
    }
    golden("check.txt", &text);
}

#[test]
fn what_status_says_is_what_was_reviewed() {
    let stamp = Stamp { boot: suar_wire::BootId([1; 16]), boot_ms: 90_000, wall_ms: 1_794_718_800_000 };
    let used = [(Purpose::Echo, 4_400_000), (Purpose::Gateway, 9_000_000), (Purpose::Push, 3_050_000)];
    let used = used.map(|(purpose, bytes)| Use { purpose, sent: bytes, received: bytes }).to_vec();
    let month = "2026-11".parse().expect("a month");
    let status = |allowance_bytes, step, metered| Status {
        version: "0.1.0".to_owned(),
        agent: suar_wire::AgentId([2; 16]),
        site: "19.02.02.2009".parse().expect("a site code"),
        site_name: "Kantor Desa".to_owned(),
        collector: "127.0.0.1:8443".to_owned(),
        running: true,
        started: stamp,
        written: stamp,
        slot_seconds: 60,
        plan_version: 1,
        verdict: Some(Verdict::Up),
        verdict_since_ms: Some(stamp.wall_ms - 60_000),
        round: None,
        paused_until_ms: None,
        uplink: Default::default(),
        spool: Default::default(),
        data: Some(DataUse { month, used: used.clone(), allowance_bytes, step, metered }),
        bandwidth: Default::default(),
        refused_program: None,
    };
    let mut text = String::new();
    let mut scenes = vec![status(None, Step::Full, None), status(None, Step::Standard, Some(true))];
    scenes.extend(Step::ALL.iter().map(|step| status(Some(20_000_000), *step, Some(false))));
    let refused = PlanRefused::new(7, PlanFault::Mistakes, "echoes: 0 is outside 1 to 10");
    let mut of_the_old_plan = status(None, Step::Full, None);
    of_the_old_plan.uplink.refused_plan = Some(refused);
    of_the_old_plan.refused_program = Some("0.2.0: it ended by itself too often".to_owned());
    scenes.push(of_the_old_plan);
    for scene in scenes {
        for language in [Language::En, Language::Id] {
            text += &words::status(language, &scene, Freshness::Running, stamp);
            text += "----\n";
        }
    }
    golden("status.txt", &text);
}
