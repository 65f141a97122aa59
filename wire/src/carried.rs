//! The carried-out file: pushes that travel by hand, from an office whose link is away for weeks.
//!
//! ```text
//! magic             8 bytes, `SUARCARR`
//! version           4 bytes; all numbers are little-endian
//! agent            16 bytes
//! epoch             8 bytes
//! boot             16 bytes   \
//! boot-time clock   8 bytes    > the machine's clocks when the file was made
//! wall clock        8 bytes   /
//! pushes            4 bytes, how many
//! records           8 bytes, how many in all of them
//! content           zstd: of each push its length, 4 bytes, and its protobuf body
//! seal             32 bytes, HMAC-SHA256 over everything before it
//! ```
//!
//! # The seal
//!
//! The collector keeps SHA-256(token) and not the token, so the key is made of what both sides have without
//! asking each other: SHA-256("suar carried file v1" || SHA-256(token)). A token is 256 random bits, so
//! neither it nor its hash can be guessed from a file. The text in front keeps this key apart from any other
//! use of the hash.
//!
//! It shows that the file was made with this agent's identity and that no byte has changed since: a worn-out
//! stick, an edited or a cut file are refused before anything in them is read. It hides nothing: whoever
//! finds the file reads the measurements, which name no person. It is no proof against somebody who can read
//! the collector's store or the agent's identity, who could as well write or push what they like. An old
//! file may come again at any time; its records are known then.
//!
//! # The clock
//!
//! A push is an anchor for clock repair because it is received as it is sent. This file has been on a boat,
//! so its clock block anchors nothing; it says when the file was made, by the machine's own clocks.

use std::io::{BufReader, Read, Write};

use ring::{digest, hmac};

use crate::identity::{AgentId, BootId, Epoch};
use crate::push::{Push, PushError, RECORDS_MAX, UNPACKED_BYTES_MAX};
use crate::record::Stamp;

const MAGIC: &[u8; 8] = b"SUARCARR";
/// The only version there is; it reads for ever.
pub const VERSION: u32 = 1;
const KEY_CONTEXT: &[u8] = b"suar carried file v1";
/// Most bytes of a file: twice the standard bound of a spool, before compression.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most pushes in a file: at 2,000 records each, years of rounds.
pub const PUSHES_MAX: u32 = 4_096;
const HEAD_BYTES: usize = 80;
const SEAL_BYTES: usize = 32;
const ZSTD_LEVEL: i32 = 9;
/// The decoder's window: 8 MiB.
const WINDOW_LOG_MAX: u32 = 23;

/// Whose records these are, and when the file was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub agent: AgentId,
    pub epoch: Epoch,
    pub made: Stamp,
}

/// Why a file is not taken, or cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarriedError {
    #[error("this is no file of suar-agent carry-out")]
    NotCarried,
    #[error("the file has version {found}, this program understands {VERSION}")]
    Version { found: u32 },
    #[error("the file is cut short: only {bytes} bytes arrived; copy it again")]
    Short { bytes: usize },
    #[error("the file has more than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the file was damaged or changed after it was made, or the agent has joined again since")]
    Seal,
    #[error("the file's content does not fit its head: {0}")]
    Content(&'static str),
    #[error("a push in the file cannot be read: {0}")]
    Push(#[from] PushError),
    #[error("the content cannot be compressed: {0}")]
    Compress(String),
}

/// The key of a file's seal. `token_hash` is SHA-256 of the agent's token.
#[derive(Debug, Clone)]
pub struct Key(hmac::Key);

impl Key {
    pub fn of(token_hash: &[u8; 32]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(KEY_CONTEXT);
        context.update(token_hash);
        Self(hmac::Key::new(hmac::HMAC_SHA256, context.finish().as_ref()))
    }

    /// What an agent does, which has the token itself.
    pub fn of_token(token: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        Self::of(hash.as_ref().try_into().expect("a SHA-256 has 32 bytes"))
    }
}

/// A file that is being made. Only the compressed content is held in memory.
pub struct Packing {
    head: Head,
    pushes: u32,
    records: u64,
    content: zstd::stream::Encoder<'static, Vec<u8>>,
}

impl std::fmt::Debug for Packing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packing").field("head", &self.head).field("pushes", &self.pushes).finish()
    }
}

impl Packing {
    pub fn new(head: Head) -> Result<Self, CarriedError> {
        // The head is written when the counts are known; its room is kept in front.
        let content = zstd::stream::Encoder::new(vec![0; HEAD_BYTES], ZSTD_LEVEL).map_err(compress)?;
        Ok(Self { head, pushes: 0, records: 0, content })
    }

    /// Records added so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Adds a push of the head's agent and epoch.
    pub fn add(&mut self, push: &Push) -> Result<(), CarriedError> {
        if (push.agent, push.epoch) != (self.head.agent, self.head.epoch) {
            return Err(CarriedError::Content("a push of another agent or epoch"));
        }
        let body = push.encode();
        if body.len() > UNPACKED_BYTES_MAX || push.records.len() > RECORDS_MAX {
            return Err(CarriedError::Push(PushError::TooLarge));
        }
        self.pushes += 1;
        self.records += push.records.len() as u64;
        if self.pushes > PUSHES_MAX {
            return Err(CarriedError::Content("more pushes than a file takes"));
        }
        let length = (body.len() as u32).to_le_bytes();
        self.content.write_all(&length).and_then(|()| self.content.write_all(&body)).map_err(compress)
    }

    /// The whole file.
    pub fn seal(self, key: &Key) -> Result<Vec<u8>, CarriedError> {
        let mut file = self.content.finish().map_err(compress)?;
        if file.len() + SEAL_BYTES > FILE_BYTES_MAX {
            return Err(CarriedError::TooLarge);
        }
        let Head { agent, epoch, made } = self.head;
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend(MAGIC);
        head.extend(VERSION.to_le_bytes());
        head.extend(agent.0);
        head.extend(epoch.0);
        head.extend(made.boot.0);
        head.extend(made.boot_ms.to_le_bytes());
        head.extend(made.wall_ms.to_le_bytes());
        head.extend(self.pushes.to_le_bytes());
        head.extend(self.records.to_le_bytes());
        file[..HEAD_BYTES].copy_from_slice(&head);
        let seal = hmac::sign(&key.0, &file);
        file.extend(seal.as_ref());
        Ok(file)
    }
}

fn compress(error: std::io::Error) -> CarriedError {
    CarriedError::Compress(error.to_string())
}

/// Whether bytes begin as such a file does.
pub fn is_carried(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A file that claims to be some agent's. Nothing else can be had of it before the seal was held against
/// that agent's key.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'a> {
    file: &'a [u8],
    agent: AgentId,
}

impl<'a> Claimed<'a> {
    pub fn read(file: &'a [u8]) -> Result<Self, CarriedError> {
        if file.len() > FILE_BYTES_MAX {
            return Err(CarriedError::TooLarge);
        }
        let short = CarriedError::Short { bytes: file.len() };
        if !is_carried(file) {
            return Err(if MAGIC.starts_with(file) { short } else { CarriedError::NotCarried });
        }
        let mut fields = Fields(&file[MAGIC.len()..]);
        match fields.take().map(u32::from_le_bytes) {
            Some(VERSION) => {}
            Some(found) => return Err(CarriedError::Version { found }),
            None => return Err(short),
        }
        if file.len() < HEAD_BYTES + SEAL_BYTES {
            return Err(short);
        }
        Ok(Self { file, agent: AgentId(fields.take().ok_or(short)?) })
    }

    /// Whose file it claims to be.
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// Holds the seal against the agent's key.
    pub fn open(self, key: &Key) -> Result<Carried<'a>, CarriedError> {
        let (sealed, seal) = self
            .file
            .split_last_chunk::<SEAL_BYTES>()
            .ok_or(CarriedError::Short { bytes: self.file.len() })?;
        hmac::verify(&key.0, sealed, seal).map_err(|_| CarriedError::Seal)?;
        Carried::of(sealed).ok_or(CarriedError::Content("its head is too short"))?
    }
}

/// A file whose seal was right: gives its pushes one by one, at most one of them in memory.
pub struct Carried<'a> {
    pub head: Head,
    pub pushes: u32,
    pub records: u64,
    seen: (u32, u64),
    content: zstd::stream::Decoder<'a, BufReader<&'a [u8]>>,
}

impl std::fmt::Debug for Carried<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carried").field("head", &self.head).field("pushes", &self.pushes).finish()
    }
}

impl<'a> Carried<'a> {
    fn of(sealed: &'a [u8]) -> Option<Result<Self, CarriedError>> {
        let (head, content) = sealed.split_at_checked(HEAD_BYTES)?;
        let mut fields = Fields(head.get(MAGIC.len() + 4..)?);
        let head = Head {
            agent: AgentId(fields.take()?),
            epoch: Epoch(fields.take()?),
            made: Stamp {
                boot: BootId(fields.take()?),
                boot_ms: u64::from_le_bytes(fields.take()?),
                wall_ms: i64::from_le_bytes(fields.take()?),
            },
        };
        let pushes = u32::from_le_bytes(fields.take()?);
        let records = u64::from_le_bytes(fields.take()?);
        if pushes > PUSHES_MAX {
            return Some(Err(CarriedError::Content("more pushes than a file takes")));
        }
        let content = zstd::stream::Decoder::new(content)
            .and_then(|mut decoder| decoder.window_log_max(WINDOW_LOG_MAX).map(|()| decoder));
        let content = content.map_err(|_| CarriedError::Content("it is not zstd"));
        Some(content.map(|content| Self { head, pushes, records, seen: (0, 0), content }))
    }

    /// The next push; `None` after the last one, when everything was as the head says.
    pub fn next_push(&mut self) -> Result<Option<Push>, CarriedError> {
        if self.seen.0 == self.pushes {
            let more = self.content.read(&mut [0]).map_err(not_zstd)?;
            return match (more, self.seen.1 == self.records) {
                (0, true) => Ok(None),
                (0, false) => Err(CarriedError::Content("it has another number of records")),
                _ => Err(CarriedError::Content("it goes on after the last push")),
            };
        }
        let mut length = [0; 4];
        self.content.read_exact(&mut length).map_err(not_zstd)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > UNPACKED_BYTES_MAX {
            return Err(CarriedError::Push(PushError::TooLarge));
        }
        let mut body = vec![0; length];
        self.content.read_exact(&mut body).map_err(not_zstd)?;
        let push = Push::decode(&body)?;
        if (push.agent, push.epoch) != (self.head.agent, self.head.epoch) {
            return Err(CarriedError::Content("a push of another agent or epoch"));
        }
        self.seen = (self.seen.0 + 1, self.seen.1 + push.records.len() as u64);
        Ok(Some(push))
    }
}

fn not_zstd(_: std::io::Error) -> CarriedError {
    CarriedError::Content("it ends before the last push or is not zstd")
}

/// Fields of a fixed width, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }
}
