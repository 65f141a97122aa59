//! Records: what came of one slot, one look at the machine, or one event. Immutable and numbered.
//!
//! Nothing here names a person: no user, host or process names, no hardware addresses, no SSIDs.

use serde::{Deserialize, Serialize};

use crate::bandwidth::Bandwidth;
use crate::data_use::DataUse;
use crate::identity::{BootId, Sequence};
use crate::outcome::{Echo, Outcome, coded};
use crate::plan::PlanRefused;
use crate::slot::Slot;
use crate::verdict::{Note, Verdict};

/// When something happened by the machine's own clocks. The collector repairs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub boot: BootId,
    /// Milliseconds since that boot, running on through suspend.
    pub boot_ms: u64,
    /// The wall clock, milliseconds since 1970. May be years off.
    pub wall_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub sequence: Sequence,
    pub stamp: Stamp,
    pub body: Body,
}

/// The kinds of record. A new kind is one variant here; the compiler lists what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Body {
    Round(Round),
    Health(Box<Health>),
    SessionStart(SessionStart),
    SessionEnd(SessionEnd),
    Gap(Gap),
    Dropped(Dropped),
    ClockStep(ClockStep),
    DataUse(DataUse),
    Bandwidth(Bandwidth),
    PlanRefused(PlanRefused),
    Unknown(Unknown),
}

/// What one slot's probes found and what the agent made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The slot the agent believes it was in. The collector checks it against repaired time.
    pub slot: Slot,
    pub verdict: Verdict,
    #[serde(default)]
    pub note: Note,
    pub gateway: Outcome,
    /// The system's resolver.
    pub dns: Outcome,
    /// A public resolver asked directly.
    pub dns_public: Outcome,
    /// The HTTP check with a known answer.
    pub online: Outcome,
    /// The collector over TLS.
    pub collector: Outcome,
    pub echoes: Vec<Echo>,
}

/// A look at the machine. Values that could not be read are `None`, never zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Health {
    /// Share of all cores busy since the last look, in thousandths.
    pub cpu_permille: Option<u32>,
    pub memory_total_kib: Option<u64>,
    pub memory_available_kib: Option<u64>,
    pub swap_used_kib: Option<u64>,
    pub uptime_s: Option<u64>,
    /// Hottest sensor that is safe to read, tenths of a degree Celsius.
    pub temperature_dc: Option<i32>,
    pub disks: Vec<Disk>,
    /// All physical interfaces together, since boot.
    pub interface_rx_bytes: Option<u64>,
    pub interface_tx_bytes: Option<u64>,
    pub interface_errors: Option<u64>,
    pub agent_rss_kib: Option<u64>,
    /// Processor time of this session so far.
    pub agent_cpu_ms: Option<u64>,
    pub spool_records: u64,
    pub spool_bytes: u64,
    /// The bound of that, as the agent is configured.
    pub spool_bytes_max: Option<u64>,
    /// Records ever dropped because the spool was full, in this epoch.
    pub spool_dropped: u64,
    /// Wall clock minus the collector's time at the last exchange, milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// Told when it changes and once an hour; `None` is "as told before".
    #[serde(default)]
    pub attachment: Option<Attachment>,
}

coded! {
    /// What carries the packets of the interface that the default route takes.
    Medium {
        Cable = 1 "cable",
        Wifi = 2 "wifi",
        /// A modem in the machine, or a telephone on its USB port.
        Mobile = 3 "mobile",
    }
}

/// What the machine hangs on: its way to the network and its power. What the system does not say is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Attachment {
    pub medium: Option<Medium>,
    /// As negotiated between the interface and what it is plugged into, not that of the line.
    pub speed_mbps: Option<u32>,
    /// Whether it runs on mains. Only where a battery or a UPS would carry it otherwise.
    pub on_mains: Option<bool>,
    /// How full that battery is, 0 to 100.
    pub battery_percent: Option<u32>,
}

/// A file system, by where it is mounted; at most [`Health::DISKS_MAX`] are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    pub mount: String,
    pub total_mib: u64,
    pub free_mib: u64,
    pub read_only: bool,
}

impl Health {
    pub const DISKS_MAX: usize = 8;
    pub const MOUNT_BYTES_MAX: usize = 64;
}

coded! {
    /// How the session before this one ended.
    Ending {
        /// There was none: the spool is new.
        None = 1 "none",
        /// The agent was asked to stop.
        Clean = 2 "clean",
        /// The operating system was shutting down.
        OsShutdown = 3 "os_shutdown",
        /// No goodbye: power lost, killed or crashed. The boot id tells which.
        Abrupt = 4 "abrupt",
    }
}

/// Written first in every session; explains the silence before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStart {
    pub agent_version: String,
    /// Operating system and architecture, e.g. `linux x86_64`.
    pub system: String,
    pub previous_ended: Ending,
    /// Stamp of the newest record of the session before.
    pub previous_last: Option<Stamp>,
}

impl SessionStart {
    pub const TEXT_BYTES_MAX: usize = 64;
}

/// Written last when there is time for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnd {
    pub ending: Ending,
}

coded! {
    /// Why an agent that was running did not look.
    GapReason {
        Suspended = 1 "suspended",
        Paused = 2 "paused",
        /// The machine was so busy that the round came too late to mean anything.
        Starved = 3 "starved",
    }
}

/// The agent was there but did not look, from `from_boot_ms` to the record's stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub reason: GapReason,
    pub from_boot_ms: u64,
}

/// Records that the spool's bound or a damaged segment cost, by sequence, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    pub first: Sequence,
    pub last: Sequence,
}

/// The wall clock jumped against the boot-time clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockStep {
    pub by_ms: i64,
}

/// A record that only a later version understands: sent on and kept as it came, never interpreted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    #[serde(deserialize_with = "crate::columns::unknown_message")]
    pub(crate) message: Vec<u8>,
}

impl Unknown {
    pub const MESSAGE_BYTES_MAX: usize = 4_096;
}
