//! A hostile line: a TCP proxy that cuts requests, swallows replies and leaves connections half open, at
//! random bytes. What it does to a connection is drawn when that begins.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::netns::Namespace;
use crate::seed::Random;

/// A request with its handshake has about 3 kB; a fate may fall anywhere in it or in the next ones.
const REQUEST_BYTES: u64 = 12_000;
/// A handshake and a few receipts.
const REPLY_BYTES: u64 = 4_000;
/// How long a half-open connection stays before it is reset.
const HALF_OPEN: Duration = Duration::from_secs(2);
const READ_BYTES: usize = 16 * 1024;
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Passes,
    /// Reset after this many bytes from the agent.
    RequestCut(u64),
    /// Reset after this many bytes from the collector: a receipt may be among what is lost.
    ReplyLost(u64),
    /// After this many bytes from the collector nothing comes back, and the connection stays.
    HalfOpen(u64),
}

/// What was done to connections.
#[derive(Debug, Default)]
pub struct Done {
    pub passed: AtomicU64,
    pub requests_cut: AtomicU64,
    pub replies_lost: AtomicU64,
    pub half_open: AtomicU64,
}

/// Runs until dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    to: SocketAddr,
    random: Mutex<Random>,
    hostile: AtomicBool,
    stops: AtomicBool,
    done: Done,
}

impl Proxy {
    /// Listens inside a namespace and passes on to an address there.
    pub fn start(namespace: &Namespace, listen: &str, to: &str, seed: u64) -> Result<Self> {
        let shared = Arc::new(Shared {
            to: to.parse().context("an address and port")?,
            random: Mutex::new(Random::from_seed(seed)),
            hostile: AtomicBool::new(false),
            stops: AtomicBool::new(false),
            done: Done::default(),
        });
        // Threads started inside stay inside.
        namespace.enter(|| -> Result<()> {
            let listener = TcpListener::bind(listen).with_context(|| format!("a proxy at {listen}"))?;
            listener.set_nonblocking(true)?;
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("proxy".to_owned()).spawn(move || shared.accept(&listener))?;
            Ok(())
        })??;
        Ok(Self { shared })
    }

    /// From now on new connections pass, as they do at first.
    pub fn calm(&self) {
        self.shared.hostile.store(false, Ordering::SeqCst);
    }

    pub fn rage(&self) {
        self.shared.hostile.store(true, Ordering::SeqCst);
    }

    pub fn done(&self) -> &Done {
        &self.shared.done
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        while !self.stops.load(Ordering::SeqCst) {
            let Ok((agent, _)) = listener.accept() else {
                std::thread::sleep(LOOK_AGAIN);
                continue;
            };
            let fate = self.draw();
            let shared = Arc::clone(&self);
            // A connection that cannot be served is one more fault of the line.
            let _ =
                std::thread::Builder::new().name("line".to_owned()).spawn(move || shared.carry(agent, fate));
        }
    }

    fn draw(&self) -> Fate {
        if !self.hostile.load(Ordering::SeqCst) {
            return Fate::Passes;
        }
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        match random.below(10) {
            0..4 => Fate::Passes,
            4..6 => Fate::RequestCut(random.below(REQUEST_BYTES)),
            6..8 => Fate::ReplyLost(random.below(REPLY_BYTES)),
            _ => Fate::HalfOpen(random.below(REPLY_BYTES)),
        }
    }

    fn carry(&self, agent: TcpStream, fate: Fate) {
        let counter = match fate {
            Fate::Passes => &self.done.passed,
            Fate::RequestCut(_) => &self.done.requests_cut,
            Fate::ReplyLost(_) => &self.done.replies_lost,
            Fate::HalfOpen(_) => &self.done.half_open,
        };
        let Ok(collector) = TcpStream::connect(self.to) else { return reset(&agent) };
        counter.fetch_add(1, Ordering::Relaxed);
        let (up, down) = match fate {
            Fate::Passes => (None, None),
            Fate::RequestCut(bytes) => (Some(bytes), None),
            Fate::ReplyLost(bytes) | Fate::HalfOpen(bytes) => (None, Some(bytes)),
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if copy(&agent, &collector, up) == Ended::Bound {
                    reset(&agent);
                }
                let _ = collector.shutdown(Shutdown::Both);
            });
            let ended = copy(&collector, &agent, down);
            if ended == Ended::Bound && matches!(fate, Fate::HalfOpen(_)) {
                let since = Instant::now();
                // What the agent still sends arrives; it hears nothing of that.
                while since.elapsed() < HALF_OPEN && !self.stops.load(Ordering::SeqCst) {
                    std::thread::sleep(LOOK_AGAIN);
                }
            }
            if ended == Ended::Bound {
                reset(&agent);
            }
            let _ = agent.shutdown(Shutdown::Both);
            let _ = collector.shutdown(Shutdown::Both);
        });
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Closed,
    Bound,
}

/// Copies until the end, or until this many bytes went through.
fn copy(mut from: &TcpStream, mut to: &TcpStream, bytes_max: Option<u64>) -> Ended {
    let mut left = bytes_max;
    let mut buffer = [0; READ_BYTES];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer) else { return Ended::Closed };
        let passed = left.map_or(read, |left| read.min(usize::try_from(left).unwrap_or(read)));
        if to.write_all(&buffer[..passed]).is_err() {
            return Ended::Closed;
        }
        left = left.map(|left| left - passed as u64);
        if left == Some(0) {
            return Ended::Bound;
        }
    }
}

/// Both ends get a reset instead of an orderly end, as from a router that was restarted.
fn reset(stream: &TcpStream) {
    let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the descriptor is open, and the pointer is to a value of the size that is given.
    let _ = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const at_once).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    };
    let _ = stream.shutdown(Shutdown::Both);
}
