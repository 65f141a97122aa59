//! A small HTTP client over a real socket that trusts one certificate and nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// No answer takes longer; a test that waits has found something.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

pub struct Client(BufReader<Box<dyn Stream>>);

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn tcp(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(ANSWER_TIME_MAX)).expect("a socket");
    stream
}

impl Client {
    pub fn connect(address: SocketAddr, certificate: &Path) -> Self {
        Self::try_connect(address, certificate).expect("a handshake")
    }

    /// `None` when the connection is closed before the handshake is done.
    pub fn try_connect(address: SocketAddr, certificate: &Path) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("suar-collector").expect("a name");
        let mut session = ClientConnection::new(Arc::new(config), name).expect("a session");
        let mut stream = tcp(address);
        while session.is_handshaking() {
            session.complete_io(&mut stream).ok()?;
        }
        Some(Self(BufReader::new(Box::new(StreamOwned::new(session, stream)))))
    }

    pub fn plain(address: SocketAddr) -> Self {
        Self(BufReader::new(Box::new(tcp(address))))
    }

    /// Sends bytes and goes away.
    pub fn throw(address: SocketAddr, bytes: &[u8]) {
        tcp(address).write_all(bytes).expect("it takes bytes");
    }

    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(method, path, headers, body);
        self.answer()
    }

    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n", body.len());
        let mut told: Vec<&str> = Vec::new();
        // The last of a name counts.
        for (name, value) in headers.iter().rev() {
            if !told.contains(name) {
                told.push(name);
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str("\r\n");
        let stream = self.0.get_mut();
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("it takes a request");
        stream.flush().expect("it takes a request");
    }

    fn answer(&mut self) -> Answer {
        let line = self.line();
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").expect("a length").parse().expect("a number");
        answer.body = vec![0; length];
        self.0.read_exact(&mut answer.body).expect("a body");
        answer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}
