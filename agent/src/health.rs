//! A look at the machine: load, memory, disks, temperature, interfaces, what it hangs on, and the agent's own
//! use. Every value is optional, because every one is missing somewhere. Nothing about people: of processes only
//! our own is looked at, no name of an interface or a battery is told, and no mount point that carries a user's
//! name.

use std::path::Path;

use suar_wire::record::{Attachment, Health};

use crate::spool::Stats;

#[cfg(unix)]
#[path = "health_linux.rs"]
mod system;
#[cfg(windows)]
#[path = "health_windows.rs"]
mod system;

pub use system::Watcher;

/// What the agent knows of itself, added to what it saw of the machine.
pub fn with_own(mut health: Health, spool: &Stats, clock_offset_ms: Option<i64>) -> Health {
    health.spool_records = spool.records_pending;
    health.spool_bytes = spool.bytes_on_disk;
    health.spool_bytes_max = Some(spool.bytes_max);
    health.spool_dropped = spool.dropped_total;
    health.clock_offset_ms = clock_offset_ms;
    health
}

/// Leaves out of a look what was told already. With each so many looks all is told again, since a record may
/// have been lost: once an hour by the standard plan.
#[derive(Debug, Default)]
pub struct News {
    told: Option<Attachment>,
    looks_since: u32,
}

impl News {
    pub const TOLD_EVERY_LOOKS: u32 = 6;

    pub fn of(&mut self, mut health: Health) -> Health {
        self.looks_since += 1;
        if health.attachment == self.told && self.looks_since < Self::TOLD_EVERY_LOOKS {
            health.attachment = None;
        } else {
            self.told = health.attachment;
            self.looks_since = 0;
        }
        health
    }
}

fn permille(part: f64) -> Option<u32> {
    part.is_finite().then(|| (part * 1000.0).round().clamp(0.0, 1000.0) as u32)
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

    #[test]
    fn what_the_machine_hangs_on_is_told_first_when_it_changes_and_once_an_hour() {
        let mut news = News::default();
        let mut told = |on_mains| {
            let attachment = Some(Attachment { on_mains: Some(on_mains), ..Attachment::default() });
            news.of(Health { attachment, ..Health::default() }).attachment.is_some()
        };
        let looks = [true, true, false, false, true].map(&mut told);
        assert_eq!(looks, [true, false, true, false, true], "first, and at each change");
        let hour: Vec<bool> = (0..12).map(|_| told(true)).collect();
        assert_eq!(hour.iter().filter(|told| **told).count(), 2, "in two hours: {hour:?}");
    }
}
