//! Everything that reads bytes from outside or from a disk, as readings that any bytes can be tried on: none may panic,
//! none may cost more memory than its bound, and what was read must mean something.
//!
//! `lab/tests/fuzz` tries the corpus and changed bytes for seconds in every check; `lab/fuzz` gives the same readings to
//! libFuzzer, which sees the paths that they take.

pub mod bomb;
pub mod held;
mod readings;
mod spool;
mod stored;

use std::path::{Path, PathBuf};

use held::most_held;

/// Most bytes that one push may cost. It unpacks to 2 MiB at most, and its records take a few times that.
pub const PUSH_BYTES_MAX: isize = 24 << 20;
/// A day of an agent in one-second slots.
const DAY_BYTES_MAX: isize = 256 << 20;
const SMALL_BYTES_MAX: isize = 4 << 20;

/// One way in.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Its target in `lab/fuzz` and its folder in `lab/corpus`.
    pub name: &'static str,
    /// Most bytes that it may hold at once for one input.
    pub bytes_max: isize,
    /// Says whether it could make sense of the bytes; panics where something is wrong with itself.
    read: fn(&[u8]) -> bool,
}

/// By their names in `lab/corpus`.
pub const ALL: [Reading; 15] = [
    reading("pushes", PUSH_BYTES_MAX, readings::push),
    reading("pushes-json", PUSH_BYTES_MAX, readings::push_in_json),
    reading("stored-pushes", PUSH_BYTES_MAX, stored::push),
    reading("records", SMALL_BYTES_MAX, readings::record),
    reading("receipts", SMALL_BYTES_MAX, spool::receipt),
    reading("chunks", DAY_BYTES_MAX, readings::chunk),
    reading("fresh-rows", DAY_BYTES_MAX, readings::fresh_row),
    reading("segments", SMALL_BYTES_MAX, spool::segment),
    reading("frames", SMALL_BYTES_MAX, spool::frames),
    reading("acked", SMALL_BYTES_MAX, spool::acked),
    reading("join-codes", SMALL_BYTES_MAX, readings::join_code),
    reading("join-codes-checked", SMALL_BYTES_MAX, readings::join_code_with_right_check),
    reading("carried-out", PUSH_BYTES_MAX, readings::carried_out),
    reading("carried-out-sealed", PUSH_BYTES_MAX, readings::carried_out_and_sealed),
    reading("site-lists", SMALL_BYTES_MAX, readings::site_list),
];

const fn reading(name: &'static str, bytes_max: isize, read: fn(&[u8]) -> bool) -> Reading {
    Reading { name, bytes_max, read }
}

/// Good bytes that are kept elsewhere anyway: `NAME PATH` lines, which `lab/fuzz.sh` reads too.
const ELSEWHERE: &str = include_str!("../corpus/elsewhere");

impl Reading {
    /// Whether the bytes made sense, and the most memory that they cost. Only a program whose allocator is
    /// [`held::Counting`] knows the latter.
    pub fn on(&self, bytes: &[u8]) -> (bool, isize) {
        most_held(|| (self.read)(bytes))
    }

    /// Inputs to start from, with their names: the good ones first, of which there is at least one.
    pub fn corpus(&self) -> std::io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let elsewhere = ELSEWHERE.lines().filter_map(|line| line.split_once(' '));
        let elsewhere = elsewhere.filter(|(name, _)| *name == self.name).map(|(_, path)| root.join(path));
        let mut files: Vec<PathBuf> = elsewhere.collect();
        let mut own = Vec::new();
        match std::fs::read_dir(root.join("lab/corpus").join(self.name)) {
            Ok(entries) => {
                for entry in entries {
                    own.push(entry?.path());
                }
            }
            // All of them are elsewhere.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        own.sort_by_key(|path| (!is_good(path), path.clone()));
        files.extend(own);
        files.into_iter().map(|path| std::fs::read(&path).map(|bytes| (path, bytes))).collect()
    }
}

/// Whether a file of the corpus must be readable. The others are there for the paths that they take.
pub fn is_good(path: &Path) -> bool {
    let of_the_corpus =
        path.parent().and_then(Path::parent).is_some_and(|above| above.ends_with("lab/corpus"));
    !of_the_corpus || path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("good"))
}

/// The reading of this name.
pub fn named(name: &str) -> Option<&'static Reading> {
    ALL.iter().find(|reading| reading.name == name)
}
