//! Round trips before a test and during it: by how much they grow is how long the line's queue is.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use suar_wire::Purpose;
use tokio::task::JoinHandle;

use crate::meter::Meter;
use crate::probe::echo::{Board, Echoer, Tally};

/// Echoes to each target before the test.
const BEFORE: u32 = 3;
/// Between two echoes.
const SPACING: Duration = Duration::from_millis(250);
/// The same while the line is full: a round lasts 0.8 s.
const LOADED_SPACING: Duration = Duration::from_millis(100);
const LAST_REPLY_TIME_MAX: Duration = Duration::from_millis(500);
/// A reply that takes longer is not waited for.
const REPLY_TIME_MAX: Duration = Duration::from_millis(1_500);
/// Targets that are tried.
const TARGETS_MAX: usize = 3;

/// The target that answers soonest, and its round trip at rest.
#[derive(Debug)]
pub struct Pings {
    nearest: Option<(IpAddr, u32)>,
}

/// Says when a test fills the line: echoes before that would say nothing of a full one. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Load(Arc<AtomicBool>);

impl Load {
    pub fn set(&self, is_on: bool) {
        self.0.store(is_on, Ordering::Relaxed);
    }
}

/// Echoes that go on while a test fills the line.
#[derive(Debug)]
pub struct Loaded {
    tally: Tally,
    target: Option<IpAddr>,
    sending: JoinHandle<()>,
}

impl Pings {
    pub async fn at_rest(targets: &[IpAddr], meter: &Meter) -> Self {
        let echoer = Echoer::new(meter);
        let board = Board::default();
        let targets: Vec<(IpAddr, Tally)> =
            targets.iter().take(TARGETS_MAX).map(|target| (*target, Tally::on(&board))).collect();
        for _ in 0..BEFORE {
            for (target, tally) in &targets {
                echoer.send(Purpose::Bandwidth, (*target).into(), tally).await;
            }
            tokio::time::sleep(SPACING).await;
        }
        let by = Instant::now() + REPLY_TIME_MAX;
        let all = async {
            for (_, tally) in &targets {
                tally.decided().await;
            }
        };
        let _ = tokio::time::timeout_at(by.into(), all).await;
        let nearest =
            targets.iter().filter_map(|(target, tally)| Some((*target, median_us(tally, *target)?)));
        Self { nearest: nearest.min_by_key(|(_, rtt_us)| *rtt_us) }
    }

    pub fn rtt_us(&self) -> Option<u32> {
        self.nearest.map(|(_, rtt_us)| rtt_us)
    }

    /// Whether the line still carries echoes.
    pub async fn still_answered(&self, meter: &Meter) -> bool {
        let Some((target, _)) = self.nearest else { return false };
        Self::at_rest(&[target], meter).await.nearest.is_some()
    }

    /// Goes on until the end is asked for.
    pub fn go_on(&self, load: Load, meter: &Meter) -> Loaded {
        let target = self.nearest.map(|(target, _)| target);
        let tally = Tally::default();
        let sending = tokio::spawn(send(target, load, Echoer::new(meter), tally.clone()));
        Loaded { tally, target, sending }
    }
}

async fn send(target: Option<IpAddr>, load: Load, echoer: Echoer, tally: Tally) {
    let Some(target) = target else { return };
    loop {
        tokio::time::sleep(LOADED_SPACING).await;
        if load.0.load(Ordering::Relaxed) {
            echoer.send(Purpose::Bandwidth, target.into(), &tally).await;
        }
    }
}

impl Loaded {
    /// The median of what was answered. Replies that are under way are waited for a little.
    pub async fn end(self, load: &Load) -> Option<u32> {
        load.set(false);
        let _ = tokio::time::timeout(LAST_REPLY_TIME_MAX, self.tally.decided()).await;
        median_us(&self.tally, self.target?)
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

fn median_us(tally: &Tally, target: IpAddr) -> Option<u32> {
    let mut rtt_us = tally.echo(target).rtt_us;
    rtt_us.sort_unstable();
    rtt_us.get(rtt_us.len() / 2).copied()
}
