//! Temperatures that drivers have measured already; a disk is not asked, since that may wake it.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::Root;

/// Thousandths of a degree that an office machine can read while it still runs. Sensors that are not wired say
/// 0 kelvin, 127 or 255 degrees.
const BELIEVABLE: RangeInclusive<i64> = -30_000..=115_000;

/// Hottest sensor, tenths of a degree.
pub(super) fn hottest_dc(root: &Root) -> Option<i32> {
    let milli = sensors(root).into_iter().filter_map(|path| root.number::<i64>(path));
    let hottest = milli.filter(|milli| BELIEVABLE.contains(milli)).max()?;
    i32::try_from((hottest + 50).div_euclid(100)).ok()
}

fn sensors(root: &Root) -> Vec<PathBuf> {
    let zones = root.entries("sys/class/thermal").into_iter().map(|zone| zone.join("temp"));
    let monitors = root.entries("sys/class/hwmon").into_iter();
    let awake = monitors.filter(|monitor| root.text(monitor.join("name")).as_deref() != Some("drivetemp"));
    let inputs = awake.flat_map(|monitor| {
        let files = root.entries(&monitor.to_string_lossy()).into_iter();
        files.filter(|file| {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("temp") && name.ends_with("_input")
        })
    });
    zones.chain(inputs).collect()
}
