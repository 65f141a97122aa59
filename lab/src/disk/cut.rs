//! What a power cut may leave of a disk. Pure.
//!
//! What came before a barrier of its file or directory is there. What came after the last barrier may be there
//! or not: writes of one file survive in any selection and each perhaps only in part (sectors), changes of one
//! directory survive up to some point in their order, and neither waits for the other. That is what POSIX
//! promises and no more; a journalling file system keeps more of it, which a disk's own cache may undo.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::tree::{Event, ROOT, put};
use crate::seed::Random;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// Which of all that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survives {
    /// Everything up to the cut: what the death of a process leaves.
    Everything,
    /// Only what had to.
    WhatHadTo,
    /// Anything in between.
    Some(u64),
}

/// Directories and files by path, as they are found when power is back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    pub directories: BTreeSet<String>,
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Image {
    pub fn write(&self, into: &Path) -> Result<()> {
        for directory in &self.directories {
            std::fs::create_dir_all(into.join(directory))?;
        }
        for (path, bytes) in &self.files {
            std::fs::write(into.join(path), bytes)?;
        }
        Ok(())
    }
}

/// The disk after a cut behind the first `moment` events.
pub fn after(events: &[Event], moment: usize, survives: Survives) -> Image {
    let events = &events[..moment];
    let mut random = match survives {
        Survives::Some(seed) => Some(Random::from_seed(seed)),
        Survives::Everything | Survives::WhatHadTo => None,
    };
    let keeps = Keeps::of(events, survives, random.as_mut());
    let mut files: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut directories: BTreeMap<u64, BTreeMap<String, u64>> = BTreeMap::from([(ROOT, BTreeMap::new())]);
    for (at, event) in events.iter().enumerate() {
        if let Event::Made { node, is_directory, .. } = event {
            if *is_directory {
                directories.insert(*node, BTreeMap::new());
            } else {
                files.insert(*node, Vec::new());
            }
        }
        match event {
            Event::Made { parent, name, node, .. } if keeps.entry(at, *parent) => {
                directories.entry(*parent).or_default().insert(name.clone(), *node);
            }
            Event::Removed { parent, name } if keeps.entry(at, *parent) => {
                directories.entry(*parent).or_default().remove(name);
            }
            Event::Renamed { from, to, node } => {
                // Into another directory it may for a moment be in both or in neither; nobody here does that.
                if keeps.entry(at, from.0) {
                    directories.entry(from.0).or_default().remove(&from.1);
                }
                if keeps.entry(at, to.0) {
                    directories.entry(to.0).or_default().insert(to.1.clone(), *node);
                }
            }
            Event::Wrote { node, offset, bytes } => {
                let file = files.entry(*node).or_default();
                match (keeps.is_sure(at, *node), survives, &mut random) {
                    (true, ..) | (_, Survives::Everything, _) => put(file, *offset, bytes),
                    (_, _, None) => {}
                    (_, _, Some(random)) => put_some(file, *offset, bytes, random),
                }
            }
            Event::Sized { node, bytes } => {
                let stays = match (keeps.is_sure(at, *node), survives, &mut random) {
                    (true, ..) | (_, Survives::Everything, _) => true,
                    (_, _, None) => false,
                    (_, _, Some(random)) => random.chance(0.5),
                };
                if stays {
                    files.entry(*node).or_default().resize(*bytes as usize, 0);
                }
            }
            _ => {}
        }
    }
    let mut image = Image::default();
    collect(ROOT, "", &directories, &files, &mut image);
    image
}

/// The last barrier of each node, and up to where the changes of each directory survive.
struct Keeps {
    barriers: BTreeMap<u64, usize>,
    entries_until: BTreeMap<u64, usize>,
}

impl Keeps {
    fn of(events: &[Event], survives: Survives, mut random: Option<&mut Random>) -> Self {
        let mut barriers = BTreeMap::new();
        let mut changed: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (at, event) in events.iter().enumerate() {
            match event {
                Event::Synced { node } => {
                    barriers.insert(*node, at);
                }
                Event::Made { parent, .. } | Event::Removed { parent, .. } => {
                    changed.entry(*parent).or_default().push(at);
                }
                Event::Renamed { from, to, .. } => {
                    changed.entry(from.0).or_default().push(at);
                    changed.entry(to.0).or_default().push(at);
                }
                Event::Wrote { .. } | Event::Sized { .. } => {}
            }
        }
        let mut entries_until = BTreeMap::new();
        for (directory, changes) in changed {
            let barrier = barriers.get(&directory).copied();
            let is_open = |at: &usize| barrier.is_none_or(|barrier| *at > barrier);
            let open: Vec<usize> = changes.into_iter().filter(is_open).collect();
            let until = match (survives, &mut random) {
                (Survives::Everything, _) => events.len(),
                (_, Some(random)) => {
                    let kept = random.below(open.len() as u64 + 1) as usize;
                    open.get(kept).copied().unwrap_or(events.len())
                }
                (_, None) => open.first().copied().unwrap_or(events.len()),
            };
            entries_until.insert(directory, until);
        }
        Self { barriers, entries_until }
    }

    fn entry(&self, at: usize, directory: u64) -> bool {
        self.entries_until.get(&directory).is_none_or(|until| at < *until)
    }

    fn is_sure(&self, at: usize, node: u64) -> bool {
        self.barriers.get(&node).is_some_and(|barrier| at < *barrier)
    }
}

/// All of a write, none of it, or some of its sectors.
fn put_some(file: &mut Vec<u8>, offset: u64, bytes: &[u8], random: &mut Random) {
    match random.below(3) {
        0 => {}
        1 => put(file, offset, bytes),
        _ => {
            let mut at = 0;
            while at < bytes.len() {
                let to_border = SECTOR_BYTES - (offset as usize + at) % SECTOR_BYTES;
                let end = (at + to_border).min(bytes.len());
                if random.chance(0.5) {
                    put(file, offset + at as u64, &bytes[at..end]);
                }
                at = end;
            }
        }
    }
}

fn collect(
    directory: u64,
    path: &str,
    directories: &BTreeMap<u64, BTreeMap<String, u64>>,
    files: &BTreeMap<u64, Vec<u8>>,
    image: &mut Image,
) {
    for (name, node) in directories.get(&directory).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        if directories.contains_key(node) {
            image.directories.insert(path.clone());
            collect(*node, &path, directories, files, image);
        } else {
            image.files.insert(path, files.get(node).cloned().unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(node: u64, name: &str) -> Event {
        Event::Made { parent: ROOT, name: name.to_owned(), node, is_directory: false }
    }

    fn wrote(node: u64, bytes: &[u8]) -> Event {
        Event::Wrote { node, offset: 0, bytes: bytes.to_vec() }
    }

    fn renamed(node: u64, from: &str, to: &str) -> Event {
        Event::Renamed { from: (ROOT, from.to_owned()), to: (ROOT, to.to_owned()), node }
    }

    fn file<'a>(image: &'a Image, name: &str) -> Option<&'a [u8]> {
        image.files.get(name).map(Vec::as_slice)
    }

    #[test]
    fn what_no_barrier_follows_need_not_be_there() {
        let events = [
            made(2, "a"),
            Event::Synced { node: ROOT },
            wrote(2, b"one"),
            Event::Synced { node: 2 },
            wrote(2, b"two"),
        ];
        assert_eq!(file(&after(&events, 5, Survives::Everything), "a"), Some(&b"two"[..]));
        assert_eq!(file(&after(&events, 5, Survives::WhatHadTo), "a"), Some(&b"one"[..]));
        assert_eq!(file(&after(&events, 3, Survives::WhatHadTo), "a"), Some(&b""[..]));
        assert_eq!(file(&after(&events, 1, Survives::WhatHadTo), "a"), None);
    }

    #[test]
    fn a_rename_may_survive_without_the_bytes_it_was_for() {
        let events = [made(2, "new"), wrote(2, b"content"), renamed(2, "new", "name")];
        let found: BTreeSet<_> = (0..200)
            .map(|seed| after(&events, 3, Survives::Some(seed)))
            .map(|image| (file(&image, "new").map(<[u8]>::len), file(&image, "name").map(<[u8]>::len)))
            .collect();
        assert!(found.contains(&(None, Some(0))), "{found:?}");
        assert!(found.contains(&(Some(7), None)), "{found:?}");
        assert!(found.contains(&(None, None)), "{found:?}");
        assert!(!found.iter().any(|(new, name)| new.is_some() && name.is_some()), "{found:?}");
    }

    #[test]
    fn sectors_of_one_write_survive_one_by_one() {
        let events = [made(2, "a"), Event::Synced { node: ROOT }, wrote(2, &[7; 2_000])];
        let torn = (0..200).map(|seed| after(&events, 3, Survives::Some(seed))).any(|image| {
            let bytes = file(&image, "a").expect("its name is sure");
            bytes.contains(&0) && bytes.contains(&7)
        });
        assert!(torn);
    }
}
