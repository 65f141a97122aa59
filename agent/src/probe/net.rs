//! What the system knows of its network without sending anything: is there one, who is the gateway, which
//! resolvers does it ask.

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
}

impl Network {
    /// The C library asks no more than three.
    pub const RESOLVERS_MAX: usize = 3;
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
