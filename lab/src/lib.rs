//! The laboratory: both programs together over an emulated network, with the truth known.
//!
//! Read [`world`] first (an internet, offices, what can be broken), then [`netns`] and [`wan`] that it is
//! made of, and [`programs`] for the real processes inside. [`faults`] breaks things on purpose, on a [`disk`] of
//! its own; [`hostile`] is everything that reads bytes from outside. [`fleet`], [`load`] and [`bench`] make numbers, [`plain`] says what they must be;
//! [`against_fping`] and [`mixed_life`] hold the agent against other accounts of the same thing, [`week`] alerts against a week.
//! [`office_pictures`] draws the terminals on the pages that offices read.

pub mod world;

pub mod netns;
pub mod wan;
pub mod week;

pub mod programs;

pub mod disk;
pub mod enrolled;
pub mod faults;
pub mod hostile;

pub mod against_fping;
pub mod bandwidth;
pub mod bench;
pub mod fleet;
pub mod load;
pub mod mixed_life;
pub mod network_manager;
pub mod office_pictures;
pub mod plain;
pub mod pusher;
pub mod samples;
pub mod takers;
pub mod terminal;

pub mod dates;
pub mod seed;
pub mod signer;
