//! A push all the way through a collector: committed by the writer, counted live, shown to Prometheus, packed with its
//! day, judged. A panic anywhere there would end the process that every office pushes to.

use std::cell::RefCell;
use std::sync::Arc;

use suar_collector::board::{Board, Options};
use suar_collector::calendar::{Holidays, PeriodName};
use suar_collector::coverage::Rules;
use suar_collector::exposition::{Format, Own};
use suar_collector::ingest::{Accepted, IngestCounters, Room, Submission};
use suar_collector::region::builtin;
use suar_collector::store::pack::{self, Due};
use suar_collector::store::writer::{Job, Shared, ToLive, Writer};
use suar_collector::store::{Reader, schema};
use suar_wire::joining::JoinAnswer;
use suar_wire::{IntervalSet, Plan, Push};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

use crate::enrolled::join;
use crate::seed::Random;

/// When pushes arrive: the clock of the golden push is right by it.
const NOW_MS: i64 = 1_790_000_500_000;
const JOINED_MS: i64 = NOW_MS - 40 * 86_400_000;
/// Offices of one store. Each takes one push, so that what came of it does not depend on the ones before.
const OFFICES: usize = 24;

struct Centre {
    directory: TempDir,
    joined: Vec<JoinAnswer>,
    writer: Writer,
    accepted: mpsc::Receiver<Accepted>,
    board: Board,
}

thread_local! {
    static CENTRE: RefCell<Option<Centre>> = const { RefCell::new(None) };
}

/// The body as it comes. Who pushes is known by the token, so the agent in it is made right.
pub fn push(bytes: &[u8]) -> bool {
    let Ok(push) = Push::decode(bytes) else { return false };
    CENTRE.with_borrow_mut(|centre| {
        let usable = centre.as_ref().is_some_and(|centre| !centre.joined.is_empty());
        if !usable {
            *centre = None;
        }
        let centre = centre.get_or_insert_with(Centre::new);
        let office = centre.joined.pop().expect("a new store has offices");
        centre.take(&office, Push { agent: office.agent, ..push })
    })
}

impl Centre {
    fn new() -> Self {
        // In memory, or the disk would set the pace.
        let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
        let data = directory.path();
        schema::create(data).expect("a store");
        let joined = join(data, 0..OFFICES, JOINED_MS, &mut Random::from_seed(1)).expect("they join");
        let own = Own::new(NOW_MS);
        let options = Options {
            data: data.to_owned(),
            region: builtin("19").expect("built in"),
            rules: Rules::default(),
            holidays: Holidays::national(),
            push_seconds: Plan::standard().push_seconds,
            own: own.clone(),
        };
        let (board, counted_row) = Board::open(options, NOW_MS).expect("it opens");
        let (to_live, accepted) = mpsc::channel(4);
        let shared = Shared {
            counters: Arc::new(IngestCounters::new(own)),
            plan: Plan::standard(),
            witnesses: Arc::default(),
            live: Some(ToLive { accepted: to_live, counted_row }),
        };
        let writer = Writer::open(data, shared).expect("it opens");
        Self { directory, joined, writer, accepted, board }
    }

    fn take(&mut self, office: &JoinAnswer, push: Push) -> bool {
        let (agent, epoch) = (office.agent, push.epoch);
        let sent: IntervalSet = push.records.iter().map(|record| record.sequence).collect();
        let submission =
            Submission { agent, site: office.site.clone(), joined_ms: JOINED_MS, received_ms: NOW_MS, push };
        let (answer, receipt) = oneshot::channel();
        self.writer.commit(vec![Job::Push(Box::new(submission), Room::unbounded(), answer)]);
        let receipt = receipt.blocking_recv().expect("an answer").expect("a disk without trouble");
        let acknowledged: IntervalSet = receipt.acknowledged.iter().copied().collect();
        assert_eq!(acknowledged, sent, "the agent would keep or lose something");

        let accepted = self.accepted.try_recv().expect("it is durable, so it is counted");
        self.board.take(std::slice::from_ref(&accepted), NOW_MS);
        let page = self.board.metrics(NOW_MS, Some(office.site.as_str()), Format::Prometheus, false);
        let page = page.and_then(|page| String::from_utf8(page).ok());
        assert!(page.is_some_and(|page| page.contains("suar_")), "the office is not on the page");

        let kept = |reader: &Reader| {
            let mut kept = reader.all_records(agent).expect("it reads");
            kept.sort_by_key(|stored| (stored.epoch, stored.record.sequence));
            kept
        };
        let reader = Reader::open(self.directory.path()).expect("it opens");
        let fresh = kept(&reader);
        assert_eq!(fresh.len(), accepted.records.len(), "kept is something else than counted");
        pack::pack(self.directory.path(), Due::Everything, |rows| {
            let (answer, done) = oneshot::channel();
            self.writer.commit(vec![Job::Forget(rows, answer)]);
            done.blocking_recv().expect("an answer").expect("a disk without trouble");
            Ok(())
        })
        .expect("it packs");
        assert_eq!(
            kept(&Reader::open(self.directory.path()).expect("it opens")),
            fresh,
            "packing changed it"
        );
        let quarter = PeriodName::quarter_at(NOW_MS / 1_000);
        self.board.assess(quarter, Some(office.site.as_str()), NOW_MS).expect("it is judged");
        assert!(fresh.iter().all(|stored| stored.epoch == epoch && stored.agent == agent));
        !fresh.is_empty()
    }
}
