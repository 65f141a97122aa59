//! The agent: measures an office's link and machine, decides, remembers, sends.
//!
//! Read `run` first (the loop), then `round`, `verdict`, `spool`, `uplink`; `bandwidth` tests the line's rate.

// Both panic where nobody reads.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod cli;
pub mod config;
pub mod language;
pub mod run;

pub mod clock;
pub mod schedule;
pub mod service;

pub mod probe;
pub mod round;
pub mod verdict;

pub mod bandwidth;

pub mod health;
pub mod interfaces;
pub mod pause;
pub mod session;
pub mod status;

pub mod budget;
#[cfg(unix)]
mod dbus_linux;
pub mod ledger;
pub mod meter;
pub mod metered;

pub mod files;
pub mod random;
pub mod spool;

pub mod carrying;
pub mod identity;
pub mod joining;
pub mod program;
pub mod rejoined;

pub mod http;
pub mod server;
pub mod tcp;
pub mod tls;

pub mod uplink;
