//! Both programs killed at random moments while records flow, with a hostile line between them.
//!
//! Real agents measure in slots of a second; each one's state lies on a disk that traces what is written, and
//! that trace says what was durable, not the agent. Beside them agents of the lab push as fast as they get
//! receipts and remember what was receipted. At the end the store must hold exactly that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use suar_wire::join_code::JoinCode;
use suar_wire::{AgentId, Body, Epoch, Record, decode_record};

use super::proxy::Proxy;
use super::trace::{Frames, Written};
use crate::disk::Disk;
use crate::netns::Namespace;
use crate::programs::{Agent, Collector, Kept, Process, wait_until};
use crate::pusher::{Answer, Pusher};
use crate::seed::Random;

const SITE: &str = "19.02.02.2009";
/// Where the collector listens, and where agents believe that it listens.
const BEHIND: &str = "127.0.0.1:18943";
const LINE: &str = "127.0.0.1:18743";
const AGENTS: u32 = 3;
const PUSHERS: u64 = 6;
/// Rounds of a pusher lie in slots before now; later it sends what takes no slot.
const BACK_SECONDS: u64 = 3_000;
/// A life is this long at most, milliseconds: some end before the program is ready.
const AGENT_LIFE_MS_MAX: u64 = 2_500;
const COLLECTOR_LIFE_MS_MAX: u64 = 1_500;
const RECORDS_A_PUSH_MAX: u64 = 40;
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// Longest pause of a pusher after an answer that asks for patience or none at all.
const PAUSE_MS_MAX: u64 = 200;
/// Records that a running agent may have made since its last push.
const FRESH_MAX: u64 = 3;
/// Everything that waits must be in the store within this once nothing breaks any more.
const SETTLE_MAX: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy)]
pub struct Kills {
    pub agents: u32,
    pub collector: u32,
    pub seed: u64,
}

/// What was done and what came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Account {
    pub seed: u64,
    pub agents_killed: u32,
    pub collector_killed: u32,
    pub connections_passed: u64,
    pub requests_cut: u64,
    pub replies_lost: u64,
    pub half_open: u64,
    /// Records that agents made durable on their disks.
    pub durable: u64,
    /// Of these: rounds of a slot that the agent measured again after it was killed in it. The collector keeps one.
    pub measured_again: u64,
    /// Records that pushers got receipts for, and how often they had to send again.
    pub receipted: u64,
    pub sent_again: u64,
    pub kept: u64,
    /// Looks into the store between two lives of the collector, each for all receipts so far.
    pub looks: u32,
    pub lost: u64,
    pub twice: u64,
}

type Identity = (AgentId, Epoch, u64);

/// What pushers have receipts for.
#[derive(Debug, Default)]
struct Receipts {
    sequences: std::sync::Mutex<BTreeMap<(AgentId, Epoch), u64>>,
    sent_again: AtomicU64,
}

pub fn run(kills: &Kills) -> Result<Account> {
    let directory = tempfile::tempdir()?;
    let namespace = Namespace::create("kills")?;
    namespace.write_sysctl("net/ipv4/ping_group_range", "0 2147483647")?;
    let mut collector = collector(&namespace, directory.path())?;
    collector.serve()?;
    let code = collector.join_code(SITE, &["--uses", "1000"])?;
    let proxy = Proxy::start(&namespace, LINE, BEHIND, kills.seed)?;
    // Joining is no part of it: a code may be good for one agent, and then a lost answer costs a code.
    let mut offices = Vec::new();
    for number in 0..AGENTS {
        offices.push(Office::join(&namespace, directory.path(), number, &code)?);
    }
    let pushers = join_pushers(&namespace, &code, kills.seed)?;
    proxy.rage();

    let mut account = Account { seed: kills.seed, ..Account::default() };
    let (receipts, stop) = (Receipts::default(), AtomicBool::new(false));
    std::thread::scope(|scope| -> Result<()> {
        let pushing = scope.spawn(|| namespace.enter(|| push_all(pushers, &receipts, &stop, kills.seed)));
        let lives: Vec<_> = offices
            .iter()
            .zip(0u32..)
            .map(|(office, number)| {
                let share = kills.agents / AGENTS + u32::from(number < kills.agents % AGENTS);
                let mut random = Random::from_seed(kills.seed ^ u64::from(number + 1));
                scope.spawn(move || office.die(share, &mut random))
            })
            .collect();
        let killed = kill_collector(&mut collector, kills, &receipts, &mut account);
        let mut agents_killed: Result<u32> = Ok(0);
        for life in lives {
            let life = life.join().expect("a thread that returns its errors");
            agents_killed = agents_killed.and_then(|sum| Ok(sum + life?));
        }
        // Whatever went wrong: nobody may push for ever.
        proxy.calm();
        let serves = killed.and_then(|()| collector.serve());
        stop.store(true, Ordering::SeqCst);
        let pushed = pushing.join().expect("a thread that returns its errors");
        serves?;
        account.agents_killed = agents_killed?;
        pushed??;
        Ok(())
    })?;
    for office in &mut offices {
        office.finish(&collector)?;
    }
    collector.stop()?;

    let done = proxy.done();
    account.connections_passed = done.passed.load(Ordering::Relaxed);
    account.requests_cut = done.requests_cut.load(Ordering::Relaxed);
    account.replies_lost = done.replies_lost.load(Ordering::Relaxed);
    account.half_open = done.half_open.load(Ordering::Relaxed);
    account.sent_again = receipts.sent_again.load(Ordering::Relaxed);
    collector.administer(&["check-store"])?.ok().context("the store is not whole")?;
    judge(&collector.records()?, &offices, &receipts, &mut account)?;
    Ok(account)
}

fn collector<'a>(namespace: &'a Namespace, directory: &Path) -> Result<Collector<'a>> {
    let extra = "[plan]\nslot_seconds = 1\npush_seconds = 1\ntargets = [\"127.0.0.2\", \"127.0.0.3\"]\n\
                 public_resolver = \"127.0.0.4\"\ndns_name = \"kantor.example\"\n\
                 [store]\npack_seconds = 1\n[limits]\npushes_a_minute = 100000\n";
    let mut collector = Collector::init(Some(namespace), directory, LINE, extra)?;
    let config = std::fs::read_to_string(collector.config())?;
    let (https, public) = (format!("https = {LINE:?}"), format!("https = {BEHIND:?}"));
    ensure!(config.contains(&https), "the configuration has changed: {config}");
    std::fs::write(collector.config(), config.replace(&https, &public))?;
    collector.address = BEHIND.to_owned();
    collector.add_site(SITE)?;
    Ok(collector)
}

/// A real agent with its disk.
struct Office<'a> {
    agent: Agent<'a>,
    id: AgentId,
    disk: Disk,
    log: std::path::PathBuf,
}

impl<'a> Office<'a> {
    fn join(namespace: &'a Namespace, directory: &Path, number: u32, code: &str) -> Result<Self> {
        let name = format!("agent{number}");
        let agent = Agent::new(Some(namespace), directory, &name)?;
        std::fs::create_dir_all(agent.state())?;
        let disk = Disk::mount(&agent.state())?;
        agent.join(code)?.ok()?;
        let id = agent.identity()?.agent;
        Ok(Self { agent, id, disk, log: directory.join(&name).join("killed.log") })
    }

    /// This many lives, each ended by a kill. Returns how many.
    fn die(&self, times: u32, random: &mut Random) -> Result<u32> {
        for _ in 0..times {
            let mut command = self.agent.command()?;
            command.arg("run").arg("--config").arg(self.agent.config());
            let mut life = Process::start("an agent", &mut command, &self.log)?;
            std::thread::sleep(Duration::from_millis(random.below(AGENT_LIFE_MS_MAX)));
            ensure!(life.ended().is_none(), "an agent ended by itself: {}", life.log());
            life.kill()?;
        }
        Ok(times)
    }

    /// A last life until nothing waits any more, ended in order.
    fn finish(&mut self, collector: &Collector<'_>) -> Result<()> {
        self.agent.run()?;
        wait_until("an agent's backlog to be receipted", SETTLE_MAX, || {
            let status = self.agent.status().map_err(|error| format!("{error:#}"))?;
            let few = status["spool"]["records_pending"].as_u64().is_some_and(|pending| pending <= FRESH_MAX);
            if few { Ok(()) } else { Err(status.to_string()) }
        })?;
        self.agent.stop()?;
        // The goodbye is pushed at the end, once. Where that was too late it waits for the next life.
        let durable = Written::of(&self.disk.events()).durable;
        let last = durable.keys().next_back().map(|(_, sequence)| *sequence);
        let kept = collector.records()?;
        let newest = kept.iter().filter(|kept| kept.agent == self.id).map(|kept| kept.record.sequence).max();
        if newest < last { self.finish(collector) } else { Ok(()) }
    }
}

fn join_pushers(namespace: &Namespace, code: &str, seed: u64) -> Result<Vec<Pusher>> {
    let code: JoinCode = code.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    namespace.enter(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let mut pushers = Vec::new();
            for number in 0..PUSHERS {
                let boot = Random::from_seed(seed.wrapping_add(number)).next_u64();
                pushers.push(Pusher::join(&code, boot, BACK_SECONDS).await?);
            }
            Ok(pushers)
        })
    })?
}

/// Pushes until it is told to stop, and then until the last push has its receipt.
fn push_all(pushers: Vec<Pusher>, receipts: &Receipts, stop: &AtomicBool, seed: u64) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let all = pushers.into_iter().zip(1u64..).map(|(pusher, number)| {
            push(pusher, receipts, stop, Random::from_seed(seed.wrapping_mul(31).wrapping_add(number)))
        });
        let mut all: Vec<_> = all.map(Box::pin).collect();
        // Joined by hand: they share one thread, and the first error ends all.
        std::future::poll_fn(|context| {
            let mut failed = None;
            all.retain_mut(|one| match one.as_mut().poll(context) {
                std::task::Poll::Pending => true,
                std::task::Poll::Ready(Ok(())) => false,
                std::task::Poll::Ready(Err(error)) => {
                    failed = Some(error);
                    false
                }
            });
            match failed {
                Some(error) => std::task::Poll::Ready(Err(error)),
                None if all.is_empty() => std::task::Poll::Ready(Ok(())),
                None => std::task::Poll::Pending,
            }
        })
        .await
    })
}

async fn push(mut pusher: Pusher, receipts: &Receipts, stop: &AtomicBool, mut random: Random) -> Result<()> {
    while !stop.load(Ordering::SeqCst) {
        let count = 1 + random.below(RECORDS_A_PUSH_MAX);
        let has_slots = pusher.last_sequence() + count < BACK_SECONDS;
        let records = if has_slots { pusher.next(count) } else { pusher.next_events(count) };
        let last = pusher.last_sequence();
        let receipt = loop {
            // Any fault of the line or of the collector: all that can be done is to send again.
            let sent = pusher.send(&records, ANSWER_MAX).await;
            if let Ok(Answer::Receipt(receipt)) = sent.map(|sent| sent.answer) {
                break receipt;
            }
            receipts.sent_again.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(random.below(PAUSE_MS_MAX))).await;
        };
        let whole = receipt.refused.is_empty() && receipt.acknowledged == [(last + 1 - count, last)];
        ensure!(whole, "a receipt for records up to {last}: {receipt:?}");
        let mut sequences = receipts.sequences.lock().expect("nobody panics with it");
        sequences.insert((pusher.agent(), pusher.epoch()), last);
    }
    Ok(())
}

impl Receipts {
    fn all(&self) -> BTreeSet<Identity> {
        let sequences = self.sequences.lock().expect("nobody panics with it");
        sequences
            .iter()
            .flat_map(|(&(agent, epoch), &last)| (1..=last).map(move |sequence| (agent, epoch, sequence)))
            .collect()
    }
}

/// How many lives of the collector pass between two looks into its store.
const LIVES_A_LOOK: u32 = 10;

fn kill_collector(
    collector: &mut Collector<'_>,
    kills: &Kills,
    receipts: &Receipts,
    account: &mut Account,
) -> Result<()> {
    let mut random = Random::from_seed(!kills.seed);
    collector.kill()?;
    for number in 1..=kills.collector {
        let mut life = collector.start()?;
        std::thread::sleep(Duration::from_millis(random.below(COLLECTOR_LIFE_MS_MAX)));
        ensure!(life.ended().is_none(), "the collector ended by itself: {}", life.log());
        life.kill()?;
        account.collector_killed += 1;
        if number % LIVES_A_LOOK == 0 {
            // Receipts first: what comes in between is no loss.
            let expected = receipts.all();
            let kept: BTreeSet<Identity> = collector.records()?.iter().map(identity).collect();
            let lost: Vec<_> = expected.difference(&kept).take(5).collect();
            ensure!(lost.is_empty(), "receipted and not there after kill {number}, e.g. {lost:?}");
            account.looks += 1;
        }
    }
    Ok(())
}

fn identity(kept: &Kept) -> Identity {
    (kept.agent, kept.epoch, kept.record.sequence)
}

/// The store against the traces of the disks and the receipts of the pushers.
fn judge(kept: &[Kept], offices: &[Office<'_>], receipts: &Receipts, account: &mut Account) -> Result<()> {
    account.kept = kept.len() as u64;
    let identities: BTreeSet<Identity> = kept.iter().map(identity).collect();
    account.twice = (kept.len() - identities.len()) as u64;
    let receipted = receipts.all();
    account.receipted = receipted.len() as u64;
    let mut lost: Vec<Identity> = receipted.difference(&identities).copied().collect();
    let mut expected = receipted;
    for office in offices {
        let written = Written::of(&office.disk.events());
        ensure!(written.given_twice.is_empty(), "numbers given twice: {:?}", written.given_twice);
        account.durable += written.durable.len() as u64;
        let own: Vec<&Kept> = kept.iter().filter(|kept| kept.agent == office.id).collect();
        check_contents(&own, &written.frames)?;
        let slots: BTreeSet<_> = own.iter().filter_map(|kept| slot(&kept.record)).collect();
        let rounds = own.iter().filter(|kept| slot(&kept.record).is_some()).count();
        account.twice += (rounds - slots.len()) as u64;
        for ((epoch, sequence), payload) in &written.durable {
            let identity = (office.id, *epoch, *sequence);
            if identities.contains(&identity) {
                continue;
            }
            let record = decode_record(payload).context("what the agent wrote")?;
            // Killed and started within one slot it measures that slot again; the collector keeps one.
            if slot(&record).is_some_and(|slot| slots.contains(&slot)) {
                account.measured_again += 1;
            } else {
                lost.push(identity);
            }
        }
        expected.extend(written.frames.keys().map(|(epoch, sequence)| (office.id, *epoch, *sequence)));
    }
    account.lost = lost.len() as u64;
    ensure!(lost.is_empty(), "lost: {} records, e.g. {:?}", lost.len(), &lost[..lost.len().min(5)]);
    ensure!(account.twice == 0, "{} records are kept twice", account.twice);
    // A push under way when a pusher was told to stop has its receipt, so nothing is kept that nobody knows of.
    let strangers: Vec<_> = identities.difference(&expected).take(5).collect();
    ensure!(strangers.is_empty(), "kept, and nobody wrote it: {strangers:?}");
    Ok(())
}

fn slot(record: &Record) -> Option<(i64, u32)> {
    match &record.body {
        Body::Round(round) => Some((round.slot.index, round.slot.width.seconds())),
        _ => None,
    }
}

/// What is kept is what stood on the agent's disk.
fn check_contents(kept: &[&Kept], written: &Frames) -> Result<()> {
    for kept in kept {
        let payload = written.get(&(kept.epoch, kept.record.sequence));
        let record =
            payload.map(|payload| decode_record(payload).context("what the agent wrote")).transpose()?;
        let same = record.as_ref().is_some_and(|record| *record == kept.record);
        ensure!(same, "kept {:?}, written {record:?}", kept.record);
    }
    Ok(())
}
