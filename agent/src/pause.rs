//! A pause: somebody at the office asks the agent not to use the link for a while. A file in the state
//! directory says so, because it must survive a restart and needs no channel to the running agent.
//!
//! While it lasts no probe is sent. The push goes on: it is how the collector learns of the pause.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suar_wire::Stamp;

use crate::files;

const FILE: &str = "pause.json";
/// Most bytes that are read back.
const FILE_BYTES_MAX: u64 = 4 * 1024;
/// A pause that nobody ends must not become the end of all measuring.
pub const SECONDS_MAX: u64 = 7 * 86_400;
pub const SECONDS_MIN: u64 = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub from: Stamp,
    pub seconds: u64,
}

/// Why a text is no length of a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pause is a whole number and m, h or d, from 1m to 7d, e.g. 30m, 2h or 1d")]
pub struct WrongLength;

/// `30m`, `2h`, `1d`, as seconds.
pub fn seconds_of(text: &str) -> Result<u64, WrongLength> {
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(WrongLength)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(WrongLength),
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| digits).ok_or(WrongLength)?;
    let seconds = number.checked_mul(unit).ok_or(WrongLength)?;
    if (SECONDS_MIN..=SECONDS_MAX).contains(&seconds) { Ok(seconds) } else { Err(WrongLength) }
}

impl Pause {
    /// What is left of it, milliseconds; `None` when it is over.
    ///
    /// In the boot in which it began the boot-time clock tells, which nobody sets. After another boot only
    /// the wall clock is left; one that has gone back behind the beginning is not believed, and the agent
    /// measures again.
    pub fn left_ms(&self, now: Stamp) -> Option<u64> {
        let length_ms = self.seconds.min(SECONDS_MAX) * 1000;
        let passed_ms = if now.boot == self.from.boot {
            now.boot_ms.checked_sub(self.from.boot_ms)
        } else {
            now.wall_ms.checked_sub(self.from.wall_ms).and_then(|passed_ms| u64::try_from(passed_ms).ok())
        };
        length_ms.checked_sub(passed_ms?).filter(|left_ms| *left_ms > 0)
    }
}

fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

/// Readable by everybody: it is written by an administrator and read by the agent's own user.
pub fn write(state: &Path, pause: &Pause) -> io::Result<()> {
    files::replace_for_everybody(&path(state), &serde_json::to_vec(pause)?)
}

/// The pause in force, with what is left of it, milliseconds.
pub fn read(state: &Path, now: Stamp) -> io::Result<Option<u64>> {
    let Some(text) = files::read_text(&path(state), FILE_BYTES_MAX)? else { return Ok(None) };
    Ok(serde_json::from_str::<Pause>(&text)?.left_ms(now))
}

/// Ends it. True when there was one.
pub fn remove(state: &Path) -> io::Result<bool> {
    match fs::remove_file(path(state)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use suar_wire::BootId;

    use super::*;

    fn stamp(boot: u8, boot_ms: u64, wall_ms: i64) -> Stamp {
        Stamp { boot: BootId([boot; 16]), boot_ms, wall_ms }
    }

    #[test]
    fn a_length_is_a_number_and_a_unit_within_a_week() {
        let lengths = [
            ("1m", Some(60)),
            ("90m", Some(5_400)),
            ("2h", Some(7_200)),
            ("7d", Some(604_800)),
            ("8d", None),
            ("0h", None),
            ("2", None),
            ("h", None),
            ("", None),
            ("+2h", None),
            ("2 h", None),
            ("2jam", None),
            ("2é", None),
            ("99999999999999999999d", None),
            ("999999999999999999d", None),
        ];
        for (text, seconds) in lengths {
            assert_eq!(seconds_of(text).ok(), seconds, "{text}");
        }
    }

    #[test]
    fn a_pause_ends_by_the_boot_clock_and_after_a_restart_by_the_wall_clock() {
        let pause = Pause { from: stamp(1, 10_000, 500_000), seconds: 60 };
        assert_eq!(pause.left_ms(stamp(1, 40_000, 0)), Some(30_000), "the wall clock was set, who cares");
        assert_eq!(pause.left_ms(stamp(1, 70_000, 500_000)), None);
        assert_eq!(pause.left_ms(stamp(2, 5, 510_000)), Some(50_000));
        assert_eq!(pause.left_ms(stamp(2, 5, 560_000)), None);
        assert_eq!(pause.left_ms(stamp(2, 5, 499_999)), None, "a dead clock battery");
        let endless = Pause { seconds: u64::MAX, ..pause };
        assert_eq!(endless.left_ms(stamp(1, 10_000 + SECONDS_MAX * 1000, 0)), None);
    }

    #[test]
    fn what_was_written_is_read_until_it_is_removed() {
        let state = tempfile::tempdir().expect("made");
        let now = stamp(1, 10_000, 0);
        assert_eq!(read(state.path(), now).expect("read"), None);
        write(state.path(), &Pause { from: now, seconds: 60 }).expect("written");
        assert_eq!(read(state.path(), now).expect("read"), Some(60_000));
        fs::write(path(state.path()), b"{").expect("written");
        assert!(read(state.path(), now).is_err());
        assert!(remove(state.path()).expect("removed"));
        assert!(!remove(state.path()).expect("gone already"));
    }
}
