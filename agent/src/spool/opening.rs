//! Opening a spool directory: the lock, the epoch, and what power cuts and bad disks left in it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use suar_wire::{Epoch, IntervalSet, Sequence};

use super::acked::{self, Acked};
use super::frame;
use super::segment::{Active, Segment};
use super::{Opened, SpoolError};
use crate::files;

const EPOCH_FILE: &str = "epoch";
const LOCK_FILE: &str = "lock";
/// How often and how far apart the lock is tried: a quarter of a second before a second agent is refused.
const LOCK_ATTEMPTS: u32 = 25;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Everything that a spool needs to go on.
#[derive(Debug)]
pub struct Found {
    pub lock: File,
    pub epoch: Epoch,
    pub segments: Vec<Segment>,
    pub active: Option<Active>,
    pub acked: Acked,
    pub next: Sequence,
    pub opened: Opened,
    /// What went wrong and can be lived with.
    pub trouble: Option<String>,
}

/// Why a directory could not be opened.
#[derive(Debug)]
pub enum Refused {
    /// Somebody must do something.
    Error(SpoolError),
    /// The disk is full, read-only or dying: work can go on in memory.
    Disk(io::Error),
}

pub fn open(dir: &Path, fresh_epoch: Epoch) -> Result<Found, Refused> {
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| refused(&path, source)
    };
    files::make_directory(dir).map_err(file_error(dir))?;
    let lock = lock(dir)?;
    let mut segments = Segment::list(dir).map_err(file_error(dir))?;
    let epoch = epoch(dir, &segments, fresh_epoch).map_err(file_error(&dir.join(EPOCH_FILE)))?;
    let acked = read_acked(dir, epoch);
    let (mut opened, mut active, mut trouble, mut next) = (Opened::default(), None, None, 1);
    let firsts: Vec<Sequence> = segments.iter().skip(1).map(|segment| segment.first).collect();
    for (index, segment) in segments.iter_mut().enumerate() {
        let following = firsts.get(index).copied();
        match look(segment, epoch, following, &mut opened) {
            Ok(look) => {
                next = next.max(look.next);
                active = look.active;
            }
            // Perhaps readable later: it stays, and its sequences are not used again.
            Err(error) => {
                trouble = Some(format!("cannot read {}: {error}", segment.path.display()));
                next = next.max(following.unwrap_or(segment.first.saturating_add(frame::FRAMES_MAX)));
                active = None;
            }
        }
    }
    // Also when the newest segment was damaged: what is receipted was used.
    let receipted = acked.ranges.ranges().last().map_or(0, |range| range.1);
    next = next.max(receipted.saturating_add(1));
    Ok(Found { lock, epoch, segments, active, acked, next, opened, trouble })
}

/// Permissions and wrong paths are for a person to mend; everything else is the disk.
fn refused(path: &Path, source: io::Error) -> Refused {
    use io::ErrorKind::{
        AlreadyExists, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
    };
    match source.kind() {
        PermissionDenied | NotADirectory | IsADirectory | NotFound | AlreadyExists | InvalidInput => {
            Refused::Error(SpoolError::File { path: path.to_owned(), source })
        }
        _ => Refused::Disk(source),
    }
}

/// Held for as long as the file is open. The system gives it back when the process dies.
fn lock(dir: &Path) -> Result<File, Refused> {
    let path = dir.join(LOCK_FILE);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|source| refused(&path, source))?;
    for attempt in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            // A process that is dying, or a child that has not become another program yet, still holds it.
            Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(Refused::Error(SpoolError::Locked { dir: dir.to_owned() }));
            }
            Err(TryLockError::Error(source)) => return Err(refused(&path, source)),
        }
    }
    Ok(file)
}

/// What is receipted, as far as that can be read.
pub fn read_acked(dir: &Path, epoch: Epoch) -> Acked {
    read_bounded(&dir.join(acked::FILE), acked::FILE_BYTES_MAX)
        .ok()
        .and_then(|bytes| acked::decode(epoch, &bytes))
        .unwrap_or_default()
}

/// The epoch of the directory; when none is written, a new one is.
fn epoch(dir: &Path, segments: &[Segment], fresh: Epoch) -> io::Result<Epoch> {
    let path = dir.join(EPOCH_FILE);
    if !segments.is_empty()
        && let Some(epoch) = epoch_of_file(&path)
    {
        return Ok(epoch);
    }
    let epoch = epoch_of_segments(segments).unwrap_or(fresh);
    files::replace(&path, format!("{epoch}\n").as_bytes())?;
    Ok(epoch)
}

/// The epoch of the file, or of the segments when the file is gone. Without any segment the sequences begin
/// again, so that there is none.
pub fn written_epoch(dir: &Path, segments: &[Segment]) -> Option<Epoch> {
    (!segments.is_empty())
        .then(|| epoch_of_file(&dir.join(EPOCH_FILE)).or_else(|| epoch_of_segments(segments)))?
}

fn epoch_of_file(path: &Path) -> Option<Epoch> {
    read_bounded(path, 64).ok().and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok())
}

fn epoch_of_segments(segments: &[Segment]) -> Option<Epoch> {
    segments.iter().rev().find_map(|segment| {
        frame::segment_epoch(&read_bounded(&segment.path, frame::SEGMENT_HEADER_BYTES as u64).ok()?)
    })
}

struct Look {
    next: Sequence,
    active: Option<Active>,
}

/// Reads one segment: which records it has, what was lost in it, whether writing can go on in it.
fn look(
    segment: &mut Segment,
    epoch: Epoch,
    following: Option<Sequence>,
    opened: &mut Opened,
) -> io::Result<Look> {
    let (bytes, scan) = segment.read(epoch)?;
    segment.present = scan.frames.iter().map(|frame| frame.sequence).collect::<IntervalSet>();
    if let Some(newest) = scan.frames.last() {
        opened.last = Some(bytes[newest.payload.clone()].to_vec());
    }
    let after = scan.frames.last().map_or(segment.first, |frame| frame.sequence.saturating_add(1));
    let mut lost = scan.lost;
    // A newest segment's tail is what power loss leaves; an older one was finished before the next began.
    let damaged = scan.damaged || (scan.tail.is_some() && following.is_some());
    let mut next = after;
    if let Some(tail) = scan.tail {
        next = following.unwrap_or(after.saturating_add(tail.records));
        if after < next {
            lost.push((after, next - 1));
        }
    }
    let header_is_right = frame::segment_epoch(&bytes) == Some(epoch);
    let known = segment.is_set_aside();
    let resumed = following.is_none() && !damaged && header_is_right && !known;
    let active = resumed.then(|| Active::resumed(scan.end, scan.tail.map_or(0, |tail| tail.end)));
    if known {
        return Ok(Look { next, active });
    }
    opened.lost.extend(lost);
    if damaged {
        opened.damaged_segments += 1;
        // Where it cannot be renamed it is found damaged again next time: told twice, but not lost.
        let renamed = segment.set_aside();
        tracing::error!(path = %segment.path.display(), renamed = renamed.is_ok(), "a spool segment is damaged");
    }
    Ok(Look { next, active })
}

pub fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}
