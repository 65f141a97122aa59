//! What keeps this machine from its collector, as far as the failed attempt shows: for the sentence that names the
//! likely cause.

use std::error::Error as StdError;
use std::io;

use crate::http::HttpError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The machine is on no network.
    NoNetwork,
    /// Names are not resolved, or this one is not known here.
    Name,
    /// Somebody said no: the collector is stopped, or a firewall refuses the port.
    Refused,
    /// Nobody says anything: no internet, or a firewall that swallows the port.
    Silent,
    /// Something answers that speaks no TLS: a proxy that wants to be asked, or another program.
    NotTls,
    /// The connection came about and was ended in the middle: a firewall that looks inside, or a bad line.
    BrokenOff,
    /// The code was sent, and no answer came back: it may be used up.
    AnswerLost,
    /// The code's address is none, or something rarer.
    Other,
}

impl Obstacle {
    pub fn of(error: &HttpError) -> Self {
        match error {
            HttpError::Name(_) => Self::Name,
            HttpError::ConnectTimeout => Self::Silent,
            HttpError::Connect(error) => Self::of_io(error),
            HttpError::Timeout | HttpError::Exchange(_) => Self::AnswerLost,
            HttpError::Address(_) | HttpError::TooLarge => Self::Other,
        }
    }

    fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkDown,
            NetworkUnreachable, TimedOut, UnexpectedEof,
        };
        let inner = error.get_ref().map(|inner| inner as &(dyn StdError + 'static));
        if matches!(inner.and_then(|inner| inner.downcast_ref()), Some(rustls::Error::InvalidMessage(_))) {
            return Self::NotTls;
        }
        match error.kind() {
            NetworkUnreachable | NetworkDown => Self::NoNetwork,
            ConnectionRefused => Self::Refused,
            TimedOut | HostUnreachable => Self::Silent,
            ConnectionReset | ConnectionAborted | BrokenPipe | UnexpectedEof => Self::BrokenOff,
            _ => Self::Other,
        }
    }
}
