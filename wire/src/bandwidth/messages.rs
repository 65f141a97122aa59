//! What agent and collector say to each other over a raw TLS stream that both agreed on by ALPN.
//!
//! A frame is its length in two bytes, then JSON. The first frame of every stream is a [`Request`].
//!
//! ```text
//! agent                                  collector
//! Open { token, direction, method } -->
//!                                   <--  Granted { ticket, .. } or Refused
//! Tcp: four more streams, each with Join { ticket, number }; data flows until
//!                                   <--  Measured { .. }
//! Udp: datagrams with the ticket until the address is proven, then as often as needed
//! Round { rate, .. }                -->  the sender paces its datagrams
//!      download                     <--  Sent { .. } when the collector has sent them
//!      upload: Sent { .. }          -->
//!                                   <--  Seen { .. } what arrived of them
//! ```

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::paced::Seen;
use super::{Congestion, Direction, Method};

/// The protocol both sides name in the TLS handshake. Who does not know it does no tests.
pub const ALPN: &[u8] = b"suar-test/1";
/// Longest frame.
pub const FRAME_BYTES_MAX: usize = 8 * 1024;
/// Connections that carry the data of a test over TCP.
pub const CONNECTIONS: u8 = 4;
pub const TICKET_BYTES: usize = 16;

/// Names one test; random, known to both ends of one TLS stream, good for one test.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket(pub [u8; TICKET_BYTES]);

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ticket(***)")
    }
}

/// The agent's bearer token. Prints as `***`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bearer(pub String);

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// What the agent says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Open {
        token: Bearer,
        direction: Direction,
        /// [`Method::Tcp`] or [`Method::Udp`].
        method: Method,
        /// As the agent measured it when it connected; for collectors whose system does not tell.
        rtt_us: u32,
        /// What the test has cost so far, by the method that was tried first: both together keep to one bound.
        #[serde(default)]
        spent_bytes: u64,
    },
    /// One of the streams that carry data.
    Join { ticket: Ticket, number: u8 },
    /// Download: send this; upload: this is coming.
    Round { number: u8, rate_bps: u64, elapsed_us: u32 },
    /// Upload: so many datagrams were sent in this round, in so long.
    Sent(Sent),
}

/// What the collector says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Granted(Granted),
    Refused(Refused),
    /// The end of a test over TCP: what came of it.
    Measured(Box<Measured>),
    /// Upload over UDP: get ready for the round.
    Listening {
        number: u8,
    },
    Sent(Sent),
    Seen(Seen),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    pub ticket: Ticket,
    /// Where datagrams go; the host is that of the stream.
    pub udp_port: Option<u16>,
    /// The collector sends no faster and takes no more.
    pub rate_bps_max: u64,
    pub bytes_max: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The collector does no tests at all, so that asking again soon is useless.
    pub for_good: bool,
    pub message: String,
}

/// One round of datagrams, as its sender knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub number: u8,
    pub packets: u32,
    pub elapsed_us: u32,
    /// How long the sender stood still at worst because its machine had other things to do.
    #[serde(default)]
    pub late_us: u32,
}

/// What the collector's counters came to over TCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    pub method: Method,
    /// The sender's, where this side knows it.
    pub congestion: Option<Congestion>,
    pub rate_bps: u64,
    pub converged: bool,
    pub burst_bps: Option<u64>,
    /// Of whole packets, both directions, all streams of the test, as this side saw them.
    pub bytes: u64,
    pub elapsed_ms: u32,
    /// Bits a second in steps of [`super::plateau::COURSE_US`], for a picture.
    pub course: Vec<u64>,
}

/// The bytes of one frame. Frames of ours are far below the limit.
pub fn frame<T: Serialize>(message: &T) -> Vec<u8> {
    let body = serde_json::to_vec(message).expect("messages are plain numbers and texts");
    let length = u16::try_from(body.len()).expect("a frame is shorter than 64 KiB");
    [length.to_be_bytes().as_slice(), &body].concat()
}

/// A frame's body; `None` is no message of this version.
pub fn read_body<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_went_and_secrets_are_in_no_print() {
        let open = Request::Open {
            token: Bearer("hush".to_owned()),
            direction: Direction::Upload,
            method: Method::Udp,
            rtt_us: 600_000,
            spent_bytes: 0,
        };
        let bytes = frame(&open);
        assert_eq!(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])), bytes.len() - 2);
        assert_eq!(read_body::<Request>(&bytes[2..]), Some(open.clone()));
        assert!(!format!("{open:?} {:?}", Ticket([7; 16])).contains("hush"));
        assert!(!format!("{:?}", Ticket([7; 16])).contains('7'));
        assert_eq!(read_body::<Request>(b"{\"dance\":1}"), None);
    }

    #[test]
    fn the_longest_answer_fits_a_frame() {
        let measured = Measured {
            method: Method::TcpByProgram,
            congestion: Some(Congestion::Other),
            rate_bps: u64::MAX,
            converged: false,
            burst_bps: Some(u64::MAX),
            bytes: u64::MAX,
            elapsed_ms: u32::MAX,
            course: vec![u64::MAX; super::super::plateau::COURSE_MAX],
        };
        assert!(frame(&Answer::Measured(Box::new(measured))).len() <= FRAME_BYTES_MAX);
    }
}
