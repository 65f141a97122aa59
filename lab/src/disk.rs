//! A disk for tests: a file system in memory that notes every write and every barrier, can be full or broken,
//! and can tell what a power cut at any moment might have left.
//!
//! It is a real file system to the kernel (FUSE), so that the programs under test run as they are shipped and
//! nothing in them knows of it. [`cut`] is pure; [`tree`] is the file system without a kernel; [`fuse_linux`]
//! speaks with the kernel.

pub mod cut;
mod fuse_linux;
pub mod tree;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

use tree::{Event, Tree};

/// A mounted disk; gone when dropped.
#[derive(Debug)]
pub struct Disk {
    mounted_at: PathBuf,
    tree: Arc<Mutex<Tree>>,
}

/// What the disk does wrong, until it is told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trouble {
    /// Most bytes of all files; more is "no space left".
    pub bytes_max: Option<u64>,
    /// Every write is an I/O error.
    pub writes_fail: bool,
    /// Every fsync and fdatasync is an I/O error.
    pub syncs_fail: bool,
    /// Every read that the kernel has not in its cache is an I/O error.
    pub reads_fail: bool,
}

impl Disk {
    /// Mounts an empty disk over `at`, an empty directory.
    pub fn mount(at: &Path) -> Result<Self> {
        let tree = Arc::new(Mutex::new(Tree::new()));
        fuse_linux::mount(at, Arc::clone(&tree))
            .with_context(|| format!("a disk for tests at {}", at.display()))?;
        Ok(Self { mounted_at: at.to_owned(), tree })
    }

    pub fn path(&self) -> &Path {
        &self.mounted_at
    }

    /// How many events there were: a moment that [`cut`] understands.
    pub fn moment(&self) -> usize {
        self.tree().events.len()
    }

    /// Everything that happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.tree().events.clone()
    }

    pub fn set_trouble(&self, trouble: Trouble) {
        self.tree().trouble = trouble;
    }

    /// Bytes of all files.
    pub fn used_bytes(&self) -> u64 {
        self.tree().used_bytes()
    }

    /// How many reads, writes and barriers have failed because of [`Trouble`].
    pub fn failures(&self) -> u64 {
        self.tree().failures
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        fuse_linux::unmount(&self.mounted_at);
    }
}
