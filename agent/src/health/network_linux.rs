//! The interface that the default route takes: what it is, and what it has negotiated.

use std::path::Path;

use suar_wire::record::Medium;

use super::Root;
use crate::probe::net;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Link {
    pub(super) medium: Option<Medium>,
    pub(super) speed_mbps: Option<u32>,
}

/// The fastest cards that there are; drivers that do not know say -1 or all ones.
const SPEED_MBPS_MAX: u32 = 800_000;

pub(super) fn link(root: &Root) -> Link {
    let Some(name) = net::System::at(&root.0).way_out() else { return Link::default() };
    let interface = Path::new("sys/class/net").join(name);
    let speed = root.number::<u32>(interface.join("speed"));
    Link {
        medium: medium(root, &interface),
        speed_mbps: speed.filter(|speed| (1..=SPEED_MBPS_MAX).contains(speed)),
    }
}

/// A bridge, a tunnel or a bond does not say what is under it.
fn medium(root: &Root, interface: &Path) -> Option<Medium> {
    /// `ARPHRD_ETHER`, which Wi-Fi and USB telephones claim too.
    const ETHERNET: &str = "1";
    /// Drivers of telephones on a USB port: Android and iOS. Newer Androids share `cdc_ncm` with plain adapters.
    const TELEPHONES: [&str; 2] = ["rndis_host", "ipheth"];
    const EITHER: &str = "cdc_ncm";
    let setting = |file: &str, key: &str| {
        let text = root.text(interface.join(file))?;
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=').map(str::to_owned))
    };
    match setting("uevent", "DEVTYPE").as_deref() {
        Some("wlan") => return Some(Medium::Wifi),
        Some("wwan") => return Some(Medium::Mobile),
        _ => {}
    }
    if root.0.join(interface).join("wireless").exists() {
        return Some(Medium::Wifi);
    }
    let driver = setting("device/uevent", "DRIVER")?;
    if TELEPHONES.contains(&driver.as_str()) {
        return Some(Medium::Mobile);
    }
    if driver == EITHER {
        return None;
    }
    (root.text(interface.join("type")).as_deref() == Some(ETHERNET)).then_some(Medium::Cable)
}
