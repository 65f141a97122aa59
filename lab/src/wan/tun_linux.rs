//! The system calls of the emulator: TUN devices, an eventfd, ppoll, real-time priority.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;

/// Opens a TUN device by name in the namespace of the calling thread: IP packets without a header.
pub fn open(device: &str) -> io::Result<OwnedFd> {
    let file =
        OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    // SAFETY: an all-zero ifreq is a valid value of this plain C struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = device.as_bytes();
    if name.len() >= request.ifr_name.len() {
        return Err(io::Error::other(format!("{device:?} is too long for a device name")));
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name) {
        *place = *byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the descriptor is open and the kernel reads and writes one ifreq, which outlives the call.
    if unsafe { libc::ioctl(file.as_raw_fd(), TUNSETIFF as _, &mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file.into())
}

/// One packet, or `None` when there is none now.
pub fn read(tun: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes into a buffer of that length.
    let got = unsafe { libc::read(tun.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
    match usize::try_from(got) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(_) => passing(io::Error::last_os_error()).map(|()| None),
    }
}

/// Hands a packet to the kernel. A device that is down just now swallows it, as a dead line would.
pub fn write(tun: &OwnedFd, packet: &[u8]) -> io::Result<()> {
    // SAFETY: the kernel reads `packet.len()` bytes from a buffer of that length.
    let put = unsafe { libc::write(tun.as_raw_fd(), packet.as_ptr().cast(), packet.len()) };
    if put < 0 { passing(io::Error::last_os_error()) } else { Ok(()) }
}

/// Errors that say "not now" are no reason to end.
fn passing(error: io::Error) -> io::Result<()> {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR | libc::EIO | libc::ENOBUFS | libc::EINVAL) => Ok(()),
        _ => Err(error),
    }
}

/// Sleeps until one of the descriptors is readable or the time is over; nanoseconds, because a whole
/// millisecond of rounding would be seen in every round trip.
pub fn wait(readable: [RawFd; 3], at_most: Duration) -> io::Result<()> {
    let mut polled = readable.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    let timeout =
        libc::timespec { tv_sec: at_most.as_secs() as libc::time_t, tv_nsec: at_most.subsec_nanos().into() };
    // SAFETY: both pointers are to values that outlive the call; no signal mask is given.
    let found =
        unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, &timeout, std::ptr::null()) };
    if found < 0 { passing(io::Error::last_os_error()) } else { Ok(()) }
}

pub fn event() -> io::Result<OwnedFd> {
    // SAFETY: eventfd takes no pointers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub fn raise(event: &OwnedFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: eight readable bytes, as an eventfd wants. A full counter wakes as well.
    let _ = unsafe { libc::write(event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
}

pub fn calm(event: &OwnedFd) {
    let mut count = [0u8; 8];
    // SAFETY: eight writable bytes, as an eventfd wants. Nothing raised is no trouble.
    let _ = unsafe { libc::read(event.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
}

/// Real-time priority for the calling thread, so that a busy machine does not add delay of its own.
/// Where it is refused the link still works, only less exactly.
pub fn prefer_this_thread() {
    let priority = libc::sched_param { sched_priority: 10 };
    // SAFETY: the parameter outlives the call; 0 is the calling thread.
    let _ = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &priority) };
}
