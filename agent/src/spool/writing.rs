//! What the spool writes: frames, new segments, receipts; and what it removes to make room.

use std::io;
use std::path::PathBuf;

use super::Spool;
use super::acked;
use super::frame;
use super::queue::Queue;
use super::segment::{Active, SEGMENT_BYTES, Segment};
use crate::files;

/// Fewest segments that a bound leaves: one to write, one that waits.
const SEGMENTS_MIN: u64 = 2;

impl Spool {
    /// Writes as much of the queue as the active segment takes.
    pub(super) fn write_some(&mut self) -> Result<(), (PathBuf, io::Error)> {
        let room = |active: &Active, queue: &Queue| {
            queue.iter().next().is_none_or(|(_, payload)| active.has_room_for(payload.len()))
        };
        if !self.active.as_ref().is_some_and(|active| room(active, &self.queue)) {
            self.roll().map_err(|error| (self.dir.clone(), error))?;
        }
        let (Some(active), Some(segment)) = (&mut self.active, self.segments.last_mut()) else {
            return Ok(());
        };
        let (mut frames, mut sequences) = (Vec::new(), Vec::new());
        for (sequence, payload) in self.queue.iter() {
            if !active.has_room_for(frames.len() + payload.len()) {
                break;
            }
            frame::encode(self.epoch, sequence, payload, &mut frames);
            sequences.push(sequence);
        }
        if let Err(error) = active.write(&segment.path, &frames) {
            let path = segment.path.clone();
            if error.kind() == io::ErrorKind::NotFound {
                // Somebody removed the file; the next one carries the sequence on.
                self.active = None;
            }
            return Err((path, error));
        }
        sequences.iter().for_each(|sequence| segment.present.insert(*sequence));
        self.queue.forget(sequences.len());
        Ok(())
    }

    /// Starts a new segment, after making room for it.
    pub(super) fn roll(&mut self) -> io::Result<()> {
        let first = self.queue.iter().next().map_or(self.next, |(sequence, _)| sequence);
        let most = (self.options.bytes_max / SEGMENT_BYTES as u64).max(SEGMENTS_MIN);
        let mut dropped = false;
        while self.segments.len() as u64 >= most {
            let lost: Vec<_> = self.segments[0].pending(&self.acked.ranges).collect();
            if !self.remove_segment(0) {
                break;
            }
            for (first, last) in lost {
                self.untold.insert_range(first, last);
                self.acked.dropped_total = self.acked.dropped_total.saturating_add(last - first + 1);
                dropped = true;
                tracing::error!(first, last, "the spool is full: its oldest records were dropped");
            }
        }
        if dropped {
            self.write_acked();
        }
        let (segment, active) = Segment::create(&self.dir, self.epoch, first)?;
        // An empty one of the same name, left by a creation that was cut short, was overwritten.
        self.segments.retain(|known| known.path != segment.path);
        // A tail left in the old one would read as damage, now that it is no longer the newest.
        if let (Some(mut old), Some(known)) = (self.active.take(), self.segments.last()) {
            // Best effort: if it stays it is told as a damaged segment at the next start, nothing more.
            let _ = old.clear_tail(&known.path);
        }
        self.segments.push(segment);
        self.active = Some(active);
        Ok(())
    }

    pub(super) fn remove_segment(&mut self, index: usize) -> bool {
        match files::once_free(|| std::fs::remove_file(&self.segments[index].path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let path = self.segments[index].path.clone();
                self.in_trouble(&path, &error);
                false
            }
            _ => {
                self.segments.remove(index);
                true
            }
        }
    }

    pub(super) fn write_acked(&mut self) {
        let oldest = self.segments.first().map_or(self.next, |segment| segment.first);
        let kept = self.acked.ranges.ranges().iter().filter(|range| range.1 >= oldest);
        self.acked.ranges = kept.map(|&(first, last)| (first.max(oldest), last)).collect();
        let path = self.dir.join(acked::FILE);
        let (bytes, beside) = (acked::encode(self.epoch, &self.acked), path.with_extension("new"));
        // Not flushed: a power cut here costs sending some records again, a flush would wear the card at
        // every push.
        let renamed = || files::once_free(|| std::fs::rename(&beside, &path));
        let written = std::fs::write(&beside, bytes).and_then(|()| renamed());
        if let Err(error) = written {
            self.in_trouble(&path, &error);
        }
    }
}
