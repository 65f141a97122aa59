//! Plans as an administrator changes them, through the real programs: one with mistakes, one for later, one whose receipt
//! is lost on the way, two at once.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use suar_lab::programs::{Agent, Collector, free_address, wait_until};
use suar_lab::world::wall_ms;

const SITE: &str = "19.02.02.2009";
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// How far ahead the plan for later is.
const LATER_MS: i64 = 6_000;
const PLAN: &str = "[plan]\nslot_seconds = 1\npush_seconds = 1\ntargets = [\"127.0.0.1\", \"127.0.0.2\"]\n\
                    public_resolver = \"127.0.0.1\"\n";

struct Lab {
    directory: tempfile::TempDir,
    collector: Collector<'static>,
    agent: Agent<'static>,
    line: Line,
}

impl Lab {
    fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let address = free_address()?;
        let mut collector = Collector::init(None, directory.path(), &address, PLAN)?;
        collector.serve()?;
        collector.add_site(SITE)?;
        let mut agent = Agent::new(None, directory.path(), "agent")?;
        agent.join(&collector.join_code(SITE, &[])?)?.ok()?;
        let line = Line::to(&address)?;
        let config = std::fs::read_to_string(agent.config())?;
        std::fs::write(agent.config(), config.replace(&address, &line.address))?;
        agent.run()?;
        let lab = Self { directory, collector, agent, line };
        lab.wait_for(lab.plan_of_site()?)?;
        Ok(lab)
    }

    /// Stages the plan of all with so many echoes.
    fn stage(&self, echoes: &str, more: &[&str]) -> Result<suar_lab::programs::Finished> {
        let file = self.directory.path().join(format!("echoes-{echoes}.toml"));
        let config = std::fs::read_to_string(self.collector.config())?;
        std::fs::write(&file, config.replace("[plan]", &format!("[plan]\nechoes = {echoes}")))?;
        let file = file.display().to_string();
        self.collector.administer(&[&["plan", "stage", &file, "--all"], more].concat())
    }

    /// Version and echoes that the collector has for the site now.
    fn plan_of_site(&self) -> Result<(u64, u64)> {
        let said = self.collector.administer(&["plan", "show", SITE])?.ok()?;
        let plan: serde_json::Value = serde_json::from_str(&said)?;
        plan["version"].as_u64().zip(plan["echoes"].as_u64()).context(said)
    }

    fn in_force(&self) -> Result<u64> {
        let status = self.agent.status()?;
        status["plan_version"].as_u64().with_context(|| status.to_string())
    }

    fn wait_for(&self, (version, _): (u64, u64)) -> Result<()> {
        wait_until("the agent to work by a plan", SETTLE_MAX, || match self.in_force() {
            Ok(found) if found == version => Ok(()),
            found => Err(format!("{found:?}, and not {version}")),
        })
    }

    fn pushes(&self) -> Result<u64, String> {
        let status = self.agent.status().map_err(|error| format!("{error:#}"))?;
        status["uplink"]["pushes_ok"].as_u64().ok_or_else(|| status.to_string())
    }
}

#[test]
fn a_plan_with_mistakes_is_refused_where_it_is_made_and_the_one_in_force_stays() {
    let lab = Lab::new().expect("an office");
    let before = lab.plan_of_site().expect("a plan");
    let refused = lab.stage("0", &[]).expect("it runs");
    assert_eq!(refused.code, Some(64), "{}", refused.said());
    assert!(refused.stderr.contains("plan.echoes"), "{}", refused.said());
    assert_eq!(lab.plan_of_site().expect("a plan"), before);
    let pushes = lab.pushes().expect("a number");
    wait_until("three more pushes", SETTLE_MAX, || match lab.pushes()? {
        more if more >= pushes + 3 => Ok(()),
        more => Err(format!("{more} after {pushes}")),
    })
    .expect("it goes on");
    assert_eq!(lab.in_force().expect("a version"), before.0);
}

#[test]
fn a_plan_for_later_comes_at_its_moment_and_not_before() {
    let lab = Lab::new().expect("an office");
    let before = lab.plan_of_site().expect("a plan");
    let moment_ms = wall_ms() + LATER_MS;
    let moment = jiff::Timestamp::from_millisecond(moment_ms).expect("a moment").to_string();
    lab.stage("3", &["--from", &moment]).expect("it runs").ok().expect("staged");
    let taken_ms = wait_until("the plan for later", SETTLE_MAX, || {
        let found = lab.in_force().map_err(|error| format!("{error:#}"))?;
        if found == before.0 { Err(format!("still {found}")) } else { Ok(wall_ms()) }
    })
    .expect("its moment comes");
    assert!(taken_ms >= moment_ms, "{} ms too early", moment_ms - taken_ms);
    let now = lab.plan_of_site().expect("a plan");
    assert_eq!((now.1, lab.in_force().expect("a version")), (3, now.0));
}

#[test]
fn a_plan_whose_receipt_is_lost_comes_with_the_next_and_nothing_is_kept_twice() {
    let lab = Lab::new().expect("an office");
    lab.stage("4", &[]).expect("it runs").ok().expect("staged");
    lab.line.lose_the_next_answer();
    let staged = lab.plan_of_site().expect("a plan");
    assert_eq!(staged.1, 4);
    wait_until("an answer to be lost", SETTLE_MAX, || match lab.line.lost() {
        0 => Err("none so far".to_owned()),
        _ => Ok(()),
    })
    .expect("answers go this way");
    lab.wait_for(staged).expect("it comes all the same");
    let kept = lab.collector.records().expect("records");
    let identities: std::collections::BTreeSet<_> =
        kept.iter().map(|kept| (kept.agent, kept.epoch, kept.record.sequence)).collect();
    assert_eq!(identities.len(), kept.len(), "a record is kept twice");
}

#[test]
fn two_changes_at_once_end_in_one_plan_that_has_both() {
    let lab = Lab::new().expect("an office");
    let before = lab.plan_of_site().expect("a plan");
    std::thread::scope(|scope| {
        let site = || lab.collector.administer(&["site", "set", SITE, "allowance_mib=700"]);
        let set = scope.spawn(move || site().expect("it runs").ok().expect("set"));
        lab.stage("2", &[]).expect("it runs").ok().expect("staged");
        set.join().expect("it is set");
    });
    // A third, before the agent can have heard of both.
    lab.stage("5", &[]).expect("it runs").ok().expect("staged");
    let now = lab.plan_of_site().expect("a plan");
    assert!(now.1 == 5 && now.0 != before.0, "{before:?} became {now:?}");
    lab.wait_for(now).expect("the agent has it");
    let status = lab.agent.status().expect("a status");
    assert_eq!(status["data"]["allowance_bytes"], 700 * 1024 * 1024, "{status}");
    assert!(status["uplink"]["refused_plan"].is_null(), "{status}");
}

/// The line between agent and collector, which can lose an answer of which the collector knows that it went out.
struct Line {
    address: String,
    loses: Arc<AtomicBool>,
    lost: Arc<AtomicUsize>,
}

impl Line {
    fn to(collector: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let line =
            Self { address: listener.local_addr()?.to_string(), loses: Arc::default(), lost: Arc::default() };
        let (collector, loses, lost) =
            (collector.to_owned(), Arc::clone(&line.loses), Arc::clone(&line.lost));
        std::thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&collector) else { continue };
                let (Ok(agent_too), Ok(far_too)) = (agent.try_clone(), far.try_clone()) else { continue };
                std::thread::spawn(move || carry(&agent, &far, || false));
                let (loses, lost) = (Arc::clone(&loses), Arc::clone(&lost));
                std::thread::spawn(move || {
                    carry(&far_too, &agent_too, || {
                        let loses = loses.swap(false, Ordering::SeqCst);
                        lost.fetch_add(usize::from(loses), Ordering::SeqCst);
                        loses
                    });
                });
            }
        });
        Ok(line)
    }

    fn lose_the_next_answer(&self) {
        self.loses.store(true, Ordering::SeqCst);
    }

    fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Copies until the end, or until what has just come is to be lost, and the connection with it.
fn carry(mut from: &TcpStream, mut to: &TcpStream, is_lost: impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if is_lost() || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
