//! What a command says on its standard output and beside it. A reader that has read enough (`| head -1`) goes away, and
//! that is neither a mistake nor a reason to stop half-way: the rest is not said. Everything else that keeps words from
//! being written, such as a full disk behind `> file`, is told and makes the command fail.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

static READER_HAS_GONE: AtomicBool = AtomicBool::new(false);
static FAILED: AtomicBool = AtomicBool::new(false);

/// As `println!`, which panics where nobody reads.
#[macro_export]
macro_rules! say {
    ($($what:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($what)*))) };
}
/// As `eprintln!`.
#[macro_export]
macro_rules! tell {
    ($($what:tt)*) => { $crate::output::write_beside(format_args!("{}\n", format_args!($($what)*))) };
}
pub use crate::{say, tell};

pub fn write(text: fmt::Arguments<'_>) {
    if has_failed() || reader_has_gone() {
        return;
    }
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => READER_HAS_GONE.store(true, Ordering::Relaxed),
        Err(error) => {
            FAILED.store(true, Ordering::Relaxed);
            tell!("standard output cannot be written: {error}");
        }
    }
}

/// To standard error; there is nowhere to tell that it failed.
pub fn write_beside(text: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// For whoever has a lot to say.
pub fn reader_has_gone() -> bool {
    READER_HAS_GONE.load(Ordering::Relaxed)
}

/// The code of a command that came to its end with this one.
pub fn and_said(code: ExitCode) -> ExitCode {
    if has_failed() { ExitCode::FAILURE } else { code }
}

fn has_failed() -> bool {
    FAILED.load(Ordering::Relaxed)
}
