//! ICMP echoes with honest books: what was sent, what came back in time, late, and twice.
//!
//! The system's half (`echo_unix`, `echo_windows`) sends and hears; the counting is here and the same for
//! both.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use suar_wire::{Echo, EchoError, EchoMethod, Outcome};
use tokio::sync::watch;

use super::TIMEOUT;

#[cfg(unix)]
#[path = "echo_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "echo_windows.rs"]
mod system;

pub use system::Echoer;

/// Payload of an echo, all of it random: 8 bytes make 36 on the wire one way, 72 both ways (IPv4). Nobody guesses
/// one in the seconds that it counts, and with 16 monitoring costs a tenth more.
pub const PAYLOAD_BYTES: usize = 8;

/// A round with a missing reply is kept open this long after its last send, to count replies that come
/// after [`TIMEOUT`]. What comes later still is not counted at all, as are duplicates after the round.
pub const LATE_WINDOW: Duration = Duration::from_secs(5);

/// Whom to ping. The scope is the interface of a link-local IPv6 address, else 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    pub address: IpAddr,
    pub scope: u32,
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self { address, scope: 0 }
    }
}

#[derive(Debug, Clone, Copy)]
struct Line {
    sent_at: Instant,
    reply_after: Option<Duration>,
}

#[derive(Debug, Default)]
struct Book {
    lines: Vec<Line>,
    duplicates: u8,
    error: Option<EchoError>,
}

/// Tells everybody who waits on a round's tallies that something came.
#[derive(Debug, Clone)]
pub struct Board(Arc<watch::Sender<()>>);

impl Default for Board {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }
}

impl Board {
    /// Waits until the condition holds or there is nothing left to wait for: the deadline is asked again
    /// after each change, and `None` ends the wait.
    async fn wait(&self, deadline: impl Fn() -> Option<Instant>, holds: impl Fn() -> bool) {
        let mut changes = self.0.subscribe();
        while !holds() {
            let Some(deadline) = deadline() else { return };
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(deadline.into()) => return,
            }
        }
    }

    /// Waits until one of the tallies has a reply in time, or until the deadline. True: there is one.
    pub async fn first_reply(&self, tallies: &[Tally], deadline: Instant) -> bool {
        let answered = || tallies.iter().any(Tally::answered);
        self.wait(|| Some(deadline), answered).await;
        answered()
    }
}

/// The echoes of one round to one address. Clones are the same book.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    book: Arc<Mutex<Book>>,
    board: Board,
}

impl Tally {
    pub fn on(board: &Board) -> Self {
        Self { book: Arc::default(), board: board.clone() }
    }

    fn book<R>(&self, write: impl FnOnce(&mut Book) -> R) -> R {
        let result = write(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner));
        self.board.0.send_replace(());
        result
    }

    /// A packet is about to leave; the number names it in [`Tally::heard`].
    pub fn sending(&self, sent_at: Instant) -> usize {
        self.book(|book| {
            book.lines.push(Line { sent_at, reply_after: None });
            book.lines.len() - 1
        })
    }

    /// The packet announced last did not leave after all.
    pub fn not_sent(&self, line: usize, error: EchoError) {
        self.book(|book| {
            if line + 1 == book.lines.len() {
                book.lines.pop();
            }
            book.error = Some(error);
        });
    }

    pub fn heard(&self, line: usize, after: Duration) {
        self.book(|book| match book.lines.get_mut(line) {
            Some(line) if line.reply_after.is_none() => line.reply_after = Some(after),
            Some(_) => book.duplicates = book.duplicates.saturating_add(1),
            None => {}
        });
    }

    pub fn failed(&self, error: EchoError) {
        self.book(|book| book.error = Some(error));
    }

    fn read<R>(&self, read: impl FnOnce(&Book) -> R) -> R {
        read(&self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A valid reply in time has come.
    pub fn answered(&self) -> bool {
        self.read(|book| book.lines.iter().any(|line| line.reply_after.is_some_and(|after| after <= TIMEOUT)))
    }

    /// The system refuses ICMP to this program.
    pub fn forbidden(&self) -> bool {
        self.read(|book| book.error == Some(EchoError::NoPermission))
    }

    fn missing(&self) -> bool {
        self.read(|book| book.lines.iter().any(|line| line.reply_after.is_none()))
    }

    fn last_sent_and(&self, more: Duration) -> Option<Instant> {
        self.read(|book| book.lines.iter().map(|line| line.sent_at).max()).map(|last| last + more)
    }

    /// Waits until every packet is answered or has missed its time.
    pub async fn decided(&self) {
        self.board.wait(|| self.last_sent_and(TIMEOUT), || !self.missing()).await;
    }

    /// The same, and a little longer for late replies.
    pub async fn settled(&self) {
        self.board.wait(|| self.last_sent_and(LATE_WINDOW), || !self.missing()).await;
    }

    pub fn echo(&self, target: IpAddr) -> Echo {
        self.read(|book| {
            let replies = || book.lines.iter().filter_map(|line| line.reply_after);
            Echo {
                target,
                method: EchoMethod::Icmp,
                sent: u8::try_from(book.lines.len()).unwrap_or(u8::MAX).min(Echo::SENT_MAX),
                late: u8::try_from(replies().filter(|after| *after > TIMEOUT).count()).unwrap_or(u8::MAX),
                duplicates: book.duplicates,
                error: book.error,
                rtt_us: replies().filter(|after| *after <= TIMEOUT).map(micros).collect(),
            }
        })
    }

    /// The same as a single answer, for the gateway.
    pub fn outcome(&self) -> Outcome {
        let echo = self.echo(IpAddr::from([0, 0, 0, 0]));
        match (echo.rtt_us.first(), echo.error, echo.sent) {
            (Some(&elapsed_us), _, _) => Outcome::Ok { elapsed_us },
            (None, Some(EchoError::Unreachable), _) => Outcome::Failed(suar_wire::Failure::Unreachable),
            (None, Some(EchoError::NoPermission | EchoError::Unsendable), _) => {
                Outcome::Failed(suar_wire::Failure::Local)
            }
            (None, None, 0) => Outcome::NotSent,
            (None, None, _) => Outcome::Failed(suar_wire::Failure::Timeout),
        }
    }
}

/// Microseconds as they go into a record.
pub fn micros(elapsed: Duration) -> u32 {
    u32::try_from(elapsed.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_reply_after_three_seconds_is_lost_and_counted_as_late() {
        let tally = Tally::default();
        let now = Instant::now();
        let (first, second) = (tally.sending(now), tally.sending(now));
        tally.heard(second, Duration::from_millis(3_001));
        assert!(!tally.answered());
        tally.heard(first, Duration::from_millis(3_000));
        let echo = tally.echo(TARGET);
        assert_eq!((echo.sent, echo.received(), echo.lost(), echo.late), (2, 1, 1, 1));
        assert_eq!(echo.rtt_us, [3_000_000]);
    }

    #[test]
    fn extra_copies_are_counted_and_change_no_round_trip() {
        let tally = Tally::default();
        let line = tally.sending(Instant::now());
        tally.heard(line, Duration::from_millis(10));
        tally.heard(line, Duration::from_millis(90));
        tally.heard(line + 7, Duration::from_millis(1));
        let echo = tally.echo(TARGET);
        assert_eq!((echo.duplicates, echo.rtt_us), (1, vec![10_000]));
    }

    #[test]
    fn a_packet_that_never_left_is_not_counted_as_sent() {
        let tally = Tally::default();
        let line = tally.sending(Instant::now());
        tally.not_sent(line, EchoError::Unsendable);
        let echo = tally.echo(TARGET);
        assert_eq!((echo.sent, echo.lost(), echo.error), (0, 0, Some(EchoError::Unsendable)));
    }

    #[test]
    fn round_trips_stand_in_sending_order() {
        let tally = Tally::default();
        let now = Instant::now();
        let lines: Vec<_> = (0..3).map(|_| tally.sending(now)).collect();
        tally.heard(lines[2], Duration::from_micros(30));
        tally.heard(lines[0], Duration::from_micros(10));
        assert_eq!(tally.echo(TARGET).rtt_us, [10, 30]);
    }
}
