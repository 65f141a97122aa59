//! Batteries and UPS, as far as the kernel knows them: a UPS without a driver of its own is not seen.

use std::path::Path;

use super::Root;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Power {
    pub(super) on_mains: Option<bool>,
    pub(super) battery_percent: Option<u32>,
}

pub(super) fn power(root: &Root) -> Power {
    let supplies: Vec<Supply> =
        root.entries("sys/class/power_supply").iter().filter_map(|path| supply(root, path)).collect();
    let batteries = || supplies.iter().filter(|supply| supply.stores);
    if batteries().next().is_none() {
        return Power::default();
    }
    let told: Vec<u32> = batteries().filter_map(|battery| battery.percent).collect();
    let mean = told.iter().sum::<u32>().checked_div(u32::try_from(told.len()).unwrap_or(u32::MAX));
    let adapters = supplies.iter().filter(|supply| !supply.stores);
    // A charger that is too weak lets the battery drain although it is plugged in; so the adapters' word counts
    // before the batteries'. One adapter is enough, and one battery that drains is enough, too.
    let by_adapters = adapters.filter_map(|adapter| adapter.gives).reduce(|one, other| one || other);
    let by_batteries = batteries().filter_map(|battery| battery.gives).reduce(|one, other| one && other);
    Power { on_mains: by_adapters.or(by_batteries), battery_percent: mean }
}

struct Supply {
    /// A battery or a UPS, not an adapter.
    stores: bool,
    /// Whether power comes in from outside, by its word.
    gives: Option<bool>,
    percent: Option<u32>,
}

fn supply(root: &Root, path: &Path) -> Option<Supply> {
    let word = |file: &str| root.text(path.join(file));
    // The battery of a mouse carries nobody, and a bay may be empty.
    if word("scope").as_deref() == Some("Device") || word("present").as_deref() == Some("0") {
        return None;
    }
    match word("type")?.as_str() {
        "Battery" | "UPS" => Some(Supply {
            stores: true,
            gives: match word("status").as_deref() {
                Some("Discharging") => Some(false),
                Some("Charging" | "Full" | "Not charging") => Some(true),
                _ => None,
            },
            percent: root.number::<u32>(path.join("capacity")).filter(|percent| *percent <= 100),
        }),
        "Mains" | "USB" | "Wireless" => Some(Supply {
            stores: false,
            gives: match word("online").as_deref() {
                Some("0") => Some(false),
                // 2: on, with less than it could give.
                Some("1" | "2") => Some(true),
                _ => None,
            },
            percent: None,
        }),
        _ => None,
    }
}
