//! One child process that cannot outlive its test.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use super::wait_until;

/// Longest end of a log that a failed test shows.
const SHOWN_BYTES_MAX: usize = 6_000;

#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a command with everything it prints going to `log`, which is appended to.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output =
            File::options().create(true).append(true).open(log).with_context(|| log.display().to_string())?;
        let errors = output.try_clone()?;
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        // SAFETY: prctl is async-signal-safe and takes no pointers here. A killed test takes its
        // programs along.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let child = command.spawn().with_context(|| format!("starting {name}: {command:?}"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned(), ended: None })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Memory that it has now, by the kernel.
    pub fn resident_kib(&self) -> Result<u64> {
        self.status_figure("VmRSS:")
    }

    /// The most memory that it ever had.
    pub fn resident_peak_kib(&self) -> Result<u64> {
        self.status_figure("VmHWM:")
    }

    fn status_figure(&self, key: &str) -> Result<u64> {
        figure(&std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?, key)
    }

    /// Everything printed so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap_or_default();
        }
        self.ended
    }

    /// Asks it to stop and waits until it has.
    pub fn terminate(&mut self, at_most: Duration) -> Result<ExitStatus> {
        self.signal(libc::SIGTERM);
        let name = self.name.clone();
        wait_until(&format!("{name} to stop"), at_most, || self.ended().ok_or("still running".to_owned()))
    }

    /// Kills it without a chance to say goodbye.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended().is_none() {
            self.child.kill().with_context(|| format!("killing {}", self.name))?;
            self.ended = Some(self.child.wait().with_context(|| format!("waiting for {}", self.name))?);
        }
        Ok(())
    }

    /// Stops it where it stands, until [`Process::thaw`].
    pub fn freeze(&mut self) {
        self.signal(libc::SIGSTOP);
    }

    pub fn thaw(&mut self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&mut self, signal: i32) {
        if self.ended().is_none() {
            let pid = self.pid() as i32;
            // SAFETY: kill takes no pointers; the child was not waited for, so its number is still its own.
            let _ = unsafe { libc::kill(pid, signal) };
        }
    }
}

/// A figure of the kernel's account of a process or thread (`/proc/PID/status`), without its unit.
pub fn figure(status: &str, key: &str) -> Result<u64> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
        .with_context(|| format!("{key} in the kernel's account"))
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{error:#}");
        }
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(SHOWN_BYTES_MAX);
            let from = (from..log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(0);
            eprintln!("---- {} ({:?}) said:\n{}", self.name, self.ended, &log[from..]);
        }
    }
}

/// What a command that ran to its end said.
#[derive(Debug, Clone)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Everything it said, for messages.
    pub fn said(&self) -> String {
        format!("exit code {:?}\n{}{}", self.code, self.stdout, self.stderr)
    }

    pub fn ok(self) -> Result<String> {
        anyhow::ensure!(self.code == Some(0), "{}", self.said());
        Ok(self.stdout)
    }
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Result<Finished> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    Ok(Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a program that ends by itself, with a text on its standard input.
pub fn fed(command: &mut Command, text: &str) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    child.stdin.take().context("a pipe")?.write_all(text.as_bytes())?;
    Ok(child.wait_with_output()?)
}
