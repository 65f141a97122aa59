//! Looks at one machine -> samples at their own times.

use suar_wire::Body;
use suar_wire::record::Health;

use super::measure::Measure;
use crate::store::StoredRecord;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

/// (value of the found label, time, value) of one agent's records, ascending by time.
pub fn samples(measure: Measure, records: &[StoredRecord]) -> impl Iterator<Item = (String, i64, f64)> {
    records.iter().flat_map(move |stored| {
        let values = match &stored.record.body {
            Body::Health(health) => values(measure, health),
            _ => Vec::new(),
        };
        values.into_iter().map(|(found, value)| (found, stored.at_ms, value))
    })
}

fn values(measure: Measure, health: &Health) -> Vec<(String, f64)> {
    let one = |value: Option<f64>| value.map(|value| (String::new(), value)).into_iter().collect();
    match measure {
        Measure::Cpu => one(health.cpu_permille.map(|permille| f64::from(permille) / 1000.0)),
        Measure::MemoryAvailable => one(health.memory_available_kib.map(|kib| kib as f64 * KIB)),
        Measure::MemoryTotal => one(health.memory_total_kib.map(|kib| kib as f64 * KIB)),
        Measure::DiskFree => {
            health.disks.iter().map(|disk| (disk.mount.clone(), disk.free_mib as f64 * MIB)).collect()
        }
        _ => Vec::new(),
    }
}
