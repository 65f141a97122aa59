//! Ways in which one office loses its connection, or seems to. Each can be brought about and undone.

use std::net::Ipv4Addr;

use anyhow::Result;

use super::dns::Behaviour;
use super::portal::{Page, Portal};
use super::{COLLECTOR, LAN_DEVICE, Office, PC_DEVICE};
use crate::netns::Namespace;

/// An address of the office's own network, which no name of the internet has.
const LOCAL_LIE: Ipv4Addr = Ipv4Addr::new(192, 168, 8, 1);

/// What is broken at one office.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: the neighbour that must not notice.
    Nothing,
    /// The interface is switched off on the PC.
    InterfaceDown,
    /// The cable is out; the address stays configured, as without a network manager.
    CableOut,
    /// The PC has lost its address.
    AddressLost,
    RouterDead,
    /// The router stops answering pings and goes on working.
    RouterMute,
    /// A router that never answered pings dies.
    MuteRouterDead,
    /// The line behind the router is dead.
    ProviderDead,
    /// The same behind a router that never answered pings.
    ProviderDeadBehindMute,
    /// The provider drops pings and nothing else.
    PingsBlocked,
    /// The provider's resolver is silent, denies every name, is broken, or gives every name one address.
    DnsDead,
    DnsDenies,
    DnsBroken,
    DnsLies,
    /// A portal answers online check with a redirect; other ports are closed, pings are dropped.
    PortalRedirects,
    /// A portal answers everything with a page of its own, and lets pings through.
    PortalRewrites,
    /// The collector's machine is gone from the network.
    CollectorGone,
}

/// A fault in force, undone by [`Broken::mend`].
#[derive(Debug)]
pub struct Broken<'a> {
    fault: Fault,
    office: &'a Office,
    portal: Option<Portal<'a>>,
}

impl Fault {
    /// What must hold before the office's agent starts: a router that never answered cannot start to.
    pub fn prepare(self, office: &Office) -> Result<()> {
        match self {
            Self::MuteRouterDead | Self::ProviderDeadBehindMute => mute(&office.router),
            _ => Ok(()),
        }
    }

    /// `ports`: where the collector listens, online check first.
    pub fn bring_about(self, office: &Office, ports: [u16; 2]) -> Result<Broken<'_>> {
        let mut portal = None;
        match self {
            Self::Nothing => {}
            Self::InterfaceDown => office.pc.ip(&["link", "set", PC_DEVICE, "down"])?,
            Self::CableOut => office.pull_cable()?,
            Self::AddressLost => office.pc.ip(&["address", "flush", "dev", PC_DEVICE])?,
            Self::RouterDead | Self::MuteRouterDead => office.stop_router()?,
            Self::RouterMute => mute(&office.router)?,
            Self::ProviderDead | Self::ProviderDeadBehindMute => office.cut_uplink(),
            Self::PingsBlocked => drop_forwarded(&office.router, "ip protocol icmp")?,
            Self::DnsDead => office.resolver.behave(Behaviour::Silent),
            Self::DnsDenies => office.resolver.behave(Behaviour::Denies),
            Self::DnsBroken => office.resolver.behave(Behaviour::Broken),
            Self::DnsLies => office.resolver.behave(Behaviour::Lies(LOCAL_LIE)),
            Self::PortalRedirects => {
                drop_forwarded(&office.router, "ip protocol icmp")?;
                portal = Some(Portal::open(&office.router, COLLECTOR, &ports[..1], Page::Redirect)?);
            }
            Self::PortalRewrites => {
                portal = Some(Portal::open(&office.router, COLLECTOR, &ports, Page::Rewritten)?);
            }
            Self::CollectorGone => {
                drop_forwarded(&office.router, &format!("ip daddr {COLLECTOR}"))?;
            }
        }
        Ok(Broken { fault: self, office, portal })
    }
}

impl Broken<'_> {
    pub fn mend(self) -> Result<()> {
        let Self { fault, office, portal } = self;
        drop(portal);
        match fault {
            Fault::Nothing | Fault::PortalRewrites => Ok(()),
            Fault::InterfaceDown => {
                office.pc.ip(&["link", "set", PC_DEVICE, "up"])?;
                office.route_pc()
            }
            Fault::CableOut => office.plug_cable(),
            Fault::AddressLost => office.address_pc(),
            Fault::RouterDead | Fault::MuteRouterDead => office.start_router(),
            Fault::RouterMute => unmute(&office.router),
            Fault::ProviderDead | Fault::ProviderDeadBehindMute => {
                office.mend_uplink();
                Ok(())
            }
            Fault::DnsDead | Fault::DnsDenies | Fault::DnsBroken | Fault::DnsLies => {
                office.resolver.behave(Behaviour::Truthful);
                Ok(())
            }
            Fault::PingsBlocked | Fault::PortalRedirects | Fault::CollectorGone => {
                pass_forwarded(&office.router)
            }
        }
    }
}

/// The router drops pings to itself.
fn mute(router: &Namespace) -> Result<()> {
    let rules = format!(
        "add table ip mute; add chain ip mute in {{ type filter hook input priority 0; }}; \
         add rule ip mute in iifname {LAN_DEVICE} icmp type echo-request drop"
    );
    router.exec("nft", &[&rules]).map(drop)
}

fn unmute(router: &Namespace) -> Result<()> {
    router.exec("nft", &["delete table ip mute"]).map(drop)
}

/// The router drops what it would forward and what matches.
fn drop_forwarded(router: &Namespace, what: &str) -> Result<()> {
    let rules = format!(
        "add table ip broken; add chain ip broken through {{ type filter hook forward priority 0; }}; \
         add rule ip broken through {what} drop"
    );
    router.exec("nft", &[&rules]).map(drop)
}

fn pass_forwarded(router: &Namespace) -> Result<()> {
    router.exec("nft", &["delete table ip broken"]).map(drop)
}
