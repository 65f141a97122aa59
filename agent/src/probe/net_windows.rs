//! Windows: `GetAdaptersAddresses` names addresses, gateways and resolvers of every adapter at once. Not
//! seen on a real Windows yet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use windows_sys::Win32::Foundation::{ERROR_BUFFER_OVERFLOW, ERROR_SUCCESS};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GAA_FLAG_INCLUDE_GATEWAYS, GAA_FLAG_SKIP_ANYCAST, GAA_FLAG_SKIP_FRIENDLY_NAME, GAA_FLAG_SKIP_MULTICAST,
    GetAdaptersAddresses, IF_TYPE_ETHERNET_CSMACD, IF_TYPE_IEEE80211, IF_TYPE_SOFTWARE_LOOPBACK,
    IP_ADAPTER_ADDRESSES_LH,
};
use windows_sys::Win32::NetworkManagement::Ndis::IfOperStatusUp;
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, AF_UNSPEC, SOCKADDR_IN, SOCKADDR_IN6, SOCKET_ADDRESS,
};

use super::{Host, Link, Neighbour, Network};
use crate::probe::dns;

/// Start size that the manual recommends, and the most that is given.
const ADAPTER_BYTES: u32 = 15 * 1024;
const ADAPTER_BYTES_MAX: u32 = 1024 * 1024;

#[derive(Debug, Clone, Default)]
pub struct System;

impl System {
    pub fn look(&self) -> Network {
        let Some(buffer) = adapters() else { return Network::default() };
        let mut network = Network::default();
        let mut best_metric = u32::MAX;
        let mut next = buffer.as_ptr().cast::<IP_ADAPTER_ADDRESSES_LH>();
        // SAFETY: the system built linked lists inside the buffer, which outlives this loop; every pointer
        // is checked for null before it is followed, and nothing is written.
        while let Some(adapter) = unsafe { next.as_ref() } {
            next = adapter.Next;
            if adapter.IfType == IF_TYPE_SOFTWARE_LOOPBACK || adapter.OperStatus != IfOperStatusUp {
                continue;
            }
            network.present |= !adapter.FirstUnicastAddress.is_null();
            // SAFETY: as above.
            if let Some(gateway) = unsafe { adapter.FirstGatewayAddress.as_ref() }
                && let Some(host) = host(&gateway.Address)
                && adapter.Ipv4Metric < best_metric
            {
                best_metric = adapter.Ipv4Metric;
                network.gateway = Some(host);
            }
            let mut unicast = adapter.FirstUnicastAddress;
            // SAFETY: as above.
            while let Some(entry) = unsafe { unicast.as_ref() } {
                unicast = entry.Next;
                if matches!(adapter.IfType, IF_TYPE_ETHERNET_CSMACD | IF_TYPE_IEEE80211)
                    && let Some(host) = host(&entry.Address)
                {
                    let prefix_bits = entry.OnLinkPrefixLength;
                    network.links.push(Link { address: host.address, prefix_bits });
                }
            }
            let mut server = adapter.FirstDnsServerAddress;
            // SAFETY: as above.
            while let Some(entry) = unsafe { server.as_ref() } {
                server = entry.Next;
                if let Some(host) =
                    host(&entry.Address).filter(|_| network.resolvers.len() < Network::RESOLVERS_MAX)
                {
                    network.resolvers.push(SocketAddr::new(host.address, dns::PORT));
                }
            }
        }
        network
    }

    pub fn neighbour_v4(&self, _address: Ipv4Addr) -> Neighbour {
        Neighbour::Unknown
    }
}

/// Eight-byte words, so that the structures in it are aligned.
fn adapters() -> Option<Vec<u64>> {
    let flags = GAA_FLAG_INCLUDE_GATEWAYS
        | GAA_FLAG_SKIP_ANYCAST
        | GAA_FLAG_SKIP_FRIENDLY_NAME
        | GAA_FLAG_SKIP_MULTICAST;
    let mut bytes = ADAPTER_BYTES;
    // The list may grow between two calls; three tries are what the manual shows.
    for _ in 0..3 {
        let mut buffer = vec![0u64; (bytes as usize).div_ceil(8)];
        // SAFETY: the buffer has at least `bytes` bytes and is aligned for the structures.
        let result = unsafe {
            GetAdaptersAddresses(
                u32::from(AF_UNSPEC),
                flags,
                std::ptr::null(),
                buffer.as_mut_ptr().cast(),
                &raw mut bytes,
            )
        };
        match result {
            ERROR_SUCCESS => return Some(buffer),
            ERROR_BUFFER_OVERFLOW if bytes <= ADAPTER_BYTES_MAX => {}
            _ => return None,
        }
    }
    None
}

fn host(address: &SOCKET_ADDRESS) -> Option<Host> {
    // SAFETY: the system gives a valid socket address of the family that it names, or null.
    unsafe {
        match address.lpSockaddr.as_ref()?.sa_family {
            AF_INET => {
                let v4 = &*address.lpSockaddr.cast::<SOCKADDR_IN>();
                let octets = v4.sin_addr.S_un.S_addr.to_ne_bytes();
                Some(IpAddr::V4(Ipv4Addr::from(octets)).into())
            }
            AF_INET6 => {
                let v6 = &*address.lpSockaddr.cast::<SOCKADDR_IN6>();
                let address = IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.u.Byte));
                Some(Host { address, scope: v6.Anonymous.sin6_scope_id })
            }
            _ => None,
        }
    }
}
