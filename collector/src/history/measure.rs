//! What history can be asked for: one variant a family. The names are the exposition's.

use crate::exposition::families::Family;
use crate::exposition::history_families as families;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    Cpu,
    DiskFree,
    MemoryAvailable,
    MemoryTotal,
    HourlyAvailability,
    HourlyLoss,
    HourlyObserved,
    HourlyOffice,
    HourlyRtt,
    Loss,
    Rtt,
    DownCause,
    Up,
    TcpConnect,
}

/// What a measure is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Rounds, by slot; agents of a site merged.
    Slots,
    /// Looks at one machine.
    Device,
    /// Day summaries, by hour; agents of a site merged.
    Hours,
}

impl Measure {
    /// In the order of their names, which is the order of series in an answer.
    pub const ALL: [Self; 14] = [
        Self::Cpu,
        Self::DiskFree,
        Self::MemoryAvailable,
        Self::MemoryTotal,
        Self::HourlyAvailability,
        Self::HourlyLoss,
        Self::HourlyObserved,
        Self::HourlyOffice,
        Self::HourlyRtt,
        Self::Loss,
        Self::Rtt,
        Self::DownCause,
        Self::Up,
        Self::TcpConnect,
    ];

    pub fn family(self) -> &'static Family {
        match self {
            Self::Cpu => &families::AGENT_CPU,
            Self::DiskFree => &families::AGENT_DISK_FREE,
            Self::MemoryAvailable => &families::AGENT_MEMORY_AVAILABLE,
            Self::MemoryTotal => &families::AGENT_MEMORY_TOTAL,
            Self::HourlyAvailability => &families::HOURLY_AVAILABILITY,
            Self::HourlyLoss => &families::HOURLY_LOSS,
            Self::HourlyObserved => &families::HOURLY_OBSERVED,
            Self::HourlyOffice => &families::HOURLY_OFFICE,
            Self::HourlyRtt => &families::HOURLY_RTT,
            Self::Loss => &families::LOSS,
            Self::Rtt => &families::RTT,
            Self::DownCause => &families::SITE_DOWN_CAUSE,
            Self::Up => &families::SITE_UP,
            Self::TcpConnect => &families::TCP_CONNECT,
        }
    }

    pub fn grain(self) -> Grain {
        match self {
            Self::Cpu | Self::DiskFree | Self::MemoryAvailable | Self::MemoryTotal => Grain::Device,
            Self::HourlyAvailability
            | Self::HourlyLoss
            | Self::HourlyObserved
            | Self::HourlyOffice
            | Self::HourlyRtt => Grain::Hours,
            Self::Loss | Self::Rtt | Self::DownCause | Self::Up | Self::TcpConnect => Grain::Slots,
        }
    }

    /// The label whose values are known only from what was measured.
    pub fn found_label(self) -> Option<&'static str> {
        match self {
            Self::DiskFree => Some("mount"),
            Self::HourlyOffice => Some("state"),
            Self::Loss | Self::Rtt | Self::TcpConnect => Some("target"),
            Self::DownCause => Some("cause"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_of_the_table_is_measured_and_in_its_order() {
        let measured: Vec<_> = Measure::ALL.iter().map(|measure| measure.family().name).collect();
        let table: Vec<_> = families::ALL.iter().map(|family| family.name).collect();
        assert_eq!(measured, table);
        assert!(Measure::ALL.is_sorted());
        for measure in Measure::ALL {
            let labels = measure.family().labels;
            assert!(measure.found_label().is_none_or(|label| labels.contains(&label)), "{measure:?}");
            assert_eq!(measure.grain() == Grain::Device, labels.contains(&"agent"), "{measure:?}");
        }
    }
}
