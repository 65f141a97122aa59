//! Small files that survive a power cut: the old content or the new, never half of either.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

#[cfg_attr(unix, path = "files/private_unix.rs")]
#[cfg_attr(windows, path = "files/private_windows.rs")]
mod private;
mod trouble;

pub use private::{directory, make_executable, sync_directory};
pub use trouble::{Trouble, once_free};

/// Written and removed again to see whether a directory can be written.
const PROBE: &str = ".suar-agent.probe";

/// Makes a directory and what is missing above it, durable with its name: what is flushed inside a directory
/// is gone with it when a power cut takes the name.
pub fn make_directory(path: &Path) -> io::Result<()> {
    let is_missing = |level: &&Path| !level.as_os_str().is_empty() && !level.exists();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    fs::create_dir_all(path)?;
    missing.into_iter().rev().try_for_each(sync_name)
}

/// Whether a directory takes so many bytes now: writes them, makes them durable, removes them.
pub fn try_room(directory: &Path, bytes: usize) -> io::Result<()> {
    let probe = directory.join(PROBE);
    let written = write(Readers::Owner, &probe, &vec![b' '; bytes]);
    let removed = once_free(|| fs::remove_file(&probe));
    written.and(removed)
}

/// The text of a small file, no more of it than this; `None` where there is none.
pub fn read_text(path: &Path, bytes_max: u64) -> io::Result<Option<String>> {
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(bytes_max).read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    Owner,
    Everybody,
}

/// Replaces a file whole, readable by its owner alone: writes beside it, makes that durable, renames.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_for(Readers::Owner, path, content)
}

/// The same for a file without secrets.
pub fn replace_for_everybody(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_for(Readers::Everybody, path, content)
}

fn replace_for(readers: Readers, path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let written = write(readers, &beside, content).and_then(|()| once_free(|| fs::rename(&beside, path)));
    if written.is_err() {
        // Best effort: the error that is told is the first one.
        let _ = fs::remove_file(&beside);
        return written;
    }
    sync_name(path)
}

/// Makes the entry of a file or directory durable in the directory above it.
fn sync_name(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) if directory.as_os_str().is_empty() => sync_directory(Path::new(".")),
        Some(directory) => sync_directory(directory),
        None => Ok(()),
    }
}

fn write(readers: Readers, path: &Path, content: &[u8]) -> io::Result<()> {
    // One left by a power cut would have kept its old mode.
    match once_free(|| fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = match readers {
        Readers::Owner => private::create(path)?,
        Readers::Everybody => OpenOptions::new().write(true).create_new(true).open(path)?,
    };
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let deep = directory.path().join("made/if/needed");
        make_directory(&deep).expect("made");
        make_directory(&deep).expect("it is there already");
        let path = deep.join("agent.toml");
        fs::write(deep.join("agent.new"), "half of what a power cut left").expect("written");
        for content in ["old", "new"] {
            replace_for_everybody(&path, content.as_bytes()).expect("replaced");
            assert_eq!(fs::read_to_string(&path).expect("read"), content);
        }
        assert_eq!(fs::read_dir(&deep).expect("listed").count(), 1);
    }
}
