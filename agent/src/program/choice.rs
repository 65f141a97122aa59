//! Which program runs: pure but for the file. Only the launcher changes it.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suar_wire::release::Version;

use super::Build;
use crate::files;

const FILE: &str = "choice.json";
/// Most bytes that are read back; a real one has some hundred.
const FILE_BYTES_MAX: u64 = 16 * 1024;
/// A program on trial that ends by itself so often is given up.
const TRIAL_CRASHES_MAX: u32 = 2;
/// So is one that has worked, when it does so without reaching the collector in between.
const GOOD_CRASHES_MAX: u32 = 3;
/// Starts of a trial. Each gets the whole time to reach the collector, but a machine that is on for an hour a day must
/// not try for ever.
const TRIAL_STARTS_MAX: u32 = 6;

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Choice {
    /// Has reached the collector.
    good: Option<Good>,
    trial: Option<Trial>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Good {
    build: Build,
    /// The installed program at the time: another one was installed by a person since.
    over: Version,
    /// Since it reached the collector last.
    crashes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trial {
    build: Build,
    over: Version,
    starts: u32,
    crashes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    Installed,
    Good(Build),
    Trial(Build),
}

impl Choice {
    /// What is to run where this version is installed. Whoever installs a newer program by hand wants that one.
    pub fn chosen(&mut self, installed: Version) -> Chosen {
        let is_overtaken = |build: &Build, over: Version| installed != over && installed >= build.version;
        self.trial.take_if(|trial| is_overtaken(&trial.build, trial.over));
        self.good.take_if(|good| is_overtaken(&good.build, good.over));
        match (&self.trial, &self.good) {
            (Some(trial), _) => Chosen::Trial(trial.build.clone()),
            (None, Some(good)) => Chosen::Good(good.build.clone()),
            (None, None) => Chosen::Installed,
        }
    }

    /// The programs that it may need.
    pub fn builds(&self) -> Vec<&Build> {
        let trial = self.trial.iter().map(|trial| &trial.build);
        trial.chain(self.good.iter().map(|good| &good.build)).collect()
    }

    pub fn begin_trial(&mut self, build: Build, installed: Version) {
        self.trial = Some(Trial { build, over: installed, starts: 0, crashes: 0 });
    }

    pub fn back_to_installed(&mut self) {
        *self = Self::default();
    }

    /// The trial is about to be started; false when it was so too often.
    pub fn may_start_trial(&mut self) -> bool {
        let Some(trial) = &mut self.trial else { return false };
        trial.starts += 1;
        trial.starts <= TRIAL_STARTS_MAX
    }

    /// What runs has reached the collector; true when that is news.
    pub fn reached(&mut self) -> bool {
        if let Some(Trial { build, over, .. }) = self.trial.take() {
            self.good = Some(Good { build, over, crashes: 0 });
            return true;
        }
        match &mut self.good {
            Some(good) => std::mem::take(&mut good.crashes) > 0,
            None => false,
        }
    }

    /// What runs has ended by itself; true when that was too often.
    pub fn crashed(&mut self) -> bool {
        match (&mut self.trial, &mut self.good) {
            (Some(Trial { crashes, .. }), _) => {
                *crashes += 1;
                *crashes >= TRIAL_CRASHES_MAX
            }
            (None, Some(good)) => {
                good.crashes += 1;
                good.crashes >= GOOD_CRASHES_MAX
            }
            (None, None) => false,
        }
    }

    /// What runs is not to run any more; what was there before it is.
    pub fn give_up(&mut self) {
        if self.trial.take().is_none() {
            self.good = None;
        }
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// One that cannot be read chooses the installed program.
pub fn read(directory: &Path) -> Choice {
    let read = files::read_text(&path(directory), FILE_BYTES_MAX)
        .and_then(|text| Ok(text.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default()));
    read.unwrap_or_else(|error| {
        tracing::error!(%error, "which program is to run cannot be read; it is the installed one");
        Choice::default()
    })
}

pub fn write(directory: &Path, choice: &Choice) -> io::Result<()> {
    files::replace(&path(directory), &serde_json::to_vec_pretty(choice)?)
}

#[cfg(test)]
mod tests {
    use suar_wire::release::Digest;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    fn build(text: &str) -> Build {
        Build { version: version(text), digest: Digest::of(text.as_bytes()) }
    }

    /// 0.1.0 is installed, 0.2.0 has worked, 0.3.0 is on trial.
    fn on_trial() -> Choice {
        let mut choice = Choice::default();
        for text in ["0.2.0", "0.3.0"] {
            choice.reached();
            choice.begin_trial(build(text), version("0.1.0"));
        }
        choice
    }

    fn chosen(choice: &Choice, installed: &str) -> Chosen {
        choice.clone().chosen(version(installed))
    }

    #[test]
    fn a_trial_that_reaches_the_collector_is_kept() {
        let mut choice = on_trial();
        assert_eq!(chosen(&choice, "0.1.0"), Chosen::Trial(build("0.3.0")));
        assert!(choice.reached());
        assert!(!choice.reached(), "no news");
        assert_eq!(chosen(&choice, "0.1.0"), Chosen::Good(build("0.3.0")));
    }

    #[test]
    fn a_trial_that_ends_twice_by_itself_is_given_up_for_what_was_before() {
        let mut choice = on_trial();
        assert!(!choice.crashed());
        assert!(choice.crashed());
        choice.give_up();
        assert_eq!(chosen(&choice, "0.1.0"), Chosen::Good(build("0.2.0")));
    }

    #[test]
    fn a_program_that_worked_and_does_no_longer_is_given_up_for_the_installed_one() {
        let mut choice = on_trial();
        choice.reached();
        assert_eq!([choice.crashed(), choice.crashed()], [false, false]);
        assert!(choice.reached(), "it counts anew");
        assert_eq!([choice.crashed(), choice.crashed(), choice.crashed()], [false, false, true]);
        choice.give_up();
        assert_eq!(chosen(&choice, "0.1.0"), Chosen::Installed);
    }

    #[test]
    fn a_trial_is_not_started_for_ever() {
        let mut choice = on_trial();
        let may: Vec<bool> = (0..7).map(|_| choice.may_start_trial()).collect();
        assert_eq!(may, [true, true, true, true, true, true, false]);
    }

    #[test]
    fn a_newer_program_that_a_person_installed_wins() {
        let mut choice = on_trial();
        assert_eq!(chosen(&choice, "0.2.0"), Chosen::Trial(build("0.3.0")), "not as new as the trial");
        assert_eq!(chosen(&choice, "0.3.0"), Chosen::Installed);
        choice.reached();
        assert_eq!(chosen(&choice, "0.3.1"), Chosen::Installed);
    }

    #[test]
    fn an_older_program_that_was_asked_for_runs_over_a_newer_installed_one() {
        let mut choice = Choice::default();
        choice.begin_trial(build("0.1.0"), version("0.2.0"));
        choice.reached();
        assert_eq!(chosen(&choice, "0.2.0"), Chosen::Good(build("0.1.0")));
        assert_eq!(chosen(&choice, "0.3.0"), Chosen::Installed, "that is another one since");
        choice.back_to_installed();
        assert_eq!(chosen(&choice, "0.2.0"), Chosen::Installed);
    }

    #[test]
    fn a_damaged_choice_is_the_installed_program() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(read(directory.path()), Choice::default());
        write(directory.path(), &on_trial()).expect("written");
        assert_eq!(read(directory.path()), on_trial());
        std::fs::write(path(directory.path()), b"{\"good\":").expect("written");
        assert_eq!(read(directory.path()), Choice::default());
    }
}
