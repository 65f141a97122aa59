//! The file system itself: nodes in memory and a note of everything that changed. Knows no kernel.

use std::collections::BTreeMap;

use super::Trouble;

/// The root directory, as FUSE numbers it.
pub const ROOT: u64 = 1;

pub type Errno = i32;

/// One change, or one barrier. Nodes are never reused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Made {
        parent: u64,
        name: String,
        node: u64,
        is_directory: bool,
    },
    Removed {
        parent: u64,
        name: String,
    },
    Renamed {
        from: (u64, String),
        to: (u64, String),
        node: u64,
    },
    Wrote {
        node: u64,
        offset: u64,
        bytes: Vec<u8>,
    },
    /// The file was cut or grown to this size.
    Sized {
        node: u64,
        bytes: u64,
    },
    /// fsync or fdatasync of a file or a directory has returned.
    Synced {
        node: u64,
    },
}

#[derive(Debug, Clone)]
pub enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<String, u64>),
}

#[derive(Debug, Clone)]
pub struct Node {
    pub content: Content,
    pub mode: u32,
    /// 0 once it is removed; open files may still use it.
    pub links: u32,
}

#[derive(Debug)]
pub struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    pub events: Vec<Event>,
    pub trouble: Trouble,
    pub failures: u64,
}

impl Tree {
    pub fn new() -> Self {
        let root = Node { content: Content::Directory(BTreeMap::new()), mode: 0o755, links: 2 };
        Self {
            nodes: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            events: Vec::new(),
            trouble: Trouble::default(),
            failures: 0,
        }
    }

    pub fn node(&self, node: u64) -> Result<&Node, Errno> {
        self.nodes.get(&node).ok_or(libc::ENOENT)
    }

    pub fn entries(&self, directory: u64) -> Result<&BTreeMap<String, u64>, Errno> {
        match &self.node(directory)?.content {
            Content::Directory(entries) => Ok(entries),
            Content::File(_) => Err(libc::ENOTDIR),
        }
    }

    fn entries_mut(&mut self, directory: u64) -> Result<&mut BTreeMap<String, u64>, Errno> {
        match &mut self.nodes.get_mut(&directory).ok_or(libc::ENOENT)?.content {
            Content::Directory(entries) => Ok(entries),
            Content::File(_) => Err(libc::ENOTDIR),
        }
    }

    fn bytes_mut(&mut self, node: u64) -> Result<&mut Vec<u8>, Errno> {
        match &mut self.nodes.get_mut(&node).ok_or(libc::ENOENT)?.content {
            Content::File(bytes) => Ok(bytes),
            Content::Directory(_) => Err(libc::EISDIR),
        }
    }

    pub fn lookup(&self, parent: u64, name: &str) -> Result<u64, Errno> {
        self.entries(parent)?.get(name).copied().ok_or(libc::ENOENT)
    }

    pub fn make(&mut self, parent: u64, name: &str, mode: u32, is_directory: bool) -> Result<u64, Errno> {
        self.writable(0)?;
        if self.entries(parent)?.contains_key(name) {
            return Err(libc::EEXIST);
        }
        let node = self.next;
        self.next += 1;
        let content =
            if is_directory { Content::Directory(BTreeMap::new()) } else { Content::File(Vec::new()) };
        self.nodes.insert(node, Node { content, mode: mode & 0o7777, links: 1 });
        self.entries_mut(parent)?.insert(name.to_owned(), node);
        self.events.push(Event::Made { parent, name: name.to_owned(), node, is_directory });
        Ok(node)
    }

    pub fn remove(&mut self, parent: u64, name: &str, is_directory: bool) -> Result<(), Errno> {
        let node = self.lookup(parent, name)?;
        match (&self.node(node)?.content, is_directory) {
            (Content::Directory(entries), true) if !entries.is_empty() => return Err(libc::ENOTEMPTY),
            (Content::Directory(_), false) => return Err(libc::EISDIR),
            (Content::File(_), true) => return Err(libc::ENOTDIR),
            _ => {}
        }
        self.entries_mut(parent)?.remove(name);
        self.unlink(node);
        self.events.push(Event::Removed { parent, name: name.to_owned() });
        Ok(())
    }

    pub fn rename(&mut self, from: (u64, &str), to: (u64, &str)) -> Result<(), Errno> {
        let node = self.lookup(from.0, from.1)?;
        self.entries_mut(from.0)?.remove(from.1);
        if let Some(replaced) = self.entries_mut(to.0)?.insert(to.1.to_owned(), node) {
            self.unlink(replaced);
        }
        let (from, to) = ((from.0, from.1.to_owned()), (to.0, to.1.to_owned()));
        self.events.push(Event::Renamed { from, to, node });
        Ok(())
    }

    fn unlink(&mut self, node: u64) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.links = 0;
        }
    }

    pub fn read(&mut self, node: u64, offset: u64, length: usize) -> Result<&[u8], Errno> {
        if self.trouble.reads_fail {
            self.failures += 1;
            return Err(libc::EIO);
        }
        match &self.node(node)?.content {
            Content::File(bytes) => {
                let start = usize::try_from(offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
                Ok(&bytes[start..bytes.len().min(start + length)])
            }
            Content::Directory(_) => Err(libc::EISDIR),
        }
    }

    pub fn write(&mut self, node: u64, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        let end = offset + bytes.len() as u64;
        let grows = end.saturating_sub(self.bytes_mut(node)?.len() as u64);
        self.writable(grows)?;
        put(self.bytes_mut(node)?, offset, bytes);
        self.events.push(Event::Wrote { node, offset, bytes: bytes.to_vec() });
        Ok(())
    }

    pub fn resize(&mut self, node: u64, bytes: u64) -> Result<(), Errno> {
        let grows = bytes.saturating_sub(self.bytes_mut(node)?.len() as u64);
        self.writable(grows)?;
        self.bytes_mut(node)?.resize(bytes as usize, 0);
        self.events.push(Event::Sized { node, bytes });
        Ok(())
    }

    pub fn set_mode(&mut self, node: u64, mode: u32) -> Result<(), Errno> {
        self.nodes.get_mut(&node).ok_or(libc::ENOENT)?.mode = mode & 0o7777;
        Ok(())
    }

    pub fn sync(&mut self, node: u64) -> Result<(), Errno> {
        if self.trouble.syncs_fail {
            self.failures += 1;
            return Err(libc::EIO);
        }
        self.events.push(Event::Synced { node });
        Ok(())
    }

    pub fn used_bytes(&self) -> u64 {
        let size = |node: &Node| match &node.content {
            Content::File(bytes) if node.links > 0 => bytes.len() as u64,
            _ => 0,
        };
        self.nodes.values().map(size).sum()
    }

    fn writable(&mut self, grows: u64) -> Result<(), Errno> {
        let full = self.trouble.bytes_max.is_some_and(|most| self.used_bytes() + grows > most);
        let error = match (self.trouble.writes_fail, full) {
            (true, _) => libc::EIO,
            (false, true) => libc::ENOSPC,
            (false, false) => return Ok(()),
        };
        self.failures += 1;
        Err(error)
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes into a file's bytes; a gap reads as zeros.
pub fn put(file: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + bytes.len());
    if file.len() < end {
        file.resize(end, 0);
    }
    file[start..end].copy_from_slice(bytes);
}
