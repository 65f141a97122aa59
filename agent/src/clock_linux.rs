//! Linux: `CLOCK_BOOTTIME` runs on through suspend, `CLOCK_MONOTONIC` does not; the kernel names each boot.

use suar_wire::BootId;

use super::Reading;

const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

pub fn boot_id() -> BootId {
    let text = std::fs::read_to_string(BOOT_ID_FILE).unwrap_or_default();
    parse(&text).unwrap_or_else(|| {
        // A container without /proc/sys: boot time by the wall clock, to the minute, is the next best name.
        tracing::warn!("the kernel's boot id cannot be read, using the boot time");
        let now = read();
        from_boot_minute((now.wall_ms - now.boot_ms as i64).div_euclid(60_000))
    })
}

/// The kernel writes a UUID with dashes.
fn parse(text: &str) -> Option<BootId> {
    text.trim().replace('-', "").parse().ok()
}

fn from_boot_minute(minute: i64) -> BootId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&minute.to_be_bytes());
    BootId(id)
}

pub fn read() -> Reading {
    Reading {
        boot_ms: millis(libc::CLOCK_BOOTTIME).unsigned_abs(),
        awake_ms: millis(libc::CLOCK_MONOTONIC).unsigned_abs(),
        wall_ms: millis(libc::CLOCK_REALTIME),
    }
}

// `time_t` is narrower on 32-bit machines, where the conversions below are not without effect.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn millis(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec to a valid address. These clocks exist on every Linux that
    // Rust's standard library runs on, so the call cannot fail.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as i64 * 1000 + time.tv_nsec as i64 / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_uuid_becomes_sixteen_bytes() {
        let id = parse("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\n").expect("a boot id");
        assert_eq!(id.to_string(), "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
        assert_eq!(parse(""), None);
        assert_eq!(parse("not a boot id"), None);
    }
}
