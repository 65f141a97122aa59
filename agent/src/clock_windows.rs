//! Windows: interrupt time counts through sleep, unbiased interrupt time does not.
//!
//! Windows gives a boot no name, so it is named by its moment: wall clock minus time since boot, rounded
//! to two minutes. It is read once a session. A clock that was set in between gives the same boot another
//! name; the collector then reads a crash as a power loss, and nothing worse.

use suar_wire::BootId;
use windows_sys::Win32::System::SystemInformation::{GetSystemTimePreciseAsFileTime, GetTickCount64};
use windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime;

use super::Reading;

const ROUND_TO_MS: i64 = 120_000;
/// From 1601 (FILETIME) to 1970, milliseconds.
const FILETIME_EPOCH_MS: i64 = 11_644_473_600_000;

pub fn boot_id() -> BootId {
    let now = read();
    let booted = (now.wall_ms - now.boot_ms as i64 + ROUND_TO_MS / 2).div_euclid(ROUND_TO_MS);
    let mut id = [0; 16];
    id[8..].copy_from_slice(&booted.to_be_bytes());
    BootId(id)
}

pub fn read() -> Reading {
    let mut unbiased = 0u64;
    let mut wall = windows_sys::Win32::Foundation::FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    // SAFETY: each call writes one value to a valid address, or returns one.
    let boot_ms = unsafe {
        QueryUnbiasedInterruptTime(&raw mut unbiased);
        GetSystemTimePreciseAsFileTime(&raw mut wall);
        GetTickCount64()
    };
    let wall_100ns = (u64::from(wall.dwHighDateTime) << 32) | u64::from(wall.dwLowDateTime);
    Reading {
        boot_ms,
        awake_ms: unbiased / 10_000,
        wall_ms: (wall_100ns / 10_000) as i64 - FILETIME_EPOCH_MS,
    }
}
