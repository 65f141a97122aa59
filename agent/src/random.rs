//! Randomness from the system: new epochs and jitter.

use ring::rand::{SecureRandom, SystemRandom};

/// Random bytes; an error only where the system has none to give.
pub fn bytes<const N: usize>() -> Result<[u8; N], ring::error::Unspecified> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes)
}

/// A number from 0 up to 1, for jitter. In the middle where the system has no randomness.
pub fn fraction() -> f64 {
    bytes::<4>().map_or(0.5, |bytes| f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0))
}
