//! A server by its name, and the way to it: resolved anew each time, for addresses change while an agent runs.

use std::io;

use crate::meter::Meter;
use crate::tcp::{Connection, Label};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the name of the server cannot be resolved")]
    Name(#[source] io::Error),
    #[error("no connection")]
    Connect(#[source] io::Error),
}

/// `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub host: String,
    pub port: u16,
}

impl Server {
    /// `None`: the text is no address of a server.
    pub fn parse(text: &str, default_port: u16) -> Option<Self> {
        let authority: hyper::http::uri::Authority = text.parse().ok()?;
        // An IPv6 address has brackets in an authority and nowhere else.
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { host, port: authority.port_u16().unwrap_or(default_port) })
    }

    /// One address after the other, in the system's order.
    pub async fn connect(&self, meter: &Meter, label: &Label) -> Result<Connection, ConnectError> {
        let addresses =
            tokio::net::lookup_host((self.host.as_str(), self.port)).await.map_err(ConnectError::Name)?;
        let mut failed = ConnectError::Name(io::ErrorKind::NotFound.into());
        for address in addresses {
            match Connection::open(address, meter, label).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failed = ConnectError::Connect(error),
            }
        }
        Err(failed)
    }
}
