//! A machine that joined again, perhaps for another office: what it measured before and had not sent belongs to the
//! agent that it was. It is never sent in the new name, but laid down as a sealed file in the old one.
//!
//! ```text
//! identity-before.toml      written by `join --force`: whose records lie in the spool
//! before-AGENT/             that spool and that identity, set aside by the next start
//! before-AGENT.carried      for `suar-collector import`; the directory is gone then
//! ```
//!
//! Setting aside renames and works on a full disk. Writing the file may fail; then the next start tries again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::carrying;
use crate::files;
use crate::identity::{Identity, IdentityError};
use crate::spool::Beside;

const PREFIX: &str = "before-";
const CARRIED: &str = "carried";

/// Notes whose the records in the spool are, before a new identity replaces the old one. A second join before
/// the agent ran changes nothing: they are still the first one's.
pub fn note(state: &Path, before: &Identity) -> Result<(), IdentityError> {
    match Identity::read_before(state) {
        Ok(Some(_)) => Ok(()),
        // A damaged note is worth nothing.
        Ok(None) | Err(IdentityError::Damaged { .. }) => before.write_before(state),
        Err(error) => Err(error),
    }
}

/// Where the file of what was measured under an identity will lie.
pub fn carried_file(state: &Path, before: &Identity) -> PathBuf {
    directory_of(state, before).with_extension(CARRIED)
}

fn directory_of(state: &Path, before: &Identity) -> PathBuf {
    state.join(format!("{PREFIX}{}", before.agent))
}

/// Whose the records in the spool are, when they are another's than the identity's.
pub fn owner_before(state: &Path, identity: &Identity) -> Option<Identity> {
    match Identity::read_before(state) {
        Ok(Some(before)) if before.agent == identity.agent => {
            // That join broke off. Should the note stay, it says nothing.
            let _ = fs::remove_file(Identity::before_path(state));
            None
        }
        Ok(before) => before,
        Err(error) => {
            tracing::error!(%error, "whose records lie in the spool cannot be read");
            None
        }
    }
}

/// Sets the spool aside with its owner. Nobody may have it open.
pub fn set_aside(state: &Path, spool: &Path, before: &Identity) -> io::Result<()> {
    let directory = directory_of(state, before);
    // There already when a power cut came in between: the spool is the new identity's then.
    if !directory.exists() {
        files::once_free(|| fs::rename(spool, &directory))?;
    }
    files::once_free(|| fs::rename(Identity::before_path(state), Identity::path(&directory)))?;
    files::sync_directory(state)?;
    files::sync_directory(&directory)
}

/// Writes the files of all that was set aside. What goes wrong must not keep the office silent.
pub fn carry(state: &Path) {
    for directory in directories(state) {
        if let Err(error) = carry_one(&directory) {
            let error = format!("{error:#}");
            tracing::error!(directory = %directory.display(), error, "what was measured before this machine joined again stays here; tried again at the next start");
        }
    }
}

fn directories(state: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(state).into_iter().flatten().flatten();
    let ours = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)) && path.is_dir()
    };
    entries.map(|entry| entry.path()).filter(ours).collect()
}

fn carry_one(directory: &Path) -> anyhow::Result<()> {
    let file = directory.with_extension(CARRIED);
    // There already when a power cut came before the directory was gone: then this may be half of it.
    if !file.exists() && Beside::open(directory)?.is_some() {
        let before = Identity::read(directory)?.context("whose it is cannot be told")?;
        if let Some((bytes, records)) = carrying::sealed(directory, &before, 0)? {
            files::replace(&file, &bytes).with_context(|| file.display().to_string())?;
            tracing::warn!(file = %file.display(), records, site = %before.site, "not sent before this machine joined again; take it to `suar-collector import`");
        }
    }
    Ok(fs::remove_dir_all(directory)?)
}

#[cfg(test)]
mod tests {
    use suar_wire::carried::{Claimed, Key};
    use suar_wire::record::ClockStep;
    use suar_wire::{AgentId, Body, Epoch, Record, Stamp, encode_record};
    use tempfile::TempDir;

    use super::*;
    use crate::clock::Clocks;
    use crate::config::Config;
    use crate::run::open_spool;
    use crate::spool::Order;

    fn identity(number: u8) -> Identity {
        Identity {
            agent: AgentId([number; 16]),
            token: format!("token-{number}").try_into().unwrap(),
            site: "19.02.02.2009".parse().unwrap(),
            site_name: "Contoh".to_owned(),
            online_key: "00ff".to_owned().try_into().unwrap(),
        }
    }

    fn joined_as(state: &Path, number: u8) {
        if let Some(before) = Identity::read(state).unwrap() {
            note(state, &before).unwrap();
        }
        identity(number).write(state).unwrap();
    }

    /// Runs with this many records that are not sent, and returns the epoch of their spool.
    fn run(config: &Config, records: u64) -> Epoch {
        let (mut spool, _) = open_spool(config).unwrap();
        for _ in 0..records {
            let stamp: Stamp = Clocks::system().now();
            let record = Record { sequence: 0, stamp, body: Body::ClockStep(ClockStep { by_ms: 1 }) };
            spool.append(&encode_record(&record)).unwrap();
        }
        spool.sync();
        spool.epoch()
    }

    fn waiting(config: &Config) -> usize {
        open_spool(config).unwrap().0.peek(Order::OldestFirst, 100, 1 << 20).unwrap().len()
    }

    fn carried(state: &Path, number: u8) -> Vec<(Epoch, u64)> {
        let bytes = fs::read(carried_file(state, &identity(number))).unwrap();
        let key = Key::of_token(&format!("token-{number}"));
        let mut carried = Claimed::read(&bytes).unwrap().open(&key).unwrap();
        let mut found = Vec::new();
        while let Some(push) = carried.next_push().unwrap() {
            assert_eq!(push.agent, AgentId([number; 16]));
            found.extend(push.records.iter().map(|record| (push.epoch, record.sequence)));
        }
        found
    }

    fn config() -> (TempDir, Config) {
        let state = TempDir::new().unwrap();
        let config = Config { state: state.path().to_owned(), ..Config::default() };
        (state, config)
    }

    #[test]
    fn what_was_measured_before_joining_again_is_sealed_in_the_old_name_and_never_sent_in_the_new_one() {
        let (state, config) = config();
        joined_as(state.path(), 1);
        let first = run(&config, 5);
        // Twice before it runs again: the records are still the first one's.
        joined_as(state.path(), 2);
        joined_as(state.path(), 3);
        assert_eq!(waiting(&config), 0);
        assert_eq!(carried(state.path(), 1), (1..=5).map(|n| (first, n)).collect::<Vec<_>>());
        assert!(!carried_file(state.path(), &identity(2)).exists());
        let third = run(&config, 2);
        assert_ne!(third, first);
        assert_eq!(waiting(&config), 2, "a start without a join sets nothing aside");
        joined_as(state.path(), 4);
        assert_eq!(waiting(&config), 0);
        assert_eq!(carried(state.path(), 3).len(), 2);
        assert_eq!(carried(state.path(), 1).len(), 5);
        assert_eq!(directories(state.path()), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_power_cut_between_any_two_steps_costs_nothing() {
        let (state, config) = config();
        joined_as(state.path(), 1);
        let first = run(&config, 3);
        let expected: Vec<_> = (1..=3).map(|n| (first, n)).collect();
        // The note is written, the new identity is not: nothing has changed.
        note(state.path(), &identity(1)).unwrap();
        assert_eq!(waiting(&config), 3);
        joined_as(state.path(), 2);
        // The spool is renamed, its owner is not with it yet.
        fs::rename(config.spool(), directory_of(state.path(), &identity(1))).unwrap();
        assert_eq!(waiting(&config), 0);
        assert_eq!(carried(state.path(), 1), expected);
        // The file is whole, its directory half gone.
        let directory = directory_of(state.path(), &identity(1));
        fs::create_dir(&directory).unwrap();
        identity(1).write(&directory).unwrap();
        run(&config, 1);
        assert_eq!(carried(state.path(), 1), expected);
        assert_eq!((waiting(&config), directory.exists()), (1, false));
    }
}
