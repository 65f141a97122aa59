//! The join code: one line to paste or type at the office.
//!
//! `SUAR1-` and groups of five letters of an alphabet without I, L, O and U, so that it survives
//! handwriting. It carries the collector's address, the first half of the SHA-256 of its certificate,
//! the site, a one-time secret, and a CRC32C that catches typing mistakes before anything is sent.

use std::fmt;
use std::str::FromStr;

use crate::identity::SiteCode;

pub const FINGERPRINT_BYTES: usize = 16;
pub const SECRET_BYTES: usize = 10;
const PREFIX: &str = "SUAR1";
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ADDRESS_BYTES_MAX: usize = 100;

#[derive(Clone, PartialEq, Eq)]
pub struct JoinCode {
    /// `host:port` of the collector.
    pub address: String,
    /// First 16 bytes of the SHA-256 of the collector's certificate (DER).
    pub fingerprint: [u8; FINGERPRINT_BYTES],
    pub site: SiteCode,
    pub secret: [u8; SECRET_BYTES],
}

// The secret must not reach a log by way of a debug print.
impl fmt::Debug for JoinCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinCode({} for {}, secret ***)", self.address, self.site)
    }
}

/// What is wrong with a typed code, in words for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinCodeError {
    #[error("a join code starts with {PREFIX}-")]
    Prefix,
    #[error("the letter {letter:?} at place {place} does not occur in join codes")]
    Letter { letter: char, place: usize },
    #[error("the code has a typing mistake or is not complete: its check letters do not fit")]
    Check,
    #[error("the code is of a form this version does not know")]
    Content,
}

impl fmt::Display for JoinCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        for group in base32(&self.bytes()).as_bytes().chunks(5) {
            write!(f, "-{}", String::from_utf8_lossy(group))?;
        }
        Ok(())
    }
}

impl JoinCode {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in [self.address.as_str(), self.site.as_str()] {
            // Longer texts cannot be made into a code; `new` on the collector's side bounds them.
            bytes.push(text.len().min(255) as u8);
            bytes.extend(text.as_bytes().iter().take(255));
        }
        bytes.extend(self.fingerprint);
        bytes.extend(self.secret);
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        bytes
    }
}

impl FromStr for JoinCode {
    type Err = JoinCodeError;

    fn from_str(typed: &str) -> Result<Self, JoinCodeError> {
        let squeezed: String =
            typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_uppercase();
        let letters = squeezed.strip_prefix(PREFIX).ok_or(JoinCodeError::Prefix)?;
        let bytes = unbase32(letters)?;
        let (body, check) = bytes.split_last_chunk::<4>().ok_or(JoinCodeError::Check)?;
        if crc32c::crc32c(body) != u32::from_be_bytes(*check) {
            return Err(JoinCodeError::Check);
        }
        Self::from_body(body).ok_or(JoinCodeError::Content)
    }
}

impl JoinCode {
    fn from_body(body: &[u8]) -> Option<Self> {
        let (address, rest) = text(body)?;
        let (site, rest) = text(rest)?;
        let (fingerprint, rest) = rest.split_first_chunk::<FINGERPRINT_BYTES>()?;
        let (secret, rest) = rest.split_first_chunk::<SECRET_BYTES>()?;
        if !rest.is_empty() || address.is_empty() || address.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        Some(Self {
            address: address.to_owned(),
            fingerprint: *fingerprint,
            site: site.parse().ok()?,
            secret: *secret,
        })
    }
}

fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn base32(bytes: &[u8]) -> String {
    let mut letters = String::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            letters.push(char::from(ALPHABET[((bits >> held) & 31) as usize]));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        letters.push(char::from(ALPHABET[((bits << (5 - held)) & 31) as usize]));
    }
    letters
}

fn unbase32(letters: &str) -> Result<Vec<u8>, JoinCodeError> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for (at, letter) in letters.chars().enumerate() {
        let meant = match letter {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let value = ALPHABET
            .iter()
            .position(|known| char::from(*known) == meant)
            .ok_or(JoinCodeError::Letter { letter, place: PREFIX.len() + at + 1 })?;
        bits = (bits << 5) | value as u32;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    // What is left over is padding: fewer than five bits, all zero.
    if held >= 5 || bits != 0 { Err(JoinCodeError::Check) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> JoinCode {
        JoinCode {
            address: "suar.babelprov.go.id:8443".to_owned(),
            fingerprint: [7; FINGERPRINT_BYTES],
            site: "19.02.02.2009".parse().expect("a valid code"),
            secret: [9; SECRET_BYTES],
        }
    }

    #[test]
    fn it_survives_lower_case_spaces_and_letters_that_look_alike() {
        let code = example();
        let typed = code.to_string().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        let typed = typed.replacen("suarl", "suar1", 1);
        assert_eq!(typed.parse::<JoinCode>(), Ok(code));
    }

    #[test]
    fn every_single_wrong_letter_is_caught() {
        let good = example().to_string();
        for at in 6..good.len() {
            let mut letters: Vec<char> = good.chars().collect();
            if letters[at] == '-' {
                continue;
            }
            letters[at] = if letters[at] == 'A' { 'B' } else { 'A' };
            let typed: String = letters.into_iter().collect();
            assert!(typed.parse::<JoinCode>().is_err(), "{typed}");
        }
        for end in 0..good.len() {
            assert!(good[..end].parse::<JoinCode>().is_err());
        }
    }

    #[test]
    fn the_secret_is_not_in_a_debug_print() {
        let printed = format!("{:?}", example());
        assert_eq!(printed, "JoinCode(suar.babelprov.go.id:8443 for 19.02.02.2009, secret ***)");
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read_without_a_panic(typed in "\\PC{0,200}") {
            let _ = typed.parse::<JoinCode>();
        }

        #[test]
        fn bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(unbase32(&base32(&bytes)), Ok(bytes));
        }
    }
}
