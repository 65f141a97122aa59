//! A wide-area link in user space: two TUN devices in two namespaces and a thread between them.
//!
//! Kernels of small machines and of CI lack netem; TUN is there. What happens to packets is decided by
//! [`shaper`]; this file opens the devices and moves bytes. [`Wan`] changes the link while it runs.

pub mod shaper;
mod tun_linux;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub use shaper::{Bucket, Conditions, Counters, Loss, Tally};

use crate::netns::Namespace;
use shaper::Shaper;

/// Name of the TUN device at both ends, each in a namespace of its own.
pub const DEVICE: &str = "wan0";
/// Longest the mover sleeps when nothing is due: it looks again whether it should end.
const IDLE: Duration = Duration::from_millis(200);

/// From which end a packet enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the office to the internet.
    Up,
    /// From the internet to the office.
    Down,
}

/// A running link. Dropping it ends the thread and removes both devices.
#[derive(Debug)]
pub struct Wan {
    shared: Arc<Shared>,
    mover: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    up: Mutex<Shaper>,
    down: Mutex<Shaper>,
    wake: OwnedFd,
    ended: AtomicBool,
}

impl Wan {
    /// Opens [`DEVICE`] in both namespaces (devices come up without addresses) and starts to move.
    pub fn between(
        office: &Namespace,
        internet: &Namespace,
        internet_device: &str,
        seed: u64,
    ) -> Result<Self> {
        let office_tun = open_in(office, DEVICE)?;
        let internet_tun = open_in(internet, internet_device)?;
        let shared = Arc::new(Shared {
            up: Mutex::new(Shaper::new(Conditions::default(), seed)),
            down: Mutex::new(Shaper::new(Conditions::default(), seed ^ 1)),
            wake: tun_linux::event().context("an eventfd for the emulator")?,
            ended: AtomicBool::new(false),
        });
        let mover = std::thread::Builder::new()
            .name("wan".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || {
                    tun_linux::prefer_this_thread();
                    if let Err(error) = move_packets(&shared, &office_tun, &internet_tun) {
                        eprintln!("the WAN emulator ended: {error}");
                    }
                }
            })
            .context("a thread for the emulator")?;
        Ok(Self { shared, mover: Some(mover) })
    }

    /// The same conditions both ways.
    pub fn set_both(&self, conditions: &Conditions) {
        self.set(Direction::Up, conditions.clone());
        self.set(Direction::Down, conditions.clone());
    }

    pub fn set(&self, direction: Direction, conditions: Conditions) {
        self.shared.shaper(direction).set(conditions);
        tun_linux::raise(&self.shared.wake);
    }

    /// Cuts or mends both directions and leaves everything else as it was.
    pub fn set_blocked(&self, blocked: bool) {
        for direction in [Direction::Up, Direction::Down] {
            let mut shaper = self.shared.shaper(direction);
            let conditions = Conditions { blocked, ..shaper.conditions().clone() };
            shaper.set(conditions);
        }
        tun_linux::raise(&self.shared.wake);
    }

    pub fn counters(&self, direction: Direction) -> Counters {
        self.shared.shaper(direction).counters()
    }
}

impl Drop for Wan {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        tun_linux::raise(&self.shared.wake);
        if let Some(mover) = self.mover.take()
            && mover.join().is_err()
        {
            eprintln!("the WAN emulator panicked");
        }
    }
}

impl Shared {
    fn shaper(&self, direction: Direction) -> MutexGuard<'_, Shaper> {
        let shaper = match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        };
        shaper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_in(namespace: &Namespace, device: &str) -> Result<OwnedFd> {
    let tun = namespace
        .enter(|| tun_linux::open(device))?
        .with_context(|| format!("TUN device {device} in {}", namespace.name()))?;
    namespace.ip(&["link", "set", device, "up"])?;
    Ok(tun)
}

/// Moves packets until the link is dropped.
fn move_packets(shared: &Shared, office: &OwnedFd, internet: &OwnedFd) -> io::Result<()> {
    let start = Instant::now();
    let now_ns = || start.elapsed().as_nanos() as u64;
    let ways = [(Direction::Up, office, internet), (Direction::Down, internet, office)];
    let mut buffer = vec![0; 65_536];
    while !shared.ended.load(Ordering::SeqCst) {
        let mut next_ns: Option<u64> = None;
        for (direction, _, to) in ways {
            let mut shaper = shared.shaper(direction);
            while let Some(packet) = shaper.take_due(now_ns()) {
                tun_linux::write(to, &packet)?;
            }
            next_ns = next_ns.into_iter().chain(shaper.next_due_ns()).min();
        }
        let wait =
            next_ns.map_or(IDLE, |due_ns| Duration::from_nanos(due_ns.saturating_sub(now_ns()))).min(IDLE);
        tun_linux::wait([office.as_raw_fd(), internet.as_raw_fd(), shared.wake.as_raw_fd()], wait)?;
        tun_linux::calm(&shared.wake);
        for (direction, from, _) in ways {
            while let Some(bytes) = tun_linux::read(from, &mut buffer)? {
                shared.shaper(direction).offer(now_ns(), buffer[..bytes].to_vec());
            }
        }
    }
    Ok(())
}
