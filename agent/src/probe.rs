//! The probes: each asks one thing under a deadline and returns what came of it as data.
//!
//! They know neither spool nor uplink nor verdict; nothing here decides anything.

pub mod dns;
pub mod echo;
pub mod http;
pub mod net;
pub mod tcp;

use std::time::Duration;

/// A reply that takes longer is no reply (RFC 7680 asks for a fixed bound, never an adaptive one).
pub const TIMEOUT: Duration = Duration::from_secs(3);
