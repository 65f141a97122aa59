//! One test at a time on a machine, whoever asks for it: two at once would measure each other.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::files;

const FILE: &str = "bandwidth.lock";

/// `None` while another holds it. It ends with the file that is returned, and with its process.
pub fn take(state: &Path) -> io::Result<Option<File>> {
    let path = state.join(FILE);
    if !path.exists() {
        files::replace(&path, b"")?;
    }
    let file = File::options().read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_second_is_told_so() {
        let state = tempfile::tempdir().expect("a directory");
        let first = take(state.path()).expect("a lock");
        assert!(first.is_some());
        assert!(take(state.path()).expect("looked at").is_none());
        drop(first);
        assert!(take(state.path()).expect("a lock").is_some());
    }
}
