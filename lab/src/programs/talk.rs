//! A raw talk with the collector's bandwidth desk, word by word: for what no agent would say.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::{ClientConnection, StreamOwned};
use serde::Serialize;
use serde::de::DeserializeOwned;
use suar_agent::tls::{Fingerprint, client_config};
use suar_wire::bandwidth::messages::{ALPN, frame, read_body};

use crate::netns::Namespace;

const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub struct TlsTalk {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl TlsTalk {
    pub fn open(from: &Namespace, address: &str, fingerprint: Fingerprint) -> Result<Self> {
        let to: SocketAddr = address.parse().with_context(|| address.to_owned())?;
        let tcp = from.enter(|| TcpStream::connect(to))?.with_context(|| address.to_owned())?;
        tcp.set_read_timeout(Some(ANSWER_TIME_MAX))?;
        let mut tls = client_config(fingerprint);
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let client = ClientConnection::new(Arc::new(tls), to.ip().into())?;
        Ok(Self { stream: StreamOwned::new(client, tcp) })
    }

    pub fn say<T: Serialize>(&mut self, message: &T) -> Result<()> {
        self.stream.write_all(&frame(message))?;
        self.stream.flush().context("said")
    }

    pub fn hear<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut length = [0; 2];
        self.stream.read_exact(&mut length)?;
        let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
        self.stream.read_exact(&mut body)?;
        read_body(&body).with_context(|| String::from_utf8_lossy(&body).into_owned())
    }

    /// Whether the other side has closed it, without a word.
    pub fn was_closed(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(bytes) => bytes == 0,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}
