//! Office hours in local time. (to be written; the shapes other modules rely on)

use serde::{Deserialize, Serialize};

/// Indonesia's zones; none has summer time, so an offset is all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeZone {
    Wib,
    Wita,
    Wit,
}

/// Weekly hours, written and read as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeHours(pub String);
