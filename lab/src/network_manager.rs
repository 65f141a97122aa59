//! A system bus of our own (a real `dbus-daemon`) with a stand-in for NetworkManager on it, which has one property.
//!
//! The stand-in speaks D-Bus by code of its own, so that it and the agent do not share their mistakes; the daemon between
//! them takes nothing that is not well formed.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::programs::{Process, wait_until};

pub const NAME: &str = "org.freedesktop.NetworkManager";
pub const PATH: &str = "/org/freedesktop/NetworkManager";

/// `NMMetered`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metered {
    Unknown = 0,
    Yes = 1,
    No = 2,
    GuessYes = 3,
    GuessNo = 4,
}

#[derive(Debug)]
pub struct NetworkManager {
    socket: PathBuf,
    metered: Arc<AtomicU32>,
    daemon: Process,
}

impl NetworkManager {
    pub fn start(directory: &Path) -> Result<Self> {
        let socket = directory.join("bus");
        let config = directory.join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n\
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
             <busconfig><type>system</type><listen>unix:path={}</listen><policy context=\"default\">\
             <allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/>\
             <allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>\
             <allow receive_type=\"error\"/><allow receive_type=\"signal\"/></policy></busconfig>\n",
            socket.display()
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new("dbus-daemon");
        command.arg("--nofork").arg("--nopidfile").arg(format!("--config-file={}", config.display()));
        let daemon = Process::start("dbus-daemon", &mut command, &directory.join("bus.log"))?;
        let connect = || UnixStream::connect(&socket).map_err(|error| error.to_string());
        let connection = wait_until("the bus", Duration::from_secs(BUS_SECONDS_MAX), connect)?;
        let metered = Arc::new(AtomicU32::new(Metered::Unknown as u32));
        connection.set_read_timeout(Some(Duration::from_secs(BUS_SECONDS_MAX)))?;
        let mut service = Service { connection, metered: Arc::clone(&metered) };
        service.enter()?;
        service.connection.set_read_timeout(None)?;
        // Ends when the daemon does.
        std::thread::spawn(move || while service.answer().is_ok() {});
        Ok(Self { socket, metered, daemon })
    }

    pub fn say(&self, metered: Metered) {
        self.metered.store(metered as u32, Ordering::SeqCst);
    }

    /// For `DBUS_SYSTEM_BUS_ADDRESS`.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket.display())
    }

    pub fn stop(mut self) -> Result<()> {
        self.daemon.terminate(Duration::from_secs(10)).map(drop)
    }
}

struct Service {
    connection: UnixStream,
    metered: Arc<AtomicU32>,
}

/// The parts of a message that are looked at.
struct Message {
    kind: u8,
    serial: u32,
    sender: String,
}

const CALL: u8 = 1;
const RETURN: u8 = 2;
const ERROR: u8 = 3;
/// Longest wait for the bus.
const BUS_SECONDS_MAX: u64 = 20;

impl Service {
    fn enter(&mut self) -> Result<()> {
        // SAFETY: it reads an attribute of this process and cannot fail.
        let user = unsafe { libc::geteuid() }.to_string();
        let user: String = user.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.connection.write_all(b"\0")?;
        self.connection.write_all(format!("AUTH EXTERNAL {user}\r\n").as_bytes())?;
        let mut said = [0; 64];
        let length = self.connection.read(&mut said)?;
        ensure!(said[..length].starts_with(b"OK "), "the bus says {:?}", String::from_utf8_lossy(&said));
        self.connection.write_all(b"BEGIN\r\n")?;
        self.call(1, "Hello", &[])?;
        let mut name = text(NAME);
        pad(&mut name, 4);
        // Flag 4: rather no name than to wait for it.
        name.extend(4u32.to_le_bytes());
        self.call(2, "RequestName", &[("su", &name)])
    }

    /// Calls the bus itself and waits until it has answered.
    fn call(&mut self, serial: u32, member: &str, body: &[(&str, &[u8])]) -> Result<()> {
        let bus = "org.freedesktop.DBus";
        let mut fields = vec![
            field(1, "o", &text("/org/freedesktop/DBus")),
            field(2, "s", &text(bus)),
            field(3, "s", &text(member)),
            field(6, "s", &text(bus)),
        ];
        fields.extend(body.iter().map(|(signature, _)| field(8, "g", &short_text(signature))));
        let body: Vec<u8> = body.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        self.connection.write_all(&message(CALL, serial, &fields, &body))?;
        loop {
            match self.next()?.kind {
                RETURN => return Ok(()),
                ERROR => anyhow::bail!("the bus refuses {member}"),
                _ => {}
            }
        }
    }

    /// Reads one message, and answers it when it is a call.
    fn answer(&mut self) -> Result<()> {
        let asked = self.next()?;
        if asked.kind != CALL {
            return Ok(());
        }
        let mut body = short_text("u");
        pad(&mut body, 4);
        body.extend(self.metered.load(Ordering::SeqCst).to_le_bytes());
        let fields = [
            field(5, "u", &asked.serial.to_le_bytes()),
            field(6, "s", &text(&asked.sender)),
            field(8, "g", &short_text("v")),
        ];
        Ok(self.connection.write_all(&message(RETURN, 100, &fields, &body))?)
    }

    fn next(&mut self) -> Result<Message> {
        let mut fixed = [0; 16];
        self.connection.read_exact(&mut fixed)?;
        let number = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let fields_length = number(12) as usize;
        let mut rest = vec![0; fields_length.next_multiple_of(8) + number(4) as usize];
        self.connection.read_exact(&mut rest)?;
        // The sender is the only text of its kind that begins with a colon, and its length stands before it.
        let at = rest[..fields_length].windows(4).position(|found| found == b"\x07\x01s\0");
        let sender = at.and_then(|at| {
            let length = *rest.get(at + 4)? as usize;
            String::from_utf8(rest.get(at + 8..at + 8 + length)?.to_vec()).ok()
        });
        Ok(Message { kind: fixed[1], serial: number(8), sender: sender.unwrap_or_default() })
    }
}

fn message(kind: u8, serial: u32, fields: &[Vec<u8>], body: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    for field in fields {
        pad(&mut header, 8);
        header.extend(field);
    }
    let mut message = vec![b'l', kind, 0, 1];
    message.extend((body.len() as u32).to_le_bytes());
    message.extend(serial.to_le_bytes());
    message.extend((header.len() as u32).to_le_bytes());
    message.extend(header);
    pad(&mut message, 8);
    message.extend(body);
    message
}

/// A header field; it begins at a multiple of eight, so that its value does at one of four.
fn field(code: u8, signature: &str, value: &[u8]) -> Vec<u8> {
    let mut field = vec![code];
    field.extend(short_text(signature));
    field.extend(value);
    field
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u32).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes.push(0);
    bytes
}

fn short_text(text: &str) -> Vec<u8> {
    let mut bytes = vec![text.len() as u8];
    bytes.extend(text.as_bytes());
    bytes.push(0);
    bytes
}

fn pad(bytes: &mut Vec<u8>, to: usize) {
    bytes.resize(bytes.len().next_multiple_of(to), 0);
}

/// What `busctl` reads: whether the stand-in is what it pretends to be, by a client that is not ours.
pub fn busctl_says(manager: &NetworkManager) -> Result<String> {
    let mut busctl = Command::new("busctl");
    busctl.arg(format!("--address={}", manager.address())).args([
        "get-property",
        NAME,
        PATH,
        NAME,
        "Metered",
    ]);
    let said = crate::programs::finish(&mut busctl)?.ok().context("busctl")?;
    Ok(said.trim().to_owned())
}
