//! A TCP connection that counts its own bytes on the line, headers and repeated segments included.
//!
//! Where the kernel keeps the account (Linux, `TCP_INFO`), it is read after each piece of work; elsewhere
//! [`model`] reckons it from the payload. What happens after the last look (the closing handshake, a
//! connection that never came about) is reckoned everywhere.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use suar_wire::Purpose;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::meter::{Bytes, Meter, ip_header};
use model::{Headers, Payload};

#[cfg(unix)]
#[path = "tcp/kernel_linux.rs"]
mod kernel;
#[cfg(windows)]
#[path = "tcp/kernel_windows.rs"]
mod kernel;
mod model;

/// What the bytes of a connection are for now. Clones are the same label: a kept connection serves several
/// purposes, one after the other.
#[derive(Debug, Clone)]
pub struct Label(Arc<Mutex<Purpose>>);

impl Label {
    pub fn new(purpose: Purpose) -> Self {
        Self(Arc::new(Mutex::new(purpose)))
    }

    pub fn set(&self, purpose: Purpose) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = purpose;
    }

    fn get(&self) -> Purpose {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    meter: Meter,
    label: Label,
    headers: Headers,
    payload: Payload,
    /// What the meter knows already.
    told: Bytes,
}

impl Connection {
    pub async fn open(to: SocketAddr, meter: &Meter, label: &Label) -> io::Result<Self> {
        let mut attempt = Attempt { to: to.ip(), began_at: Instant::now(), meter, label, ended: None };
        let connected = TcpStream::connect(to).await;
        attempt.ended = Some(connected.as_ref().map(|_| ()).map_err(io::Error::kind));
        let stream = connected?;
        drop(attempt);
        // Small requests that wait for an answer have nothing to gain from waiting for company.
        stream.set_nodelay(true)?;
        let (meter, label) = (meter.clone(), label.clone());
        let (headers, payload) = (Headers::new(ip_header(to.ip())), Payload::default());
        let mut connection = Self { stream, meter, label, headers, payload, told: Bytes::default() };
        connection.tell();
        Ok(connection)
    }

    /// Asks the other side, after this much idle time, whether it is still there.
    pub fn keep_alive(&self, after: Duration) -> io::Result<()> {
        let keepalive = socket2::TcpKeepalive::new().with_time(after);
        socket2::SockRef::from(&self.stream).set_tcp_keepalive(&keepalive)
    }

    /// For options of the system's own.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn tell(&mut self) {
        let so_far = match kernel::account(&self.stream) {
            Some(account) => self.headers.of_kernel(&account),
            None => self.headers.of_payload(&self.payload),
        };
        self.add_up_to(so_far);
    }

    fn add_up_to(&mut self, so_far: Bytes) {
        self.meter.add(self.label.get(), so_far.since(self.told));
        self.told = Bytes {
            sent: so_far.sent.max(self.told.sent),
            received: so_far.received.max(self.told.received),
        };
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tell();
        let state = kernel::account(&self.stream).map(|account| account.state);
        let farewell = self.headers.of_closing(state);
        self.add_up_to(self.told.plus(farewell));
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.payload.read(buffer.filled().len() - before);
        self.tell();
        Poll::Ready(read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes));
        self.payload.wrote(*written.as_ref().unwrap_or(&0));
        self.tell();
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A connection that is not there yet. When it fails, or nobody waits for it any more, its packets are
/// reckoned from the time that passed.
struct Attempt<'a> {
    to: IpAddr,
    began_at: Instant,
    meter: &'a Meter,
    label: &'a Label,
    ended: Option<Result<(), io::ErrorKind>>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let answered = match self.ended {
            // From here on the connection counts for itself.
            Some(Ok(())) => return,
            // No packet left.
            Some(Err(io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable)) => return,
            Some(Err(kind)) => kind == io::ErrorKind::ConnectionRefused,
            None => false,
        };
        let headers = Headers::new(ip_header(self.to));
        self.meter.add(self.label.get(), headers.of_attempt(self.began_at.elapsed(), answered));
    }
}
