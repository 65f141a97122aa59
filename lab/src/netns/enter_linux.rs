//! The system calls behind namespaces.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Moves the calling thread, and only it, into a network namespace.
pub fn join(path: &Path) -> io::Result<()> {
    let namespace = File::open(path)?;
    // SAFETY: setns takes an open descriptor and changes the calling thread only.
    if unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

pub fn is_root() -> bool {
    // SAFETY: geteuid has no preconditions.
    unsafe { libc::geteuid() == 0 }
}

pub fn kill(pid: i32) {
    send(pid, libc::SIGKILL);
}

pub fn send(pid: i32, signal: i32) {
    // SAFETY: kill takes no pointers. A process that is gone already is fine.
    let _ = unsafe { libc::kill(pid, signal) };
}
