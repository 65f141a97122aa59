//! Echoes on Windows: `IcmpSendEcho2Ex` and `Icmp6SendEcho2` need no rights. They block, so each echo has
//! a thread of the runtime's blocking pool for at most [`TIMEOUT`]; the system matches replies to requests.
//!
//! The payload that comes back is compared with the random bytes that went out. Late replies and
//! duplicates stay hidden by the system: both count as zero here. Not seen on a real Windows yet.

use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr::{null, null_mut};
use std::time::Instant;

use ring::rand::{SecureRandom, SystemRandom};
use suar_wire::{EchoError, Purpose};
use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, GetLastError, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    ICMP_ECHO_REPLY, ICMPV6_ECHO_REPLY_LH, IP_DEST_HOST_UNREACHABLE, IP_DEST_NET_UNREACHABLE,
    IP_REQ_TIMED_OUT, IP_SUCCESS, Icmp6CreateFile, Icmp6SendEcho2, IcmpCloseHandle, IcmpCreateFile,
    IcmpSendEcho2Ex,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET6, SOCKADDR_IN6};

use super::{Host, PAYLOAD_BYTES, TIMEOUT, Tally};
use crate::meter::Meter;

/// Room for one reply, its payload, an error and the status block that the manual asks for.
const REPLY_BYTES: usize = 256;

#[derive(Debug)]
pub struct Echoer {
    meter: Meter,
}

impl Echoer {
    pub fn new(meter: &Meter) -> Self {
        Self { meter: meter.clone() }
    }

    /// Sends one echo and returns; what comes of it is written into the tally.
    pub async fn send(&self, purpose: Purpose, host: Host, tally: &Tally) {
        let (tally, meter) = (tally.clone(), self.meter.clone());
        let line = tally.sending(Instant::now());
        // The handle is dropped: the thread ends by itself when the reply or the timeout comes.
        tokio::task::spawn_blocking(move || {
            let mut nonce = [0; PAYLOAD_BYTES];
            let _ = SystemRandom::new().fill(&mut nonce);
            let asked_at = Instant::now();
            let answer = match host.address {
                IpAddr::V4(address) => ask_v4(address, &nonce),
                IpAddr::V6(address) => ask_v6(address, host.scope, &nonce),
            };
            if !matches!(answer, Answer::NotSent(_)) {
                meter.sent(purpose, host.address, PAYLOAD_BYTES);
            }
            if matches!(answer, Answer::Reply) {
                meter.received(purpose, host.address, PAYLOAD_BYTES);
            }
            match answer {
                Answer::Reply => tally.heard(line, asked_at.elapsed()),
                Answer::None => {}
                Answer::Unreachable => tally.failed(EchoError::Unreachable),
                Answer::NotSent(error) => tally.not_sent(line, error),
            }
        });
    }
}

enum Answer {
    Reply,
    None,
    Unreachable,
    NotSent(EchoError),
}

struct Handle(HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from IcmpCreateFile or Icmp6CreateFile and is closed once.
        unsafe { IcmpCloseHandle(self.0) };
    }
}

/// Replies are structures with pointers: the buffer is aligned for them.
#[repr(C, align(8))]
struct Reply([u8; REPLY_BYTES]);

fn timeout_ms() -> u32 {
    u32::try_from(TIMEOUT.as_millis()).unwrap_or(u32::MAX)
}

fn ask_v4(address: Ipv4Addr, nonce: &[u8; PAYLOAD_BYTES]) -> Answer {
    // SAFETY: takes nothing, returns a handle.
    let handle = unsafe { IcmpCreateFile() };
    if handle == INVALID_HANDLE_VALUE {
        return Answer::NotSent(EchoError::NoPermission);
    }
    let handle = Handle(handle);
    let mut reply = Reply([0; REPLY_BYTES]);
    // SAFETY: payload and reply buffer live through the call and their sizes are told; no event and no
    // callback are given, so the call is over when it returns.
    let replies = unsafe {
        IcmpSendEcho2Ex(
            handle.0,
            null_mut(),
            None,
            null(),
            0,
            u32::from_ne_bytes(address.octets()),
            nonce.as_ptr().cast(),
            PAYLOAD_BYTES as u16,
            null(),
            reply.0.as_mut_ptr().cast(),
            REPLY_BYTES as u32,
            timeout_ms(),
        )
    };
    if replies == 0 {
        return no_reply();
    }
    // SAFETY: the system wrote one ICMP_ECHO_REPLY to the start of the aligned, large enough buffer.
    let head = unsafe { reply.0.as_ptr().cast::<ICMP_ECHO_REPLY>().read() };
    let start = (head.Data as usize).wrapping_sub(reply.0.as_ptr() as usize);
    let payload = reply.0.get(start..start.saturating_add(usize::from(head.DataSize)));
    answer(head.Status, payload == Some(nonce.as_slice()))
}

fn ask_v6(address: Ipv6Addr, scope: u32, nonce: &[u8; PAYLOAD_BYTES]) -> Answer {
    // SAFETY: takes nothing, returns a handle.
    let handle = unsafe { Icmp6CreateFile() };
    if handle == INVALID_HANDLE_VALUE {
        return Answer::NotSent(EchoError::NoPermission);
    }
    let handle = Handle(handle);
    // SAFETY: all-zero bytes are a valid SOCKADDR_IN6.
    let (source, mut target): (SOCKADDR_IN6, SOCKADDR_IN6) = unsafe { std::mem::zeroed() };
    let source = SOCKADDR_IN6 { sin6_family: AF_INET6, ..source };
    target.sin6_family = AF_INET6;
    target.sin6_addr.u.Byte = address.octets();
    target.Anonymous.sin6_scope_id = scope;
    let mut reply = Reply([0; REPLY_BYTES]);
    // SAFETY: as in `ask_v4`; both addresses live through the call.
    let replies = unsafe {
        Icmp6SendEcho2(
            handle.0,
            null_mut(),
            None,
            null(),
            &raw const source,
            &raw const target,
            nonce.as_ptr().cast(),
            PAYLOAD_BYTES as u16,
            null(),
            reply.0.as_mut_ptr().cast(),
            REPLY_BYTES as u32,
            timeout_ms(),
        )
    };
    if replies == 0 {
        return no_reply();
    }
    // SAFETY: the system wrote one ICMPV6_ECHO_REPLY to the start of the aligned, large enough buffer.
    let head = unsafe { reply.0.as_ptr().cast::<ICMPV6_ECHO_REPLY_LH>().read() };
    let start = size_of::<ICMPV6_ECHO_REPLY_LH>();
    let payload = reply.0.get(start..start + PAYLOAD_BYTES);
    answer(head.Status, payload == Some(nonce.as_slice()))
}

fn answer(status: u32, payload_is_ours: bool) -> Answer {
    match status {
        IP_SUCCESS if payload_is_ours => Answer::Reply,
        IP_DEST_HOST_UNREACHABLE | IP_DEST_NET_UNREACHABLE => Answer::Unreachable,
        _ => Answer::None,
    }
}

fn no_reply() -> Answer {
    // SAFETY: reads a number of this thread.
    match unsafe { GetLastError() } {
        IP_REQ_TIMED_OUT => Answer::None,
        IP_DEST_HOST_UNREACHABLE | IP_DEST_NET_UNREACHABLE => Answer::Unreachable,
        ERROR_ACCESS_DENIED => Answer::NotSent(EchoError::NoPermission),
        _ => Answer::NotSent(EchoError::Unsendable),
    }
}
