//! Linux: what `/proc` and `/sys` say, below a root that a test can set.

use std::fs;
use std::path::{Path, PathBuf};

use suar_wire::record::{Attachment, Health};

use crate::interfaces::{interfaces, traffic};

#[path = "health/disks_linux.rs"]
mod disks;
#[path = "health/load_linux.rs"]
mod load;
#[path = "health/network_linux.rs"]
mod network;
#[path = "health/power_linux.rs"]
mod power;
#[path = "health/temperature_linux.rs"]
mod temperature;
#[cfg(test)]
#[path = "health/recorded_tests.rs"]
mod tests;

/// Looks; remembers the look before, since load is a difference. May block on a sick disk, so not for the
/// thread that times probes.
#[derive(Debug, Default)]
pub struct Watcher {
    root: Root,
    processors_before: Option<load::Processors>,
}

impl Watcher {
    pub fn new() -> Self {
        Self::default()
    }

    /// Of a machine whose files lie below a directory.
    pub fn at(root: &Path) -> Self {
        Self { root: Root(root.to_owned()), processors_before: None }
    }

    pub fn look(&mut self) -> Health {
        let root = &self.root;
        let mut health = Health {
            uptime_s: load::uptime_s(root),
            temperature_dc: temperature::hottest_dc(root),
            disks: disks::disks(root),
            agent_rss_kib: load::own_rss_kib(root),
            agent_cpu_ms: load::own_cpu_ms(root),
            ..Health::default()
        };
        let processors = load::processors(root);
        let before = std::mem::replace(&mut self.processors_before, processors);
        // The first look has nothing to compare with.
        health.cpu_permille = before.and_then(|before| processors?.busy_since(before));
        let memory = load::memory(root);
        health.memory_total_kib = memory.total_kib;
        health.memory_available_kib = memory.available_kib;
        health.swap_used_kib = memory.swap_used_kib;
        if let Some(traffic) = interfaces(&root.0).and_then(|all| traffic(&all)) {
            health.interface_rx_bytes = Some(traffic.rx_bytes);
            health.interface_tx_bytes = Some(traffic.tx_bytes);
            health.interface_errors = Some(traffic.errors);
        }
        let power = power::power(root);
        let link = network::link(root);
        health.attachment = Some(Attachment {
            medium: link.medium,
            speed_mbps: link.speed_mbps,
            on_mains: power.on_mains,
            battery_percent: power.battery_percent,
        });
        health
    }
}

/// Where the machine's files are.
#[derive(Debug, Clone)]
struct Root(PathBuf);

impl Default for Root {
    fn default() -> Self {
        Self(PathBuf::from("/"))
    }
}

/// Most entries of a directory that are looked at; the largest machines have a few dozen.
const ENTRIES_MAX: usize = 256;

impl Root {
    /// A file without the white space around it; `None` also where the driver answers with an error.
    fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = fs::read(self.0.join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    fn number<T: std::str::FromStr>(&self, path: impl AsRef<Path>) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// Paths below the root of what is in a directory, in no order.
    fn entries(&self, directory: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.0.join(directory)) else { return Vec::new() };
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
        names.take(ENTRIES_MAX).map(|name| Path::new(directory).join(name)).collect()
    }
}
