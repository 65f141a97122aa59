//! Windows: sysinfo for load, memory and disks, the system's own calls for the rest. No temperatures: asking
//! stalls some laptops. A UPS shows as the battery that Windows takes it for. Not seen on a real Windows yet.

use std::path::Path;

use suar_wire::record::{Attachment, Disk, Health, Medium};
use sysinfo::{
    CpuRefreshKind, DiskRefreshKind, Disks, MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate,
    System,
};
use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetBestInterface, IF_TYPE_ETHERNET_CSMACD, IF_TYPE_IEEE80211, IF_TYPE_WWANPP, IF_TYPE_WWANPP2,
};
use windows_sys::Win32::System::Power::{GetSystemPowerStatus, SYSTEM_POWER_STATUS};

use super::{impersonal, permille};
use crate::interfaces::{interfaces, is_hardware, rows, traffic};

/// Looks; remembers the look before, since load is a difference. May block on a sick disk, so not for the
/// thread that times probes.
#[derive(Debug)]
pub struct Watcher {
    system: Option<System>,
    own: Option<Pid>,
    looked_before: bool,
}

impl Default for Watcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Watcher {
    pub fn new() -> Self {
        Self { system: System::new().ok(), own: sysinfo::get_current_pid().ok(), looked_before: false }
    }

    pub fn look(&mut self) -> Health {
        let mut health = Health { uptime_s: System::uptime().ok(), disks: disks(), ..Health::default() };
        if let Some(traffic) = interfaces(Path::new("/")).and_then(|all| traffic(&all)) {
            health.interface_rx_bytes = Some(traffic.rx_bytes);
            health.interface_tx_bytes = Some(traffic.tx_bytes);
            health.interface_errors = Some(traffic.errors);
        }
        health.attachment = Some(attachment());
        let Some(system) = &mut self.system else { return health };
        system.refresh_memory_specifics(MemoryRefreshKind::everything());
        let kib = |bytes: u64| Some(bytes / 1024);
        health.memory_total_kib = kib(system.total_memory()).filter(|total| *total > 0);
        health.memory_available_kib = health.memory_total_kib.and(kib(system.available_memory()));
        health.swap_used_kib = health.memory_total_kib.and(kib(system.used_swap()));

        system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
        // The first look has nothing to compare with.
        if std::mem::replace(&mut self.looked_before, true) {
            health.cpu_permille = permille(f64::from(system.global_cpu_usage()) / 100.0);
        }
        if let Some(own) = self.own {
            let only = ProcessesToUpdate::Some(&[own]);
            let kind = ProcessRefreshKind::nothing().with_memory().with_cpu().without_tasks();
            system.refresh_processes_specifics(only, false, kind);
            if let Some(process) = system.process(own) {
                health.agent_rss_kib = kib(process.memory());
                health.agent_cpu_ms = Some(process.accumulated_cpu_time());
            }
        }
        health
    }
}

fn disks() -> Vec<Disk> {
    const MIB: u64 = 1024 * 1024;
    let kind = DiskRefreshKind::nothing().with_storage();
    let Ok(found) = Disks::new_with_refreshed_list_specifics(kind) else { return Vec::new() };
    let mut disks: Vec<Disk> = found
        .iter()
        .filter(|disk| disk.total_space() > 0)
        .filter_map(|disk| {
            Some(Disk {
                mount: impersonal(disk.mount_point())?,
                total_mib: disk.total_space() / MIB,
                free_mib: disk.available_space() / MIB,
                read_only: disk.is_read_only(),
            })
        })
        .collect();
    disks.sort_by_key(|disk| std::cmp::Reverse(disk.total_mib));
    disks.truncate(Health::DISKS_MAX);
    disks
}

fn attachment() -> Attachment {
    let (medium, speed_mbps) = link().unwrap_or_default();
    let (on_mains, battery_percent) = power().unwrap_or_default();
    Attachment { medium, speed_mbps, on_mains, battery_percent }
}

/// Of the interface that packets to the internet take.
fn link() -> Option<(Option<Medium>, Option<u32>)> {
    /// One of the targets; nothing is sent to it here.
    const OUTSIDE: u32 = u32::from_ne_bytes([1, 1, 1, 1]);
    let mut index = 0;
    // SAFETY: the system writes one number, which outlives the call.
    let is_known = unsafe { GetBestInterface(OUTSIDE, &raw mut index) } == ERROR_SUCCESS;
    let row = is_known.then(rows)??.into_iter().find(|row| row.InterfaceIndex == index)?;
    let medium = match row.Type {
        // Virtual switches and tunnels claim to be Ethernet too.
        IF_TYPE_ETHERNET_CSMACD => is_hardware(&row).then_some(Medium::Cable),
        IF_TYPE_IEEE80211 => Some(Medium::Wifi),
        IF_TYPE_WWANPP | IF_TYPE_WWANPP2 => Some(Medium::Mobile),
        _ => None,
    };
    // Bits a second; all ones are "unknown".
    let speed = Some(row.TransmitLinkSpeed).filter(|speed| *speed != u64::MAX);
    let speed_mbps = speed.and_then(|speed| u32::try_from(speed / 1_000_000).ok());
    Some((medium, speed_mbps.filter(|speed| *speed > 0)))
}

fn power() -> Option<(Option<bool>, Option<u32>)> {
    const NO_BATTERY: u8 = 128;
    const UNKNOWN: u8 = 255;
    let mut told = SYSTEM_POWER_STATUS::default();
    // SAFETY: the system fills in the structure, which outlives the call.
    let is_known = unsafe { GetSystemPowerStatus(&raw mut told) } != 0;
    if !is_known || told.BatteryFlag == UNKNOWN || told.BatteryFlag & NO_BATTERY != 0 {
        return None;
    }
    let on_mains = match told.ACLineStatus {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    };
    Some((on_mains, Some(u32::from(told.BatteryLifePercent)).filter(|percent| *percent <= 100)))
}
