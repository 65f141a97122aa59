//! How often somebody did something in the last minute. Bounded in memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// Most keys that are remembered. Beyond, those whose minute is over go; then all, which only forgives.
const KEYS_MAX: usize = 100_000;

/// Fixed windows of a minute for each key.
#[derive(Debug)]
pub struct Rates<K> {
    a_minute: u32,
    windows: Mutex<HashMap<K, (Instant, u32)>>,
}

impl<K: Eq + Hash> Rates<K> {
    pub fn new(a_minute: u32) -> Self {
        Self { a_minute, windows: Mutex::default() }
    }

    /// Counts once; `Err` is how long to wait when that was too often.
    pub fn count(&self, key: K, now: Instant) -> Result<(), Duration> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= KEYS_MAX && !windows.contains_key(&key) {
            windows.retain(|_, (begun, _)| now.duration_since(*begun) < WINDOW);
            if windows.len() >= KEYS_MAX {
                windows.clear();
            }
        }
        let (begun, count) = windows.entry(key).or_insert((now, 0));
        if now.duration_since(*begun) >= WINDOW {
            (*begun, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        if *count > self.a_minute { Err(WINDOW - now.duration_since(*begun)) } else { Ok(()) }
    }

    /// Whether the next one would be too often.
    pub fn is_full(&self, key: &K, now: Instant) -> Option<Duration> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, count) = windows.get(key)?;
        let age = now.duration_since(*begun);
        (*count >= self.a_minute && age < WINDOW).then(|| WINDOW - age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_in_a_minute_waits_for_the_next_minute() {
        let rates = Rates::new(2);
        let start = Instant::now();
        assert_eq!(rates.count("a", start), Ok(()));
        assert_eq!(rates.count("a", start), Ok(()));
        assert_eq!(rates.count("a", start + Duration::from_secs(20)), Err(Duration::from_secs(40)));
        assert_eq!(rates.count("b", start), Ok(()), "others are not touched");
        assert_eq!(rates.count("a", start + WINDOW), Ok(()));
    }
}
