//! Room in memory for records that wait for the disk. Pushes differ by a factor of thousands in what they
//! hold, so that their number alone bounds nothing.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A push with at most this many records is a live one: it finds room while backlogs wait.
const LIVE_RECORDS_MAX: usize = 64;
/// The part of all room that only live pushes get.
const LIVE_SHARE: usize = 8;

/// All room there is. Clones share it.
#[derive(Debug, Clone)]
pub struct RoomForRecords {
    free: Arc<Semaphore>,
    for_live: usize,
}

/// What one push takes of it, given back when dropped.
#[derive(Debug)]
pub struct Room {
    _taken: Option<OwnedSemaphorePermit>,
}

impl RoomForRecords {
    pub fn new(records: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(records)), for_live: records / LIVE_SHARE }
    }

    /// `None` when there is no room now.
    pub fn take(&self, records: usize) -> Option<Room> {
        let records = records.max(1);
        let kept_free = if records > LIVE_RECORDS_MAX { self.for_live } else { 0 };
        // Two backlogs may both see the last room outside of it: then it is a little less.
        if self.free.available_permits() < records + kept_free {
            return None;
        }
        let wanted = u32::try_from(records).ok()?;
        Arc::clone(&self.free).try_acquire_many_owned(wanted).ok().map(|taken| Room { _taken: Some(taken) })
    }
}

impl Room {
    /// For whoever hands over one push at a time and waits.
    pub fn unbounded() -> Self {
        Self { _taken: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backlogs_leave_room_for_what_is_live_and_all_room_comes_back() {
        let room = RoomForRecords::new(8_000);
        let backlogs: Vec<_> = std::iter::from_fn(|| room.take(2_000)).collect();
        assert_eq!(backlogs.len(), 3);
        let live: Vec<_> = std::iter::from_fn(|| room.take(5)).collect();
        assert_eq!(live.len(), 2_000 / 5);
        assert!(room.take(0).is_none(), "a push without records takes room too");
        drop((backlogs, live));
        assert!(room.take(7_000).is_some(), "all but the part for live pushes");
    }
}
