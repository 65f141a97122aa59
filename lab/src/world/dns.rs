//! A resolver that knows one name. It can be silenced or made to lie, and it counts what it was asked.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{NAME, NAME_ADDRESS};
use crate::netns::Namespace;

const LOOK_AGAIN: Duration = Duration::from_millis(100);
const HEADER_BYTES: usize = 12;
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

#[derive(Debug)]
pub struct Resolver {
    pub address: Ipv4Addr,
    shared: Arc<Shared>,
    answering: Option<JoinHandle<()>>,
}

/// What a resolver makes of the questions it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// The address for our name, NXDOMAIN for any other.
    #[default]
    Truthful,
    /// Takes questions and answers none.
    Silent,
    /// No name exists.
    Denies,
    /// It is broken itself, and says so.
    Broken,
    /// This address for every name, as a portal's resolver says.
    Lies(Ipv4Addr),
}

#[derive(Debug, Default)]
struct Shared {
    ended: AtomicBool,
    behaviour: Mutex<Behaviour>,
    asked: AtomicU64,
}

impl Shared {
    fn behaviour(&self) -> Behaviour {
        *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

    pub fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
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
        if let Some(answer) = answer(&question[..bytes], shared.behaviour()) {
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The answer to one question, if there is to be one (RFC 1035, section 4).
fn answer(question: &[u8], behaviour: Behaviour) -> Option<Vec<u8>> {
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
    let ours = labels.join(".") == NAME;
    let (code, address) = match behaviour {
        Behaviour::Silent => return None,
        Behaviour::Truthful if ours => (NO_ERROR, Some(NAME_ADDRESS)),
        Behaviour::Truthful | Behaviour::Denies => (NO_SUCH_NAME, None),
        Behaviour::Broken => (SERVER_FAILURE, None),
        Behaviour::Lies(address) => (NO_ERROR, Some(address)),
    };
    let address = address.filter(|_| kind == [0, 1]);

    let mut answer = question.get(..end)?.to_vec();
    // A response, recursion available. One question, one answer or none.
    answer[2] = 0x81;
    answer[3] = 0x80 | code;
    answer[4..HEADER_BYTES].copy_from_slice(&[0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    if let Some(address) = address {
        // The name by pointer, A, IN, one second to live, four bytes.
        answer.extend([0xc0, HEADER_BYTES as u8, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        answer.extend(address.octets());
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
        let answer = |name| answer(&question(name), Behaviour::Truthful).expect("a well-formed question");
        let found = answer("Kantor.EXAMPLE");
        assert_eq!((found[0], found[1], found[3] & 15, found[7]), (0xab, 0xcd, 0, 1));
        assert!(found.ends_with(&NAME_ADDRESS.octets()));
        let unknown = answer("other.example");
        assert_eq!((unknown[3] & 15, unknown[7]), (3, 0));
    }

    #[test]
    fn a_resolver_can_be_silent_deny_fail_and_lie() {
        let answer = |behaviour| answer(&question("other.example"), behaviour);
        assert_eq!(answer(Behaviour::Silent), None);
        assert_eq!(answer(Behaviour::Denies).expect("an answer")[3] & 15, NO_SUCH_NAME);
        assert_eq!(answer(Behaviour::Broken).expect("an answer")[3] & 15, SERVER_FAILURE);
        let lie = answer(Behaviour::Lies(Ipv4Addr::new(10, 0, 0, 9))).expect("an answer");
        assert!(lie.ends_with(&[10, 0, 0, 9]) && lie[3] & 15 == NO_ERROR);
    }

    #[test]
    fn a_torn_question_gets_no_answer() {
        let whole = question(NAME);
        for end in 0..whole.len() {
            assert_eq!(answer(&whole[..end], Behaviour::Truthful), None);
        }
    }
}
