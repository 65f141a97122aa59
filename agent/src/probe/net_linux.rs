//! Linux: `/proc/net` and `/etc/resolv.conf`, read anew each round, since cables and leases come and go.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::{Host, Link, Neighbour, Network};
use crate::probe::dns;

/// Where these files are: `/`, or a directory of a test.
#[derive(Debug, Clone)]
pub struct System {
    root: PathBuf,
}

impl Default for System {
    fn default() -> Self {
        Self::at(Path::new("/"))
    }
}

const UP: u32 = 1;
const VIA_GATEWAY: u32 = 2;
/// `ARPHRD_ETHER`: cables and Wi-Fi.
const ETHERNET: &str = "1";
/// `ATF_COM` in the ARP table: the entry has a hardware address. The kernel keeps the flag for some seconds
/// after a gateway fell silent, until it asked three times.
const COMPLETE: u32 = 2;

impl System {
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub fn look(&self) -> Network {
        let [v4, v6] = self.routes();
        let best = |routes: &[Route]| {
            let gateways = routes.iter().filter_map(|route| Some((route.metric, route.gateway?)));
            gateways.min_by_key(|(metric, _)| *metric).map(|(_, gateway)| gateway)
        };
        Network {
            // A route exists only while its interface is up and has an address; the cable is another matter.
            present: !v4.is_empty() || !v6.is_empty(),
            gateway: best(&v4).or_else(|| best(&v6)),
            resolvers: resolvers(&self.file("etc/resolv.conf")),
            links: v4
                .iter()
                .chain(&v6)
                .filter(|route| self.is_ethernet(route))
                .filter_map(|r| r.link)
                .collect(),
        }
    }

    /// Name of the interface that the best default route takes. For asking the system about it, never to be told.
    pub fn way_out(&self) -> Option<String> {
        let best = |routes: Vec<Route>| {
            let defaults = routes.into_iter().filter(|route| route.is_default);
            defaults.min_by_key(|route| route.metric).map(|route| route.interface)
        };
        let [v4, v6] = self.routes();
        best(v4).or_else(|| best(v6))
    }

    fn routes(&self) -> [Vec<Route>; 2] {
        let carried = |interface: &str| self.is_carried(interface);
        let index_of = |name: &str| self.interface_index(name);
        [
            routes_v4(&self.file("proc/net/route"), carried),
            routes_v6(&self.file("proc/net/ipv6_route"), carried, index_of),
        ]
    }

    pub fn neighbour_v4(&self, address: Ipv4Addr) -> Neighbour {
        neighbour(&self.file("proc/net/arp"), address)
    }

    fn file(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    /// False only where the kernel says that nothing is plugged in or no Wi-Fi is joined: routes stay when a
    /// cable is pulled, unless a network manager takes them away.
    fn is_carried(&self, interface: &str) -> bool {
        self.file(&format!("sys/class/net/{interface}/carrier")).trim() != "0"
    }

    /// True also where the kernel does not say.
    fn is_ethernet(&self, route: &Route) -> bool {
        let kind = self.file(&format!("sys/class/net/{}/type", route.interface));
        matches!(kind.trim(), "" | ETHERNET)
    }

    fn interface_index(&self, name: &str) -> u32 {
        self.file(&format!("sys/class/net/{name}/ifindex")).trim().parse().unwrap_or(0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Route {
    interface: String,
    is_default: bool,
    /// Only for default routes that have one: a modem's may go without.
    gateway: Option<Host>,
    /// Only for routes to neighbours.
    link: Option<Link>,
    metric: u32,
}

/// Interface, destination, gateway, flags, ..., metric, mask: addresses as the bytes lie in memory.
fn routes_v4(text: &str, carried: impl Fn(&str) -> bool) -> Vec<Route> {
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let hex = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
        let (destination, gateway, flags, mask) = (hex(1)?, hex(2)?, hex(3)?, hex(7)?);
        let interface = *fields.first()?;
        if flags & UP == 0 || interface == "lo" || !carried(interface) {
            return None;
        }
        let is_default = destination == 0 && mask == 0;
        let address = IpAddr::from(gateway.to_ne_bytes());
        Some(Route {
            interface: interface.to_owned(),
            is_default,
            gateway: (is_default && flags & VIA_GATEWAY != 0).then(|| address.into()),
            link: (!is_default && flags & VIA_GATEWAY == 0).then(|| Link {
                address: IpAddr::from(destination.to_ne_bytes()),
                prefix_bits: mask.count_ones() as u8,
            }),
            metric: fields.get(6)?.parse().ok()?,
        })
    };
    text.lines().skip(1).filter_map(route).collect()
}

/// Destination, its prefix length, source, its length, next hop, metric, ..., flags, interface.
fn routes_v6(text: &str, carried: impl Fn(&str) -> bool, index_of: impl Fn(&str) -> u32) -> Vec<Route> {
    let route = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let hex = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
        let (flags, metric, interface) = (hex(8)?, hex(5)?, *fields.get(9)?);
        let destination = address_v6(fields.first()?)?;
        // Every interface has link-local and multicast routes, with or without a network behind it.
        let local = destination.is_multicast() || destination.segments()[0] & 0xffc0 == 0xfe80;
        if flags & UP == 0 || interface == "lo" || local || !carried(interface) {
            return None;
        }
        let prefix_bits = u8::try_from(hex(1)?).ok()?;
        let is_default = destination.is_unspecified() && prefix_bits == 0;
        let next_hop = address_v6(fields.get(4)?)?;
        let gateway = Host { address: next_hop.into(), scope: index_of(interface) };
        Some(Route {
            interface: interface.to_owned(),
            is_default,
            gateway: (is_default && flags & VIA_GATEWAY != 0).then_some(gateway),
            link: (!is_default && flags & VIA_GATEWAY == 0)
                .then_some(Link { address: destination.into(), prefix_bits }),
            metric,
        })
    };
    text.lines().filter_map(route).collect()
}

fn address_v6(hex: &str) -> Option<Ipv6Addr> {
    (hex.len() == 32).then_some(())?;
    u128::from_str_radix(hex, 16).ok().map(Ipv6Addr::from)
}

fn neighbour(text: &str, address: Ipv4Addr) -> Neighbour {
    let line = text
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .find(|fields| fields.first().and_then(|field| field.parse::<Ipv4Addr>().ok()) == Some(address));
    let Some(fields) = line else { return Neighbour::Unknown };
    let flags = fields.get(2).and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    match flags {
        Some(flags) if flags & COMPLETE != 0 => Neighbour::Complete,
        Some(_) => Neighbour::Incomplete,
        None => Neighbour::Unknown,
    }
}

fn resolvers(text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then_some(())?;
        // A link-local server has its interface after a `%`; without asking the system it cannot be used.
        Some(SocketAddr::new(words.next()?.parse().ok()?, dns::PORT))
    };
    text.lines().filter_map(server).take(Network::RESOLVERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // As a real office machine has them: Wi-Fi with a worse metric, a loopback entry, a route that is down.
    const ROUTES: &str = "\
Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
lo\t0000007F\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0
";

    fn look(files: &[(&str, &str)]) -> Network {
        on(files, System::look)
    }

    fn on<T>(files: &[(&str, &str)], ask: impl FnOnce(&System) -> T) -> T {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        ask(&System::at(root.path()))
    }

    #[test]
    fn the_gateway_is_that_of_the_best_default_route() {
        let network = look(&[("proc/net/route", ROUTES)]);
        assert!(network.present);
        assert_eq!(network.gateway, Some(IpAddr::from([192, 168, 1, 1]).into()));
    }

    #[test]
    fn a_machine_with_loopback_alone_has_no_network() {
        let lines: Vec<&str> = ROUTES.lines().collect();
        let loopback = format!("{}\n{}\n", lines[0], lines[4]);
        let v6 = "\
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
";
        assert_eq!(look(&[("proc/net/route", &loopback), ("proc/net/ipv6_route", v6)]), Network::default());
        assert_eq!(look(&[]), Network::default());
    }

    #[test]
    fn a_pulled_cable_is_no_network_although_its_routes_stay() {
        let unplugged = ("sys/class/net/eth0/carrier", "0\n");
        let wifi = look(&[("proc/net/route", ROUTES), unplugged]);
        assert!(wifi.present);
        assert_eq!(wifi.gateway, Some(IpAddr::from([192, 168, 0, 1]).into()), "Wi-Fi is still there");
        let both = look(&[("proc/net/route", ROUTES), unplugged, ("sys/class/net/wlan0/carrier", "0\n")]);
        assert_eq!(both, Network::default());
    }

    #[test]
    fn the_way_out_is_the_interface_of_the_best_default_route_with_a_gateway_or_without() {
        let of = |files: &[(&str, &str)]| on(files, System::way_out);
        assert_eq!(of(&[("proc/net/route", ROUTES)]).as_deref(), Some("eth0"));
        let unplugged = ("sys/class/net/eth0/carrier", "0\n");
        assert_eq!(of(&[("proc/net/route", ROUTES), unplugged]).as_deref(), Some("wlan0"));
        let modem = "head\nwwan0\t00000000\t00000000\t0001\t0\t0\t700\t00000000\t0\t0\t0\n";
        assert_eq!(of(&[("proc/net/route", modem)]).as_deref(), Some("wwan0"));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_link_local_ipv6_gateway_comes_with_its_interface() {
        let v6 = "\
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
";
        let network = look(&[("proc/net/ipv6_route", v6), ("sys/class/net/eth0/ifindex", "3\n")]);
        let gateway = network.gateway.expect("a gateway");
        assert_eq!((gateway.address.to_string(), gateway.scope), ("fe80::1".to_owned(), 3));
    }

    #[test]
    fn neighbours_are_those_of_cables_and_wifi_and_not_of_tunnels() {
        let v6 = "\
20010db8000100000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
20010db8000200000000000000000000 40 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
";
        let vpn = format!("{ROUTES}tun0\t0000080A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n");
        let files = [
            ("proc/net/route", vpn.as_str()),
            ("proc/net/ipv6_route", v6),
            ("sys/class/net/eth0/type", "1\n"),
            ("sys/class/net/tun0/type", "65534\n"),
        ];
        let link =
            |address: &str, prefix_bits| Link { address: address.parse().expect("an address"), prefix_bits };
        assert_eq!(look(&files).links, [link("192.168.1.0", 24), link("2001:db8:1::", 64)]);
    }

    #[test]
    fn the_neighbour_table_says_whether_a_mute_router_is_there() {
        let table = "\
IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x2         02:00:00:00:00:01     *        eth0
192.168.1.9      0x1         0x0         00:00:00:00:00:00     *        eth0
";
        let of = |last| neighbour(table, Ipv4Addr::new(192, 168, 1, last));
        assert_eq!(of(1), Neighbour::Complete);
        assert_eq!(of(9), Neighbour::Incomplete);
        assert_eq!(of(2), Neighbour::Unknown);
    }

    #[test]
    fn resolvers_stand_in_the_order_of_the_file_and_are_bounded() {
        let text = "# made by hand\nsearch desa.id\nnameserver 192.168.1.1\nnameserver fe80::1%eth0\n\
                    nameserver 2001:db8::1\noptions edns0\nnameserver 8.8.8.8\nnameserver 1.1.1.1\n";
        let found: Vec<String> = resolvers(text).iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, ["192.168.1.1:53", "[2001:db8::1]:53", "8.8.8.8:53"]);
    }
}
