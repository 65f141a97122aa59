//! `suar-agent`: see `cli` for the commands, `run` for the loop.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use suar_agent::cli::Cli;
use suar_machine::output;

/// Longest wait for threads that hang on a disk when everything else has ended.
const LEFTOVERS_WAIT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::parse();
    #[cfg(windows)]
    if cli.is_service() {
        return match suar_agent::service::run(|| live(Cli::parse()) == ExitCode::SUCCESS) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                output::write_beside(format_args!(
                    "suar-agent: only the service control manager starts this command: {error}\n"
                ));
                ExitCode::FAILURE
            }
        };
    }
    live(cli)
}

fn live(cli: Cli) -> ExitCode {
    // One thread: an agent does little, and an office machine has other work.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::write_beside(format_args!("suar-agent: cannot start: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(suar_agent::cli::execute(cli));
    runtime.shutdown_timeout(LEFTOVERS_WAIT);
    output::and_said(code)
}
