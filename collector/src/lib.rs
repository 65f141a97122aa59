//! The collector: receives what agents measured, keeps it once, judges coverage, shows it, prints reports.
//!
//! Read `http` and `ingest` for how records come in, `store` for how they are kept, `summary` and
//! `coverage` for what is made of them, `exposition` and `report` for how it is shown.

// Both panic where nobody reads.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod cli;
pub mod config;
pub mod wall_clock;

pub mod region;
pub mod registry;
pub mod site_plan;

pub mod join_sheet;
pub mod qr;

pub mod audience;
pub mod programs;
pub mod rollout;

pub mod http;
pub mod secrets;
pub mod serving;
pub mod tls;

pub mod bandwidth;
pub mod clock;
pub mod ingest;
pub mod store;

pub mod day;
pub mod summary;

pub mod assessment;
pub mod calendar;
pub mod coverage;
pub mod report;

pub mod board;
pub mod exposition;
pub mod history;
pub mod live;
pub mod prompb;
pub mod remote_write;
