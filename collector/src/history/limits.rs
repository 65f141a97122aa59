//! What a question for history may cost. Everything that a stranger's query could make large has a bound,
//! and passing it is an error that says what would be smaller.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Queries of one request; Prometheus sends one.
    pub queries: usize,
    /// Series that one request may touch.
    pub series: usize,
    /// Samples of one request in chunks: about 1 to 9 bytes each while they wait.
    pub samples: u64,
    /// Samples of one request in the plain form, which is made whole before it is sent: 16 bytes each.
    pub plain_samples: u64,
    /// Days of a range of slots or looks at machines.
    pub raw_days: u32,
    /// Days of a range of hours.
    pub hourly_days: u32,
    /// Days of single agents that are read and taken apart: about a millisecond each.
    pub agent_days: u64,
    /// From the question to the last byte; below Prometheus' own minute, so that it hears the reason.
    pub time: Duration,
}

impl Limits {
    pub const STANDARD: Self = Self {
        queries: 16,
        series: 50_000,
        samples: 5_000_000,
        plain_samples: 1_000_000,
        raw_days: 93,
        hourly_days: 1_100,
        agent_days: 200_000,
        time: Duration::from_secs(50),
    };
}

/// A bound that a question would pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Over {
    #[error("{found} queries in one request; at most {max} are answered")]
    Queries { found: usize, max: usize },
    #[error("more than {max} series; ask for fewer sites, e.g. by regency, island or site")]
    Series { max: usize },
    #[error("more than {max} samples; ask for fewer sites or a shorter range, or for suar's hourly series")]
    Samples { max: u64 },
    #[error(
        "a range of {found} days; slots and device readings are answered for at most {max} days, use suar's \
         hourly series for longer ranges"
    )]
    RawDays { found: i64, max: u32 },
    #[error("a range of {found} days; hourly series are answered for at most {max} days")]
    HourlyDays { found: i64, max: u32 },
    #[error(
        "{found} days of agents would have to be read, at most {max} are; ask for fewer sites or a shorter range"
    )]
    AgentDays { found: u64, max: u64 },
    #[error("the answer took longer than {} s; ask for fewer sites or a shorter range", .max.as_secs())]
    Time { max: Duration },
}

impl Over {
    /// The stable word, in metric labels.
    pub fn label(self) -> &'static str {
        match self {
            Self::Queries { .. } => "too_many_queries",
            Self::Series { .. } => "too_many_series",
            Self::Samples { .. } => "too_many_samples",
            Self::RawDays { .. } | Self::HourlyDays { .. } => "range_too_long",
            Self::AgentDays { .. } => "too_many_days",
            Self::Time { .. } => "too_slow",
        }
    }
}
