//! The kernel's side of the disk: FUSE requests from /dev/fuse, answered from the tree. Version 7.31 of the
//! protocol (linux/fuse.h); what is not here is answered with "not implemented", which the kernel minds.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use super::tree::{Content, Errno, ROOT, Tree};

const MAJOR: u32 = 7;
const MINOR: u32 = 31;
/// Most bytes of one write, and room for its head.
const WRITE_BYTES_MAX: usize = 128 * 1024;
const REQUEST_BYTES_MAX: usize = WRITE_BYTES_MAX + 4096;
const HEAD_BYTES: usize = 40;
const BIG_WRITES: u32 = 1 << 5;
/// Nobody but the kernel changes anything, so it may remember names and sizes.
const VALID_SECONDS: u64 = 3_600;
const BLOCK_BYTES: u32 = 4096;
/// A terabyte, where no bound is set.
const SIZE_SHOWN: u64 = 1 << 40;
const SIZE_GIVEN: u32 = 1 << 3;
const MODE_GIVEN: u32 = 1;

mod opcode {
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const SETATTR: u32 = 4;
    pub const MKDIR: u32 = 9;
    pub const UNLINK: u32 = 10;
    pub const RMDIR: u32 = 11;
    pub const RENAME: u32 = 12;
    pub const OPEN: u32 = 14;
    pub const READ: u32 = 15;
    pub const WRITE: u32 = 16;
    pub const STATFS: u32 = 17;
    pub const RELEASE: u32 = 18;
    pub const FSYNC: u32 = 20;
    pub const FLUSH: u32 = 25;
    pub const INIT: u32 = 26;
    pub const OPENDIR: u32 = 27;
    pub const READDIR: u32 = 28;
    pub const RELEASEDIR: u32 = 29;
    pub const FSYNCDIR: u32 = 30;
    pub const CREATE: u32 = 35;
    pub const INTERRUPT: u32 = 36;
    pub const DESTROY: u32 = 38;
    pub const BATCH_FORGET: u32 = 42;
    pub const RENAME2: u32 = 45;
}

/// Mounts a disk and serves it on a thread of its own until it is unmounted.
pub fn mount(at: &Path, tree: Arc<Mutex<Tree>>) -> Result<()> {
    let fuse = File::options().read(true).write(true).open("/dev/fuse").context("/dev/fuse")?;
    let options = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
        fuse.as_raw_fd()
    );
    let target = c_string(at.as_os_str())?;
    let (kind, options) = (c"fuse", CString::new(options).context("options")?);
    // SAFETY: all pointers are to C strings that outlive the call.
    let mounted = unsafe {
        libc::mount(
            c"suar-lab".as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            libc::MS_NOSUID | libc::MS_NODEV,
            options.as_ptr().cast(),
        )
    };
    if mounted != 0 {
        return Err(std::io::Error::last_os_error()).context("mount");
    }
    std::thread::Builder::new().name("disk".to_owned()).spawn(move || serve(fuse, &tree))?;
    Ok(())
}

/// Lazily: a killed program may still be closing its files.
pub fn unmount(at: &Path) {
    if let Ok(target) = c_string(at.as_os_str()) {
        // SAFETY: the pointer is to a C string that outlives the call.
        unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
    }
}

fn c_string(text: &OsStr) -> Result<CString> {
    CString::new(text.as_bytes()).context("a path without zeros")
}

fn serve(mut fuse: File, tree: &Mutex<Tree>) {
    let mut request = vec![0; REQUEST_BYTES_MAX];
    loop {
        let bytes = match fuse.read(&mut request) {
            Ok(bytes) => bytes,
            // A request that was interrupted before it was read.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR | libc::EAGAIN)) => {
                continue;
            }
            // Unmounted.
            Err(_) => return,
        };
        let Some(request) = Request::read(&request[..bytes]) else { return };
        let answer = {
            let mut tree = tree.lock().unwrap_or_else(PoisonError::into_inner);
            request.answer(&mut tree)
        };
        let (error, body) = match answer {
            Some(Ok(body)) => (0, body),
            Some(Err(errno)) => (-errno, Vec::new()),
            None => continue,
        };
        let mut reply = Vec::with_capacity(16 + body.len());
        reply.extend(((16 + body.len()) as u32).to_ne_bytes());
        reply.extend(error.to_ne_bytes());
        reply.extend(request.unique.to_ne_bytes());
        reply.extend(body);
        // Fails when the asking process was killed meanwhile, or the disk unmounted: the next read tells.
        let _ = fuse.write(&reply);
    }
}

struct Request<'a> {
    opcode: u32,
    unique: u64,
    node: u64,
    body: &'a [u8],
}

type Answer = Result<Vec<u8>, Errno>;

impl<'a> Request<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.get(..HEAD_BYTES)?;
        Some(Self {
            opcode: u32_at(head, 4)?,
            unique: u64_at(head, 8)?,
            node: u64_at(head, 16)?,
            body: &bytes[HEAD_BYTES..],
        })
    }

    /// `None` where the kernel waits for no answer.
    fn answer(&self, tree: &mut Tree) -> Option<Answer> {
        match self.opcode {
            opcode::FORGET | opcode::BATCH_FORGET | opcode::INTERRUPT => return None,
            _ => {}
        }
        Some(self.act(tree))
    }

    fn act(&self, tree: &mut Tree) -> Answer {
        let (node, body) = (self.node, self.body);
        let number = |at| u32_at(body, at).ok_or(libc::EINVAL);
        let long = |at| u64_at(body, at).ok_or(libc::EINVAL);
        match self.opcode {
            opcode::INIT => Ok(init(number(8)?)),
            opcode::LOOKUP => entry(tree, tree.lookup(node, name(body, 0)?)?),
            opcode::GETATTR => attributes(tree, node),
            opcode::SETATTR => {
                let valid = number(0)?;
                if valid & SIZE_GIVEN != 0 {
                    tree.resize(node, long(16)?)?;
                }
                if valid & MODE_GIVEN != 0 {
                    tree.set_mode(node, number(68)?)?;
                }
                attributes(tree, node)
            }
            opcode::MKDIR => {
                let made = tree.make(node, name(body, 8)?, number(0)?, true)?;
                entry(tree, made)
            }
            opcode::CREATE => {
                let made = tree.make(node, name(body, 16)?, number(4)?, false)?;
                let mut answer = entry(tree, made)?;
                answer.extend([0; 16]);
                Ok(answer)
            }
            opcode::UNLINK => tree.remove(node, name(body, 0)?, false).map(|()| Vec::new()),
            opcode::RMDIR => tree.remove(node, name(body, 0)?, true).map(|()| Vec::new()),
            opcode::RENAME | opcode::RENAME2 => {
                let at = if self.opcode == opcode::RENAME { 8 } else { 16 };
                if at == 16 && number(8)? != 0 {
                    return Err(libc::EINVAL);
                }
                let from = name(body, at)?;
                let to = name(body, at + from.len() + 1)?;
                tree.rename((node, from), (long(0)?, to)).map(|()| Vec::new())
            }
            opcode::OPEN | opcode::OPENDIR => Ok(vec![0; 16]),
            opcode::READ => tree.read(node, long(8)?, number(16)? as usize).map(<[u8]>::to_vec),
            opcode::WRITE => {
                let size = number(16)?;
                let bytes = body.get(HEAD_BYTES..HEAD_BYTES + size as usize).ok_or(libc::EINVAL)?;
                tree.write(node, long(8)?, bytes)?;
                Ok([size.to_ne_bytes(), [0; 4]].concat())
            }
            opcode::READDIR => list(tree, node, long(8)?, number(16)? as usize),
            opcode::FSYNC | opcode::FSYNCDIR => tree.sync(node).map(|()| Vec::new()),
            opcode::STATFS => Ok(statistics(tree)),
            opcode::FLUSH | opcode::RELEASE | opcode::RELEASEDIR | opcode::DESTROY => Ok(Vec::new()),
            _ => Err(libc::ENOSYS),
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The zero-terminated name at an offset.
fn name(body: &[u8], at: usize) -> Result<&str, Errno> {
    let rest = body.get(at..).ok_or(libc::EINVAL)?;
    let end = rest.iter().position(|byte| *byte == 0).ok_or(libc::EINVAL)?;
    std::str::from_utf8(&rest[..end]).map_err(|_| libc::EINVAL)
}

/// Big-endian machines are not asked for; numbers are the machine's own.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn long(mut self, numbers: &[u64]) -> Self {
        numbers.iter().for_each(|number| self.0.extend(number.to_ne_bytes()));
        self
    }

    fn int(mut self, numbers: &[u32]) -> Self {
        numbers.iter().for_each(|number| self.0.extend(number.to_ne_bytes()));
        self
    }
}

fn init(read_ahead: u32) -> Vec<u8> {
    let background_and_congestion = 16 | 12 << 16;
    let fields = Fields::default().int(&[MAJOR, MINOR, read_ahead, BIG_WRITES, background_and_congestion]);
    fields.int(&[WRITE_BYTES_MAX as u32, 1]).int(&[0; 9]).0
}

fn attribute_fields(tree: &Tree, node: u64) -> Answer {
    let found = tree.node(node)?;
    let (bytes, kind) = match &found.content {
        Content::File(bytes) => (bytes.len() as u64, libc::S_IFREG),
        Content::Directory(_) => (0, libc::S_IFDIR),
    };
    let fields = Fields::default().long(&[node, bytes, bytes.div_ceil(512), 0, 0, 0]).int(&[0, 0, 0]);
    Ok(fields.int(&[kind | found.mode, found.links, 0, 0, 0, BLOCK_BYTES, 0]).0)
}

fn attributes(tree: &Tree, node: u64) -> Answer {
    let mut answer = Fields::default().long(&[VALID_SECONDS]).int(&[0, 0]).0;
    answer.extend(attribute_fields(tree, node)?);
    Ok(answer)
}

fn entry(tree: &Tree, node: u64) -> Answer {
    let mut answer = Fields::default().long(&[node, 0, VALID_SECONDS, VALID_SECONDS]).int(&[0, 0]).0;
    answer.extend(attribute_fields(tree, node)?);
    Ok(answer)
}

/// Entries from the one that `offset` names on, as many as fit.
fn list(tree: &Tree, directory: u64, offset: u64, bytes_max: usize) -> Answer {
    let entries = tree.entries(directory)?;
    let dots = [(".", directory), ("..", ROOT)].map(|(name, node)| (name.to_owned(), node));
    let all = dots.into_iter().chain(entries.iter().map(|(name, node)| (name.clone(), *node)));
    let mut answer = Vec::new();
    for (at, (name, node)) in (1u64..).zip(all).skip(offset as usize) {
        let kind = match &tree.node(node)?.content {
            Content::File(_) => libc::DT_REG,
            Content::Directory(_) => libc::DT_DIR,
        };
        let mut one = Fields::default().long(&[node, at]).int(&[name.len() as u32, u32::from(kind)]).0;
        one.extend(name.as_bytes());
        one.resize(one.len().next_multiple_of(8), 0);
        if answer.len() + one.len() > bytes_max {
            break;
        }
        answer.extend(one);
    }
    Ok(answer)
}

fn statistics(tree: &Tree) -> Vec<u8> {
    let most = tree.trouble.bytes_max.unwrap_or(SIZE_SHOWN);
    let block = u64::from(BLOCK_BYTES);
    let free = most.saturating_sub(tree.used_bytes()) / block;
    let fields = Fields::default().long(&[most / block, free, free, 1 << 20, 1 << 20]);
    fields.int(&[BLOCK_BYTES, 255, BLOCK_BYTES, 0]).int(&[0; 6]).0
}
