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

const ACCESS_DENIED: i32 = 5;
const SHARING_VIOLATION: i32 = 32;
const LOCK_VIOLATION: i32 = 33;

/// Another program has the file open.
pub fn is_sharing_violation(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(SHARING_VIOLATION | LOCK_VIOLATION))
}

/// What a scanner that looks at a new file does to a rename or removal; the refusal of access too, which is what the
/// system says of a file whose removal waits for its last reader.
pub fn may_be_free_soon(error: &io::Error) -> bool {
    is_sharing_violation(error) || error.raw_os_error() == Some(ACCESS_DENIED)
}
