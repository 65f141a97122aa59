//! A resolver that knows one name. It can be silenced, and it counts what it was asked.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{NAME, NAME_ADDRESS};
use crate::netns::Namespace;

const LOOK_AGAIN: Duration = Duration::from_millis(100);
const HEADER_BYTES: usize = 12;

#[derive(Debug)]
pub struct Resolver {
    pub address: Ipv4Addr,
    shared: Arc<Shared>,
    answering: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    ended: AtomicBool,
    silent: AtomicBool,
    asked: AtomicU64,
}

impl Resolver {
    pub fn start(namespace: &Namespace, address: Ipv4Addr) -> Result<Self> {
        let socket = namespace
            .enter(|| UdpSocket::bind((address, 53)))?
            .with_context(|| format!("a resolver at {address}"))?;
        socket.set_read_timeout(Some(LOOK_AGAIN))?;
        let shared = Arc::new(Shared::default());
        let answering = std::thread::Builder::new().name("resolver".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || answer_all(&socket, &shared)
        })?;
        Ok(Self { address, shared, answering: Some(answering) })
    }

    /// A silent resolver takes questions and answers none.
    pub fn set_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::SeqCst);
    }

    pub fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        if let Some(answering) = self.answering.take()
            && answering.join().is_err()
        {
            eprintln!("the resolver at {} panicked", self.address);
        }
    }
}

fn answer_all(socket: &UdpSocket, shared: &Shared) {
    let mut question = [0; 512];
    while !shared.ended.load(Ordering::SeqCst) {
        // A timeout is how the loop sees that it should end; other errors concern one packet only.
        let Ok((bytes, from)) = socket.recv_from(&mut question) else { continue };
        shared.asked.fetch_add(1, Ordering::SeqCst);
        if !shared.silent.load(Ordering::SeqCst)
            && let Some(answer) = answer(&question[..bytes])
        {
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The answer to one question: the address for our name, NXDOMAIN for any other (RFC 1035, section 4).
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let mut at = HEADER_BYTES;
    let mut labels = Vec::new();
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(question.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = question.get(at..at + 2)?;
    let end = at + 4;
    let known = labels.join(".") == NAME;
    let has_address = known && kind == [0, 1];

    let mut answer = question.get(..end)?.to_vec();
    // A response, recursion available; code 3 is "no such name". One question, one answer or none.
    answer[2] = 0x81;
    answer[3] = if known { 0x80 } else { 0x83 };
    answer[4..HEADER_BYTES].copy_from_slice(&[0, 1, 0, u8::from(has_address), 0, 0, 0, 0]);
    if has_address {
        // The name by pointer, A, IN, one second to live, four bytes.
        answer.extend([0xc0, HEADER_BYTES as u8, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        answer.extend(NAME_ADDRESS.octets());
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str) -> Vec<u8> {
        let mut bytes = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.extend([0, 0, 1, 0, 1]);
        bytes
    }

    #[test]
    fn our_name_has_an_address_and_others_do_not_exist() {
        let found = answer(&question("Kantor.EXAMPLE")).expect("a well-formed question");
        assert_eq!((found[0], found[1], found[3] & 15, found[7]), (0xab, 0xcd, 0, 1));
        assert!(found.ends_with(&NAME_ADDRESS.octets()));
        let unknown = answer(&question("other.example")).expect("a well-formed question");
        assert_eq!((unknown[3] & 15, unknown[7]), (3, 0));
    }

    #[test]
    fn a_torn_question_gets_no_answer() {
        let whole = question(NAME);
        for end in 0..whole.len() {
            assert_eq!(answer(&whole[..end]), None);
        }
    }
}
