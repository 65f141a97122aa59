//! What an agent wrote into its spool, read from the trace of its disk and not from what the agent says.
//!
//! The layout is taken from the description at the head of the agent's spool; this reader shares no code with it.

use std::collections::{BTreeMap, HashMap};

use suar_wire::Epoch;

use crate::disk::tree::{Event, put};

const MAGIC: &[u8] = b"SUARSEG1";
const HEADER_BYTES: usize = 16;

/// Payloads by epoch and sequence.
pub type Frames = BTreeMap<(Epoch, u64), Vec<u8>>;

/// Everything that ever stood in a segment.
#[derive(Debug, Default)]
pub struct Written {
    /// Whole in the file at some moment.
    pub frames: Frames,
    /// A barrier of the file came after it.
    pub durable: Frames,
    /// Numbers that were given to two different payloads.
    pub given_twice: Vec<(Epoch, u64)>,
}

impl Written {
    pub fn of(events: &[Event]) -> Self {
        let mut written = Self::default();
        let mut segments: HashMap<u64, Vec<u8>> = HashMap::new();
        for event in events {
            match event {
                Event::Made { name, node, is_directory: false, .. } if name.ends_with(".segment") => {
                    segments.insert(*node, Vec::new());
                }
                Event::Wrote { node, offset, bytes } => {
                    if let Some(file) = segments.get_mut(node) {
                        put(file, *offset, bytes);
                        written.see(file, false);
                    }
                }
                Event::Sized { node, bytes } => {
                    if let Some(file) = segments.get_mut(node) {
                        file.resize(*bytes as usize, 0);
                    }
                }
                Event::Synced { node } => {
                    if let Some(file) = segments.get(node) {
                        written.see(file, true);
                    }
                }
                _ => {}
            }
        }
        written
    }

    fn see(&mut self, file: &[u8], is_durable: bool) {
        for (epoch, sequence, payload) in frames(file) {
            let before = self.frames.insert((epoch, sequence), payload.clone());
            if before.is_some_and(|before| before != payload)
                && !self.given_twice.contains(&(epoch, sequence))
            {
                self.given_twice.push((epoch, sequence));
            }
            if is_durable {
                self.durable.insert((epoch, sequence), payload);
            }
        }
    }
}

fn frames(file: &[u8]) -> Vec<(Epoch, u64, Vec<u8>)> {
    let mut found = Vec::new();
    let Some(epoch) = file.strip_prefix(MAGIC).and_then(|rest| rest.get(..8)) else { return found };
    let epoch = Epoch(epoch.try_into().expect("eight bytes"));
    let mut at = HEADER_BYTES;
    while let Some(head) = file.get(at..at + 16) {
        let length = u32::from_le_bytes(head[..4].try_into().expect("four bytes"));
        let checksum = u32::from_le_bytes(head[4..8].try_into().expect("four bytes"));
        let sequence = u64::from_le_bytes(head[8..].try_into().expect("eight bytes"));
        let start = at + 16;
        let Some(payload) = file.get(start..start + length as usize) else { break };
        let sum = [&epoch.0[..], &length.to_le_bytes(), &sequence.to_le_bytes(), payload]
            .iter()
            .fold(0, |sum, part| crc32c::crc32c_append(sum, part));
        if length == 0 || sum != checksum {
            break;
        }
        found.push((epoch, sequence, payload.to_vec()));
        at = start + length as usize;
    }
    found
}
