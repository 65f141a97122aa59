//! Coverage and standing: what day summaries, a calendar and rules say about an office and an island.
//!
//! Pure: no clock, no I/O, no metric names. Everything is added up in whole seconds; ratios stay exact
//! fractions until they are printed. A hole is never down.

mod checksum;
mod course;
mod data;
mod grades;
mod interval;
mod island;
mod outages;
mod ratio;
mod rules;
mod sensitivity;
mod shared;
mod site;
mod throughput;
mod timeline;
mod tiphon;
mod weighted;

pub use checksum::{InputChecksum, SiteChecksum};
pub use course::{Step, Stretch};
pub use data::{DataSum, MonthData};
pub use grades::{Grade, Indicators, Standing};
pub use interval::Bounds;
pub use island::{Counts, IslandCoverage, IslandStanding, OutsideIsland, judge_islands};
pub use outages::Outage;
pub use ratio::Ratio;
pub use rules::{InForce, Rules};
pub use sensitivity::{Variant, sensitivity};
pub use shared::{SharedBy, SharedOutage, event_of, shared_outages};
pub use site::{AgentDays, Earlier, Period, PeriodKind, SiteCoverage, SiteInput, judge_site};
pub use throughput::Throughput;
pub use timeline::{Segment, explained, merge};
pub use tiphon::{TIPHON_DELAY_MS, TIPHON_LOSS_PERCENT, Tiphon, TiphonOf};
pub use weighted::{Weighted, weighted};
