//! As much of D-Bus as one question takes: connect, say who we are, call a method with text arguments, read the
//! answer. A library for it would be larger than the rest of the agent.
//!
//! What comes from the bus is bounded in bytes, in messages and in time, and never trusted to be well formed.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longest wait for each step.
const STEP_SECONDS_MAX: u64 = 2;
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Messages that are read while the answer is waited for: signals come in between.
const MESSAGES_MAX: usize = 32;
const LINE_BYTES_MAX: usize = 512;

const LITTLE_ENDIAN: u8 = b'l';
const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
/// Asking must not start a service that is not wanted.
const NO_AUTO_START: u8 = 2;
const PROTOCOL_VERSION: u8 = 1;
const FIXED_HEADER_BYTES: usize = 16;

const FIELD_PATH: u8 = 1;
const FIELD_INTERFACE: u8 = 2;
const FIELD_MEMBER: u8 = 3;
const FIELD_REPLY_SERIAL: u8 = 5;
const FIELD_DESTINATION: u8 = 6;
const FIELD_SIGNATURE: u8 = 8;

/// A method with its arguments, all of them texts.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub destination: &'a str,
    pub path: &'a str,
    pub interface: &'a str,
    pub member: &'a str,
    pub arguments: &'a [&'a str],
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A variant that holds a number of 32 bits.
    Number(u32),
    Other,
}

#[derive(Debug)]
pub struct Bus {
    socket: UnixStream,
    serial: u32,
}

impl Bus {
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = UnixStream::connect(path)?;
        let step = Some(Duration::from_secs(STEP_SECONDS_MAX));
        socket.set_read_timeout(step)?;
        socket.set_write_timeout(step)?;
        let mut bus = Self { socket, serial: 0 };
        bus.authenticate()?;
        bus.call(&Call {
            destination: "org.freedesktop.DBus",
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            member: "Hello",
            arguments: &[],
        })?;
        Ok(bus)
    }

    /// The kernel tells the bus who we are; we only have to claim the same.
    fn authenticate(&mut self) -> io::Result<()> {
        // SAFETY: it reads an attribute of this process and cannot fail.
        let user = unsafe { libc::geteuid() };
        let user = data_encoding::HEXLOWER.encode(user.to_string().as_bytes());
        self.socket.write_all(format!("\0AUTH EXTERNAL {user}\r\n").as_bytes())?;
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            self.socket.read_exact(&mut byte)?;
            line.push(byte[0]);
            if line.len() > LINE_BYTES_MAX {
                return Err(malformed("a line without an end"));
            }
        }
        if !line.starts_with(b"OK ") {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the bus does not let us in"));
        }
        self.socket.write_all(b"BEGIN\r\n")
    }

    pub fn call(&mut self, call: &Call<'_>) -> io::Result<Value> {
        self.serial += 1;
        self.socket.write_all(&encode(call, self.serial))?;
        for _ in 0..MESSAGES_MAX {
            let message = self.read()?;
            if message.reply_serial != Some(self.serial) {
                continue;
            }
            return match message.kind {
                METHOD_RETURN => Ok(value(&message.body)),
                ERROR => Err(io::Error::new(io::ErrorKind::NotFound, "the bus answers with an error")),
                _ => Err(malformed("an answer that is none")),
            };
        }
        Err(malformed("many messages and no answer"))
    }

    fn read(&mut self) -> io::Result<Message> {
        let mut fixed = [0; FIXED_HEADER_BYTES];
        self.socket.read_exact(&mut fixed)?;
        if fixed[0] != LITTLE_ENDIAN {
            return Err(malformed("a message in another byte order"));
        }
        let (body, fields) = (number(&fixed, 4)? as usize, number(&fixed, 12)? as usize);
        let header = FIXED_HEADER_BYTES.saturating_add(fields).next_multiple_of(8);
        if body > MESSAGE_BYTES_MAX || header > MESSAGE_BYTES_MAX {
            return Err(malformed("a message that is too long"));
        }
        let mut bytes = fixed.to_vec();
        bytes.resize(header + body, 0);
        self.socket.read_exact(&mut bytes[FIXED_HEADER_BYTES..])?;
        let reply_serial = reply_serial(&bytes[..FIXED_HEADER_BYTES + fields])?;
        Ok(Message { kind: fixed[1], reply_serial, body: bytes.split_off(header) })
    }
}

struct Message {
    kind: u8,
    reply_serial: Option<u32>,
    body: Vec<u8>,
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the bus sent {what}"))
}

fn encode(call: &Call<'_>, serial: u32) -> Vec<u8> {
    let mut body = Vec::new();
    call.arguments.iter().for_each(|text| put_text(&mut body, text));
    let mut message = vec![LITTLE_ENDIAN, METHOD_CALL, NO_AUTO_START, PROTOCOL_VERSION];
    message.extend((body.len() as u32).to_le_bytes());
    message.extend(serial.to_le_bytes());
    message.extend([0; 4]);
    let texts = [
        (FIELD_PATH, "o", call.path),
        (FIELD_INTERFACE, "s", call.interface),
        (FIELD_MEMBER, "s", call.member),
        (FIELD_DESTINATION, "s", call.destination),
    ];
    for (field, kind, text) in texts {
        align(&mut message, 8);
        message.push(field);
        put_signature(&mut message, kind);
        put_text(&mut message, text);
    }
    if !call.arguments.is_empty() {
        align(&mut message, 8);
        message.push(FIELD_SIGNATURE);
        put_signature(&mut message, "g");
        put_signature(&mut message, &"s".repeat(call.arguments.len()));
    }
    let fields = (message.len() - FIXED_HEADER_BYTES) as u32;
    message[12..16].copy_from_slice(&fields.to_le_bytes());
    align(&mut message, 8);
    message.extend(body);
    message
}

fn align(message: &mut Vec<u8>, to: usize) {
    message.resize(message.len().next_multiple_of(to), 0);
}

fn put_text(message: &mut Vec<u8>, text: &str) {
    align(message, 4);
    message.extend((text.len() as u32).to_le_bytes());
    message.extend(text.as_bytes());
    message.push(0);
}

fn put_signature(message: &mut Vec<u8>, signature: &str) {
    message.push(signature.len() as u8);
    message.extend(signature.as_bytes());
    message.push(0);
}

/// The serial of the call that a message answers, from its header without the padding.
fn reply_serial(header: &[u8]) -> io::Result<Option<u32>> {
    let mut at = FIXED_HEADER_BYTES;
    while at < header.len() {
        at = at.next_multiple_of(8);
        let field = byte(header, at)?;
        if byte(header, at + 1)? != 1 {
            return Err(malformed("a header of an unknown kind"));
        }
        let kind = byte(header, at + 2)?;
        at += 4;
        match kind {
            b'u' => {
                at = at.next_multiple_of(4);
                if field == FIELD_REPLY_SERIAL {
                    return number(header, at).map(Some);
                }
                at += 4;
            }
            b's' | b'o' => {
                at = at.next_multiple_of(4);
                at = at.saturating_add(number(header, at)? as usize).saturating_add(5);
            }
            b'g' => at += usize::from(byte(header, at)?) + 2,
            _ => return Err(malformed("a header of an unknown kind")),
        }
    }
    Ok(None)
}

/// A variant's signature is a byte of length, the letter and a zero; the number stands at the next multiple of four.
fn value(body: &[u8]) -> Value {
    match body {
        [1, b'u', 0, _, number @ ..] => {
            number.first_chunk().map_or(Value::Other, |bytes| Value::Number(u32::from_le_bytes(*bytes)))
        }
        _ => Value::Other,
    }
}

fn byte(bytes: &[u8], at: usize) -> io::Result<u8> {
    bytes.get(at).copied().ok_or_else(|| malformed("a message that ends too early"))
}

fn number(bytes: &[u8], at: usize) -> io::Result<u32> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.map(|bytes| u32::from_le_bytes(*bytes)).ok_or_else(|| malformed("a message that ends too early"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Laid out by hand after "Message Protocol" of the D-Bus specification.
    #[test]
    fn a_call_is_laid_out_as_the_specification_says() {
        let call = Call { destination: "a.b", path: "/c", interface: "d.e", member: "F", arguments: &["gh"] };
        let message = encode(&call, 7);
        let expect: Vec<u8> = [
            &b"l\x01\x02\x01\x07\x00\x00\x00\x07\x00\x00\x00\x47\x00\x00\x00"[..],
            b"\x01\x01o\x00\x02\x00\x00\x00/c\x00\x00\x00\x00\x00\x00",
            b"\x02\x01s\x00\x03\x00\x00\x00d.e\x00\x00\x00\x00\x00",
            b"\x03\x01s\x00\x01\x00\x00\x00F\x00\x00\x00\x00\x00\x00\x00",
            b"\x06\x01s\x00\x03\x00\x00\x00a.b\x00\x00\x00\x00\x00",
            b"\x08\x01g\x00\x01s\x00\x00",
            b"\x02\x00\x00\x00gh\x00",
        ]
        .concat();
        assert_eq!(message, expect);
    }

    #[test]
    fn an_answer_is_found_by_the_serial_of_its_call() {
        let header = |fields: &[u8]| [&[0; FIXED_HEADER_BYTES][..], fields].concat();
        let sender = b"\x07\x01s\x00\x04\x00\x00\x00:1.2\x00\x00\x00\x00";
        let answer = header(&[&sender[..], b"\x05\x01u\x00\x09\x00\x00\x00"].concat());
        assert_eq!(reply_serial(&answer).ok(), Some(Some(9)));
        assert_eq!(reply_serial(&header(&sender[..13])).ok(), Some(None));
        for broken in
            [&b"\x05\x01u\x00\x09"[..], b"\x05\x02u", b"\x01\x01o\x00\xff\xff\xff\xff/", b"\x01\x01x\x00"]
        {
            let found = reply_serial(&header(broken));
            assert!(!matches!(found, Ok(Some(_))), "{broken:?}: {found:?}");
        }
    }

    #[test]
    fn a_variant_of_a_number_is_read_and_anything_else_is_not() {
        assert_eq!(value(b"\x01u\x00\x00\x03\x00\x00\x00"), Value::Number(3));
        for other in [
            &b""[..],
            b"\x01u\x00\x00\x03",
            b"\x01s\x00\x00\x01\x00\x00\x00a\x00",
            b"\x04\x00\x00\x00:1.2\x00",
        ] {
            assert_eq!(value(other), Value::Other);
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_or_turn_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = reply_serial(&bytes);
            let _ = value(&bytes);
        }
    }
}
