//! The datagrams of the paced method.
//!
//! ```text
//! hello      agent -> collector   "SUAR" 1 ticket, padded to CONTROL_BYTES
//! challenge  collector -> agent   "SUAR" 2 nonce, padded to CONTROL_BYTES: never longer than the hello
//! ready      agent -> collector   "SUAR" 3 ticket nonce, padded: this address really asks
//! confirmed  collector -> agent   "SUAR" 4 nonce, padded: rounds may begin
//! data       the sender           "SUAR" 5 ticket round number sent, padded to DATA_BYTES
//! ```
//!
//! `sent` is when the sender let the packet go, by its own clock: how much longer than the fastest a packet was on
//! its way is how long it waited in a queue.
//!
//! Nothing is answered to a ticket that is not open, and nothing but a challenge goes to an address that has
//! not sent its nonce back: whoever writes another's address into a packet makes it hear 64 bytes for 64.

use super::messages::{TICKET_BYTES, Ticket};

/// Payload of everything that is not data.
pub const CONTROL_BYTES: usize = 64;
/// Payload of a data packet: fits every line's MTU.
pub const DATA_BYTES: usize = 1_200;
pub const NONCE_BYTES: usize = 16;

const MAGIC: &[u8; 4] = b"SUAR";

pub type Nonce = [u8; NONCE_BYTES];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet {
    Hello {
        ticket: Ticket,
    },
    Challenge {
        nonce: Nonce,
    },
    Ready {
        ticket: Ticket,
        nonce: Nonce,
    },
    Confirmed {
        nonce: Nonce,
    },
    /// `sent_us`: since the sender began the round.
    Data {
        ticket: Ticket,
        round: u8,
        number: u32,
        sent_us: u32,
    },
}

impl Packet {
    pub fn write(self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        match self {
            Self::Hello { ticket } => {
                bytes.push(1);
                bytes.extend(ticket.0);
            }
            Self::Challenge { nonce } => {
                bytes.push(2);
                bytes.extend(nonce);
            }
            Self::Ready { ticket, nonce } => {
                bytes.push(3);
                bytes.extend(ticket.0);
                bytes.extend(nonce);
            }
            Self::Confirmed { nonce } => {
                bytes.push(4);
                bytes.extend(nonce);
            }
            Self::Data { ticket, round, number, sent_us } => {
                bytes.push(5);
                bytes.extend(ticket.0);
                bytes.push(round);
                bytes.extend(number.to_be_bytes());
                bytes.extend(sent_us.to_be_bytes());
                bytes.resize(DATA_BYTES, 0);
                return bytes;
            }
        }
        bytes.resize(CONTROL_BYTES, 0);
        bytes
    }

    /// `None` is no packet of ours; lengths are exact, so that nothing short is answered with something
    /// longer.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (&kind, body) = bytes.strip_prefix(MAGIC)?.split_first()?;
        let expected = if kind == 5 { DATA_BYTES } else { CONTROL_BYTES };
        if bytes.len() != expected {
            return None;
        }
        let (first, rest) = body.split_first_chunk::<TICKET_BYTES>()?;
        Some(match kind {
            1 => Self::Hello { ticket: Ticket(*first) },
            2 => Self::Challenge { nonce: *first },
            3 => Self::Ready { ticket: Ticket(*first), nonce: *rest.first_chunk()? },
            4 => Self::Confirmed { nonce: *first },
            5 => {
                let (&round, rest) = rest.split_first()?;
                let (number, rest) = rest.split_first_chunk()?;
                let (number, sent_us) =
                    (u32::from_be_bytes(*number), u32::from_be_bytes(*rest.first_chunk()?));
                Self::Data { ticket: Ticket(*first), round, number, sent_us }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_packet_comes_back_as_it_went() {
        let (ticket, nonce) = (Ticket([7; 16]), [9; 16]);
        for packet in [
            Packet::Hello { ticket },
            Packet::Challenge { nonce },
            Packet::Ready { ticket, nonce },
            Packet::Confirmed { nonce },
            Packet::Data { ticket, round: 3, number: 70_000, sent_us: 800_001 },
        ] {
            assert!(Packet::read(&packet.write()) == Some(packet));
        }
    }

    #[test]
    fn a_challenge_is_never_longer_than_what_asks_for_it() {
        let hello = Packet::Hello { ticket: Ticket([1; 16]) }.write();
        assert!(Packet::Challenge { nonce: [2; 16] }.write().len() <= hello.len());
        assert!(Packet::read(&hello[..hello.len() - 1]).is_none(), "a shorter hello is none");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1_300)) {
            let _ = Packet::read(&bytes);
        }
    }
}
