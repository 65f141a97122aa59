//! What the server of an upload says that it has got.

use std::time::Duration;

use serde::Deserialize;

/// Bytes, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub bytes: u64,
    pub elapsed: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    app_info: Option<AppInfo>,
    #[serde(rename = "TCPInfo")]
    tcp_info: Option<TcpInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AppInfo {
    num_bytes: u64,
    elapsed_time: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TcpInfo {
    bytes_received: Option<u64>,
    elapsed_time: Option<u64>,
}

impl Counted {
    /// The server's kernel knows better than its program. `None`: nothing is counted in it.
    pub fn read(text: &[u8]) -> Option<Self> {
        let message: Message = serde_json::from_slice(text).ok()?;
        let by_kernel = message.tcp_info.and_then(|tcp| tcp.bytes_received.zip(tcp.elapsed_time));
        let by_program = message.app_info.map(|app| (app.num_bytes, app.elapsed_time));
        let (bytes, elapsed_us) = by_kernel.or(by_program).filter(|(_, elapsed_us)| *elapsed_us > 0)?;
        Some(Self { bytes, elapsed: Duration::from_micros(elapsed_us) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figures_come_before_the_programs_and_rubbish_is_none() {
        let counted = |bytes, ms| Some(Counted { bytes, elapsed: Duration::from_millis(ms) });
        let both = br#"{"AppInfo":{"ElapsedTime":1000,"NumBytes":5},
            "TCPInfo":{"BytesReceived":7,"ElapsedTime":2000,"RTT":3},"Origin":"server","Test":"upload"}"#;
        assert_eq!(Counted::read(both), counted(7, 2));
        assert_eq!(Counted::read(br#"{"AppInfo":{"ElapsedTime":1000,"NumBytes":5}}"#), counted(5, 1));
        for none in
            [&b"{}"[..], b"[", br#"{"TCPInfo":{"RTT":3}}"#, br#"{"AppInfo":{"ElapsedTime":0,"NumBytes":5}}"#]
        {
            assert_eq!(Counted::read(none), None);
        }
    }
}
