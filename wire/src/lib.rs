//! What Suar's agent and collector agree on, and nothing else: no I/O, no clock, no randomness.
//!
//! Read in this order: [`identity`] and [`slot`] name things, [`verdict`] and [`outcome`] say what a
//! probe can find, [`data_use`] what it costs, [`record`] is what an agent remembers, [`columns`] how
//! records become bytes,
//! [`push`] how they travel, [`receipt`] what comes back, [`carried`] how pushes travel by hand, [`plan`]
//! and [`joining`] how an agent learns its work, [`release`] how it gets a newer program, [`bandwidth`] how the line's rate is measured.

pub mod identity;
pub mod slot;

pub mod verdict;

pub mod outcome;

pub mod bandwidth;
pub mod data_use;

pub mod record;

pub mod columns;

pub mod push;

pub mod receipt;

pub mod carried;

pub mod plan;

pub mod release;

pub mod join_code;
pub mod joining;

pub mod intervals;

pub use columns::{decode_record, encode_record};
pub use data_use::{DataUse, Month, Purpose, Step, Use};
pub use identity::{AgentId, BootId, Epoch, SEQUENCE_MAX, Sequence, SiteCode};
pub use intervals::IntervalSet;
pub use outcome::{Echo, EchoError, EchoMethod, Failure, Outcome};
pub use plan::{Plan, PlanFault, PlanRefused};
pub use push::{Push, PushError};
pub use receipt::{Receipt, Refusal, RefusalReason};
pub use record::{Body, Record, Stamp};
pub use slot::{Slot, SlotWidth};
pub use verdict::{Cause, Note, Verdict};
