//! The counters of the machine's network interfaces, whoever causes what they count.

#[cfg(unix)]
#[path = "interfaces_linux.rs"]
mod system;
#[cfg(windows)]
#[path = "interfaces_windows.rs"]
mod system;

pub use system::interfaces;
#[cfg(windows)]
pub use system::{is_hardware, rows};

/// One interface other than loopback, with what it has counted since boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// To know it again in the next look; never to be told.
    pub name: String,
    /// A card or a modem, not a bridge, a tunnel or a container's end.
    pub is_physical: bool,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub errors: u64,
}

/// Several interfaces together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub errors: u64,
}

/// Adds up the physical interfaces; where there is none (containers), all. `None` when there is nothing to add.
pub fn traffic(interfaces: &[Interface]) -> Option<Traffic> {
    let any_physical = interfaces.iter().any(|interface| interface.is_physical);
    let counted = interfaces.iter().filter(|interface| interface.is_physical || !any_physical);
    counted.fold(None, |sum: Option<Traffic>, one| {
        let sum = sum.unwrap_or_default();
        Some(Traffic {
            rx_bytes: sum.rx_bytes.saturating_add(one.rx_bytes),
            tx_bytes: sum.tx_bytes.saturating_add(one.tx_bytes),
            errors: sum.errors.saturating_add(one.errors),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn physical_interfaces_are_added_up_and_virtual_ones_only_where_there_is_no_other() {
        let interface = |name: &str, is_physical, rx_bytes, tx_bytes, errors| Interface {
            name: name.to_owned(),
            is_physical,
            rx_bytes,
            tx_bytes,
            errors,
        };
        let bridge = interface("docker0", false, 7_000, 9_000, 0);
        let cards = [interface("eth0", true, 50_000, 20_000, 3), interface("wlan0", true, 1, 2, u64::MAX)];
        let both = [bridge.clone(), cards[0].clone(), cards[1].clone()];
        let physical = Traffic { rx_bytes: 50_001, tx_bytes: 20_002, errors: u64::MAX };
        assert_eq!(traffic(&both), Some(physical));
        assert_eq!(traffic(&[bridge]), Some(Traffic { rx_bytes: 7_000, tx_bytes: 9_000, errors: 0 }));
        assert_eq!(traffic(&[]), None);
    }
}
