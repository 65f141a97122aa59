//! Coverage seen from outside: scenarios from small files, and a slow second-by-second reference.

mod support;

#[path = "coverage/reference.rs"]
mod reference;
#[path = "coverage/scenarios.rs"]
mod scenarios;
