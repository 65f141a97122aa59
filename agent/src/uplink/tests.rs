//! The uplink against a small real server over TLS.

use std::time::Duration;

use suar_wire::record::{Body, ClockStep};
use suar_wire::{AgentId, BootId, Record, Refusal, RefusalReason, encode_record};
use tempfile::TempDir;

use super::*;
use crate::spool::{self, SEGMENT_BYTES};
use server::{Reply, Server};

mod running;
pub mod server;
mod statuses;

/// An uplink with a spool of its own, towards a server.
struct Office {
    dir: TempDir,
    spool: Arc<Mutex<Spool>>,
    uplink: Uplink,
}

fn identity() -> Identity {
    Identity {
        agent: AgentId([5; 16]),
        token: "correct-horse".to_owned().try_into().unwrap(),
        site: "19.02.02.2009".parse().unwrap(),
        site_name: "Desa Contoh".to_owned(),
        online_key: "00ff".to_owned().try_into().unwrap(),
    }
}

fn stamp() -> Stamp {
    Stamp { boot: BootId([6; 16]), boot_ms: 60_000, wall_ms: 1_790_000_000_000 }
}

fn plan(version: u32) -> Plan {
    Plan { version, push_seconds: 1, ..Plan::standard() }
}

impl Office {
    fn new(server: &Server) -> Self {
        Self::towards(server.address.clone(), server.fingerprint)
    }

    fn towards(collector: String, fingerprint: Fingerprint) -> Self {
        let dir = TempDir::new().unwrap();
        let options = spool::Options { bytes_max: 100 * SEGMENT_BYTES as u64 };
        let spool = Spool::open(&dir.path().join("spool"), options, Epoch([9; 8])).unwrap().0;
        let spool = Arc::new(Mutex::new(spool));
        let options = Options { collector, fingerprint, state: dir.path().to_owned() };
        let mut uplink =
            Uplink::new(options, identity(), plan(1), Arc::clone(&spool), Arc::new(stamp), &Meter::default())
                .unwrap();
        // What comes before the first record of a session is another test's matter.
        uplink.met = true;
        Self { dir, spool, uplink }
    }

    fn append(&self, count: u64) {
        append(&self.spool, count);
    }

    fn pending(&self) -> Vec<Sequence> {
        pending(&self.spool)
    }
}

fn append(spool: &Mutex<Spool>, count: u64) {
    let mut spool = spool.lock().unwrap();
    for _ in 0..count {
        let sequence = spool.next_sequence();
        let record = Record { sequence, stamp: stamp(), body: Body::ClockStep(ClockStep { by_ms: 1 }) };
        spool.append(&encode_record(&record)).unwrap();
    }
    spool.sync();
}

fn pending(spool: &Mutex<Spool>) -> Vec<Sequence> {
    let records = spool.lock().unwrap().peek(Order::OldestFirst, usize::MAX, usize::MAX).unwrap();
    records.into_iter().map(|(sequence, _)| sequence).collect()
}

/// Waits for a state; says what was seen last when it does not come.
async fn until<T: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> Result<(), T>) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match look() {
            Ok(()) => return,
            Err(seen) if Instant::now() > deadline => panic!("{what}: last seen {seen:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
