//! A look at the machine: load, memory, disks, temperature, interfaces, and the agent's own use. Every
//! value is optional, because every one is missing somewhere. Nothing about people: of processes only our
//! own is looked at, and no mount point that carries a user's name.

use std::path::Path;

use suar_wire::record::{Disk, Health};
use sysinfo::{
    Components, CpuRefreshKind, DiskRefreshKind, Disks, MemoryRefreshKind, Pid, ProcessRefreshKind,
    ProcessesToUpdate, System,
};

use crate::spool::Stats;

#[cfg(unix)]
#[path = "health_linux.rs"]
mod system;
#[cfg(windows)]
#[path = "health_windows.rs"]
mod system;

/// Counters of the network interfaces together, since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub errors: u64,
}

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
        health.temperature_dc = temperature_dc();
        if let Some(traffic) = system::traffic(Path::new("/")) {
            health.interface_rx_bytes = Some(traffic.rx_bytes);
            health.interface_tx_bytes = Some(traffic.tx_bytes);
            health.interface_errors = Some(traffic.errors);
        }
        let Some(system) = &mut self.system else { return health };
        system.refresh_memory_specifics(MemoryRefreshKind::everything());
        health.memory_total_kib = kib(system.total_memory()).filter(|total| *total > 0);
        health.memory_available_kib = health.memory_total_kib.and(kib(system.available_memory()));
        health.swap_used_kib = health.memory_total_kib.and(kib(system.used_swap()));

        system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
        // The first look has nothing to compare with.
        if std::mem::replace(&mut self.looked_before, true) {
            health.cpu_permille = permille(system.global_cpu_usage());
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

/// What the agent knows of itself, added to what it saw of the machine.
pub fn with_own(mut health: Health, spool: &Stats, clock_offset_ms: Option<i64>) -> Health {
    health.spool_records = spool.records_pending;
    health.spool_bytes = spool.bytes_on_disk;
    health.spool_bytes_max = Some(spool.bytes_max);
    health.spool_dropped = spool.dropped_total;
    health.clock_offset_ms = clock_offset_ms;
    health
}

fn kib(bytes: u64) -> Option<u64> {
    Some(bytes / 1024)
}

fn permille(percent: f32) -> Option<u32> {
    percent.is_finite().then(|| (percent * 10.0).round().clamp(0.0, 1000.0) as u32)
}

/// Hottest sensor, tenths of a degree. Not on Windows, where asking stalls some laptops.
fn temperature_dc() -> Option<i32> {
    if cfg!(windows) {
        return None;
    }
    /// What no office machine reads while it still runs: sensors that are not wired say such things.
    const BELIEVABLE: std::ops::Range<f32> = -30.0..130.0;
    let components = Components::new_with_refreshed_list().ok()?;
    let degrees = components.iter().filter_map(sysinfo::Component::temperature);
    let hottest = degrees.filter(|degrees| BELIEVABLE.contains(degrees)).reduce(f32::max)?;
    Some((hottest * 10.0).round() as i32)
}

fn disks() -> Vec<Disk> {
    const MIB: u64 = 1024 * 1024;
    let kind = DiskRefreshKind::nothing().with_storage();
    let Ok(found) = Disks::new_with_refreshed_list_specifics(kind) else { return Vec::new() };
    let mut seen = Vec::new();
    let mut disks: Vec<Disk> = found
        .iter()
        .filter(|disk| disk.total_space() > 0)
        // One device that is mounted in several places (bind mounts, subvolumes) is told once.
        .filter(|disk| {
            let fresh = !seen.contains(&disk.name());
            seen.push(disk.name());
            fresh
        })
        .filter_map(|disk| {
            Some(Disk {
                mount: impersonal(disk.mount_point())?,
                total_mib: disk.total_space() / MIB,
                free_mib: disk.available_space() / MIB,
                read_only: disk.is_read_only(),
            })
        })
        .collect();
    // The system's own first, then the largest.
    disks.sort_by_key(|disk| (disk.mount != "/", std::cmp::Reverse(disk.total_mib)));
    disks.truncate(Health::DISKS_MAX);
    disks
}

/// The mount point, unless it may name a person (`/media/siti/FLASHDISK`) or is too long to tell.
fn impersonal(mount: &Path) -> Option<String> {
    const PERSONAL: [&str; 4] = ["/media", "/run/media", "/home", "/run/user"];
    let inside = |parent: &&str| mount.strip_prefix(parent).is_ok_and(|rest| rest.components().count() > 0);
    let text = mount.to_str()?;
    (!PERSONAL.iter().any(inside) && text.len() <= Health::MOUNT_BYTES_MAX).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_that_name_people_are_not_told() {
        let told = |mount: &str| impersonal(Path::new(mount)).is_some();
        assert!(told("/") && told("/home") && told("/boot/efi") && told("/var"));
        assert!(!told("/media/siti/FLASHDISK") && !told("/run/media/budi/x") && !told("/home/siti"));
        assert!(!told(&format!("/{}", "x".repeat(64))));
    }

    #[test]
    fn the_spool_is_told_with_its_bound() {
        let spool = Stats { bytes_on_disk: 65_536, bytes_max: 1_048_576, ..Stats::default() };
        let health = with_own(Health::default(), &spool, None);
        assert_eq!((health.spool_bytes, health.spool_bytes_max), (65_536, Some(1_048_576)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_is_seen_and_values_are_believable() {
        let mut watcher = Watcher::new();
        let first = watcher.look();
        assert_eq!(first.cpu_permille, None, "nothing to compare with");
        let total = first.memory_total_kib.expect("memory");
        assert!(first.memory_available_kib.is_some_and(|available| available <= total));
        assert!(first.agent_rss_kib.is_some_and(|rss| rss > 100 && rss < total));
        assert!(first.uptime_s.is_some());
        assert!(first.disks.len() <= Health::DISKS_MAX);
        let second = watcher.look();
        assert!(second.cpu_permille.is_some_and(|permille| permille <= 1000));
        assert!(second.agent_cpu_ms >= first.agent_cpu_ms);
    }
}
