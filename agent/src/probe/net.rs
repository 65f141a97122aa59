//! What the system knows of its network without sending anything: is there one, who is the gateway, which
//! resolvers does it ask, which addresses are its neighbours.

use std::net::{IpAddr, SocketAddr};

use super::echo::Host;

#[cfg(unix)]
#[path = "net_linux.rs"]
mod system;
#[cfg(windows)]
#[path = "net_windows.rs"]
mod system;

pub use system::System;

/// One look at the machine's network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// An interface other than loopback is up and has an address or a route.
    pub present: bool,
    pub gateway: Option<Host>,
    /// As the system would ask them, in order; at most [`Network::RESOLVERS_MAX`].
    pub resolvers: Vec<SocketAddr>,
    pub links: Vec<Link>,
}

/// A network of neighbours that an interface is in by cable or Wi-Fi. Tunnels and modems are none: what answers at
/// their other end has crossed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub address: IpAddr,
    pub prefix_bits: u8,
}

impl Network {
    /// The C library asks no more than three.
    pub const RESOLVERS_MAX: usize = 3;

    /// Whether packets to this address leave the machine and the networks that it is in.
    pub fn is_beyond(&self, address: IpAddr) -> bool {
        !address.is_loopback() && !self.links.iter().any(|link| link.holds(address))
    }
}

impl Link {
    fn holds(&self, address: IpAddr) -> bool {
        let (apart, width) = match (self.address, address) {
            (IpAddr::V4(link), IpAddr::V4(address)) => (u128::from(link.to_bits() ^ address.to_bits()), 32),
            (IpAddr::V6(link), IpAddr::V6(address)) => (link.to_bits() ^ address.to_bits(), 128),
            _ => return false,
        };
        let host_bits = width - u32::from(self.prefix_bits).min(width);
        // A shift by all of 128 bits is a prefix of 0, in which everything lies.
        apart.checked_shr(host_bits).unwrap_or(0) == 0
    }
}

/// The neighbour table's word on an address, after a packet was sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// It answered for its hardware address: it is there, even if it mutes ICMP.
    Complete,
    Incomplete,
    /// No such entry, or no such table.
    Unknown,
}

impl System {
    /// Whether the gateway answers at the link layer.
    pub fn neighbour(&self, address: IpAddr) -> Neighbour {
        match address {
            IpAddr::V4(address) => self.neighbour_v4(address),
            // The kernel has no text file for IPv6 neighbours; such gateways have to answer ICMP.
            IpAddr::V6(_) => Neighbour::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_is_what_lies_in_no_network_of_the_machine() {
        let link =
            |address: &str, prefix_bits| Link { address: address.parse().expect("an address"), prefix_bits };
        let links = vec![link("192.168.1.0", 24), link("10.0.0.7", 32), link("2001:db8:1::", 64)];
        let network = Network { links, ..Network::default() };
        let cases = [
            ("192.168.1.9", false),
            ("192.168.2.9", true),
            ("10.0.0.7", false),
            ("10.0.0.6", true),
            ("127.0.0.1", false),
            ("::1", false),
            ("2001:db8:1::9", false),
            ("2001:db8:2::9", true),
        ];
        for (address, expect) in cases {
            assert_eq!(network.is_beyond(address.parse().expect("an address")), expect, "{address}");
        }
        let everything = Network { links: vec![link("0.0.0.0", 0)], ..Network::default() };
        assert!(!everything.is_beyond(IpAddr::from([203, 0, 113, 1])));
    }
}
