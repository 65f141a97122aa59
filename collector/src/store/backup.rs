//! A copy of the store while the collector runs. The copy is a data directory: restoring is using it.
//!
//! The main file first and the months after: rows that are packed in between are then in both, which
//! reading takes as one; the other way round they would be in neither.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::months::Month;
use super::{StoreError, schema};

/// Files of a data directory beside the store; those that exist are copied.
const OTHER_FILES: [&str; 4] = ["tls/certificate.pem", "tls/key.pem", "online.key", "collector.toml"];
/// SQLite pages copied before other processes may write again.
const PAGES_A_STEP: i32 = 512;
const PAUSE: Duration = Duration::from_millis(5);

/// Copies the store into `to`, a new directory. Returns the bytes written.
pub fn backup(dir: &Path, to: &Path) -> Result<u64, StoreError> {
    let failed = |what: String| move |cause| StoreError::File { what, cause };
    crate::tls::private_dir(to).map_err(failed(format!("{} cannot be made", to.display())))?;
    if std::fs::read_dir(to).map_err(failed(format!("{} cannot be listed", to.display())))?.next().is_some() {
        let cause = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(StoreError::File { what: format!("{} is not empty", to.display()), cause });
    }
    let main = schema::open_to_read(dir)?;
    copy(&main, &schema::main_file(to))?;
    for month in Month::all(dir)? {
        if let Some(connection) = super::months::open_to_read(dir, month)? {
            copy(&connection, &month.file(to))?;
        }
    }
    crate::tls::private_dir(&to.join("tls")).map_err(failed(format!("{} cannot be made", to.display())))?;
    for name in OTHER_FILES {
        let from = dir.join(name);
        if from.exists() {
            // `copy` keeps the mode: a key stays private.
            std::fs::copy(&from, to.join(name))
                .map_err(failed(format!("{} cannot be copied", from.display())))?;
        }
    }
    let mut bytes = 0;
    for entry in
        std::fs::read_dir(to).map_err(failed(format!("{} cannot be listed", to.display())))?.flatten()
    {
        bytes += entry.metadata().map_or(0, |file| file.len());
    }
    Ok(bytes)
}

fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut target = Connection::open(to)?;
    Backup::new(from, &mut target)?.run_to_completion(PAGES_A_STEP, PAUSE, None)?;
    Ok(())
}
