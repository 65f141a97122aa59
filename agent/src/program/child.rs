//! What the launcher and the program that it started say to each other: lines over the child's standard input and
//! output. The end of its input is the word to stop, so that no child outlives its launcher.

use std::io::{BufRead, Write};

use tokio::sync::oneshot;

use super::{Build, Next};

/// From the launcher: the machine goes down. Then its input ends.
pub const SYSTEM_STOPS: &str = "system stops";
const REACHED: &str = "reached";
const TRY: &str = "try ";
const INSTALLED: &str = "installed";

/// What a child says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It has a receipt from the collector.
    Reached,
    /// It ends, for this to run.
    Next(Next),
}

impl Word {
    /// `None` for whatever a later version may say.
    pub fn read(line: &str) -> Option<Self> {
        match line {
            REACHED => Some(Self::Reached),
            INSTALLED => Some(Self::Next(Next::Installed)),
            line => Some(Self::Next(Next::Try(line.strip_prefix(TRY)?.parse::<Build>().ok()?))),
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Reached => REACHED.to_owned(),
            Self::Next(Next::Installed) => INSTALLED.to_owned(),
            Self::Next(Next::Try(build)) => format!("{TRY}{build}"),
        }
    }
}

/// To the launcher. One that is gone ends our input, too.
pub fn tell(word: &Word) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", word.line()).and_then(|()| out.flush());
}

/// Ends when the launcher says that it is time, and tells whether the machine goes down. A thread of its own, because
/// nothing else waits for an input without keeping the process from ending.
pub fn listen() -> oneshot::Receiver<bool> {
    let (told, hears) = oneshot::channel();
    std::thread::spawn(move || {
        let mut system_stops = false;
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            system_stops |= line == SYSTEM_STOPS;
        }
        let _ = told.send(system_stops);
    });
    hears
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_says_is_heard_and_what_is_not_known_is_not() {
        let build: Build = "0.2.0-00112233445566ff".parse().expect("a build");
        for word in [Word::Reached, Word::Next(Next::Installed), Word::Next(Next::Try(build))] {
            assert_eq!(Word::read(&word.line()), Some(word));
        }
        for line in ["", "try", "try 0.2.0", "try 0.2.0-zz", "try ../../bin/sh-00112233445566ff", "reached "]
        {
            assert_eq!(Word::read(line), None, "{line:?}");
        }
    }
}
