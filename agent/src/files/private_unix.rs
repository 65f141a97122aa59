//! Files that only their owner reads, on Unix.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown};
use std::path::Path;

/// A new file with mode 0600 from the first moment.
///
/// One that root writes into another's directory is given to that other: the agent reads what a command of an
/// administrator wrote.
pub fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if let Some((user, group)) = owner_above(path) {
        // Only root may, and everybody else is the owner already.
        let _ = fchown(&file, Some(user), Some(group));
    }
    Ok(file)
}

/// A directory below one of ours, if it is not there yet; its owner is as for files.
pub fn directory(path: &Path) -> io::Result<()> {
    match std::fs::create_dir(path) {
        Ok(()) => {
            if let Some((user, group)) = owner_above(path) {
                let _ = chown(path, Some(user), Some(group));
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Elsewhere than on Windows an open file prevents nothing.
pub fn is_sharing_violation(_error: &io::Error) -> bool {
    false
}

pub fn may_be_free_soon(_error: &io::Error) -> bool {
    false
}

fn owner_above(path: &Path) -> Option<(u32, u32)> {
    let above = std::fs::metadata(path.parent()?).ok()?;
    Some((above.uid(), above.gid()))
}

/// Makes a rename inside the directory survive a power cut.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// For its owner alone.
pub fn make_executable(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}
