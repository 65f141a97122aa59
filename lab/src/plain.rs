//! What a report must say of a simulated fleet, found the slowest and plainest way: one second after the
//! other, from the truth and from the words of `docs/method.md`.
//!
//! Shares no code with the collector. Region and holidays are read from its data files, not through it.

mod calendar;
mod compare;
mod judge;
mod shared;
mod sure;
mod timeline;

pub use compare::{Outcome, compare};
pub use judge::Judged;
