//! Replaces a small file whole: write beside it, make durable, rename over it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::private;

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
