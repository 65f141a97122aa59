//! The number of an attempt to join: kept from before the code is shown until the identity is, so that this machine can
//! ask again when the answer was lost on the way, and nobody else can.

use std::io;
use std::path::{Path, PathBuf};

use suar_wire::joining::ATTEMPT_BYTES;

use crate::{files, random};

const FILE: &str = "joining";
/// Most bytes that are read; a number has 32.
const FILE_BYTES_MAX: u64 = 1024;

fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

/// The number of the attempt before this one, if that had no answer; a new one otherwise, which is on the disk.
pub fn number(state: &Path) -> io::Result<String> {
    let path = path(state);
    match files::read_text(&path, FILE_BYTES_MAX) {
        Ok(Some(text)) if is_number(text.trim()) => return Ok(text.trim().to_owned()),
        // Half a number says nothing.
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
        Err(error) => return Err(error),
    }
    let random = random::bytes::<ATTEMPT_BYTES>();
    let random = random.map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let number = data_encoding::HEXLOWER.encode(&random);
    files::replace(&path, number.as_bytes())?;
    Ok(number)
}

/// The answer is here and kept. Best effort: a number that stays would only name this machine once more.
pub fn answered(state: &Path) {
    let _ = files::once_free(|| std::fs::remove_file(path(state)));
}

fn is_number(text: &str) -> bool {
    data_encoding::HEXLOWER.decode(text.as_bytes()).is_ok_and(|bytes| bytes.len() == ATTEMPT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_keeps_its_number_until_it_is_answered_and_a_damaged_one_begins_anew() {
        let state = tempfile::tempdir().expect("a directory");
        let first = number(state.path()).expect("a number");
        assert_eq!(number(state.path()).expect("a number"), first);
        answered(state.path());
        let second = number(state.path()).expect("a number");
        assert_ne!(second, first);
        for damage in [&second.as_bytes()[..10], b"", &[0xff; 32]] {
            std::fs::write(path(state.path()), damage).expect("written");
            assert!(is_number(&number(state.path()).expect("a number")), "{damage:?}");
        }
        assert_eq!(std::fs::read_dir(state.path()).expect("listed").count(), 1);
    }
}
