//! Tests that were run beside the agent (`suar-agent bandwidth`): their records and bytes wait in the state
//! directory until the running agent, which owns spool and ledger, takes them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suar_wire::Stamp;
use suar_wire::bandwidth::Bandwidth;

use crate::files;
use crate::meter::Bytes;
use crate::random;

const DIRECTORY: &str = "handed-in";
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Files that wait at most: whoever runs more tests without an agent wants no records.
const FILES_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedIn {
    pub at: Stamp,
    /// None: only its bytes are of interest, as of a test with somebody else's server.
    pub record: Option<Bandwidth>,
    pub sent_bytes: u64,
    pub received_bytes: u64,
}

impl HandedIn {
    pub fn used(&self) -> Bytes {
        Bytes { sent: self.sent_bytes, received: self.received_bytes }
    }
}

fn directory(state: &Path) -> PathBuf {
    state.join(DIRECTORY)
}

pub fn write(state: &Path, test: &HandedIn) -> io::Result<()> {
    let directory = directory(state);
    files::directory(&directory)?;
    if waiting(&directory)?.len() >= FILES_MAX {
        let why = format!("{FILES_MAX} tests wait for an agent that does not run");
        return Err(io::Error::other(why));
    }
    let name = random::bytes::<8>().map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let name = format!("{}.json", data_encoding::HEXLOWER.encode(&name));
    files::replace(&directory.join(name), &serde_json::to_vec(test)?)
}

/// Takes what waits, oldest first. A file is gone before its record is used: a power cut in between loses a
/// record, and never is one counted twice.
pub fn take(state: &Path) -> Vec<HandedIn> {
    let mut tests: Vec<HandedIn> =
        waiting(&directory(state)).unwrap_or_default().iter().filter_map(|path| take_one(path)).collect();
    tests.sort_by_key(|test| test.at.wall_ms);
    tests
}

fn take_one(path: &Path) -> Option<HandedIn> {
    let read = files::read_text(path, FILE_BYTES_MAX);
    let removed = fs::remove_file(path);
    let text = read
        .and_then(|text| removed.map(|()| text))
        .inspect_err(|error| {
            tracing::warn!(path = %path.display(), %error, "a bandwidth test that was handed in cannot be taken");
        })
        .ok()??;
    let test: HandedIn = serde_json::from_str(&text)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "this is no bandwidth test"))
        .ok()?;
    test.record.as_ref().is_none_or(Bandwidth::is_possible).then_some(test)
}

fn waiting(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect())
}

#[cfg(test)]
mod tests {
    use suar_wire::BootId;
    use suar_wire::bandwidth::{Direction, TestEnd};

    use super::*;

    #[test]
    fn what_was_handed_in_is_taken_once_and_rubbish_is_thrown_away() {
        let state = tempfile::tempdir().expect("a directory");
        assert_eq!(take(state.path()), []);
        let test = |wall_ms| HandedIn {
            at: Stamp { boot: BootId([1; 16]), boot_ms: 5, wall_ms },
            record: Some(Bandwidth::without_rate(Direction::Upload, TestEnd::FailedBrokenOff)),
            sent_bytes: 9,
            received_bytes: 8,
        };
        for wall_ms in [30, 10, 20] {
            write(state.path(), &test(wall_ms)).expect("written");
        }
        fs::write(directory(state.path()).join("bad.json"), "{").expect("written");
        assert_eq!(take(state.path()), [test(10), test(20), test(30)]);
        assert_eq!(take(state.path()), []);
        for _ in 0..FILES_MAX {
            write(state.path(), &test(1)).expect("written");
        }
        assert!(write(state.path(), &test(1)).is_err());
    }
}
