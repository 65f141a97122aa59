//! The agent as a service of this machine: `join` starts it, so that nobody at an office has a second step to know.

#[cfg_attr(target_os = "linux", path = "service_linux.rs")]
#[cfg_attr(windows, path = "service_windows.rs")]
mod system;

#[cfg(windows)]
pub use system::{run, stop_requested, system_is_stopping};

/// What became of starting it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// It runs, with what was just written, and comes back at each boot.
    Running,
    /// Nobody installed it as a service: the agent was copied here as a file.
    NotInstalled,
    /// The system's own words.
    Refused(String),
}

/// Starts the installed service, or starts it again when it runs.
pub fn start() -> Started {
    system::start()
}
