//! The store from outside: every step is followed by opening it again, as a crash would have it.

mod carried;
mod clocks;
mod explained;
mod kept;
mod outbox;
mod quarantined;
mod retired;
mod sites;
mod versions;
mod whole;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use suar_wire::push::Clock;
use suar_wire::record::Round;
use suar_wire::{
    AgentId, Body, BootId, Cause, Echo, EchoMethod, Epoch, Note, Outcome, Plan, Push, Receipt, Record,
    SlotWidth, Stamp, Verdict,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::admin::Admin;
use super::joining::{Joined, Joining};
use super::pack::Due;
use super::writer::{Job, Shared, Writer};
use super::{Reader, pack, schema};
use crate::exposition::Own;
use crate::ingest::{IngestCounters, Room, Submission};
use crate::registry::fields;
use crate::store::StoreError;

const DAY: crate::day::Day = 20_700;
/// When the agent joined: a day's start, so that seconds of the day read as they are.
const JOINED_MS: i64 = DAY as i64 * 86_400_000;
const SITE: &str = "19.02.02.2009";
const AGENT: AgentId = AgentId([7; 16]);
const EPOCH: Epoch = Epoch([1; 8]);
const BOOT: BootId = BootId([1; 16]);

struct Bench {
    dir: TempDir,
    counters: Arc<IngestCounters>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        schema::create(dir.path()).expect("a store");
        let bench = Self { dir, counters: Arc::new(IngestCounters::new(Own::new(0))) };
        let mut admin = Admin::open(bench.dir.path()).expect("it opens");
        let region = crate::region::builtin("19").expect("built in");
        let site = fields::site_of_village(SITE, SITE, region).expect("a site");
        admin.put_sites(&[site], 0).expect("a site");
        admin.put_join_code([1; 32], &SITE.parse().expect("a code"), JOINED_MS + 1, 5).expect("a join code");
        assert!(matches!(bench.join(AGENT), Joined::Welcome { .. }));
        bench
    }

    fn join(&self, agent: AgentId) -> Joined {
        let joining = Joining {
            secret_hash: [1; 32],
            attempt_hash: None,
            site: SITE.parse().expect("a code"),
            agent,
            token_hash: [agent.0[0]; 32],
            agent_version: "0.1.0".to_owned(),
            system: "test".to_owned(),
            now_ms: JOINED_MS,
        };
        Admin::open(self.dir.path()).expect("it opens").join(&joining).expect("it answers")
    }

    /// A new writer each time: nothing may live in memory only.
    fn writer(&self) -> Writer {
        Writer::open(self.dir.path(), self.shared()).expect("it opens")
    }

    fn shared(&self) -> Shared {
        Shared {
            counters: Arc::clone(&self.counters),
            plan: Plan::standard(),
            witnesses: Arc::default(),
            live: None,
        }
    }

    fn push(&self, records: Vec<Record>) -> Receipt {
        self.push_at(3_600, BOOT, records)
    }

    /// A push that arrives `at_s` after the day's start, of a boot that began with the day.
    fn push_at(&self, at_s: i64, boot: BootId, records: Vec<Record>) -> Receipt {
        let (job, answer) = job(at_s, boot, records);
        self.writer().commit(vec![job]);
        answer.blocking_recv().expect("an answer").expect("a receipt")
    }

    /// What the agents of the site are to do now.
    fn plan(&self) -> Option<Plan> {
        let site = SITE.parse().expect("a code");
        self.reader().plan_of(&Plan::standard(), &site, JOINED_MS + 1).ok()
    }

    fn reader(&self) -> Reader {
        Reader::open(self.dir.path()).expect("it opens")
    }

    fn pack(&self) -> usize {
        let mut writer = self.writer();
        pack::pack(self.dir.path(), Due::Everything, |ids| {
            let (answer, done) = oneshot::channel();
            writer.commit(vec![Job::Forget(ids, answer)]);
            done.blocking_recv().expect("an answer").map_err(|error| StoreError::Damaged(error.to_string()))
        })
        .expect("it packs")
    }

    /// Sequence by slot's second of the day.
    fn slots(&self) -> BTreeMap<i64, u64> {
        let records = self.reader().all_records(AGENT).expect("records");
        let count = records.len();
        let slots: BTreeMap<i64, u64> = records
            .iter()
            .filter_map(|stored| Some((stored.slot()?.start_s() - JOINED_MS / 1000, stored.record.sequence)))
            .collect();
        assert_eq!(slots.len(), count, "a slot has two rounds: {records:?}");
        slots
    }

    fn runs(&self, day: crate::day::Day) -> Vec<(u32, u32, crate::day::State)> {
        let days = self.reader().day_summaries(AGENT, day, day).expect("summaries");
        let runs = days.into_iter().flat_map(|(_, summary)| summary.runs);
        runs.map(|run| (run.start_s, run.length_s, run.state)).collect()
    }
}

type Answered = oneshot::Receiver<Result<Receipt, Arc<StoreError>>>;

fn job(at_s: i64, boot: BootId, records: Vec<Record>) -> (Job, Answered) {
    job_received(JOINED_MS + at_s * 1000, at_s, boot, records)
}

/// A push that the collector's clock, right or wrong, says came at `received_ms`.
fn job_received(received_ms: i64, at_s: i64, boot: BootId, records: Vec<Record>) -> (Job, Answered) {
    let push = Push {
        agent: AGENT,
        epoch: EPOCH,
        plan_version: 1,
        clock: Clock { boot, boot_ms: at_s as u64 * 1000, wall_ms: received_ms, last_exchange_ms: None },
        records,
    };
    let submission = Submission {
        agent: AGENT,
        site: SITE.parse().expect("a code"),
        joined_ms: JOINED_MS,
        received_ms,
        push,
    };
    let (answer, answered) = oneshot::channel();
    (Job::Push(Box::new(submission), Room::unbounded(), answer), answered)
}

fn stamp(boot: BootId, second: i64) -> Stamp {
    Stamp { boot, boot_ms: second as u64 * 1000, wall_ms: JOINED_MS + second * 1000 }
}

fn other(sequence: u64, boot: BootId, second: i64, body: Body) -> Record {
    Record { sequence, stamp: stamp(boot, second), body }
}

/// A round in the middle of the minute's slot.
fn round(sequence: u64, minute: i64) -> Record {
    verdict(sequence, minute, Verdict::Up)
}

fn verdict(sequence: u64, minute: i64, verdict: Verdict) -> Record {
    let slot = SlotWidth::STANDARD.slot_at(JOINED_MS + minute * 60_000);
    let target = IpAddr::from([1, 1, 1, 1]);
    let echo = Echo {
        target,
        method: EchoMethod::Icmp,
        sent: 1,
        late: 0,
        duplicates: 0,
        error: None,
        rtt_us: vec![9],
    };
    let none = Outcome::NotSent;
    let round = Round {
        slot,
        verdict,
        note: Note::None,
        gateway: none,
        dns: none,
        dns_public: none,
        online: none,
        collector: none,
        echoes: vec![echo],
    };
    other(sequence, BOOT, minute * 60 + 30, Body::Round(round))
}

fn down(sequence: u64, minute: i64) -> Record {
    verdict(sequence, minute, Verdict::Down(Cause::Internet))
}
