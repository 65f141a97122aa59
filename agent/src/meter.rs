//! Counts the bytes that this process causes on the line, by purpose and direction.
//!
//! A byte is one of an IP packet, headers included: what the office's provider counts. Who sends or hears a
//! packet tells it here; nobody else adds anything. Ethernet and Wi-Fi headers are not counted, nor is ARP.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use suar_wire::Purpose;

/// Header of a UDP datagram and of an ICMP echo.
const SHORT_HEADER_BYTES: u64 = 8;

/// Both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bytes {
    pub sent: u64,
    pub received: u64,
}

impl Bytes {
    pub fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent.saturating_add(other.sent),
            received: self.received.saturating_add(other.received),
        }
    }

    /// What was added since; a count that went back adds nothing.
    pub fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent.saturating_sub(before.sent),
            received: self.received.saturating_sub(before.received),
        }
    }
}

pub type Traffic = BTreeMap<Purpose, Bytes>;

/// What this process has caused so far. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    own: Arc<Mutex<Traffic>>,
    /// What is counted here is counted there too.
    whole: Option<Arc<Mutex<Traffic>>>,
}

impl Meter {
    /// One that begins at nothing, for a piece of work that is to know its own cost.
    pub fn part(&self) -> Self {
        let whole = self.whole.as_ref().unwrap_or(&self.own);
        Self { own: Arc::default(), whole: Some(Arc::clone(whole)) }
    }

    pub fn add(&self, purpose: Purpose, bytes: Bytes) {
        for traffic in [Some(&self.own), self.whole.as_ref()].into_iter().flatten() {
            let mut traffic = traffic.lock().unwrap_or_else(PoisonError::into_inner);
            let known = traffic.entry(purpose).or_default();
            *known = known.plus(bytes);
        }
    }

    /// A UDP datagram or an ICMP echo that left, by its payload.
    pub fn sent(&self, purpose: Purpose, to: IpAddr, payload: usize) {
        self.add(purpose, Bytes { sent: datagram(to, payload), received: 0 });
    }

    /// One that came.
    pub fn received(&self, purpose: Purpose, from: IpAddr, payload: usize) {
        self.add(purpose, Bytes { sent: 0, received: datagram(from, payload) });
    }

    pub fn so_far(&self) -> Traffic {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Bytes of a packet with a UDP datagram or an ICMP echo of this payload.
pub fn datagram(address: IpAddr, payload: usize) -> u64 {
    ip_header(address) + SHORT_HEADER_BYTES + payload as u64
}

/// Bytes of an IP header without options.
pub fn ip_header(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(_) => 20,
        IpAddr::V6(_) => 40,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_counted_in_the_whole() {
        let whole = Meter::default();
        whole.add(Purpose::Push, Bytes { sent: 1, received: 1 });
        let part = whole.part();
        part.add(Purpose::Bandwidth, Bytes { sent: 5, received: 0 });
        assert_eq!(part.so_far(), [(Purpose::Bandwidth, Bytes { sent: 5, received: 0 })].into());
        assert_eq!(whole.so_far().len(), 2);
    }

    #[test]
    fn an_echo_costs_its_payload_and_its_headers_each_way() {
        let meter = Meter::default();
        let (v4, v6) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([0; 16]));
        meter.sent(Purpose::Echo, v4, 8);
        meter.clone().received(Purpose::Echo, v4, 8);
        meter.sent(Purpose::Gateway, v6, 8);
        let expect = [
            (Purpose::Echo, Bytes { sent: 36, received: 36 }),
            (Purpose::Gateway, Bytes { sent: 56, received: 0 }),
        ];
        assert_eq!(meter.so_far(), Traffic::from(expect));
    }
}
