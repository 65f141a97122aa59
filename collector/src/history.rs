//! History: stored records and day summaries -> series with their original times, for remote read.
//!
//! Pure: what is read comes in as values, what is asked as matchers and a range, `now` is an argument.
//! [`plan`] says which series a question may touch, [`slots`], [`device`] and [`hourly`] make samples,
//! [`series`] holds them, [`xor`] packs them as Prometheus does.

pub mod answer;
pub mod device;
pub mod hourly;
pub mod limits;
pub mod matchers;
pub mod measure;
pub mod plan;
pub mod records;
pub mod series;
pub mod slots;
pub mod xor;

pub use limits::{Limits, Over};
pub use matchers::Matchers;
pub use measure::Measure;
pub use series::{Form, Labels, Samples};
