//! A service of Windows has no standard error: its log is a file beside its state, kept short.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// Most bytes of the file; the one before it is kept too.
const BYTES_MAX: u64 = 512 * 1024;

#[cfg(windows)]
pub fn start(state: &std::path::Path, level: &str) {
    let file = LogFile { path: state.join("agent.log"), open: None };
    let filter = tracing_subscriber::EnvFilter::try_new(level).unwrap_or_default();
    // A second logger in one process can only come from tests, and is not wanted there.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::sync::Mutex::new(file))
        .with_ansi(false)
        // It would tell that a log cannot be written by a panic.
        .log_internal_errors(false)
        .try_init();
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    open: Option<(File, u64)>,
}

impl LogFile {
    fn fresh(&self) -> io::Result<(File, u64)> {
        let full = fs::metadata(&self.path).is_ok_and(|file| file.len() >= BYTES_MAX);
        if full {
            crate::files::once_free(|| fs::rename(&self.path, self.path.with_extension("log.1")))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let (mut file, bytes) = match self.open.take() {
            Some((file, bytes)) if bytes < BYTES_MAX => (file, bytes),
            // Closed first: Windows renames no open file.
            _ => self.fresh()?,
        };
        let written = file.write(line)?;
        self.open = Some((file, bytes + written as u64));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_are_kept_and_neither_grows_beyond_the_bound() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("agent.log");
        let line = [b'x'; 1000];
        let mut log = LogFile { path: path.clone(), open: None };
        for _ in 0..1500 {
            log.write_all(&line).expect("written");
        }
        // Started again in the middle of a file: what is there counts.
        let mut log = LogFile { path: path.clone(), open: None };
        log.write_all(b"the end").expect("written");

        let now = fs::read(&path).expect("the log");
        let before = fs::read(path.with_extension("log.1")).expect("the log before it");
        assert!(now.ends_with(b"the end"), "the newest line is in the file in use");
        for file in [&now, &before] {
            assert!(file.len() as u64 <= BYTES_MAX + line.len() as u64, "{} bytes", file.len());
        }
        assert_eq!(fs::read_dir(directory.path()).expect("listed").count(), 2);
    }
}
