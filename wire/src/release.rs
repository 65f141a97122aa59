//! Releases of the agent: how they are named, what a signature says, and what a collector offers.
//!
//! A release is a program for one target with a signature of minisign's form. Its trusted comment reads
//! `suar-agent 0.2.0 linux-x86_64`; the signature covers it, so that no program can be passed off as another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The first word of a trusted comment.
const PROGRAM: &str = "suar-agent";
/// Most bytes of a program; a small one has 3 million, one for tests 30.
pub const PROGRAM_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What is fetched at once: some seconds of a thin line.
pub const PIECE_BYTES: u64 = 64 * 1024;
/// Most bytes of a signature: four lines.
pub const SIGNATURE_BYTES_MAX: usize = 1024;
const TARGET_BYTES_MAX: usize = 40;

/// Three numbers, as in `0.2.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version like \"0.2.0\"")]
pub struct VersionError(String);

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let wrong = || VersionError(text.chars().take(20).collect());
        let mut numbers = text.split('.').map(|number| number.parse::<u32>().map_err(|_| wrong()));
        let mut next = || numbers.next().unwrap_or_else(|| Err(wrong()));
        let version = Self { major: next()?, minor: next()?, patch: next()? };
        // One spelling, so that it can be a name on disk: neither "+1" nor "01".
        (version.to_string() == text).then_some(version).ok_or_else(wrong)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

/// The first sixteen digits of a program's SHA-256: tells programs of one version apart. Nothing is trusted for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    const DIGITS: usize = 16;

    pub fn of(program: &[u8]) -> Self {
        let whole = ring::digest::digest(&ring::digest::SHA256, program);
        Self(data_encoding::HEXLOWER.encode(&whole.as_ref()[..Self::DIGITS / 2]))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = text.len() == Self::DIGITS && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
        fits.then_some(Self(text)).ok_or_else(|| "a digest has 16 hexadecimal digits".to_owned())
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// System and processor that a program is for, e.g. `linux-x86_64`; safe as a name on disk.
pub fn is_target(text: &str) -> bool {
    (1..=TARGET_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

/// What a program is, as its signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub version: Version,
    pub target: String,
}

impl Release {
    pub fn comment(&self) -> String {
        format!("{PROGRAM} {} {}", self.version, self.target)
    }

    fn from_comment(comment: &str) -> Option<Self> {
        let (program, rest) = comment.split_once(' ')?;
        let (version, target) = rest.split_once(' ')?;
        let release = Self { version: version.parse().ok()?, target: target.to_owned() };
        (program == PROGRAM && is_target(target)).then_some(release)
    }
}

/// The public half of the key that signs releases, as minisign prints it: `RW...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    text: String,
    key: minisign_verify::PublicKey,
}

impl Key {
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Key {
    type Err = SignatureFault;

    fn from_str(text: &str) -> Result<Self, SignatureFault> {
        let key = minisign_verify::PublicKey::from_base64(text).map_err(|_| SignatureFault::Key)?;
        Ok(Self { text: text.to_owned(), key })
    }
}

/// Why a program is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    #[error("this is no public key of minisign")]
    Key,
    #[error("the signature is damaged or no signature of minisign")]
    Malformed,
    #[error("the signature is not by this key for this program")]
    Wrong,
    #[error("the signature is for {0:?}, which names no version and target")]
    Comment(String),
    #[error("the signature is for {found}, and {expected} was announced")]
    Another { found: String, expected: String },
}

/// What the holder of the key says that this program is.
pub fn verify(program: &[u8], signature: &str, key: &Key) -> Result<Release, SignatureFault> {
    let signature = minisign_verify::Signature::decode(signature).map_err(|_| SignatureFault::Malformed)?;
    // Without the older form, which signs the program itself and not its hash: nobody needs a second way in.
    key.key.verify(program, &signature, false).map_err(|_| SignatureFault::Wrong)?;
    let comment = signature.trusted_comment();
    Release::from_comment(comment).ok_or_else(|| {
        SignatureFault::Comment(comment.chars().filter(|c| !c.is_control()).take(80).collect())
    })
}

/// The same, where it is known what it has to be.
pub fn verify_as(
    expected: &Release,
    program: &[u8],
    signature: &str,
    key: &Key,
) -> Result<(), SignatureFault> {
    let found = verify(program, signature, key)?;
    if found == *expected {
        return Ok(());
    }
    Err(SignatureFault::Another { found: found.comment(), expected: expected.comment() })
}

/// The part of a plan that says which program agents are to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    pub version: Version,
    /// Agents that run a newer one are to go back to it.
    #[serde(default)]
    pub older: bool,
    pub files: Vec<OfferedFile>,
}

/// The program for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedFile {
    pub target: String,
    pub bytes: u64,
    pub digest: Digest,
}

impl Offer {
    pub const FILES_MAX: usize = 16;

    pub fn file_for(&self, target: &str) -> Option<&OfferedFile> {
        self.files.iter().find(|file| file.target == target)
    }

    /// Whether it is for an agent of this version.
    pub fn concerns(&self, own: Version) -> bool {
        self.version > own || (self.older && self.version < own)
    }

    /// Every mistake, each as one sentence.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.files.len() > Self::FILES_MAX {
            mistakes.push(format!("program: {} files are more than {}", self.files.len(), Self::FILES_MAX));
        }
        for file in &self.files {
            if !is_target(&file.target) {
                mistakes.push(format!("program: {:?} is no target", file.target));
            }
            if !(1..=PROGRAM_BYTES_MAX).contains(&file.bytes) {
                mistakes.push(format!("program: {} bytes are outside 1 to {PROGRAM_BYTES_MAX}", file.bytes));
            }
        }
        mistakes
    }
}

/// Where the collector has the program of a release.
pub fn path(release: &Release) -> String {
    format!("/v1/program/{}/{}", release.version, release.target)
}

/// And its signature.
pub fn signature_path(release: &Release) -> String {
    format!("{}/signature", path(release))
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
