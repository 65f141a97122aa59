//! Linux: whether the machine is going down, or only the agent was stopped.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for systemd's answer: it is busy when it stops, and it will kill us when we dawdle.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(2);

/// Asks systemd. `/run/systemd/shutdown/scheduled` exists only for shutdowns with a time, and files such as
/// `/run/nologin` come at another moment on each distribution; `is-system-running` says `stopping` from the
/// moment that the shutdown's job is queued, which is before any service gets its signal. Without systemd
/// the answer is no: a stop that cannot be explained better is a clean one.
pub fn os_is_stopping() -> bool {
    says_stopping("systemctl")
}

fn says_stopping(program: &str) -> bool {
    let child = Command::new(program)
        .arg("is-system-running")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            tracing::info!(%error, program, "cannot ask whether the machine goes down");
            return false;
        }
    };
    let give_up_at = Instant::now() + ANSWER_WAIT_MAX;
    while Instant::now() < give_up_at {
        match child.try_wait() {
            Ok(Some(_)) => {
                // One word: it fits into the pipe, so the child could end without being read.
                let output = child.wait_with_output().map(|output| output.stdout).unwrap_or_default();
                let state = String::from_utf8_lossy(&output);
                tracing::info!(state = state.trim(), "the system's state");
                return state.trim() == "stopping";
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Err(_) => break,
        }
    }
    // A process that outlives its purpose is ended; that it may be gone already is fine.
    let _ = child.kill();
    let _ = child.wait();
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(says: &str) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("systemctl");
        std::fs::write(&path, format!("#!/bin/sh\necho {says}\nexit 1\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made executable");
        let path = path.display().to_string();
        (directory, path)
    }

    #[test]
    fn only_the_word_stopping_is_a_shutdown() {
        let (_directory, stopping) = program("stopping");
        assert!(says_stopping(&stopping));
        let (_directory, running) = program("running");
        assert!(!says_stopping(&running));
        assert!(!says_stopping("/nowhere/systemctl"));
    }
}
