//! Names of things that travel: agents, boots, epochs, sequence numbers, sites.
//!
//! None of them comes from hardware: hundreds of machines have shared one hardware UUID before.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is wrong with a name that was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("expected {expected} hexadecimal digits, found {found:?}")]
    Hex { expected: usize, found: String },
    #[error("a site code has 1 to {max} characters out of A-Z a-z 0-9 . - _, found {found:?}", max = SiteCode::BYTES_MAX)]
    Site { found: String },
}

macro_rules! hex_name {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// Takes exactly this many bytes, or nothing.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                data_encoding::HEXLOWER_PERMISSIVE
                    .decode(text.trim().as_bytes())
                    .ok()
                    .and_then(|bytes| Self::from_slice(&bytes))
                    .ok_or_else(|| NameError::Hex { expected: $bytes * 2, found: text.chars().take(64).collect() })
            }
        }

        string_serde!($name);
    };
}

macro_rules! string_serde {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_name!(
    /// A random id given to an agent when it joins; 16 bytes, written as 32 hexadecimal digits.
    AgentId,
    16
);
hex_name!(
    /// One boot of the machine, as the operating system names it; 16 bytes.
    BootId,
    16
);
hex_name!(
    /// One life of a spool directory: random, made with it. A wiped disk starts a new epoch, so its
    /// sequence numbers, which begin again at 1, never collide with the old ones.
    Epoch,
    8
);

/// Number of a record within an epoch, from 1, without gaps unless records were lost.
pub type Sequence = u64;

/// Above this no agent could have counted, one record a millisecond for 8,000 years: such a number is damage or a lie,
/// and counting on from it would end in an overflow.
pub const SEQUENCE_MAX: Sequence = 1 << 48;

/// The code of a site. The administrator chooses it; usually the village's Kemendagri code, with a
/// suffix where a village has more than one office.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteCode(String);

impl SiteCode {
    /// Longest code, in bytes.
    pub const BYTES_MAX: usize = 40;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SiteCode {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if text.is_empty() || text.len() > Self::BYTES_MAX || !text.chars().all(allowed) {
            return Err(NameError::Site { found: text.chars().take(64).collect() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SiteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SiteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SiteCode({})", self.0)
    }
}

string_serde!(SiteCode);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_print() {
        let id = AgentId([0xab; 16]);
        assert_eq!(id.to_string().parse::<AgentId>(), Ok(id));
        assert!("abc".parse::<AgentId>().is_err());
    }

    #[test]
    fn a_site_code_takes_no_spaces_and_no_markup() {
        assert!("19.02.02.2009".parse::<SiteCode>().is_ok());
        for wrong in ["", "a b", "<script>", "a/b", &"x".repeat(41)] {
            assert!(wrong.parse::<SiteCode>().is_err(), "{wrong:?}");
        }
    }
}
