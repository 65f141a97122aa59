//! Small files that survive a power cut: the old content or the new, never half of either.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

#[cfg_attr(unix, path = "files/private_unix.rs")]
#[cfg_attr(windows, path = "files/private_windows.rs")]
mod private;

pub use private::{directory, sync_directory};

/// Replaces a file whole, readable by its owner alone: writes beside it, makes that durable, renames.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let written = write(&beside, content).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // Best effort: the error that is told is the first one.
        let _ = fs::remove_file(&beside);
        return written;
    }
    match path.parent() {
        Some(directory) => private::sync_directory(directory),
        None => Ok(()),
    }
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    // One left by a power cut would have kept its old mode.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}
