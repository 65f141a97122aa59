//! The machine's clocks, read together. Durations come from the boot-time clock, labels from the wall
//! clock; the difference between boot-time and awake time is time spent asleep.

use suar_wire::{BootId, Stamp};

#[cfg(unix)]
#[path = "clock_linux.rs"]
mod system;
#[cfg(windows)]
#[path = "clock_windows.rs"]
mod system;

/// All clocks at one moment, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Since boot, running on through suspend.
    pub boot_ms: u64,
    /// Since boot, standing still in suspend.
    pub awake_ms: u64,
    /// Since 1970 by the machine's calendar. May be years off, may jump.
    pub wall_ms: i64,
}

/// Knows which boot this is and reads the clocks of the system.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    boot: BootId,
}

impl Clocks {
    pub fn system() -> Self {
        Self { boot: system::boot_id() }
    }

    pub fn boot(&self) -> BootId {
        self.boot
    }

    pub fn read(&self) -> Reading {
        system::read()
    }

    pub fn now(&self) -> Stamp {
        self.stamp(self.read())
    }

    pub fn stamp(&self, reading: Reading) -> Stamp {
        Stamp { boot: self.boot, boot_ms: reading.boot_ms, wall_ms: reading.wall_ms }
    }
}

/// What the clocks did between two readings that they should not have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jump {
    /// The machine slept from this boot-time moment on.
    Slept { from_boot_ms: u64 },
    /// Somebody set the wall clock by this much.
    WallStepped { by_ms: i64 },
}

/// Compares each reading with the one before.
#[derive(Debug, Clone, Copy)]
pub struct JumpWatch {
    before: Reading,
}

impl JumpWatch {
    /// Sleep shorter than this explains nothing that the collector would ask about.
    pub const SLEPT_MS_MIN: u64 = 1_000;
    /// Smaller steps are NTP at work, and harmless: the collector repairs times by the boot-time clock.
    pub const STEP_MS_MIN: u64 = 2_000;

    pub fn new(first: Reading) -> Self {
        Self { before: first }
    }

    /// At most one of each kind; a sleep first, because it explains the time of what follows.
    pub fn observe(&mut self, now: Reading) -> Vec<Jump> {
        let before = std::mem::replace(&mut self.before, now);
        let mut jumps = Vec::new();
        let passed_ms = now.boot_ms.saturating_sub(before.boot_ms);
        let awake_ms = now.awake_ms.saturating_sub(before.awake_ms);
        if passed_ms.saturating_sub(awake_ms) >= Self::SLEPT_MS_MIN {
            jumps.push(Jump::Slept { from_boot_ms: before.boot_ms });
        }
        let wall_passed_ms = now.wall_ms.saturating_sub(before.wall_ms);
        let by_ms = wall_passed_ms.saturating_sub(i64::try_from(passed_ms).unwrap_or(i64::MAX));
        if by_ms.unsigned_abs() > Self::STEP_MS_MIN {
            jumps.push(Jump::WallStepped { by_ms });
        }
        jumps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot_ms: u64, awake_ms: u64, wall_ms: i64) -> Reading {
        Reading { boot_ms, awake_ms, wall_ms }
    }

    #[test]
    fn a_suspend_is_seen_as_boot_time_that_was_not_lived_awake() {
        let mut watch = JumpWatch::new(at(10_000, 10_000, 1_000_000));
        assert_eq!(watch.observe(at(15_000, 15_000, 1_005_000)), []);
        let jumps = watch.observe(at(3_620_000, 20_000, 4_610_000));
        assert_eq!(jumps, [Jump::Slept { from_boot_ms: 15_000 }]);
    }

    #[test]
    fn a_set_clock_is_told_with_its_sign_and_a_slewed_one_is_not() {
        let mut watch = JumpWatch::new(at(0, 0, 0));
        assert_eq!(watch.observe(at(1_000, 1_000, 2_900)), [], "1.9 s is no step");
        assert_eq!(watch.observe(at(2_000, 2_000, -3_596_100)), [Jump::WallStepped { by_ms: -3_600_000 }]);
        assert_eq!(watch.observe(at(3_000, 3_000, -3_595_100)), []);
    }

    #[test]
    fn a_machine_that_wakes_with_a_wrong_clock_tells_both() {
        let mut watch = JumpWatch::new(at(0, 0, 0));
        let jumps = watch.observe(at(60_000, 1_000, 10_000));
        assert_eq!(jumps, [Jump::Slept { from_boot_ms: 0 }, Jump::WallStepped { by_ms: -50_000 }]);
    }

    #[test]
    fn the_clocks_of_this_machine_run_forward() {
        let clocks = Clocks::system();
        let first = clocks.read();
        let second = clocks.read();
        assert!(second.boot_ms >= first.boot_ms && second.awake_ms >= first.awake_ms);
        assert!(first.boot_ms >= first.awake_ms, "asleep time only adds");
        assert!(first.wall_ms > 1_700_000_000_000, "{first:?}");
        assert_eq!(Clocks::system().boot(), clocks.boot());
    }
}
