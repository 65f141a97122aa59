//! `suar-collector`. Everything is in the library; this prints what went wrong and sets the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    suar_collector::cli::main()
}
