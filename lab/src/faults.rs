//! The fault suite: what is promised of records, shown by breaking things on purpose. `lab/faults.sh` runs the
//! long form of all of it, `lab/check.sh` a short one.
//!
//! [`returns`] lets a province come back at once; [`kills`] kills both programs at random moments with a hostile line
//! between them; [`power`] cuts the power under either's disk; [`disks`] fills and breaks the collector's. Each
//! counts what it did and what came of it, and fails on the first record that is lost, twice, or receipted too early.

pub mod disks;
pub mod kills;
pub mod power;
mod proxy;
pub mod returns;
pub mod suite;
mod trace;
