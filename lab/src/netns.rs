//! Network namespaces with names that no other run uses, removed when dropped.
//!
//! A name carries the process that made it, so that what a killed run left behind is recognised and
//! swept by the next one. Needs root; [`can_run_here`] says so in words.

mod enter_linux;

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

const PREFIX: &str = "suarlab";
const NAMES_DIRECTORY: &str = "/run/netns";
/// Files in here replace those in /etc for programs started with `ip netns exec`.
const ETC_DIRECTORY: &str = "/etc/netns";

static MADE: AtomicU32 = AtomicU32::new(0);
static SWEEP: Once = Once::new();

/// A namespace of our own. Whatever still runs in it is killed when it is dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// A new namespace with a loopback that is up, without IPv6 (whose chatter would be in the counters).
    pub fn create(label: &str) -> Result<Self> {
        SWEEP.call_once(|| {
            sweep_stale().unwrap_or_else(|error| eprintln!("stale namespaces stay: {error:#}"))
        });
        let number = MADE.fetch_add(1, Ordering::SeqCst);
        let name = format!("{PREFIX}.{}.{number}.{label}", owner(std::process::id())?);
        run(Command::new("ip").args(["netns", "add", &name]))?;
        let namespace = Self { name };
        for scope in ["all", "default"] {
            // A kernel without IPv6 has no such file, and needs none.
            let _ = namespace.write_sysctl(&format!("net/ipv6/conf/{scope}/disable_ipv6"), "1");
        }
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// `ip` in this namespace.
    pub fn ip(&self, arguments: &[&str]) -> Result<()> {
        run(Command::new("ip").args(["-n", &self.name]).args(arguments)).map(drop)
    }

    /// A command that will run in this namespace, with its resolv.conf in place.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs a command in this namespace to its end; its output, or what went wrong.
    pub fn exec(&self, program: &str, arguments: &[&str]) -> Result<String> {
        run(self.command(program).args(arguments))
    }

    /// Runs code on a thread of its own that lives in this namespace: sockets made there stay there.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        let path = PathBuf::from(NAMES_DIRECTORY).join(&self.name);
        std::thread::scope(|scope| {
            let inside = scope.spawn(move || -> io::Result<T> {
                enter_linux::join(&path)?;
                Ok(work())
            });
            match inside.join() {
                Ok(result) => result.with_context(|| format!("entering namespace {}", self.name)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// `path` below /proc/sys, e.g. `net/ipv4/ip_forward`.
    pub fn write_sysctl(&self, path: &str, value: &str) -> Result<()> {
        self.enter(|| std::fs::write(format!("/proc/sys/{path}"), value))?
            .with_context(|| format!("sysctl {path} = {value}"))
    }

    /// The resolvers that programs started here will find.
    pub fn set_resolvers(&self, resolvers: &[std::net::IpAddr]) -> Result<()> {
        let directory = PathBuf::from(ETC_DIRECTORY).join(&self.name);
        std::fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        let mut text = String::new();
        for resolver in resolvers {
            writeln!(text, "nameserver {resolver}")?;
        }
        text.push_str("options timeout:1 attempts:1\n");
        std::fs::write(directory.join("resolv.conf"), text).context("resolv.conf of a namespace")
    }

    /// The names that programs started here find without asking anybody. Before the first start; later calls change
    /// what running programs find, too.
    pub fn set_hosts(&self, hosts: &[(std::net::IpAddr, &str)]) -> Result<()> {
        let directory = PathBuf::from(ETC_DIRECTORY).join(&self.name);
        std::fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
        let text: String = hosts.iter().map(|(address, name)| format!("{address} {name}\n")).collect();
        // In its place: programs see the file itself, not its name.
        std::fs::write(directory.join("hosts"), text).context("hosts of a namespace")
    }

    /// Without this the kernel hands over 64 kB super-packets, and losing one loses forty.
    pub fn offloads_off(&self, device: &str) -> Result<()> {
        self.exec("ethtool", &["-K", device, "gso", "off", "tso", "off", "gro", "off"]).map(drop)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.name) {
            eprintln!("namespace {} stays: {error:#}", self.name);
        }
    }
}

/// A cable between two namespaces: one device in each, both up.
pub fn cable(one: (&Namespace, &str), other: (&Namespace, &str)) -> Result<()> {
    let ((one, one_device), (other, other_device)) = (one, other);
    run(Command::new("ip").args(["link", "add", one_device, "netns", &one.name, "type", "veth"]).args([
        "peer",
        "name",
        other_device,
        "netns",
        &other.name,
    ]))?;
    for (namespace, device) in [(one, one_device), (other, other_device)] {
        namespace.ip(&["link", "set", device, "up"])?;
    }
    Ok(())
}

/// What is missing for namespaces and TUN devices, or nothing.
pub fn missing_here() -> Option<String> {
    if !enter_linux::is_root() {
        return Some("network namespaces need root".to_owned());
    }
    if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        return Some(format!("/dev/net/tun cannot be opened: {error}"));
    }
    if let Err(error) = run(Command::new("ip").arg("-V")) {
        return Some(format!("iproute2 is not there: {error:#}"));
    }
    None
}

/// Whether a test over the lab's network can run. Says loudly when not; with `CI=true` that is a failure.
pub fn can_run_here(test: &str) -> bool {
    let Some(missing) = missing_here() else { return true };
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!in_ci, "{test} cannot run here, and CI must run it: {missing}");
    eprintln!("\n!!! NOT RUN: {test}: {missing}\n");
    false
}

/// Removes the namespaces whose process is gone, with everything that still runs in them.
pub fn sweep_stale() -> Result<()> {
    let entries = match std::fs::read_dir(NAMES_DIRECTORY) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context(NAMES_DIRECTORY),
    };
    for entry in entries {
        let name = entry.context(NAMES_DIRECTORY)?.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(&format!("{PREFIX}.")) else { continue };
        let pid = rest.split('-').next().and_then(|pid| pid.parse::<u32>().ok());
        let alive = pid.and_then(|pid| owner(pid).ok()).is_some_and(|owner| rest.starts_with(&owner));
        if !alive {
            eprintln!("removing namespace {name} of a run that is gone");
            remove(&name)?;
        }
    }
    Ok(())
}

/// Process and start time, so that a number used again names nobody else.
fn owner(pid: u32) -> Result<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command name may hold anything, even parentheses: count fields after the last one.
    let after_name = stat.rsplit_once(')').map(|(_, rest)| rest).context("a line of /proc/PID/stat")?;
    let started = after_name.split_whitespace().nth(19).context("the start time in /proc/PID/stat")?;
    Ok(format!("{pid}-{started}"))
}

fn remove(name: &str) -> Result<()> {
    let inside = run(Command::new("ip").args(["netns", "pids", name]))?;
    for pid in inside.split_whitespace().filter_map(|pid| pid.parse().ok()) {
        enter_linux::kill(pid);
    }
    let etc = PathBuf::from(ETC_DIRECTORY).join(name);
    if etc.exists() {
        std::fs::remove_dir_all(&etc).with_context(|| etc.display().to_string())?;
    }
    run(Command::new("ip").args(["netns", "del", name])).map(drop)
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout);
        bail!("{command:?}: {}: {} {}", output.status, said.trim(), printed.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
