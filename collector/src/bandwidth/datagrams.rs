//! The UDP socket of paced tests: proves addresses, counts what arrives, sends only where an address has
//! proven itself. What it does not know it does not answer.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use suar_machine::drops;
use suar_wire::bandwidth::messages::Ticket;
use suar_wire::bandwidth::paced::{Arrivals, Round};
use suar_wire::bandwidth::packets::{DATA_BYTES, Nonce, Packet};
use tokio::net::UdpSocket;
use tokio::sync::watch;

use crate::secrets;

/// Challenges and confirmations that one ticket gets: lost ones are asked for again, no more.
const ANSWERS_MAX: u8 = 20;
/// Kernel memory for packets that wait to be read: a busy machine must not look like a lossy line.
const RECEIVE_BYTES: usize = 2 * 1024 * 1024;

/// One socket for each address of this machine that agents use: what leaves from a socket of all addresses may
/// carry another one than the agent asked, and its router would not let that through. A socket is opened with
/// the first test that needs it.
#[derive(Debug)]
pub struct Datagrams {
    pub port: u16,
    sockets: Mutex<HashMap<IpAddr, Arc<UdpSocket>>>,
    guests: Mutex<HashMap<Ticket, Guest>>,
}

/// One test that may send datagrams.
#[derive(Debug)]
struct Guest {
    answers_left: u8,
    /// Which address was asked to prove itself, and with what.
    asked: Option<(SocketAddr, Nonce)>,
    proven: watch::Sender<Option<SocketAddr>>,
    round: Option<(u8, Arrivals)>,
    begun: Instant,
}

/// A ticket that datagrams may name until this is dropped.
#[derive(Debug)]
pub struct Invited {
    datagrams: Arc<Datagrams>,
    pub socket: Arc<UdpSocket>,
    pub ticket: Ticket,
    pub proven: watch::Receiver<Option<SocketAddr>>,
}

impl Datagrams {
    pub fn on(port: u16) -> Self {
        Self { port, sockets: Mutex::default(), guests: Mutex::default() }
    }

    /// `at`: this machine's address as the agent reached it.
    pub fn invite(self: &Arc<Self>, at: IpAddr, ticket: Ticket) -> std::io::Result<Invited> {
        let socket = self.socket(at)?;
        let (proven_in, proven) = watch::channel(None);
        let guest = Guest {
            answers_left: ANSWERS_MAX,
            asked: None,
            proven: proven_in,
            round: None,
            begun: Instant::now(),
        };
        self.lock().insert(ticket, guest);
        Ok(Invited { datagrams: Arc::clone(self), socket, ticket, proven })
    }

    fn socket(self: &Arc<Self>, at: IpAddr) -> std::io::Result<Arc<UdpSocket>> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = sockets.get(&at) {
            return Ok(Arc::clone(socket));
        }
        let socket = Arc::new(bind(SocketAddr::new(at, self.port))?);
        sockets.insert(at, Arc::clone(&socket));
        tokio::spawn(Arc::clone(self).hear(Arc::clone(&socket)));
        Ok(socket)
    }

    /// Reads and answers for ever.
    async fn hear(self: Arc<Self>, socket: Arc<UdpSocket>) {
        let mut buffer = [0; DATA_BYTES + 1];
        loop {
            // An error here tells of an earlier packet that did not arrive; the next one may.
            let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
            let Some(packet) = Packet::read(&buffer[..length]) else { continue };
            if let Some(answer) = self.take(packet, from) {
                let _ = socket.send_to(&answer.write(), from).await;
            }
        }
    }

    fn take(&self, packet: Packet, from: SocketAddr) -> Option<Packet> {
        match packet {
            Packet::Hello { ticket } => {
                let mut guests = self.lock();
                let guest = guests.get_mut(&ticket)?;
                guest.answers_left = guest.answers_left.checked_sub(1)?;
                let nonce = match guest.asked {
                    Some((address, nonce)) if address == from => nonce,
                    _ => secrets::random().ok()?,
                };
                guest.asked = Some((from, nonce));
                Some(Packet::Challenge { nonce })
            }
            Packet::Ready { ticket, nonce } => {
                let mut guests = self.lock();
                let guest = guests.get_mut(&ticket)?;
                if guest.asked != Some((from, nonce)) {
                    return None;
                }
                guest.answers_left = guest.answers_left.checked_sub(1)?;
                guest.proven.send_replace(Some(from));
                Some(Packet::Confirmed { nonce })
            }
            Packet::Data { ticket, round, number, sent_us } => {
                let mut guests = self.lock();
                let guest = guests.get_mut(&ticket)?;
                if *guest.proven.borrow() == Some(from)
                    && let Some((expected, arrivals)) = &mut guest.round
                    && *expected == round
                {
                    arrivals.add(guest.begun.elapsed().as_micros() as u64, number, sent_us);
                }
                None
            }
            Packet::Challenge { .. } | Packet::Confirmed { .. } => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Ticket, Guest>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Invited {
    /// From now on packets of this round are counted.
    pub fn listen(&self, round: Round, packet_bytes: u64) {
        if let Some(guest) = self.datagrams.lock().get_mut(&self.ticket) {
            guest.round = Some((round.number, Arrivals::expecting(round, packet_bytes)));
        }
    }

    /// Packets that this machine has thrown away because nobody read them in time; of all tests that share the socket.
    pub fn dropped(&self) -> u32 {
        drops::of(&self.socket)
    }

    /// What has arrived of the round so far.
    pub fn arrivals(&self) -> Arrivals {
        let guests = self.datagrams.lock();
        let round = guests.get(&self.ticket).and_then(|guest| guest.round.as_ref());
        round.map(|(_, arrivals)| arrivals.clone()).unwrap_or_default()
    }

    pub fn arrived(&self) -> u32 {
        let guests = self.datagrams.lock();
        let round = guests.get(&self.ticket).and_then(|guest| guest.round.as_ref());
        round.map_or(0, |(_, arrivals)| arrivals.packets())
    }
}

impl Drop for Invited {
    fn drop(&mut self) {
        self.datagrams.lock().remove(&self.ticket);
    }
}

fn bind(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let (domain, udp) = (socket2::Domain::for_address(address), Some(socket2::Protocol::UDP));
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, udp)?;
    // As much as the system allows.
    let _ = socket.set_recv_buffer_size(RECEIVE_BYTES);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4000);
    const VICTIM: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4001);
    const TICKET: Ticket = Ticket([5; 16]);

    fn datagrams() -> Arc<Datagrams> {
        Arc::new(Datagrams::on(0))
    }

    fn nonce(answer: Option<Packet>) -> Nonce {
        match answer {
            Some(Packet::Challenge { nonce }) => nonce,
            _ => panic!("no challenge"),
        }
    }

    #[tokio::test]
    async fn a_stranger_gets_no_answer_at_all() {
        let datagrams = datagrams();
        assert!(datagrams.take(Packet::Hello { ticket: TICKET }, HERE).is_none());
        let invited = datagrams.invite(HERE.ip(), TICKET).expect("a free port");
        assert!(datagrams.take(Packet::Hello { ticket: Ticket([6; 16]) }, HERE).is_none());
        drop(invited);
        assert!(datagrams.take(Packet::Hello { ticket: TICKET }, HERE).is_none(), "the ticket is used up");
    }

    #[tokio::test]
    async fn an_address_that_does_not_echo_is_never_proven_and_gets_few_packets() {
        let datagrams = datagrams();
        let invited = datagrams.invite(HERE.ip(), TICKET).expect("a free port");
        let mine = nonce(datagrams.take(Packet::Hello { ticket: TICKET }, HERE));
        // Another's address in the same ticket: it gets a challenge of its own, and mine does not prove it.
        let theirs = nonce(datagrams.take(Packet::Hello { ticket: TICKET }, VICTIM));
        assert_ne!(mine, theirs);
        assert!(datagrams.take(Packet::Ready { ticket: TICKET, nonce: mine }, VICTIM).is_none());
        assert_eq!(*invited.proven.borrow(), None);
        let answered =
            (0..1_000).filter(|_| datagrams.take(Packet::Hello { ticket: TICKET }, VICTIM).is_some()).count();
        assert!(answered < usize::from(ANSWERS_MAX), "{answered}");
    }

    #[tokio::test]
    async fn data_counts_only_from_the_proven_address_and_once() {
        let datagrams = datagrams();
        let invited = datagrams.invite(HERE.ip(), TICKET).expect("a free port");
        let nonce = nonce(datagrams.take(Packet::Hello { ticket: TICKET }, HERE));
        assert!(datagrams.take(Packet::Ready { ticket: TICKET, nonce }, HERE).is_some());
        assert_eq!(*invited.proven.borrow(), Some(HERE));
        let round = Round { number: 2, rate_bps: 10 * 8 * 1_228, elapsed_us: 1_000_000 };
        invited.listen(round, 1_228);
        let data = |round, number| Packet::Data { ticket: TICKET, round, number, sent_us: 0 };
        for (packet, from) in [
            (data(2, 0), HERE),
            (data(2, 0), HERE),
            (data(2, 1), VICTIM),
            (data(1, 2), HERE),
            (data(2, 77), HERE),
        ] {
            assert!(datagrams.take(packet, from).is_none());
        }
        assert_eq!(invited.arrived(), 1);
    }
}
