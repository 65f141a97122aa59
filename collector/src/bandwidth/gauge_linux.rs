//! The kernel's counters of a TCP connection (`TCP_INFO`), its congestion control, and how it is cut.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use suar_wire::bandwidth::{Congestion, Method};
use tokio::net::TcpStream;

use super::Counters;

/// Unsent bytes a sender holds at most: what is written and not yet sent when a test ends is waste.
const NOT_SENT_BYTES_MAX: libc::c_int = 32 * 1024;
/// IPv4 and TCP headers; IPv6 has 20 more, the timestamp option 12.
const HEADER_BYTES: u64 = 40;
const V6_MORE: u64 = 20;
const TIMESTAMP_BYTES: u64 = 12;
const OPTION_TIMESTAMPS: u8 = 1;

/// A second handle on a connection, for looking only.
#[derive(Debug)]
pub struct Gauge {
    socket: OwnedFd,
    is_v6: bool,
}

impl Gauge {
    pub const METHOD: Method = Method::Tcp;

    pub fn on(stream: &TcpStream) -> io::Result<Self> {
        use std::os::fd::AsFd;
        let is_v6 = stream.peer_addr()?.ip().to_canonical().is_ipv6();
        Ok(Self { socket: stream.as_fd().try_clone_to_owned()?, is_v6 })
    }

    /// BBR where the kernel has it and lets us, else what the system uses.
    pub fn prepare_to_send(&self) -> Congestion {
        self.set(libc::IPPROTO_TCP, libc::TCP_CONGESTION, b"bbr");
        self.set(libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, &NOT_SENT_BYTES_MAX);
        self.congestion()
    }

    /// No faster than this, where the system paces.
    pub fn pace(&self, rate_bps_max: u64) {
        let bytes_a_second =
            u32::try_from(rate_bps_max / 8 / u64::from(super::streams::CONNECTIONS)).unwrap_or(u32::MAX);
        self.set(libc::SOL_SOCKET, libc::SO_MAX_PACING_RATE, &bytes_a_second);
    }

    /// When the last handle closes, what waits is thrown away and the other side told so.
    pub fn cut_on_close(&self) {
        self.set(libc::SOL_SOCKET, libc::SO_LINGER, &libc::linger { l_onoff: 1, l_linger: 0 });
    }

    pub fn look(&self) -> Counters {
        let mut info = [0; 256];
        self.get(libc::TCP_INFO, &mut info).map_or_else(Counters::default, |info| self.read(info))
    }

    /// Offsets are those of `struct tcp_info`, which only ever grows; what an older kernel lacks is 0.
    fn read(&self, info: &[u8]) -> Counters {
        let short = |at: usize| {
            info.get(at..at + 4).map_or(0, |bytes| {
                u64::from(u32::from_ne_bytes(bytes.try_into().expect("four bytes were asked for")))
            })
        };
        let long = |at: usize| {
            info.get(at..at + 8)
                .map_or(0, |bytes| u64::from_ne_bytes(bytes.try_into().expect("eight bytes were asked for")))
        };
        let with_timestamps = info.get(5).is_some_and(|options| options & OPTION_TIMESTAMPS != 0);
        let header = HEADER_BYTES
            + if self.is_v6 { V6_MORE } else { 0 }
            + if with_timestamps { TIMESTAMP_BYTES } else { 0 };
        let (send_mss, receive_mss) = (short(16), short(20));
        let (segments_out, segments_in) = (short(136), short(140));
        Counters {
            delivered_bytes: short(192) * (send_mss + header),
            received_bytes: short(152) * (receive_mss + header),
            all_bytes: long(200) + long(128) + (segments_out + segments_in) * header,
            // The kernel has all bits set before the first round trip.
            rtt_min_us: Some(short(148)).filter(|rtt| *rtt < u64::from(u32::MAX)).unwrap_or(0),
        }
    }

    fn congestion(&self) -> Congestion {
        let mut name = [0; 16];
        let name = self.get(libc::TCP_CONGESTION, &mut name).unwrap_or_default();
        match name.split(|byte| *byte == 0).next().unwrap_or_default() {
            b"bbr" => Congestion::Bbr,
            b"cubic" => Congestion::Cubic,
            b"reno" => Congestion::Reno,
            _ => Congestion::Other,
        }
    }

    /// What the kernel says of TCP here; `None` where it says nothing.
    fn get<'b>(&self, option: libc::c_int, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let mut length = buffer.len() as libc::socklen_t;
        // SAFETY: the buffer is as long as `length` says, and the kernel writes no more.
        let failed = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                option,
                buffer.as_mut_ptr().cast(),
                &mut length,
            )
        };
        (failed == 0).then(|| &buffer[..length as usize])
    }

    /// An option that the system does not take is one it does without.
    fn set<T>(&self, level: libc::c_int, option: libc::c_int, value: &T) {
        // SAFETY: the pointer and the length are those of a live value of a plain type.
        unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                level,
                option,
                std::ptr::from_ref(value).cast(),
                size_of::<T>() as libc::socklen_t,
            )
        };
    }

    /// What the program itself sent or received; the kernel knows better here.
    pub fn count(&self, _bytes: usize) {}
}
