//! Linux: how a test's upload is sent.

use std::os::fd::{AsRawFd, RawFd};

use suar_wire::bandwidth::Congestion;
use tokio::net::TcpStream;

/// Unsent bytes a sender holds at most: what is written and not yet sent when a test ends is waste.
const NOT_SENT_BYTES_MAX: libc::c_int = 32 * 1024;

/// BBR where the system has it and lets us, else what it uses; says which.
pub fn prepare(stream: &TcpStream) -> Congestion {
    let socket = stream.as_raw_fd();
    // An option that the system does not take is one it does without.
    let _ = set(socket, libc::IPPROTO_TCP, libc::TCP_CONGESTION, b"bbr");
    let _ = set(socket, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, &NOT_SENT_BYTES_MAX.to_ne_bytes());
    congestion(socket)
}

/// No faster than this, where the system paces; whether it was told to.
pub fn pace(stream: &TcpStream, rate_bps: u64) -> bool {
    let bytes_a_second = u32::try_from(rate_bps / 8).unwrap_or(u32::MAX);
    set(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MAX_PACING_RATE, &bytes_a_second.to_ne_bytes())
}

/// Whether the system took it.
fn set(socket: RawFd, level: libc::c_int, option: libc::c_int, value: &[u8]) -> bool {
    // SAFETY: the pointer and the length are those of a live slice.
    let failed = unsafe {
        libc::setsockopt(socket, level, option, value.as_ptr().cast(), value.len() as libc::socklen_t)
    };
    failed == 0
}

fn congestion(socket: RawFd) -> Congestion {
    let mut name = [0_u8; 16];
    let mut length = name.len() as libc::socklen_t;
    // SAFETY: the buffer is as long as `length` says, and the kernel writes no more.
    let failed = unsafe {
        libc::getsockopt(
            socket,
            libc::IPPROTO_TCP,
            libc::TCP_CONGESTION,
            name.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    match (failed, name.split(|byte| *byte == 0).next()) {
        (0, Some(b"bbr")) => Congestion::Bbr,
        (0, Some(b"cubic")) => Congestion::Cubic,
        (0, Some(b"reno")) => Congestion::Reno,
        _ => Congestion::Other,
    }
}
