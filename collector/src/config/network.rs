//! An address or a network in CIDR notation.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// IPv4 clients of a dual-stack socket appear as mapped IPv6 addresses; they are taken as IPv4.
    pub fn contains(self, client: IpAddr) -> bool {
        match (self.address, client.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(client)) => {
                let shift = 32 - u32::from(self.prefix);
                u32::from(network).checked_shr(shift) == u32::from(client).checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(client)) => {
                let shift = 128 - u32::from(self.prefix);
                u128::from(network).checked_shr(shift) == u128::from(client).checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("an address or a network like \"10.0.0.0/8\", not {text:?}");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), |prefix| prefix.parse::<u8>().map_err(|_| wrong()))?;
        if prefix > longest { Err(wrong()) } else { Ok(Self { address, prefix }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_own_and_nobody_else() {
        let contains = |network: &str, client: &str| {
            network.parse::<Network>().map(|network| network.contains(client.parse().expect("an address")))
        };
        assert_eq!(contains("10.1.0.0/16", "10.1.255.3"), Ok(true));
        assert_eq!(contains("10.1.0.0/16", "10.2.0.1"), Ok(false));
        assert_eq!(contains("127.0.0.1", "::ffff:127.0.0.1"), Ok(true));
        assert_eq!(contains("0.0.0.0/0", "203.0.113.9"), Ok(true));
        assert_eq!(contains("::/0", "203.0.113.9"), Ok(false));
        assert_eq!(contains("fd00::/8", "fd12::1"), Ok(true));
        assert!(contains("10.0.0.0/33", "10.0.0.1").is_err());
    }
}
