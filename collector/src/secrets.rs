//! Tokens, join secrets and random ids: made here, kept only as SHA-256, never logged.

use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a token; 256 bits cannot be guessed, so a plain hash is enough to keep it.
const TOKEN_BYTES: usize = 32;

/// Whose token it is can be told by its first letters, e.g. when one was pasted into the wrong field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Agent,
    Reader,
}

impl TokenKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Agent => concat!("suar", "_a_"),
            Self::Reader => concat!("suar", "_r_"),
        }
    }
}

/// The system's generator failed: nothing secret can be made.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandom;

pub fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

pub fn new_token(kind: TokenKind) -> Result<String, NoRandom> {
    let bytes: [u8; TOKEN_BYTES] = random()?;
    Ok(format!("{}{}", kind.prefix(), data_encoding::BASE64URL_NOPAD.encode(&bytes)))
}

/// What is kept of a secret. Looking it up compares hashes, whose timing tells nothing about the secret.
pub fn hash(secret: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, secret);
    digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_tell_their_kind() {
        let token = new_token(TokenKind::Agent).expect("random numbers");
        assert!(token.starts_with("suar_a_") && token.len() == 50, "{token}");
        assert_ne!(Ok(token), new_token(TokenKind::Agent).map_err(|_| ()));
    }
}
