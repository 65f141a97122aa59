//! The agent's own program: newer ones come from the collector, and this looks after them.
//!
//! What a package or a setup installed is never touched. It is the launcher: it runs the agent in its own process
//! until there is a newer program, and from then on starts that one as a child and watches it. So whoever judges a
//! new program is one that has worked here before, and going back is not starting the child again.
//!
//! What stands on disk, in `program/` of the state directory (each change is one durable rename):
//!
//! ```text
//! suar-agent-BUILD.minisig   the signature, fetched first
//! suar-agent-BUILD.part      as much of the program as has come
//! suar-agent-BUILD           all of it, with a signature that is right
//! suar-agent-BUILD.failed    why it is not tried again, and how often it failed
//! choice.json                which of them runs: one that has reached the collector, and one on trial
//! ```
//!
//! A program is started only if its signature is right at that moment: whatever a disk has made of these files, what
//! runs is the installed program or one that the holder of the key has signed for this version and this system.

pub mod build;
pub mod child;
pub mod choice;
pub mod fetch;
pub mod launch;
pub mod self_test;
pub mod shelf;

use suar_wire::release::Version;

pub use build::Build;

/// The version of the program that runs here.
pub fn own_version() -> Version {
    env!("CARGO_PKG_VERSION").parse().expect("cargo's version is three numbers: a test reads it")
}

/// System and processor, as releases name them.
pub fn target() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// What is to run next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A program that is here and has passed its own test.
    Try(Build),
    /// The installed program.
    Installed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_can_be_named() {
        assert_eq!(own_version().to_string(), env!("CARGO_PKG_VERSION"));
        assert!(suar_wire::release::is_target(&target()), "{}", target());
    }
}
