//! Tests that wait for their data connections: each ticket is known to one agent, each number of it good
//! for one connection, and both are forgotten with the test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use suar_wire::bandwidth::messages::{CONNECTIONS, Ticket};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;

use super::gauge::Gauge;

/// A connection that has named its test.
#[derive(Debug)]
pub struct Joined {
    pub stream: TlsStream<TcpStream>,
    pub gauge: Gauge,
}

#[derive(Debug)]
struct Open {
    joined: mpsc::Sender<Joined>,
    /// Numbers that were used, by bit.
    used: u8,
}

#[derive(Debug, Default)]
pub struct Tickets {
    open: Mutex<HashMap<Ticket, Open>>,
}

/// A ticket that is open until this is dropped.
#[derive(Debug)]
pub struct OpenTicket {
    tickets: Arc<Tickets>,
    pub ticket: Ticket,
    pub joined: mpsc::Receiver<Joined>,
}

impl Tickets {
    pub fn open(self: &Arc<Self>, ticket: Ticket) -> OpenTicket {
        let (joined_in, joined) = mpsc::channel(usize::from(CONNECTIONS));
        self.lock().insert(ticket, Open { joined: joined_in, used: 0 });
        OpenTicket { tickets: Arc::clone(self), ticket, joined }
    }

    /// Hands a connection to its test; one with a wrong or used ticket is dropped, and so ends.
    pub fn join(&self, ticket: Ticket, number: u8, joined: Joined) {
        let mut open = self.lock();
        let Some(test) = open.get_mut(&ticket).filter(|_| number < CONNECTIONS) else { return };
        let bit = 1 << number;
        if test.used & bit == 0 {
            test.used |= bit;
            // A test that has ended meanwhile needs no connection.
            let _ = test.joined.try_send(joined);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Ticket, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenTicket {
    fn drop(&mut self) {
        self.tickets.lock().remove(&self.ticket);
    }
}
