//! What is written to a disk: by a process, and by whoever, as the block device counts it.

use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::programs::Process;

const SECTOR_BYTES: u64 = 512;

/// Sums of a block device since the machine started, or a difference of them.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Device {
    pub written_bytes: u64,
    pub writes: u64,
    /// Orders to empty the disk's own cache: each fsync ends in one.
    pub flushes: u64,
}

impl Device {
    /// The device that a directory lies on; `None` where that is no block device.
    pub fn below(directory: &Path) -> Option<Self> {
        let device = directory.metadata().ok()?.dev();
        let number = format!("{}:{}", libc::major(device), libc::minor(device));
        let text = std::fs::read_to_string(format!("/sys/dev/block/{number}/stat")).ok()?;
        let fields: Vec<u64> = text.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // Documentation/block/stat.rst; old kernels do not count flushes.
        let (writes, sectors, flushes) = (fields.get(4)?, fields.get(6)?, fields.get(15)?);
        Some(Self { writes: *writes, written_bytes: sectors * SECTOR_BYTES, flushes: *flushes })
    }

    pub fn since(self, before: Self) -> Self {
        Self {
            written_bytes: self.written_bytes - before.written_bytes,
            writes: self.writes - before.writes,
            flushes: self.flushes - before.flushes,
        }
    }
}

/// What the kernel says that a process made dirty.
pub fn written_by(process: &Process) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/io", process.pid()))?;
    let bytes = text.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
    bytes.context("write_bytes in the kernel's account")
}

/// Everything of this file system goes to its device now.
pub fn flush(directory: &Path) -> Result<()> {
    let opened = std::fs::File::open(directory)?;
    // SAFETY: the descriptor is open, and syncfs takes nothing else.
    ensure!(unsafe { libc::syncfs(opened.as_raw_fd()) } == 0, "{}", std::io::Error::last_os_error());
    Ok(())
}

/// What the files below a directory take of the disk.
pub fn bytes_in(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_in(&entry.path())? } else { metadata.blocks() * SECTOR_BYTES };
    }
    Ok(bytes)
}
