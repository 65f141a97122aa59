//! What TCP costs around its payload. Pure.

use std::time::Duration;

use crate::meter::Bytes;

const TCP_HEADER_BYTES: u64 = 20;
/// Timestamps with their padding (RFC 7323), on every segment but the first of each side.
const TIMESTAMP_BYTES: u64 = 12;
/// A SYN carries 20 bytes of options: segment size, SACK, timestamps, window scale.
const SYN_OPTION_BYTES: u64 = 20;
/// Payload of a full segment on an Ethernet path with timestamps.
const SEGMENT_BYTES: u64 = 1_448;
/// A lost SYN is repeated after a second, and then after twice the time before (RFC 6298).
const SYN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The kernel's account of a connection, from the first SYN on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    pub state: State,
    pub timestamps: bool,
    /// Payload, repeated bytes included.
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// All segments, bare acknowledgements and repeated ones included.
    pub segments_sent: u64,
    pub segments_received: u64,
}

/// How far a connection's end has come, as far as it changes what is still to be sent.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux tells how far a connection is"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Neither side has said that it will send no more.
    Open,
    /// We have, and the other side may not have heard it.
    WeFinished,
    /// The other side has.
    TheyFinished,
    /// Nothing more will be sent.
    Closed,
}

/// Payload as the program saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Payload {
    sent: u64,
    sent_segments: u64,
    received: u64,
    received_segments: u64,
}

impl Payload {
    pub fn wrote(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        self.sent_segments += (bytes as u64).div_ceil(SEGMENT_BYTES);
    }

    pub fn read(&mut self, bytes: usize) {
        self.received += bytes as u64;
        self.received_segments += (bytes as u64).div_ceil(SEGMENT_BYTES);
    }
}

/// The headers of one connection's segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    ip_bytes: u64,
}

impl Headers {
    pub fn new(ip_bytes: u64) -> Self {
        Self { ip_bytes }
    }

    fn syn(self) -> u64 {
        self.ip_bytes + TCP_HEADER_BYTES + SYN_OPTION_BYTES
    }

    fn segment(self, timestamps: bool) -> u64 {
        self.ip_bytes + TCP_HEADER_BYTES + if timestamps { TIMESTAMP_BYTES } else { 0 }
    }

    /// From the kernel's account; only what SYNs have more than other segments is reckoned, as for a SYN
    /// that was not lost.
    pub fn of_kernel(self, account: &Account) -> Bytes {
        let segment = self.segment(account.timestamps);
        let side = |payload: u64, segments: u64| {
            let syn_more = if segments > 0 { self.syn() - segment } else { 0 };
            payload + segments * segment + syn_more
        };
        Bytes {
            sent: side(account.bytes_sent, account.segments_sent),
            received: side(account.bytes_received, account.segments_received),
        }
    }

    /// Without the kernel's help: nothing is lost, and every second segment is acknowledged by a bare one.
    pub fn of_payload(self, payload: &Payload) -> Bytes {
        let segment = self.segment(true);
        let acknowledged = |segments: u64| segments.div_ceil(2) * segment;
        let ours = payload.sent + payload.sent_segments * segment;
        let theirs = payload.received + payload.received_segments * segment;
        Bytes {
            // The handshake: SYN, SYN, acknowledgement.
            sent: self.syn() + segment + ours + acknowledged(payload.received_segments),
            received: self.syn() + theirs + acknowledged(payload.sent_segments),
        }
    }

    /// What follows when we close: each side says that it is done, and the other acknowledges it. A state
    /// that is not known counts as open.
    pub fn of_closing(self, state: Option<State>) -> Bytes {
        let segment = self.segment(true);
        let (sent, received) = match state.unwrap_or(State::Open) {
            State::Open => (2, 2),
            State::WeFinished => (1, 2),
            State::TheyFinished => (1, 1),
            State::Closed => (0, 0),
        };
        Bytes { sent: sent * segment, received: received * segment }
    }

    /// A connection that was tried for so long and did not come about; `answered` by a refusal.
    pub fn of_attempt(self, lasted: Duration, answered: bool) -> Bytes {
        let refusal = self.ip_bytes + TCP_HEADER_BYTES;
        Bytes { sent: syns_within(lasted) * self.syn(), received: if answered { refusal } else { 0 } }
    }
}

/// SYNs that leave before somebody gives up.
fn syns_within(lasted: Duration) -> u64 {
    let (mut syns, mut next_at, mut pause) = (1, SYN_AGAIN_AFTER, SYN_AGAIN_AFTER);
    while next_at <= lasted {
        syns += 1;
        pause *= 2;
        next_at += pause;
    }
    syns
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: Headers = Headers { ip_bytes: 20 };

    #[test]
    fn a_connection_without_a_word_is_two_syns_and_an_acknowledgement() {
        let account = Account {
            state: State::Open,
            timestamps: true,
            bytes_sent: 0,
            bytes_received: 0,
            segments_sent: 2,
            segments_received: 1,
        };
        let expect = Bytes { sent: 60 + 52, received: 60 };
        assert_eq!(V4.of_kernel(&account), expect);
        assert_eq!(V4.of_payload(&Payload::default()), expect);
        // One that has just been asked for and of which nothing has left.
        let nothing = Account { segments_sent: 0, segments_received: 0, ..account };
        assert_eq!(V4.of_kernel(&nothing), Bytes::default());
    }

    #[test]
    fn a_long_answer_is_acknowledged_at_every_second_segment() {
        let mut payload = Payload::default();
        payload.wrote(100);
        payload.read(3 * 1_448 + 1);
        let bytes = V4.of_payload(&payload);
        assert_eq!(bytes.sent, 60 + 52 + (100 + 52) + 2 * 52);
        assert_eq!(bytes.received, 60 + (4_345 + 4 * 52) + 52);
    }

    #[test]
    fn a_syn_is_repeated_after_one_three_and_seven_seconds() {
        let syns = |ms| syns_within(Duration::from_millis(ms));
        assert_eq!([0, 999, 1_000, 2_999, 3_000, 6_999, 7_000].map(syns), [1, 1, 2, 2, 3, 3, 4]);
        let refused = V4.of_attempt(Duration::from_millis(20), true);
        assert_eq!(refused, Bytes { sent: 60, received: 40 });
    }
}
