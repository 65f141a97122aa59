//! Families of history, answered by remote read and never scraped: names of their own, so that what was
//! measured when never mixes with what Prometheus saw when it scraped.
//!
//! `docs/history.md` is made from this table. Labels stand in alphabetical order, which is the order in
//! which Prometheus sorts series.

use super::families::{Family, Kind, families};

families! {
    AGENT_CPU Gauge "suar_history_agent_cpu_ratio" ["agent", "island", "regency", "site", "village"] "ratio 0-1"
        "Share of all cores of the machine that was busy, at each look at the machine.";
    AGENT_DISK_FREE Gauge "suar_history_agent_disk_free_bytes" ["agent", "island", "mount", "regency", "site", "village"] "bytes"
        "Free space of a file system, at each look at the machine.";
    AGENT_MEMORY_AVAILABLE Gauge "suar_history_agent_memory_available_bytes" ["agent", "island", "regency", "site", "village"] "bytes"
        "Memory that programs could still have, at each look at the machine.";
    AGENT_MEMORY_TOTAL Gauge "suar_history_agent_memory_total_bytes" ["agent", "island", "regency", "site", "village"] "bytes"
        "Memory of the machine, at each look at the machine.";
    HOURLY_AVAILABILITY Gauge "suar_history_hourly_availability_ratio" ["island", "regency", "site", "village"] "ratio 0-1"
        "Up / (up + down) of the hour before, day and night; absent when nothing was observed.";
    HOURLY_LOSS Gauge "suar_history_hourly_loss_ratio" ["island", "regency", "site", "village"] "ratio 0-1"
        "Lost / sent ICMP echoes to all external targets in the hour before while the link was up; absent when none was sent.";
    HOURLY_OBSERVED Gauge "suar_history_hourly_observed_ratio" ["island", "regency", "site", "village"] "ratio 0-1"
        "(Up + down) / all seconds of the hour before, day and night; 0 when nobody looked.";
    HOURLY_OFFICE Gauge "suar_history_hourly_office_seconds" ["island", "regency", "site", "state", "village"] "seconds"
        "Seconds of the hour before within office hours by state: up, down, unobserved; absent outside office hours. Summed up they are the report's.";
    HOURLY_RTT Gauge "suar_history_hourly_rtt_median_seconds" ["island", "regency", "site", "village"] "seconds"
        "Median ICMP round trip to all external targets in the hour before while the link was up, right to 1.6 %; absent when none was answered.";
    LOSS Gauge "suar_history_loss_ratio" ["island", "regency", "site", "target", "village"] "ratio 0-1"
        "Lost / sent ICMP echoes to an external target in each slot in which the link was up: an outage is told by site_up and not again as loss.";
    RTT Gauge "suar_history_rtt_seconds" ["island", "regency", "site", "target", "village"] "seconds"
        "Shortest ICMP round trip to an external target in each slot; absent where it did not answer.";
    SITE_DOWN_CAUSE Gauge "suar_history_site_down_cause" ["cause", "island", "regency", "site", "village"] "1"
        "Why the site's link was down in a slot; absent unless it was down.";
    SITE_UP Gauge "suar_history_site_up" ["island", "regency", "site", "village"] "0 or 1"
        "Whether the site's link was up in each slot, as its agents saw it; absent where nobody looked.";
    TCP_CONNECT Gauge "suar_history_tcp_connect_seconds" ["island", "regency", "site", "target", "village"] "seconds"
        "Shortest TCP connect to an external target in each slot, where ICMP was refused.";
}

#[cfg(test)]
mod tests {
    use super::super::families;
    use super::*;

    #[test]
    fn names_and_labels_are_sorted_as_prometheus_sorts_them() {
        families::assert_sorted(ALL, "suar_history_");
        for family in ALL {
            assert!(families::ALL.iter().all(|scraped| scraped.name != family.name));
        }
    }
}
