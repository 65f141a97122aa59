//! Bandwidth tests from the collector's side: who may test, how much, and the two methods.
//!
//! A test comes over the HTTPS port: in the TLS handshake both sides name the protocol of
//! [`suar_wire::bandwidth::messages`], and the stream is handed to [`Desk`] instead of HTTP. So the collector
//! ends TCP itself and reads its own kernel's counters; a proxy in front cannot name the protocol, and then
//! there are no tests. Datagrams come to a UDP port of their own.

mod datagrams;
mod desk;
#[cfg_attr(target_os = "linux", path = "bandwidth/gauge_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "bandwidth/gauge_elsewhere.rs")]
mod gauge;
mod moments;
mod paced;
mod quota;
mod streams;
mod tickets;

pub use datagrams::Datagrams;
pub use desk::{Desk, NO_DATAGRAMS};
pub use moments::{Office, moments};
pub use quota::Full;

/// One look at a connection. On systems that tell nothing of it, all bytes are those that this program saw.
#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    /// Of whole packets: those the other side is known to have got, and those that came in.
    delivered_bytes: u64,
    received_bytes: u64,
    /// Everything this side sent and received, pure acknowledgements and repeats too.
    all_bytes: u64,
    /// 0 where it is not known.
    rtt_min_us: u64,
}

/// Bounds of all tests; a section of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Tests of each direction that an office is to do in a day; 0 plans none.
    pub tests_a_day: u32,
    /// Whether the UDP port with the number of the HTTPS port takes datagrams; else tests are over TCP alone.
    pub udp: bool,
    /// Tests at the same moment: more would measure the collector's own line.
    pub tests_at_once: usize,
    /// Neither direction of a test is faster.
    pub mbps_max: u32,
    /// Bytes of one test.
    pub test_mb_max: u32,
    /// Bytes of all tests of one agent, of one address, and of all, in a day.
    pub agent_day_mb_max: u32,
    pub address_day_mb_max: u32,
    pub day_mb_max: u32,
}
