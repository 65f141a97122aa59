//! Families that remote write sends and that are never scraped: records as they came, agent by agent.
//!
//! Names of their own, because what history says of a site changes when a second agent's records arrive late,
//! and a series that was written can only grow. `docs/remote-write.md` is made from this table.

use super::families::{Family, Kind, families};

families! {
    CPU Gauge "suar_record_cpu_ratio" ["agent", "island", "regency", "site", "village"] "ratio 0-1"
        "Share of all cores of the machine that was busy, at each look at the machine.";
    DISK_FREE Gauge "suar_record_disk_free_bytes" ["agent", "island", "mount", "regency", "site", "village"] "bytes"
        "Free space of a file system, at each look at the machine.";
    DOWN_CAUSE Gauge "suar_record_down_cause" ["agent", "cause", "island", "regency", "site", "village"] "1"
        "Why the link was down in a slot, as this agent saw it; absent unless it was down.";
    LOSS Gauge "suar_record_loss_ratio" ["agent", "island", "regency", "site", "target", "village"] "ratio 0-1"
        "Lost / sent ICMP echoes to an external target in each slot in which this agent saw the link up.";
    MEMORY_AVAILABLE Gauge "suar_record_memory_available_bytes" ["agent", "island", "regency", "site", "village"] "bytes"
        "Memory that programs could still have, at each look at the machine.";
    MEMORY_TOTAL Gauge "suar_record_memory_total_bytes" ["agent", "island", "regency", "site", "village"] "bytes"
        "Memory of the machine, at each look at the machine.";
    RTT Gauge "suar_record_rtt_seconds" ["agent", "island", "regency", "site", "target", "village"] "seconds"
        "Shortest ICMP round trip to an external target in each slot; absent where it did not answer.";
    TCP_CONNECT Gauge "suar_record_tcp_connect_seconds" ["agent", "island", "regency", "site", "target", "village"] "seconds"
        "Shortest TCP connect to an external target in each slot, where ICMP was refused.";
    UP Gauge "suar_record_up" ["agent", "island", "regency", "site", "village"] "0 or 1"
        "Whether the link was up in each slot, as this agent saw it.";
}

#[cfg(test)]
mod tests {
    use super::super::families;
    use super::*;

    #[test]
    fn names_and_labels_are_sorted_as_prometheus_sorts_them() {
        families::assert_sorted(ALL, "suar_record_");
    }
}
