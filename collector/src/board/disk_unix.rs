//! What the disk of the data directory has left.

use std::path::Path;

/// Bytes that we can still use and bytes in all; `None` where the system does not say.
pub fn room(directory: &Path) -> Option<(u64, u64)> {
    let found = rustix::fs::statvfs(directory).ok()?;
    Some((found.f_bavail.saturating_mul(found.f_frsize), found.f_blocks.saturating_mul(found.f_frsize)))
}
