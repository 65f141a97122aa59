//! The way of an answer to whoever asked. The first mebibytes are held back, so that a bound passed early
//! is still a clean error; after that the answer streams, and a bound passed then breaks the connection
//! off, which Prometheus takes for the error it is and never for a short answer.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use hyper::body::Frame;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::refusal::Refusal;

/// Bytes of an answer that are held back.
pub const HELD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Pieces on their way to a client that reads slowly.
const WAITING_PIECES_MAX: usize = 4;
/// Longest a client may not read at all.
const STALL_TIME_MAX: Duration = Duration::from_secs(15);

type Piece = Result<Bytes, Refusal>;

/// The end that writes; lives on a thread that may wait.
#[derive(Debug)]
pub struct Outbox {
    held: Vec<u8>,
    /// Until the answer has begun.
    start: Option<oneshot::Sender<Result<Body, Refusal>>>,
    stream: Option<mpsc::Sender<Piece>>,
    runtime: Handle,
    until: Instant,
    wanted: Wanted,
}

/// Whether somebody waits for the answer still: the connection holds the other side of it.
#[derive(Debug, Clone)]
pub struct Wanted(Weak<()>);

impl Wanted {
    pub fn is_still(&self) -> bool {
        self.0.strong_count() > 0
    }
}

/// The end that waits for an answer to begin.
#[derive(Debug)]
pub struct Inbox {
    started: oneshot::Receiver<Result<Body, Refusal>>,
    _wanted: Arc<()>,
}

impl Inbox {
    /// The body, or why there is none; nothing when the other end was dropped.
    pub async fn answer(self) -> Option<Result<Body, Refusal>> {
        self.started.await.ok()
    }
}

/// Nobody reads any more, or not before the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

impl Outbox {
    pub fn new(runtime: Handle, until: Instant) -> (Self, Inbox) {
        let (start, started) = oneshot::channel();
        let wanted = Arc::new(());
        let outbox = Self {
            held: Vec::new(),
            start: Some(start),
            stream: None,
            runtime,
            until,
            wanted: Wanted(Arc::downgrade(&wanted)),
        };
        (outbox, Inbox { started, _wanted: wanted })
    }

    pub fn wanted(&self) -> Wanted {
        self.wanted.clone()
    }

    pub fn write(&mut self, bytes: Vec<u8>) -> Result<(), Gone> {
        if let Some(stream) = &self.stream {
            return send(&self.runtime, self.until, stream, Ok(bytes.into()));
        }
        self.held.extend_from_slice(&bytes);
        if self.held.len() <= HELD_BYTES_MAX {
            return Ok(());
        }
        let (stream, pieces) = mpsc::channel(WAITING_PIECES_MAX);
        send(&self.runtime, self.until, &stream, Ok(std::mem::take(&mut self.held).into()))?;
        self.stream = Some(stream);
        let wanted = self.wanted.0.upgrade().ok_or(Gone)?;
        self.begin(Ok(Body::new(Pieces { pieces, _wanted: wanted })))
    }

    /// The answer is whole.
    pub fn finish(mut self) -> Result<(), Gone> {
        if self.stream.is_some() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        self.begin(Ok(held.into()))
    }

    /// There will be no more of the answer; says whether the status could still tell.
    pub fn refuse(mut self, refusal: Refusal) -> bool {
        match self.stream.take() {
            // Whoever has gone does not need to hear it.
            Some(stream) => {
                let _ = send(&self.runtime, self.until + STALL_TIME_MAX, &stream, Err(refusal));
                false
            }
            None => self.begin(Err(refusal)).is_ok(),
        }
    }

    fn begin(&mut self, body: Result<Body, Refusal>) -> Result<(), Gone> {
        self.start.take().and_then(|start| start.send(body).ok()).ok_or(Gone)
    }
}

fn send(runtime: &Handle, until: Instant, stream: &mpsc::Sender<Piece>, piece: Piece) -> Result<(), Gone> {
    let until = until.min(Instant::now() + STALL_TIME_MAX);
    let sending = async { tokio::time::timeout_at(until.into(), stream.send(piece)).await };
    match runtime.block_on(sending) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

/// The end that the connection reads from.
struct Pieces {
    pieces: mpsc::Receiver<Piece>,
    _wanted: Arc<()>,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.pieces.poll_recv(context).map(|piece| {
            piece.map(|piece| match piece {
                Ok(bytes) => Ok(Frame::data(bytes)),
                Err(refusal) => Err(std::io::Error::other(refusal.message)),
            })
        })
    }
}
