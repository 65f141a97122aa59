//! Where the system does not say how it sends.

use suar_wire::bandwidth::Congestion;
use tokio::net::TcpStream;

pub fn prepare(_stream: &TcpStream) -> Congestion {
    Congestion::Other
}

pub fn pace(_stream: &TcpStream, _rate_bps: u64) -> bool {
    false
}
