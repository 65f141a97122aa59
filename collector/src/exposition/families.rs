//! Every metric family there is: the only place in Suar with metric names.
//!
//! `docs/metrics.md` is made from this table. Names follow Prometheus' rules: base units, the unit in the
//! name, `_total` for counters only.

/// What a family's values mean over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gauge,
    Counter,
    Histogram,
}

impl Kind {
    pub fn label(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    /// For people: `seconds`, `ratio 0-1`, `0 or 1`, ...
    pub unit: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

macro_rules! families {
    ($($ident:ident $kind:ident $name:literal [$($label:literal),*] $unit:literal $help:literal;)*) => {
        $(pub const $ident: Family = Family {
            name: $name,
            kind: Kind::$kind,
            unit: $unit,
            labels: &[$($label),*],
            help: $help,
        };)*
        /// In the order of the table.
        pub const ALL: &[&Family] = &[$(&$ident),*];
    };
}
pub(super) use families;

families! {
    SITE_INFO Gauge "suar_site_info" ["site", "name", "kind", "village", "village_name", "district", "district_name", "regency", "regency_name", "island", "island_name", "link", "provider"] "1"
        "Who and where a site is; join the other families to it by site.";
    SITE_LATITUDE Gauge "suar_site_latitude_degrees" ["site"] "degrees, WGS 84"
        "Latitude of the site, or of the middle of its village.";
    SITE_LONGITUDE Gauge "suar_site_longitude_degrees" ["site"] "degrees, WGS 84"
        "Longitude of the site, or of the middle of its village.";
    SITE_UP Gauge "suar_site_up" ["site"] "0 or 1"
        "Whether the site's link is up after debouncing; absent while the site is silent or was never heard.";
    SITE_STATE Gauge "suar_site_state" ["site", "state"] "0 or 1"
        "1 for the state that is shown, 0 for the others; silent means not heard for three push intervals and says nothing of the link.";
    SITE_DOWN_CAUSE Gauge "suar_site_down_cause" ["site", "cause"] "1"
        "Why the site's link is down; absent unless it is down.";
    SITE_OFFICE_OPEN Gauge "suar_site_office_open" ["site"] "0 or 1"
        "Whether the site is in its office hours at this moment, holidays respected.";
    SITE_LAST_MEASURED Gauge "suar_site_last_measured_timestamp_seconds" ["site"] "seconds since 1970"
        "When the site was last measured, by repaired time.";
    SITE_LAST_HEARD Gauge "suar_site_last_heard_timestamp_seconds" ["site"] "seconds since 1970"
        "When the site's newest push arrived.";
    SITE_SILENT_OFFICE Gauge "suar_site_silent_office_seconds" ["site"] "seconds"
        "Office hours that have passed since the site was last heard, of the last 14 days; absent unless it is silent.";
    SITE_SLOTS Counter "suar_site_slots_total" ["site", "state", "hours"] "slots"
        "Measured slots of all agents of the site by state, inside and outside office hours; grows with late data too.";
    SITE_ECHOES Counter "suar_site_echoes_total" ["site", "outcome"] "packets"
        "ICMP echoes sent to external targets while the link was up, answered or lost; grows with late data too.";
    SITE_DATA Gauge "suar_site_month_data_bytes" ["site"] "bytes"
        "What monitoring has used since the month began at the office, both directions, all its agents, without the way to its own router.";
    SITE_DATA_ALLOWANCE Gauge "suar_site_month_data_allowance_bytes" ["site"] "bytes"
        "What monitoring may use in a month at the site; absent when there is no bound.";
    SITE_RTT Gauge "suar_site_rtt_seconds" ["site", "target", "method"] "seconds"
        "Round trip to an external target in the newest round; absent when it did not answer.";
    SITE_GATEWAY_RTT Gauge "suar_site_gateway_rtt_seconds" ["site"] "seconds"
        "Round trip to the office's own router, newest; absent when it did not answer.";
    SITE_DNS Gauge "suar_site_dns_seconds" ["site", "resolver"] "seconds"
        "Time to an answer of the office's resolver and of a public one, newest; absent when there was none.";
    SITE_PROBE_OK Gauge "suar_site_probe_success" ["site", "probe"] "0 or 1"
        "Whether the newest probe of each kind succeeded; absent when it was never sent.";
    SITE_NOTE Gauge "suar_site_note" ["site", "note"] "1"
        "What else the newest round noticed that does not make the link down.";
    SITE_RATE Gauge "suar_site_bandwidth_bytes_per_second" ["site", "direction", "method"] "bytes a second"
        "Rate that the newest bandwidth test with a rate found, in bytes of whole IP packets; times 8 for bits.";
    SITE_RATE_AT Gauge "suar_site_bandwidth_timestamp_seconds" ["site", "direction"] "seconds since 1970"
        "When that test was, by repaired time.";
    SITE_RATE_STEADY Gauge "suar_site_bandwidth_steady" ["site", "direction"] "0 or 1"
        "Whether that test saw the line full and steady; 0: its bounds came first, and the rate may be off.";
    SITE_RATE_BURST Gauge "suar_site_bandwidth_burst_bytes_per_second" ["site", "direction"] "bytes a second"
        "Rate at the start of that test where it was clearly higher than later; absent where it was not.";
    SITE_RATE_IDLE_RTT Gauge "suar_site_bandwidth_idle_rtt_seconds" ["site", "direction"] "seconds"
        "Round trip just before that test.";
    SITE_RATE_LOADED_RTT Gauge "suar_site_bandwidth_loaded_rtt_seconds" ["site", "direction"] "seconds"
        "Median round trip during that test: how long the line's queue grows.";
    SITE_SUBSCRIBED Gauge "suar_site_subscribed_bytes_per_second" ["site", "direction"] "bytes a second"
        "Rate that the office pays for; absent where the registry does not say.";
    SITE_TESTS Counter "suar_site_bandwidth_tests_total" ["site", "direction", "end"] "tests"
        "Bandwidth tests by how they ended, failed and skipped ones too; grows with late data too.";
    SITE_TEST_BYTES Counter "suar_site_bandwidth_test_bytes_total" ["site", "direction"] "bytes"
        "What bandwidth tests sent and received, headers included; grows with late data too.";

    SITE_AVAILABILITY Gauge "suar_site_availability_ratio" ["site", "window"] "ratio 0-1"
        "Up / (up + down) in office hours of the running quarter.";
    SITE_OBSERVED Gauge "suar_site_observed_ratio" ["site", "window"] "ratio 0-1"
        "(Up + down) / expected in office hours of the running quarter.";
    SITE_WORST_CASE Gauge "suar_site_worst_case_ratio" ["site", "window"] "ratio 0-1"
        "Up / expected in office hours of the running quarter: every hole taken as down.";
    SITE_STANDING Gauge "suar_site_standing" ["site", "standing"] "0 or 1"
        "1 for the site's standing in the running quarter, 0 for the others.";
    SITE_AT_BORDER Gauge "suar_site_standing_at_border" ["site"] "0 or 1"
        "Whether the 95 % interval of the deciding figure crosses a threshold: the standing might as well be its neighbour.";
    SITE_LIMITED_BY_POWER Gauge "suar_site_limited_by_power" ["site"] "0 or 1"
        "Whether missing power takes a large part of the office hours of the running quarter: a genset would help more than bandwidth.";

    ISLAND_LATITUDE Gauge "suar_island_latitude_degrees" ["island", "island_name"] "degrees, WGS 84"
        "Latitude of the middle of the island.";
    ISLAND_LONGITUDE Gauge "suar_island_longitude_degrees" ["island", "island_name"] "degrees, WGS 84"
        "Longitude of the middle of the island.";
    ISLAND_SITES Gauge "suar_island_sites" ["island", "island_name", "state"] "sites"
        "Sites of the island by the state that is shown now.";
    ISLAND_SITES_GRADED Gauge "suar_island_graded_sites" ["island", "island_name", "standing"] "sites"
        "Sites of the island by their standing in the running quarter.";
    ISLAND_STANDING Gauge "suar_island_standing" ["island", "island_name", "standing"] "0 or 1"
        "1 for the island's standing in the running quarter, 0 for the others.";
    ISLAND_AVAILABILITY Gauge "suar_island_availability_ratio" ["island", "island_name", "window"] "ratio 0-1"
        "Up / (up + down) of all sites of the island together in office hours of the running quarter.";

    SHARED_OUTAGE Gauge "suar_shared_outage_sites" ["by", "name", "island"] "sites"
        "Sites in the newest outage that sites of an island or a provider share, while it was seen within the last hour: three or more that fell within five minutes; 0 while there is none. Known when their records have come.";
    SHARED_OUTAGE_RATIO Gauge "suar_shared_outage_ratio" ["by", "name", "island"] "ratio 0-1"
        "Those sites, of the monitored ones of the island or provider.";

    AGENT_INFO Gauge "suar_agent_info" ["site", "agent", "version", "system"] "1"
        "Version and system of an agent.";
    AGENT_PLAN Gauge "suar_agent_plan_version" ["site", "agent"] "version"
        "The plan that the agent works by.";
    AGENT_PLAN_REFUSED Gauge "suar_agent_plan_refused_version" ["site", "agent", "fault"] "version"
        "The plan that the agent was given and cannot use, or whose program it cannot use (fault program); it goes on as before.";
    AGENT_CLOCK_OFFSET Gauge "suar_agent_clock_offset_seconds" ["site", "agent"] "seconds"
        "The agent's wall clock minus the collector's at its newest push.";
    AGENT_CPU Gauge "suar_agent_cpu_ratio" ["site", "agent"] "ratio 0-1"
        "Share of all cores of the machine that was busy.";
    AGENT_MEMORY_TOTAL Gauge "suar_agent_memory_total_bytes" ["site", "agent"] "bytes"
        "Memory of the machine.";
    AGENT_MEMORY_AVAILABLE Gauge "suar_agent_memory_available_bytes" ["site", "agent"] "bytes"
        "Memory that programs can still have.";
    AGENT_SWAP_USED Gauge "suar_agent_swap_used_bytes" ["site", "agent"] "bytes"
        "Swap in use.";
    AGENT_DISK_TOTAL Gauge "suar_agent_disk_total_bytes" ["site", "agent", "mount"] "bytes"
        "Size of a file system.";
    AGENT_DISK_FREE Gauge "suar_agent_disk_free_bytes" ["site", "agent", "mount"] "bytes"
        "Free space of a file system.";
    AGENT_DISK_READ_ONLY Gauge "suar_agent_disk_read_only" ["site", "agent", "mount"] "0 or 1"
        "Whether a file system takes no writes.";
    AGENT_TEMPERATURE Gauge "suar_agent_temperature_celsius" ["site", "agent"] "degrees Celsius"
        "Hottest sensor of the machine that is safe to read.";
    AGENT_UPTIME Gauge "suar_agent_machine_uptime_seconds" ["site", "agent"] "seconds"
        "Time since the machine booted.";
    AGENT_INTERFACE_RECEIVED Counter "suar_agent_interface_received_bytes_total" ["site", "agent"] "bytes"
        "Received by all physical interfaces of the machine since it booted.";
    AGENT_INTERFACE_SENT Counter "suar_agent_interface_sent_bytes_total" ["site", "agent"] "bytes"
        "Sent by all physical interfaces of the machine since it booted.";
    AGENT_INTERFACE_ERRORS Counter "suar_agent_interface_errors_total" ["site", "agent"] "errors"
        "Errors of all physical interfaces of the machine since it booted.";
    AGENT_LINK Gauge "suar_agent_link" ["site", "agent", "medium"] "0 or 1"
        "1 for what carries the packets of the machine's way to the internet, 0 for the others; absent where its system does not say.";
    AGENT_LINK_SPEED Gauge "suar_agent_link_speed_bytes_per_second" ["site", "agent"] "bytes a second"
        "What the machine has negotiated with the router or switch at that interface, not the office's line; times 8 for bits.";
    AGENT_MAINS Gauge "suar_agent_on_mains" ["site", "agent"] "0 or 1"
        "Whether the machine runs on mains; 0: on its battery or UPS. Absent where there is none that its system knows.";
    AGENT_BATTERY Gauge "suar_agent_battery_ratio" ["site", "agent"] "ratio 0-1"
        "How full the machine's battery or UPS is; absent where there is none that its system knows.";
    AGENT_RSS Gauge "suar_agent_resident_memory_bytes" ["site", "agent"] "bytes"
        "Resident memory of the agent itself.";
    AGENT_CPU_SECONDS Counter "suar_agent_cpu_seconds_total" ["site", "agent"] "seconds"
        "Processor time of the agent itself in its session.";
    AGENT_SPOOL_RECORDS Gauge "suar_agent_spool_records" ["site", "agent"] "records"
        "Records that waited on the agent's disk when it last looked.";
    AGENT_SPOOL_BYTES Gauge "suar_agent_spool_bytes" ["site", "agent"] "bytes"
        "Size of the agent's spool when it last looked.";
    AGENT_SPOOL_BOUND Gauge "suar_agent_spool_bound_bytes" ["site", "agent"] "bytes"
        "What the agent's spool may take by the agent's configuration; then the oldest records are dropped.";
    AGENT_SPOOL_DROPPED Counter "suar_agent_spool_dropped_total" ["site", "agent"] "records"
        "Records lost because the agent's spool was full or damaged.";
    AGENT_DATA Gauge "suar_agent_month_data_bytes" ["site", "agent", "purpose", "direction"] "bytes"
        "What monitoring has put on the line since the month began at the office, IP headers included, as the agent told last; purpose gateway never leaves the office.";
    AGENT_DATA_ALLOWANCE Gauge "suar_agent_month_data_allowance_bytes" ["site", "agent"] "bytes"
        "What the agent may use in the month, its share of the site's allowance; absent when there is no bound.";
    AGENT_DATA_STEP Gauge "suar_agent_data_step" ["site", "agent", "step"] "0 or 1"
        "1 for what the agent leaves out to stay within its allowance or because its connection is metered, 0 for the others; full is nothing.";
    AGENT_METERED Gauge "suar_agent_metered" ["site", "agent"] "0 or 1"
        "Whether the connection is paid by the amount of data, by the site's entry or else the agent's system; absent when neither says.";
    AGENT_LAST_HEARD Gauge "suar_agent_last_heard_timestamp_seconds" ["site", "agent"] "seconds since 1970"
        "When the agent's newest push arrived.";

    COLLECTOR_INFO Gauge "suar_collector_build_info" ["version"] "1"
        "Version of the collector.";
    COLLECTOR_STARTED Gauge "suar_collector_start_timestamp_seconds" [] "seconds since 1970"
        "When the collector started.";
    COLLECTOR_PUSHES Counter "suar_collector_pushes_total" ["status", "reason"] "pushes"
        "Pushes answered, by HTTP status and by reason.";
    COLLECTOR_RECORDS Counter "suar_collector_records_total" ["kind"] "records"
        "New records kept, by kind.";
    COLLECTOR_REFUSED Counter "suar_collector_records_refused_total" ["reason"] "records"
        "Records refused for good, by reason.";
    COLLECTOR_SET_ASIDE Counter "suar_collector_records_quarantined_total" ["reason"] "records"
        "Records kept apart because their time cannot be trusted, by reason.";
    COLLECTOR_CONNECTIONS Counter "suar_collector_connections_total" ["outcome"] "connections"
        "Connections that came in, by what became of them.";
    COLLECTOR_JOINS Counter "suar_collector_joins_total" ["status", "reason"] "requests"
        "Joins answered, by HTTP status and by reason.";
    COLLECTOR_OTHERS_REFUSED Counter "suar_collector_requests_refused_total" ["what", "reason"] "requests"
        "Requests for the plan, of readers and for bandwidth tests that were turned away, by reason.";
    COLLECTOR_READS Counter "suar_collector_remote_reads_total" ["status", "reason"] "requests"
        "Questions for history answered by remote read, by HTTP status and by reason.";
    COLLECTOR_READ_SAMPLES Counter "suar_collector_remote_read_samples_total" ["response"] "samples"
        "Samples of history that were sent, by the form of the answer.";
    COLLECTOR_WRITES Counter "suar_collector_remote_writes_total" ["status", "reason"] "requests"
        "Requests of remote write that its receiver answered, by HTTP status (0: not reached) and by reason.";
    COLLECTOR_WRITE_SAMPLES Counter "suar_collector_remote_write_samples_total" ["outcome"] "samples"
        "Samples for the receiver of remote write by what became of them: sent, refused for good, dropped because too much waited.";
    COLLECTOR_WRITE_WAITING Gauge "suar_collector_remote_write_waiting_bytes" [] "bytes"
        "Size of what waits for the receiver of remote write.";
    COLLECTOR_WRITE_LAG Gauge "suar_collector_remote_write_lag_seconds" [] "seconds"
        "How long the first of what waits for the receiver of remote write has waited; 0 when nothing does.";
    COLLECTOR_QUEUE Gauge "suar_collector_queue_pushes" [] "pushes"
        "Pushes that wait for the disk.";
    COLLECTOR_COMMIT Histogram "suar_collector_commit_seconds" [] "seconds"
        "Time of one commit of a group of pushes to the disk.";
    COLLECTOR_LAST_COMMIT Gauge "suar_collector_last_commit_timestamp_seconds" [] "seconds since 1970"
        "When pushes were last made durable; 0 before the first.";
    COLLECTOR_STORE_BYTES Gauge "suar_collector_store_bytes" [] "bytes"
        "Size of the store's files.";
    COLLECTOR_DISK_FREE Gauge "suar_collector_disk_free_bytes" [] "bytes"
        "Space that the collector can still use on the disk of its data directory.";
    COLLECTOR_DISK_SIZE Gauge "suar_collector_disk_size_bytes" [] "bytes"
        "Size of the disk of the collector's data directory.";
    COLLECTOR_PACK_LAG Gauge "suar_collector_pack_lag_seconds" [] "seconds"
        "Age of the oldest push that is not yet packed into a day.";
    COLLECTOR_STANDINGS Gauge "suar_collector_standings_timestamp_seconds" [] "seconds since 1970"
        "When standings were last computed; absent before the first time.";
}

/// What a table of families that are not scraped keeps to: Prometheus sorts series by name and labels.
#[cfg(test)]
pub(super) fn assert_sorted(families: &[&Family], prefix: &str) {
    assert!(families.is_sorted_by(|a, b| a.name < b.name), "by name, each once");
    for family in families {
        assert!(family.name.starts_with(prefix), "{}", family.name);
        assert!(family.labels.is_sorted_by(|a, b| a < b), "{}", family.name);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let mut names = BTreeSet::new();
        for family in ALL {
            let name = family.name;
            assert!(names.insert(name), "{name} stands twice");
            assert!(name.starts_with("suar_"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            assert_eq!(family.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(family.help.ends_with('.') && !family.help.contains(['\n', '\\']), "{name}");
            for unit in ["seconds", "bytes", "celsius", "degrees"] {
                let told = family.unit.split([' ', ',']).any(|word| word.eq_ignore_ascii_case(unit));
                assert!(!told || name.split('_').any(|word| word == unit || word == "celsius"), "{name}");
            }
            let distinct: BTreeSet<_> = family.labels.iter().collect();
            assert_eq!(distinct.len(), family.labels.len(), "{name}");
        }
    }
}
