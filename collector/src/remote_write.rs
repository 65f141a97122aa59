//! Remote write: a copy of every record, as it comes, for VictoriaMetrics, Mimir or another receiver.
//!
//! [`message`] and [`answer`] are pure; [`client`] speaks HTTP; [`sender`] takes what waits in the store's
//! outbox and forgets it when the receiver has said what became of it. Live and old samples never share a
//! request, and live ones go first.

mod answer;
mod client;
pub mod message;
mod sender;

use std::path::PathBuf;

pub use client::Client;
pub use sender::Sender;

/// Which of the two messages the receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`.
    One,
    /// `io.prometheus.write.v2.Request`.
    Two,
}

/// How we show who we are. Secrets lie in files, so that no configuration and no log has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    Nobody,
    Bearer { token_file: PathBuf },
    Basic { username: String, password_file: PathBuf },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub url: reqwest::Url,
    pub version: Version,
    /// PEM; `None` trusts the authorities of the system.
    pub ca_file: Option<PathBuf>,
    pub login: Login,
    /// Mimir's `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// What may wait for the receiver.
    pub waiting_bytes_max: u64,
}
