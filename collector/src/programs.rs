//! The agent's programs that offices may fetch: files beside the store, each with its signature, which is checked
//! before anything is put here and again before anything is offered.
//!
//! `programs/VERSION/TARGET` and `programs/VERSION/TARGET.minisig` below the data directory.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use suar_wire::release::{
    self, Digest, Key, OfferedFile, PIECE_BYTES, PROGRAM_BYTES_MAX, Release, SIGNATURE_BYTES_MAX, Version,
    is_target,
};

#[derive(Debug, Clone)]
pub struct Programs {
    directory: PathBuf,
}

impl Programs {
    pub fn of(data: &Path) -> Self {
        Self { directory: data.join("programs") }
    }

    /// Checks a program against its signature and keeps both.
    pub fn add(&self, program: &Path, signature: &Path, key: &Key) -> anyhow::Result<Release> {
        let bytes = read_bounded(program, PROGRAM_BYTES_MAX)?;
        let text = read_bounded(signature, SIGNATURE_BYTES_MAX as u64)?;
        let text = String::from_utf8(text).with_context(|| signature.display().to_string())?;
        let release = release::verify(&bytes, &text, key).with_context(|| signature.display().to_string())?;
        let path = self.path(&release);
        fs::create_dir_all(self.version(release.version))?;
        // Whoever reads one without the other finds that they do not fit, and comes again.
        write_whole(&path, &bytes).with_context(|| path.display().to_string())?;
        let path = signature_of(&path);
        write_whole(&path, text.as_bytes()).with_context(|| path.display().to_string())?;
        Ok(release)
    }

    /// Every release that is here, oldest version first.
    pub fn list(&self) -> io::Result<Vec<Release>> {
        let mut releases = Vec::new();
        for version in names(&self.directory)?.iter().filter_map(|name| name.parse::<Version>().ok()) {
            let targets = names(&self.version(version))?.into_iter().filter(|name| is_target(name));
            releases.extend(targets.map(|target| Release { version, target }));
        }
        releases.sort_by(|a, b| (a.version, &a.target).cmp(&(b.version, &b.target)));
        Ok(releases)
    }

    /// What an offer says of each program of a version, all of them checked.
    pub fn offered(&self, version: Version, key: &Key) -> anyhow::Result<Vec<OfferedFile>> {
        let of_version = self.list()?.into_iter().filter(|release| release.version == version);
        let files: Vec<OfferedFile> =
            of_version.map(|release| self.checked(&release, key)).collect::<anyhow::Result<_>>()?;
        if files.is_empty() {
            bail!("there is no program of version {version} here; `suar-collector update add` takes one");
        }
        Ok(files)
    }

    fn checked(&self, release: &Release, key: &Key) -> anyhow::Result<OfferedFile> {
        let path = self.path(release);
        let bytes = read_bounded(&path, PROGRAM_BYTES_MAX)?;
        let signature = self.signature(release).with_context(|| path.display().to_string())?;
        release::verify_as(release, &bytes, &signature, key).with_context(|| path.display().to_string())?;
        Ok(OfferedFile {
            target: release.target.clone(),
            bytes: bytes.len() as u64,
            digest: Digest::of(&bytes),
        })
    }

    /// A piece of a program and the size of the whole; empty behind its end.
    pub fn piece(&self, release: &Release, from: u64) -> io::Result<(Vec<u8>, u64)> {
        let mut file = File::open(self.path(release))?;
        let whole = file.metadata()?.len();
        let mut piece = Vec::new();
        if from >= whole {
            return Ok((piece, whole));
        }
        file.seek(SeekFrom::Start(from))?;
        file.take(PIECE_BYTES).read_to_end(&mut piece)?;
        Ok((piece, whole))
    }

    pub fn signature(&self, release: &Release) -> io::Result<String> {
        let mut text = String::new();
        let file = File::open(signature_of(&self.path(release)))?;
        file.take(SIGNATURE_BYTES_MAX as u64).read_to_string(&mut text)?;
        Ok(text)
    }

    fn version(&self, version: Version) -> PathBuf {
        self.directory.join(version.to_string())
    }

    fn path(&self, release: &Release) -> PathBuf {
        self.version(release.version).join(&release.target)
    }
}

fn signature_of(program: &Path) -> PathBuf {
    // No target has a dot.
    program.with_extension("minisig")
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn read_bounded(path: &Path, bytes_max: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| path.display().to_string())?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).with_context(|| path.display().to_string())?;
    ensure!(bytes.len() as u64 <= bytes_max, "{}: more than {bytes_max} bytes", path.display());
    Ok(bytes)
}

/// Beside it and renamed, so that nobody fetches half of one.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &[u8] = include_bytes!("../../wire/tests/golden/release/program");
    const SIGNATURE: &[u8] = include_bytes!("../../wire/tests/golden/release/program.minisig");

    struct Bench {
        directory: tempfile::TempDir,
        programs: Programs,
        key: Key,
    }

    fn bench() -> Bench {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("program"), PROGRAM).expect("written");
        fs::write(directory.path().join("signature"), SIGNATURE).expect("written");
        let key = include_str!("../../wire/tests/golden/release/key").trim().parse().expect("a key");
        Bench { programs: Programs::of(directory.path()), directory, key }
    }

    impl Bench {
        fn add(&self) -> anyhow::Result<Release> {
            let at = |name| self.directory.path().join(name);
            self.programs.add(&at("program"), &at("signature"), &self.key)
        }

        fn signed(&self) -> Release {
            Release { version: self.version(), target: "linux-x86_64".to_owned() }
        }

        fn version(&self) -> Version {
            "9.9.9".parse().expect("a version")
        }
    }

    #[test]
    fn a_signed_program_is_offered_and_handed_out_in_pieces() {
        let bench = bench();
        assert_eq!(bench.programs.list().expect("listed"), []);
        assert!(bench.programs.offered(bench.version(), &bench.key).is_err(), "there is none");
        assert_eq!(bench.add().expect("signed"), bench.signed());
        assert_eq!(bench.add().expect("once more"), bench.signed());
        assert_eq!(bench.programs.list().expect("listed"), [bench.signed()]);
        let offered = bench.programs.offered(bench.version(), &bench.key).expect("offered");
        assert_eq!(offered.len(), 1);
        assert_eq!((offered[0].bytes, &offered[0].digest), (PROGRAM.len() as u64, &Digest::of(PROGRAM)));

        let whole = PROGRAM.len() as u64;
        let piece = |from| bench.programs.piece(&bench.signed(), from).expect("read");
        assert_eq!(piece(0), (PROGRAM.to_vec(), whole));
        assert_eq!(piece(7), (PROGRAM[7..].to_vec(), whole));
        assert_eq!(piece(whole), (Vec::new(), whole));
        assert_eq!(piece(u64::MAX >> 1), (Vec::new(), whole));
        assert_eq!(bench.programs.signature(&bench.signed()).expect("read").as_bytes(), SIGNATURE);
        let other = Release { target: "linux-arm".to_owned(), ..bench.signed() };
        assert_eq!(bench.programs.piece(&other, 0).map_err(|e| e.kind()), Err(io::ErrorKind::NotFound));
    }

    #[test]
    fn what_is_not_signed_is_neither_taken_nor_offered() {
        let bench = bench();
        bench.add().expect("signed");
        let kept = bench.programs.path(&bench.signed());
        fs::write(&kept, b"somebody was here").expect("written");
        let error = bench.programs.offered(bench.version(), &bench.key).expect_err("it is another");
        assert!(format!("{error:#}").contains("not by this key"), "{error:#}");
        fs::write(bench.directory.path().join("program"), b"something else").expect("written");
        let error = bench.add().expect_err("it is another");
        assert!(format!("{error:#}").contains("signature"), "{error:#}");
        assert_eq!(fs::read(&kept).expect("read"), b"somebody was here", "nothing was written");
    }
}
