//! What stands before a receiver of remote write: sees each request, in either version of the protocol, and lets
//! through what it is told to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use prost::Message;
use suar_lab::programs::wait_until;
use suar_lab::world::wall_ms;

use super::receiver::AT_MOST;

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub at_ms: i64,
    pub oldest_ms: i64,
    pub newest_ms: i64,
    pub passed: bool,
}

/// Stands before a receiver: sees each request, lets the next `passing` through and is busy for the others.
pub struct Gate {
    pub address: String,
    passing: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// Both versions: the second has its series elsewhere, and the samples in them at the same place.
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    first: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "5")]
    second: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

impl Gate {
    pub fn before(receiver: &str, passing: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let gate = Self { address, passing: Arc::new(passing.into()), seen: Arc::default() };
        let (passing, seen) = (Arc::clone(&gate.passing), Arc::clone(&gate.seen));
        let receiver = receiver.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A collector that was killed leaves half a request.
                if let Err(error) = stream.and_then(|stream| pass(stream, &receiver, &passing, &seen)) {
                    eprintln!("the gate: {error}");
                }
            }
        });
        gate
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panicked").clone()
    }

    pub fn let_pass(&self, requests: usize) {
        self.passing.store(requests, Ordering::SeqCst);
    }

    /// Waits until it has turned a request away: what passed before is settled then, for the collector sends
    /// one after the other.
    pub fn wait_until_busy(&self) {
        self.wait_for_turned_away(|_| true);
    }

    pub fn wait_for_turned_away(&self, wanted: impl Fn(i64) -> bool) {
        wait_until("a request to be turned away", AT_MOST, || match self.seen().last() {
            Some(seen) if !seen.passed && wanted(seen.oldest_ms) => Ok(()),
            last => Err(format!("the last one: {last:?}")),
        })
        .expect("one");
    }
}

/// One request on one connection.
fn pass(
    mut stream: TcpStream,
    receiver: &str,
    passing: &AtomicUsize,
    seen: &Mutex<Vec<Seen>>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let end = loop {
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        let mut more = [0; 4_096];
        let length = stream.read(&mut more)?;
        if length == 0 {
            return Ok(());
        }
        request.extend_from_slice(&more[..length]);
    };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let mut body = request[end..].to_vec();
    let rest = length.trim().parse::<usize>().expect("a number") - body.len();
    (&mut stream).take(rest as u64).read_to_end(&mut body)?;

    let passed = passing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    let message = snap::raw::Decoder::new().decompress_vec(&body).expect("a snappy block");
    let message = WriteRequest::decode(message.as_slice()).expect("a WriteRequest");
    let times = || {
        message.first.iter().chain(&message.second).flat_map(|series| &series.samples).map(|s| s.timestamp)
    };
    if let (Some(oldest_ms), Some(newest_ms)) = (times().min(), times().max()) {
        let request = Seen { at_ms: wall_ms(), oldest_ms, newest_ms, passed };
        seen.lock().expect("nobody panicked").push(request);
    }
    if !passed {
        return stream.write_all(b"HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    }
    let mut upstream = TcpStream::connect(receiver)?;
    upstream.write_all(&request[..end - 2])?;
    upstream.write_all(b"connection: close\r\n\r\n")?;
    upstream.write_all(&body)?;
    std::io::copy(&mut upstream, &mut stream).map(drop)
}
