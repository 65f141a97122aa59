//! Segments as files: fixed size, zero-filled when made, named for the first sequence they may hold.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use suar_wire::{Epoch, IntervalSet, SEQUENCE_MAX, Sequence};

use super::frame::{self, FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES, Scan};
use crate::files::{once_free, sync_directory};

/// Size of a segment. Written once with zeros, so that a record later changes no file length: its
/// `fdatasync` writes the data and no metadata.
pub const SEGMENT_BYTES: usize = 64 * 1024;
const SUFFIX: &str = ".segment";
const DAMAGED_SUFFIX: &str = ".segment.damaged";

/// One file and what it holds.
#[derive(Debug)]
pub struct Segment {
    pub path: PathBuf,
    /// From its name: no frame in it is older.
    pub first: Sequence,
    /// Sequences that are durable in it.
    pub present: IntervalSet,
}

/// The file that new frames go to; always the newest segment.
#[derive(Debug)]
pub struct Active {
    /// Opened at the first write, and again after trouble.
    file: Option<File>,
    /// Where the next frame belongs.
    pub used: usize,
    /// Before this there may be bytes of a write that did not finish; they are overwritten with zeros.
    pub dirty_end: usize,
}

impl Segment {
    /// The newest sequence in it.
    pub fn last(&self) -> Option<Sequence> {
        self.present.ranges().last().map(|range| range.1)
    }

    /// Ranges that are here and not acknowledged.
    pub fn pending<'a>(&'a self, acked: &'a IntervalSet) -> impl Iterator<Item = (Sequence, Sequence)> + 'a {
        self.present.ranges().iter().flat_map(|&(first, last)| acked.missing_in(first, last))
    }

    pub fn is_acknowledged(&self, acked: &IntervalSet) -> bool {
        self.pending(acked).next().is_none()
    }

    /// Reads the whole file; as much as there is when it is shorter or longer than it should be.
    pub fn read(&self, epoch: Epoch) -> io::Result<(Vec<u8>, Scan)> {
        let mut bytes = Vec::with_capacity(SEGMENT_BYTES);
        File::open(&self.path)?.take(SEGMENT_BYTES as u64).read_to_end(&mut bytes)?;
        let scan = frame::scan(epoch, self.first, &bytes);
        Ok((bytes, scan))
    }

    pub fn is_set_aside(&self) -> bool {
        self.path.to_string_lossy().ends_with(DAMAGED_SUFFIX)
    }

    /// Renames a damaged segment, so that it is found damaged only once. It stays readable.
    pub fn set_aside(&mut self) -> io::Result<()> {
        let aside = self.path.with_file_name(format!("{:020}{DAMAGED_SUFFIX}", self.first));
        once_free(|| fs::rename(&self.path, &aside))?;
        self.path = aside;
        Ok(())
    }

    /// Makes a zero-filled segment, durable with its name.
    pub fn create(dir: &Path, epoch: Epoch, first: Sequence) -> io::Result<(Self, Active)> {
        let path = dir.join(format!("{first:020}{SUFFIX}"));
        let make = || -> io::Result<File> {
            // One of this name can only be left from a creation that was cut short.
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
            let mut bytes = vec![0; SEGMENT_BYTES];
            bytes[..SEGMENT_HEADER_BYTES].copy_from_slice(&frame::segment_header(epoch));
            file.write_all(&bytes)?;
            file.sync_all()?;
            sync_directory(dir)?;
            Ok(file)
        };
        match make() {
            Ok(file) => {
                let active = Active { file: Some(file), used: SEGMENT_HEADER_BYTES, dirty_end: 0 };
                Ok((Self { path, first, present: IntervalSet::new() }, active))
            }
            Err(error) => {
                // Half a file on a full disk helps nobody.
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// The segments of a directory, oldest first. Other files are left alone.
    pub fn list(dir: &Path) -> io::Result<Vec<Self>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let digits = name.strip_suffix(SUFFIX).or_else(|| name.strip_suffix(DAMAGED_SUFFIX));
            let Some(first) =
                digits.filter(|digits| digits.len() == 20).and_then(|digits| digits.parse().ok())
            else {
                continue;
            };
            if first > SEQUENCE_MAX {
                continue;
            }
            segments.push(Self { path: entry.path(), first, present: IntervalSet::new() });
        }
        segments.sort_by_key(|segment| segment.first);
        Ok(segments)
    }
}

impl Active {
    pub fn resumed(used: usize, dirty_end: usize) -> Self {
        Self { file: None, used, dirty_end }
    }

    pub fn has_room_for(&self, payload_bytes: usize) -> bool {
        self.used + FRAME_HEADER_BYTES + payload_bytes <= SEGMENT_BYTES
    }

    /// Writes frames after those that are there and makes them durable, or leaves a tail to overwrite.
    pub fn write(&mut self, path: &Path, frames: &[u8]) -> io::Result<()> {
        let offset = self.used;
        let end = offset + frames.len();
        let mut bytes = frames.to_vec();
        bytes.resize(self.dirty_end.saturating_sub(self.used).max(frames.len()), 0);
        // Until it is known to be durable it counts as a tail.
        self.dirty_end = self.dirty_end.max(end);
        let written = self.file(path).and_then(|mut file| {
            file.seek(SeekFrom::Start(offset as u64))?;
            file.write_all(&bytes)?;
            file.sync_data()
        });
        match written {
            Ok(()) => {
                self.used = end;
                self.dirty_end = end;
                Ok(())
            }
            Err(error) => {
                self.file = None;
                Err(error)
            }
        }
    }

    /// Overwrites what a write that did not finish has left.
    pub fn clear_tail(&mut self, path: &Path) -> io::Result<()> {
        if self.dirty_end > self.used { self.write(path, &[]) } else { Ok(()) }
    }

    fn file(&mut self, path: &Path) -> io::Result<&File> {
        if self.file.is_none() {
            self.file = Some(OpenOptions::new().write(true).open(path)?);
        }
        Ok(self.file.as_ref().expect("opened just now"))
    }
}
