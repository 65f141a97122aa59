//! `/metrics`: what is known now, as text for Prometheus. The only module that knows metric names.
//!
//! Pure: everything it shows is handed in. Families of sites are written from state without a registry,
//! which is twenty times cheaper at 100,000 series; the collector's own few go through one.

pub mod families;
mod own;
mod text;

pub use own::Own;
pub use text::CONTENT_TYPE;
