//! The programs on disk: how one comes piece by piece, and what is known against it. See `program` for the files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use suar_wire::release::{
    self, Digest, Key, PIECE_BYTES, PROGRAM_BYTES_MAX, Release, SIGNATURE_BYTES_MAX, SignatureFault,
};

use super::Build;
use crate::files;

/// Most bytes that are read of what is known against a program.
const FAILURE_BYTES_MAX: u64 = 4 * 1024;

#[derive(Debug, Clone)]
pub struct Shelf {
    directory: PathBuf,
    key: Key,
    target: String,
}

/// What is missing of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Signature,
    /// From this byte on.
    Piece {
        from: u64,
    },
    /// A look at the signature.
    Check,
    /// Nothing: it can be tried.
    Nothing,
}

/// Why a program is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    Signature,
    SelfTest,
    /// It could not be started, or was damaged on disk.
    Unrunnable,
    Crashed,
    Unreached,
}

impl Why {
    /// For the administrator.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Signature => "its signature is not right",
            Self::SelfTest => "it failed its own test on this machine",
            Self::Unrunnable => "it could not be started",
            Self::Crashed => "it ended by itself too often",
            Self::Unreached => "it did not reach the collector in time",
        }
    }

    /// How often it may fail so before it is not tried again. The line may have been away at the wrong time, and a
    /// power cut may have spoiled a file; everything else is the program's own doing.
    fn times_max(self) -> u32 {
        match self {
            Self::Signature | Self::Unrunnable => 2,
            Self::Unreached => 3,
            Self::SelfTest | Self::Crashed => 1,
        }
    }
}

/// What is known against a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub why: Why,
    times: u32,
}

impl Failure {
    pub fn is_final(self) -> bool {
        self.times >= self.why.times_max()
    }
}

impl Shelf {
    pub fn new(state: &Path, key: Key, target: String) -> Self {
        Self { directory: state.join("program"), key, target }
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory, and holds it against a second launcher; `None` when another one is there.
    pub fn lock(&self) -> io::Result<Option<File>> {
        files::make_directory(&self.directory)?;
        let file = File::create(self.directory.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub fn missing(&self, build: &Build, bytes: u64) -> io::Result<Missing> {
        if self.program(build).exists() {
            return Ok(Missing::Nothing);
        }
        if !self.signature(build).exists() {
            return Ok(Missing::Signature);
        }
        let from = match fs::metadata(self.part(build)) {
            Ok(part) => part.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(if from < bytes { Missing::Piece { from } } else { Missing::Check })
    }

    pub fn put_signature(&self, build: &Build, text: &[u8]) -> io::Result<()> {
        files::make_directory(&self.directory)?;
        files::replace(&self.signature(build), text)
    }

    /// Takes a piece that begins at this byte, durably.
    pub fn append(&self, build: &Build, from: u64, piece: &[u8]) -> io::Result<()> {
        let mut part = OpenOptions::new().create(true).write(true).truncate(false).open(self.part(build))?;
        part.seek(SeekFrom::Start(from))?;
        part.write_all(piece)?;
        part.sync_all()?;
        if from == 0 { files::sync_directory(&self.directory) } else { Ok(()) }
    }

    /// Once when the agent starts: a power cut may have left the size of the last piece without its bytes.
    pub fn distrust_last_piece(&self, build: &Build) -> io::Result<()> {
        let part = match OpenOptions::new().write(true).open(self.part(build)) {
            Ok(part) => part,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let sure = part.metadata()?.len().saturating_sub(1) / PIECE_BYTES * PIECE_BYTES;
        part.set_len(sure)?;
        part.sync_all()
    }

    /// All of it has come: makes a program of it if the signature says that it is the announced one. What is wrong is
    /// thrown away.
    pub fn finish(&self, build: &Build) -> io::Result<Result<(), SignatureFault>> {
        let part = self.part(build);
        if let Err(fault) = self.check(build, &read_bounded(&part, PROGRAM_BYTES_MAX)?)? {
            fs::remove_file(&part)?;
            fs::remove_file(self.signature(build))?;
            return Ok(Err(fault));
        }
        files::make_executable(&part)?;
        // Its bytes are durable already; this is for the right to run it.
        OpenOptions::new().write(true).open(&part)?.sync_all()?;
        files::once_free(|| fs::rename(&part, self.program(build)))?;
        files::sync_directory(&self.directory)?;
        Ok(Ok(()))
    }

    /// The program, if its signature is right now.
    pub fn verified(&self, build: &Build) -> io::Result<Result<PathBuf, SignatureFault>> {
        let program = self.program(build);
        let bytes = read_bounded(&program, PROGRAM_BYTES_MAX)?;
        Ok(self.check(build, &bytes)?.map(|()| program))
    }

    fn check(&self, build: &Build, program: &[u8]) -> io::Result<Result<(), SignatureFault>> {
        let signature = read_bounded(&self.signature(build), SIGNATURE_BYTES_MAX as u64)?;
        let Ok(signature) = String::from_utf8(signature) else { return Ok(Err(SignatureFault::Malformed)) };
        if Digest::of(program) != build.digest {
            return Ok(Err(SignatureFault::Wrong));
        }
        let announced = Release { version: build.version, target: self.target.clone() };
        Ok(release::verify_as(&announced, program, &signature, &self.key))
    }

    /// What is known against a program. What cannot be read is nothing.
    pub fn failure(&self, build: &Build) -> Option<Failure> {
        let text = files::read_text(&self.failed(build), FAILURE_BYTES_MAX).ok()??;
        serde_json::from_str(&text).ok()
    }

    pub fn note_failure(&self, build: &Build, why: Why) -> io::Result<Failure> {
        let times = self.failure(build).filter(|known| known.why == why).map_or(1, |known| known.times + 1);
        let failure = Failure { why, times };
        files::replace(&self.failed(build), &serde_json::to_vec(&failure)?)?;
        Ok(failure)
    }

    /// Removes everything of other programs than these. Nothing depends on it, so nothing waits for the disk.
    pub fn keep_only(&self, builds: &[&Build]) -> io::Result<()> {
        let kept: Vec<String> = builds.iter().map(|build| self.name(build, "")).collect();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(STEM) && !kept.iter().any(|kept| name.starts_with(kept)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// What is left of a program that is not to be used, but for why.
    pub fn throw_away(&self, build: &Build) {
        for path in [self.program(build), self.part(build), self.signature(build)] {
            // What stays is overwritten or never looked at.
            let _ = fs::remove_file(path);
        }
    }

    fn program(&self, build: &Build) -> PathBuf {
        self.directory.join(self.name(build, std::env::consts::EXE_SUFFIX))
    }

    fn part(&self, build: &Build) -> PathBuf {
        self.directory.join(self.name(build, ".part"))
    }

    fn signature(&self, build: &Build) -> PathBuf {
        self.directory.join(self.name(build, ".minisig"))
    }

    fn failed(&self, build: &Build) -> PathBuf {
        self.directory.join(self.name(build, ".failed"))
    }

    fn name(&self, build: &Build, ending: &str) -> String {
        format!("{STEM}{build}{ending}")
    }
}

const STEM: &str = "suar-agent-";

fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
mod tests;
