//! The spool seen from another process while the agent runs: reads, changes nothing, takes no lock.
//!
//! What is shown must be durable: a record that is given away and then lost in a power cut would give its
//! sequence to another one. The running agent may have written a frame and not yet flushed it, so the newest
//! segment is flushed here after it was read. Older segments were finished before the next one began.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use suar_wire::{Epoch, Sequence};

use super::acked::Acked;
use super::segment::Segment;
use super::{SpoolError, opening};

/// One look at a spool directory.
#[derive(Debug)]
pub struct Beside {
    epoch: Epoch,
    acked: Acked,
    segments: Vec<Segment>,
}

impl Beside {
    /// `None` when there is no spool.
    pub fn open(dir: &Path) -> Result<Option<Self>, SpoolError> {
        let segments = match Segment::list(dir) {
            Ok(segments) => segments,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SpoolError::File { path: dir.to_owned(), source }),
        };
        let Some(epoch) = opening::written_epoch(dir, &segments) else { return Ok(None) };
        // Receipts that come after this only mean that some records are given away that are known already.
        let acked = opening::read_acked(dir, epoch);
        Ok(Some(Self { epoch, acked, segments }))
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What is not acknowledged, oldest first, one segment at a time.
    pub fn segments(&self) -> impl Iterator<Item = Result<Vec<(Sequence, Vec<u8>)>, SpoolError>> + '_ {
        let newest = self.segments.len().saturating_sub(1);
        self.segments.iter().enumerate().map(move |(index, segment)| self.records(segment, index == newest))
    }

    fn records(&self, segment: &Segment, is_newest: bool) -> Result<Vec<(Sequence, Vec<u8>)>, SpoolError> {
        let failed = |source| SpoolError::File { path: segment.path.clone(), source };
        let (bytes, scan) = match segment.read(self.epoch) {
            Ok(read) => read,
            // The agent has forgotten it since: all of it is receipted, or the bound has cost it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        if is_newest {
            flush(&segment.path).map_err(failed)?;
        }
        let waits = |sequence: &Sequence| !self.acked.ranges.contains(*sequence);
        let frames = scan.frames.iter().filter(|frame| waits(&frame.sequence));
        Ok(frames.map(|frame| (frame.sequence, bytes[frame.payload.clone()].to_vec())).collect())
    }
}

/// Windows flushes only files that are open for writing; elsewhere reading is enough, and works on a disk
/// that has become read-only.
fn flush(path: &Path) -> io::Result<()> {
    match OpenOptions::new().read(true).write(cfg!(windows)).open(path).and_then(|file: File| file.sync_all())
    {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        flushed => flushed,
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::{Options, Spool};
    use super::*;

    const EPOCH: Epoch = Epoch([3; 8]);

    fn seen(dir: &Path) -> Vec<(Sequence, Vec<u8>)> {
        let beside = Beside::open(dir).expect("it reads").expect("there is one");
        assert_eq!(beside.epoch(), EPOCH);
        beside.segments().flat_map(|segment| segment.expect("it reads")).collect()
    }

    #[test]
    fn what_is_durable_and_not_receipted_is_seen_while_the_agent_holds_the_lock() {
        let dir = TempDir::new().expect("a directory");
        assert!(Beside::open(&dir.path().join("none")).expect("no trouble").is_none());
        assert!(Beside::open(dir.path()).expect("no trouble").is_none());
        let options = Options { bytes_max: 1 << 20 };
        let mut spool = Spool::open(dir.path(), options, EPOCH).expect("it opens").0;
        for n in 1..=20u8 {
            spool.append(&[n; 9_000]).expect("it fits");
        }
        spool.sync();
        spool.append(b"only in memory").expect("it fits");
        spool.commit(&[(2, 3), (9, 9)]);
        let expected: Vec<_> =
            (1..=20u8).filter(|n| ![2, 3, 9].contains(n)).map(|n| (u64::from(n), vec![n; 9_000])).collect();
        assert_eq!(seen(dir.path()), expected);
        let before = spool.stats();
        assert_eq!((spool.stats(), seen(dir.path()).len()), (before, 17), "looking changes nothing");
        spool.commit(&[(1, 20)]);
        assert_eq!(seen(dir.path()), []);
    }

    #[test]
    fn a_segment_that_goes_away_between_listing_and_reading_is_no_trouble() {
        let dir = TempDir::new().expect("a directory");
        let mut spool = Spool::open(dir.path(), Options { bytes_max: 1 << 20 }, EPOCH).expect("it opens").0;
        for n in 1..=20u8 {
            spool.append(&[n; 9_000]).expect("it fits");
        }
        spool.sync();
        let beside = Beside::open(dir.path()).expect("it reads").expect("there is one");
        spool.commit(&[(1, 10)]);
        let left: Vec<_> = beside.segments().flat_map(|segment| segment.expect("no trouble")).collect();
        assert_eq!(left.last().map(|(sequence, _)| *sequence), Some(20));
    }
}
