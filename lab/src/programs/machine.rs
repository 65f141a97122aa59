//! A machine that can be rebooted, put to sleep and have its clock set, as far as one program on it can tell.
//!
//! Its clocks are those of the kernel plus offsets, read through a small library that is preloaded
//! (`machine.c`); its boot id is a file mounted over the kernel's, in the program's own mount namespace.
//! Nothing of the machine that the test runs on is changed, and the program knows of nothing.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::finish;
use crate::netns::Namespace;

const SOURCE: &str = include_str!("machine.c");
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// How old a machine is when the program starts after a reboot.
const BOOTED_FOR: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct Machine {
    library: PathBuf,
    boot_id: PathBuf,
    clocks_file: PathBuf,
    clocks: File,
    offsets: Offsets,
    boots: u128,
}

/// What is added to the kernel's clocks, nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Offsets {
    wall: i64,
    boot: i64,
    awake: i64,
}

impl Machine {
    /// A machine in its first boot, with right clocks. Its files are in `directory`.
    pub fn new(directory: &Path) -> Result<Self> {
        let source = directory.join("machine.c");
        std::fs::write(&source, SOURCE)?;
        let library = directory.join("machine.so");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]).arg(&library).arg(&source);
        finish(&mut cc)?.ok().context("the library that stands in for clocks")?;
        let clocks_file = directory.join("clocks");
        let clocks = File::options().create(true).truncate(true).write(true).open(&clocks_file)?;
        let mut machine = Self {
            library,
            boot_id: directory.join("boot_id"),
            clocks_file,
            clocks,
            offsets: Offsets::default(),
            boots: 0,
        };
        machine.reboot()?;
        Ok(machine)
    }

    /// A program on this machine.
    pub fn command(&self, namespace: &Namespace, program: &Path) -> Command {
        // `ip netns exec` gives the program a mount namespace of its own: the mount goes with it.
        let mount = format!("mount --bind \"$0\" {BOOT_ID} && exec \"$@\"");
        let mut command = namespace.command("sh");
        command.arg("-c").arg(mount).arg(&self.boot_id).arg(program);
        command.env("LD_PRELOAD", &self.library).env("SUAR_LAB_CLOCKS", &self.clocks_file);
        command
    }

    /// Another boot id, and clocks that count from a moment ago. What runs must have ended before.
    pub fn reboot(&mut self) -> Result<()> {
        self.boots += 1;
        let id = format!("{:032x}", 0x0b00_0000_0000_4000_8000_0000_0000_0000 | self.boots);
        let dashed = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
        std::fs::write(&self.boot_id, format!("{dashed}\n"))?;
        let age = |clock| BOOTED_FOR.as_nanos() as i64 - kernel_ns(clock);
        self.offsets.boot = age(libc::CLOCK_BOOTTIME);
        self.offsets.awake = age(libc::CLOCK_MONOTONIC);
        self.write()
    }

    /// Sets the wall clock: forward, or back when negative.
    pub fn step_wall(&mut self, by_ms: i64) -> Result<()> {
        self.offsets.wall += by_ms * 1_000_000;
        self.write()
    }

    /// Takes a time that passed out of the awake clock, as a sleep does. The program must have been stopped
    /// for all of it, so that its clocks never run backwards.
    pub fn slept(&mut self, passed: Duration) -> Result<()> {
        self.offsets.awake -= passed.as_nanos() as i64;
        self.write()
    }

    fn write(&self) -> Result<()> {
        let Offsets { wall, boot, awake } = self.offsets;
        let bytes = [wall, boot, awake].map(i64::to_ne_bytes).concat();
        self.clocks.write_all_at(&bytes, 0).context("the clocks of a machine")
    }
}

fn kernel_ns(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec to a valid address; both clocks exist on every Linux.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
