//! An internet and offices behind it, each piece breakable on its own.
//!
//! ```text
//! pc --- router --- uplink (emulated WAN) --- internet: targets, resolvers, collector's host
//! ```
//!
//! Addresses are those of documentation (RFC 5737) and of shared space (RFC 6598). There is no address
//! translation, so a packet's source says which office it is from.

pub mod dns;
pub mod faults;
pub mod portal;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::netns::{Namespace, cable};
use crate::wan::{Conditions, DEVICE, Wan};
use dns::Resolver;

/// Addresses that agents ping: "several operators".
pub const TARGETS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2), Ipv4Addr::new(203, 0, 113, 3)];
/// Where the collector listens.
pub const COLLECTOR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
pub const PUBLIC_RESOLVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 53);
/// The name that exists in this internet.
pub const NAME: &str = "kantor.example";
/// Its address.
pub const NAME_ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// The router's device towards the PC, and the PC's towards the router.
const LAN_DEVICE: &str = "lan0";
const PC_DEVICE: &str = "eth0";

#[derive(Debug)]
pub struct World {
    // Fields are dropped in this order: offices with their links before the internet they lead to.
    pub offices: Vec<Office>,
    pub public_resolver: Resolver,
    pub internet: Namespace,
}

impl World {
    /// An internet with this many offices, at most 100; every uplink has `uplink` conditions both ways.
    pub fn with_offices(count: u8, uplink: &Conditions, seed: u64) -> Result<Self> {
        assert!(count <= 100, "addresses are laid out for at most 100 offices");
        let internet = Namespace::create("internet")?;
        internet.write_sysctl("net/ipv4/ip_forward", "1")?;
        for address in TARGETS.iter().chain([&COLLECTOR, &PUBLIC_RESOLVER]) {
            internet.ip(&["address", "add", &format!("{address}/32"), "dev", "lo"])?;
        }
        let public_resolver = Resolver::start(&internet, PUBLIC_RESOLVER)?;
        let offices = (0..count)
            .map(|number| Office::behind(&internet, number, uplink, seed.wrapping_add(u64::from(number))))
            .collect::<Result<_>>()?;
        Ok(Self { offices, public_resolver, internet })
    }
}

/// One office: its PC, its router, its line, and its provider's resolver.
#[derive(Debug)]
pub struct Office {
    pub number: u8,
    pub pc: Namespace,
    pub router: Namespace,
    pub uplink: Wan,
    /// The resolver in the PC's resolv.conf; lives at the provider, behind the uplink.
    pub resolver: Resolver,
}

impl Office {
    fn behind(internet: &Namespace, number: u8, uplink: &Conditions, seed: u64) -> Result<Self> {
        let pc = Namespace::create(&format!("pc{number}"))?;
        let router = Namespace::create(&format!("router{number}"))?;
        cable((&router, LAN_DEVICE), (&pc, PC_DEVICE))?;
        let far_device = format!("office{number}");
        let wan = Wan::between(&router, internet, &far_device, seed)?;
        wan.set_both(uplink);

        let lan = format!("10.19.{number}");
        // Datagram ICMP is refused to every group by default, even to root's.
        pc.write_sysctl("net/ipv4/ping_group_range", "0 2147483647")?;

        router.write_sysctl("net/ipv4/ip_forward", "1")?;
        router.ip(&["address", "add", &format!("{lan}.1/24"), "dev", LAN_DEVICE])?;
        let (near, far) = (format!("100.64.{number}.2"), format!("100.64.{number}.1"));
        router.ip(&["address", "add", &near, "peer", &far, "dev", DEVICE])?;
        router.ip(&["route", "add", "default", "via", &far])?;
        internet.ip(&["address", "add", &far, "peer", &near, "dev", &far_device])?;
        internet.ip(&["route", "add", &format!("{lan}.0/24"), "via", &near])?;

        let provider = Ipv4Addr::new(203, 0, 113, 100 + number);
        internet.ip(&["address", "add", &format!("{provider}/32"), "dev", "lo"])?;
        let resolver = Resolver::start(internet, provider)?;
        pc.set_resolvers(&[IpAddr::from(provider)])?;
        let office = Self { number, pc, router, uplink: wan, resolver };
        office.address_pc()?;
        Ok(office)
    }

    /// What a lease gives the PC: its address and its way out.
    fn address_pc(&self) -> Result<()> {
        self.pc.ip(&["address", "add", &format!("{}/24", self.pc_address()), "dev", PC_DEVICE])?;
        self.route_pc()
    }

    fn route_pc(&self) -> Result<()> {
        self.pc.ip(&["route", "add", "default", "via", &self.gateway().to_string()])
    }

    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 19, self.number, 1)
    }

    pub fn pc_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 19, self.number, 2)
    }

    /// The line behind the router is dead; the router still answers.
    pub fn cut_uplink(&self) {
        self.uplink.set_blocked(true);
    }

    pub fn mend_uplink(&self) {
        self.uplink.set_blocked(false);
    }

    /// The router is switched off, the switch between it and the PC is not.
    pub fn stop_router(&self) -> Result<()> {
        self.router.ip(&["address", "flush", "dev", LAN_DEVICE])
    }

    pub fn start_router(&self) -> Result<()> {
        self.router.ip(&["address", "add", &format!("{}/24", self.gateway()), "dev", LAN_DEVICE])
    }

    /// The cable is out of the PC.
    pub fn pull_cable(&self) -> Result<()> {
        self.router.ip(&["link", "set", LAN_DEVICE, "down"])
    }

    pub fn plug_cable(&self) -> Result<()> {
        self.router.ip(&["link", "set", LAN_DEVICE, "up"])
    }
}

/// The section of a collector's configuration that makes agents measure this internet, with more lines of
/// it. Ends with it: another section may follow.
pub fn plan_section(more: &str) -> String {
    let targets = TARGETS.map(|target| format!("\"{target}\"")).join(", ");
    format!(
        "[plan]\ntargets = [{targets}]\npublic_resolver = \"{PUBLIC_RESOLVER}\"\ndns_name = \"{NAME}\"\n{more}\n"
    )
}

/// Milliseconds since 1970 by this machine's clock, which everything in the lab shares.
pub fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_millis() as i64).unwrap_or_default()
}

/// Waits for a moment of the wall clock: the truth of a test is made at known times.
pub fn until_wall_ms(moment_ms: i64) {
    while let Ok(left_ms @ 1..) = u64::try_from(moment_ms - wall_ms()) {
        std::thread::sleep(Duration::from_millis(left_ms));
    }
}
