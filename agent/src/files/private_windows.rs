//! Files that only their owner reads, on Windows: the rights come from the state directory, which the
//! installer gives to the service and to administrators.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// NTFS journals renames; a directory cannot be opened for flushing.
pub fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// A directory below one of ours, if it is not there yet.
pub fn directory(path: &Path) -> io::Result<()> {
    match std::fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Its name says so.
pub fn make_executable(_path: &Path) -> io::Result<()> {
    Ok(())
}
