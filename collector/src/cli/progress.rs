//! How far a long command is, on standard error: a line that is written over on a terminal, now and then a new one
//! elsewhere. Nothing while it is quick.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Whoever waits less needs no word.
const QUIET: Duration = Duration::from_secs(1);
const PAUSE_ON_TERMINAL: Duration = Duration::from_millis(200);
const PAUSE_IN_LOG: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Progress {
    begun_at: Instant,
    terminal: bool,
    /// When something was last said; `None` before the first word.
    told_at: Mutex<Option<Instant>>,
}

impl Progress {
    pub fn on_stderr() -> Self {
        Self {
            begun_at: Instant::now(),
            terminal: std::io::stderr().is_terminal(),
            told_at: Mutex::new(None),
        }
    }

    /// May be called from several threads.
    pub fn tell(&self, what: &str, done: usize, all: usize) {
        let mut told_at = self.told_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if due(self.begun_at.elapsed(), told_at.map(|at| at.elapsed()), self.terminal) {
            *told_at = Some(Instant::now());
            // Whoever closed standard error does not want to know.
            let _ = write!(std::io::stderr(), "{}", line(what, done, all, self.terminal));
        }
    }
}

/// What stood on a terminal's line is taken away.
impl Drop for Progress {
    fn drop(&mut self) {
        let told = self.told_at.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.terminal && told.is_some() {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn due(elapsed: Duration, since_told: Option<Duration>, terminal: bool) -> bool {
    let pause = if terminal { PAUSE_ON_TERMINAL } else { PAUSE_IN_LOG };
    match since_told {
        Some(since) => since >= pause,
        None => elapsed >= if terminal { QUIET } else { PAUSE_IN_LOG },
    }
}

fn line(what: &str, done: usize, all: usize, terminal: bool) -> String {
    let text = format!("{what}: {done} of {all}");
    if terminal { format!("\r\u{1b}[K{text}") } else { format!("{text}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_command_says_nothing_and_a_log_gets_a_line_only_now_and_then() {
        let ms = Duration::from_millis;
        assert!(!due(ms(900), None, true) && due(ms(1_000), None, true));
        assert!(!due(ms(5_000), Some(ms(100)), true) && due(ms(5_000), Some(ms(200)), true));
        assert!(!due(ms(9_000), None, false) && due(ms(10_000), None, false));
        assert!(!due(ms(15_000), Some(ms(5_000)), false));
    }

    #[test]
    fn a_terminals_line_is_written_over() {
        assert_eq!(line("offices judged", 120, 393, true), "\r\u{1b}[Koffices judged: 120 of 393");
        assert_eq!(line("offices judged", 120, 393, false), "offices judged: 120 of 393\n");
    }
}
