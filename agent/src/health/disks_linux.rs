//! File systems by `/proc/self/mountinfo`, with their space.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use suar_wire::record::{Disk, Health};

use super::Root;
use crate::health::impersonal;

/// Pictures that are mounted: full and read-only by nature.
const PICTURES: [&str; 5] = ["squashfs", "iso9660", "udf", "erofs", "cramfs"];

pub(super) fn disks(root: &Root) -> Vec<Disk> {
    let text = root.text("proc/self/mountinfo").unwrap_or_default();
    let mut seen = Vec::new();
    let mut disks = Vec::new();
    let mut mounts: Vec<Mount> = text.lines().filter_map(mount).filter(Mount::is_disk).collect();
    // One device that is mounted in several places (bind mounts, the sandbox of a service) is told once: by the
    // place where its top is.
    mounts.sort_by_key(|mount| (!mount.is_top, mount.place != "/"));
    for mount in mounts {
        if seen.contains(&mount.device) {
            continue;
        }
        if let Some(disk) = disk(root, &mount) {
            seen.push(mount.device);
            disks.push(disk);
        }
    }
    // The system's own first, then the largest.
    disks.sort_by_key(|disk| (disk.mount != "/", std::cmp::Reverse(disk.total_mib)));
    disks.truncate(Health::DISKS_MAX);
    disks
}

fn disk(root: &Root, mount: &Mount) -> Option<Disk> {
    const MIB: u64 = 1024 * 1024;
    let place = Path::new(&mount.place);
    let told = impersonal(place)?;
    let below_root = root.0.join(place.strip_prefix("/").ok()?);
    // A single file can be mounted too.
    below_root.is_dir().then_some(())?;
    let (total, free) = space(&below_root).filter(|(total, _)| *total > 0)?;
    Some(Disk { mount: told, total_mib: total / MIB, free_mib: free / MIB, read_only: mount.read_only })
}

struct Mount {
    /// `major:minor`
    device: String,
    /// The file system's own root is here, not a directory of it.
    is_top: bool,
    place: String,
    kind: String,
    source: String,
    read_only: bool,
}

impl Mount {
    /// Network file systems are left out: asking one whose server is away blocks.
    fn is_disk(&self) -> bool {
        let is_on_device = self.source.starts_with("/dev/") || self.kind == "zfs" || self.place == "/";
        is_on_device && !PICTURES.contains(&self.kind.as_str())
    }
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn mount(line: &str) -> Option<Mount> {
    let (here, system) = line.split_once(" - ")?;
    let mut here = here.split(' ').skip(2);
    let (device, top, place) = (here.next()?, here.next()?, here.next()?);
    let mut system = system.split(' ');
    let (kind, source, options) = (system.next()?, system.next()?, system.next()?);
    Some(Mount {
        device: device.to_owned(),
        is_top: top == "/",
        place: unescaped(place),
        kind: kind.to_owned(),
        source: source.to_owned(),
        // The file system's own state, not that of this mount: a service's sandbox shows healthy disks to it as
        // read-only. `emergency_ro` is what newer kernels make of a file system that has met an error.
        read_only: options.split(',').any(|option| matches!(option, "ro" | "emergency_ro")),
    })
}

/// Space, tab, line feed and backslash are written as `\040` and so on.
fn unescaped(text: &str) -> String {
    let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    codes.iter().fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}

/// All, and what programs without privileges can still have, in bytes.
fn space(path: &Path) -> Option<(u64, u64)> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut told = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a zero byte, and the system fills in the whole structure when it answers 0.
    let told = unsafe {
        (libc::statvfs(path.as_ptr(), told.as_mut_ptr()) == 0).then_some(())?;
        told.assume_init()
    };
    #[allow(clippy::useless_conversion, reason = "the fields are narrower on 32-bit systems")]
    let [block, all, free] = [told.f_frsize.into(), told.f_blocks.into(), told.f_bavail.into()];
    Some((u64::saturating_mul(block, all), u64::saturating_mul(block, free)))
}
