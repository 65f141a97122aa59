//! The agent's own program: a newer one comes from the collector, is tried, kept or given up, whatever happens on the
//! way.

mod office;
mod power;
