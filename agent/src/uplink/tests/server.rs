//! A collector that answers as a test tells it to: real TCP, real TLS, hand-written HTTP.

use std::sync::{Arc, Mutex};

use suar_wire::{Push, Receipt, Sequence, push};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::tls::{Fingerprint, fingerprint_of};

/// What arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub at: Instant,
    pub connection: usize,
    /// First line and headers, lower-cased names as they came.
    pub head: String,
    pub body: Vec<u8>,
    pub push: Option<Push>,
}

impl Request {
    pub fn is(&self, start: &str) -> bool {
        self.head.starts_with(start)
    }

    pub fn sequences(&self) -> Vec<Sequence> {
        let records = self.push.iter().flat_map(|push| &push.records);
        records.map(|record| record.sequence).collect()
    }

    /// A receipt for everything in it.
    pub fn receipt(&self) -> Receipt {
        Receipt {
            acknowledged: self.sequences().into_iter().map(|sequence| (sequence, sequence)).collect(),
            refused: Vec::new(),
            server_ms: 1_789_999_999_000,
            plan_version: 1,
        }
    }
}

/// What the test answers.
#[derive(Debug, Clone)]
pub enum Reply {
    Receipt(Receipt),
    /// Status, further header lines, body.
    Answer(u16, &'static str, Vec<u8>),
    /// The request was read and the answer is lost.
    Close,
    /// A receipt, and then the end of the connection, as after a server's idle time.
    ReceiptAndClose(Receipt),
    /// No answer ever.
    Hang,
}

#[derive(Debug)]
pub struct Server {
    pub address: String,
    pub fingerprint: Fingerprint,
    requests: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Answering = Arc<Mutex<dyn FnMut(&Request) -> Reply + Send>>;

impl Server {
    pub async fn start(answer: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        // Dates long gone: a pinned certificate has none that matter.
        let mut params = rcgen::CertificateParams::new(vec!["elsewhere.invalid".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(1999, 1, 1);
        params.not_after = rcgen::date_time_ymd(2000, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = CertificateDer::from(params.self_signed(&key).unwrap());
        let fingerprint = fingerprint_of(&certificate);
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answer: Answering = Arc::new(Mutex::new(answer));
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, answer, seen) = (acceptor.clone(), Arc::clone(&answer), Arc::clone(&seen));
                connections.spawn(async move {
                    // A client that goes away ends its connection, not the test.
                    let _ = serve(connection, stream, acceptor, answer, seen).await;
                });
            }
        });
        Self { address, fingerprint, requests, task }
    }

    /// A collector that receipts everything.
    pub async fn honest() -> Self {
        Self::start(|request| Reply::Receipt(request.receipt())).await
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The sequences of each push, in order of arrival.
    pub fn pushes(&self) -> Vec<Vec<Sequence>> {
        self.requests().iter().filter(|request| request.push.is_some()).map(Request::sequences).collect()
    }
}

async fn serve(
    connection: usize,
    stream: TcpStream,
    acceptor: TlsAcceptor,
    answer: Answering,
    seen: Arc<Mutex<Vec<Request>>>,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut bytes = Vec::new();
    loop {
        let head_end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&bytes[..head_end]).to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0usize);
        while bytes.len() < head_end + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let body = bytes[head_end..head_end + length].to_vec();
        bytes.drain(..head_end + length);
        let unpacked = if head.contains("content-encoding: zstd") {
            push::decompress(&body).unwrap()
        } else {
            body.clone()
        };
        let push = head.starts_with("post /v1/push").then(|| Push::decode(&unpacked).unwrap());
        let request = Request { at: Instant::now(), connection, head, body, push };
        seen.lock().unwrap().push(request.clone());
        let reply = (answer.lock().unwrap())(&request);
        let last = matches!(reply, Reply::ReceiptAndClose(_));
        let (status, headers, body) = match reply {
            Reply::Receipt(receipt) | Reply::ReceiptAndClose(receipt) => (200, "", receipt.encode()),
            Reply::Answer(status, headers, body) => (status, headers, body),
            Reply::Close => return Ok(()),
            Reply::Hang => std::future::pending().await,
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body).await?;
        stream.flush().await?;
        if last {
            return stream.shutdown().await;
        }
    }
}
