//! What agent and collector both need of the machine they run on: words on standard output, a processor that comes
//! late, packets that the kernel threw away. Nothing of Suar's own.

// Both panic where nobody reads.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[cfg_attr(target_os = "linux", path = "drops_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "drops_elsewhere.rs")]
pub mod drops;
pub mod output;
mod watch;

pub use watch::Watch;
