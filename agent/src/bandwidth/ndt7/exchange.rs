//! One test on an open WebSocket: whoever sends sends until the time is over, the other counts.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_core::Stream;
use futures_sink::Sink;
use hyper::body::Bytes;
use suar_wire::bandwidth::Direction;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_websockets::{ClientBuilder, Error, Limits, Message, WebSocketStream};

use super::measurement::Counted;
use super::{Cost, End, SEND_TIME, TEST_TIME_MAX, used};
use crate::meter::Meter;

/// Longest message that the specification allows.
const MESSAGE_BYTES_MAX: usize = 1 << 24;
/// Measurements that are heard in one test; the specification allows ten a second.
const TEXTS_MAX: u32 = 1_000;
/// The first message of a test; who sends less has not begun.
const FIRST_MESSAGE_BYTES: u64 = 1 << 13;
/// A test in which nothing moved for so long before its end has broken off.
const STALL_MAX: Duration = Duration::from_secs(3);

pub struct Exchange<S> {
    socket: WebSocketStream<Bounded<S>>,
    direction: Direction,
    /// When the WebSocket was there.
    began_at: Instant,
    load: Load,
    counted: Option<Counted>,
    texts: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Exchange<S> {
    /// On a stream whose other end has agreed to speak WebSocket.
    pub fn new(stream: S, cost: &Cost, meter: &Meter, began_at: Instant) -> Self {
        let (meter, bound_bytes) = (meter.clone(), cost.bound_bytes);
        let (sent, received) = Default::default();
        let stream = Bounded { stream, meter, bound_bytes, sent, received };
        let limits = Limits::default().max_payload_len(Some(MESSAGE_BYTES_MAX));
        let socket = ClientBuilder::new().limits(limits).take_over(stream);
        let load = Load::default();
        Self { socket, direction: cost.direction, began_at, load, counted: None, texts: 0 }
    }

    pub async fn run(&mut self) -> End {
        let time = match self.direction {
            Direction::Download => TEST_TIME_MAX,
            Direction::Upload => SEND_TIME,
        };
        let ends_at = self.began_at + time;
        let moving = poll_fn(|context| self.poll(context));
        match tokio::time::timeout_at(ends_at.into(), moving).await {
            Ok(end) => end,
            Err(_) if self.moved().last_at.is_some_and(|last_at| last_at + STALL_MAX >= ends_at) => {
                self.completed()
            }
            Err(_) if self.has_begun() => End::BrokenOff,
            Err(_) => End::Silent,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        while let Poll::Ready(heard) = Pin::new(&mut self.socket).poll_next(context) {
            let end = match heard {
                Some(Ok(message)) => self.hear(&message, context),
                Some(Err(error)) => Some(self.end_by(&error)),
                None => Some(self.broken_off()),
            };
            if let Some(end) = end {
                return Poll::Ready(end);
            }
        }
        if self.direction == Direction::Upload {
            loop {
                let sent = match ready!(Pin::new(&mut self.socket).poll_ready(context)) {
                    Ok(()) => Pin::new(&mut self.socket).start_send(self.load.next()),
                    refused => refused,
                };
                if let Err(error) = sent {
                    return Poll::Ready(self.end_by(&error));
                }
            }
        }
        Poll::Pending
    }

    fn hear(&mut self, message: &Message, context: &mut Context<'_>) -> Option<End> {
        if message.is_close() {
            // The answer to it is polite, and nothing is waited for.
            let _ = Pin::new(&mut self.socket).poll_flush(context);
            return Some(self.completed());
        }
        if message.is_binary() && self.direction == Direction::Upload {
            return Some(End::Protocol);
        }
        if let Some(text) = message.as_text() {
            self.texts += 1;
            if self.texts > TEXTS_MAX {
                return Some(End::Protocol);
            }
            // Measurements are optional, and one that cannot be read is none.
            self.counted = Counted::read(text.as_bytes()).or(self.counted);
        }
        None
    }

    fn has_begun(&self) -> bool {
        self.moved().bytes >= FIRST_MESSAGE_BYTES
    }

    fn completed(&self) -> End {
        if self.has_begun() { End::Complete } else { End::Silent }
    }

    fn end_by(&self, error: &Error) -> End {
        match error {
            _ if self.socket.get_ref().is_over() => End::Bound,
            Error::Io(_) | Error::AlreadyClosed => self.broken_off(),
            _ => End::Protocol,
        }
    }

    /// The specification asks to take an abrupt end for an end: it is one once the sender's time is nearly over.
    fn broken_off(&self) -> End {
        if self.began_at.elapsed() >= SEND_TIME * 9 / 10 { self.completed() } else { End::BrokenOff }
    }

    /// What moved in the direction that is tested.
    fn moved(&self) -> &Moved {
        match self.direction {
            Direction::Download => &self.socket.get_ref().received,
            Direction::Upload => &self.socket.get_ref().sent,
        }
    }

    /// By whoever received, where that is known; whether it is.
    pub fn rate_bps(&self, end: End) -> (Option<u64>, bool) {
        let counted = self.counted.filter(|_| self.direction == Direction::Upload);
        let by_receiver = self.direction == Direction::Download || counted.is_some();
        let moved = self.moved();
        let (bytes, elapsed) = match (counted, moved.last_at) {
            _ if !matches!(end, End::Complete | End::Bound) => return (None, by_receiver),
            (Some(counted), _) => (counted.bytes, counted.elapsed),
            (None, Some(last_at)) => (moved.bytes, last_at - self.began_at),
            (None, None) => return (None, by_receiver),
        };
        let bps = bytes as f64 * 8.0 / elapsed.as_secs_f64().max(1e-3);
        (Some(bps as u64).filter(|bps| *bps > 0), by_receiver)
    }
}

/// What went one way through the WebSocket, pieces of messages too.
#[derive(Debug, Default)]
struct Moved {
    bytes: u64,
    last_at: Option<Instant>,
}

impl Moved {
    fn by(&mut self, bytes: usize) {
        if bytes > 0 {
            self.bytes += bytes as u64;
            self.last_at = Some(Instant::now());
        }
    }
}

/// A stream that refuses to go on once the test's bytes are spent; messages are told only when they are whole, and may be
/// megabytes.
#[derive(Debug)]
struct Bounded<S> {
    stream: S,
    meter: Meter,
    bound_bytes: u64,
    sent: Moved,
    received: Moved,
}

impl<S> Bounded<S> {
    fn is_over(&self) -> bool {
        let used = used(&self.meter);
        used.sent.saturating_add(used.received) >= self.bound_bytes
    }

    fn go_on(&self) -> io::Result<()> {
        if self.is_over() { Err(io::ErrorKind::QuotaExceeded.into()) } else { Ok(()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.go_on()?;
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.received.by(buffer.filled().len() - before);
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.go_on()?;
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.sent.by(*written.as_ref().unwrap_or(&0));
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Binary messages to fill the line with, as the specification grows them: twice as long once sixteen of a size are sent.
/// They are of zeroes: their masks and TLS make them incompressible.
#[derive(Debug)]
struct Load {
    message_bytes: usize,
    sent: usize,
}

impl Default for Load {
    fn default() -> Self {
        Self { message_bytes: FIRST_MESSAGE_BYTES as usize, sent: 0 }
    }
}

impl Load {
    const FRACTION: usize = 16;
    /// Longer messages have a point on lines that no office has.
    const MESSAGE_BYTES_MAX: usize = 1 << 18;

    fn next(&mut self) -> Message {
        if self.message_bytes < Self::MESSAGE_BYTES_MAX && self.message_bytes < self.sent / Self::FRACTION {
            self.message_bytes *= 2;
        }
        self.sent = self.sent.saturating_add(self.message_bytes);
        Message::binary(Bytes::from(vec![0; self.message_bytes]))
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
