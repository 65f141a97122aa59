//! Something that answers in the collector's place: a login page, a page of a used-up quota.
//!
//! It lives on the office's router, which for as long as the portal is there holds the collector's address
//! itself, so that whatever the office sends to the collector ends here.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::netns::Namespace;

const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A client that says nothing is not waited for longer.
const QUESTION_WAIT: Duration = Duration::from_secs(1);

/// What a portal says to every question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// "302 Found" to a login page.
    Redirect,
    /// "200 OK" with a page of its own.
    Rewritten,
    /// A page of a gigabyte, as fast as it is taken.
    Gigabyte,
    /// A page that comes a byte a second.
    Dripping,
}

impl Page {
    fn send(self, stream: &mut TcpStream, ended: &AtomicBool) -> io::Result<()> {
        const GIGABYTE: usize = 1 << 30;
        const CHUNK: [u8; 16 * 1024] = [b' '; 16 * 1024];
        let goes_on = || !ended.load(Ordering::SeqCst);
        match self {
            Self::Redirect => stream.write_all(
                b"HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/login\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            ),
            Self::Rewritten => {
                let page = "<html><title>Kuota habis</title>Silakan isi ulang.</html>";
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{page}", page.len())
            }
            Self::Gigabyte => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {GIGABYTE}\r\n\r\n")?;
                (0..GIGABYTE / CHUNK.len()).take_while(|_| goes_on()).try_for_each(|_| stream.write_all(&CHUNK))
            }
            Self::Dripping => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 64\r\n\r\n")?;
                while goes_on() {
                    stream.write_all(b"0")?;
                    std::thread::sleep(Duration::from_secs(1));
                }
                Ok(())
            }
        }
    }
}

/// Serves until it is dropped, and gives the address back then.
#[derive(Debug)]
pub struct Portal<'a> {
    router: &'a Namespace,
    address: Ipv4Addr,
    ended: Arc<AtomicBool>,
    serving: Vec<JoinHandle<()>>,
}

impl<'a> Portal<'a> {
    /// Takes `address` over on `router` and answers on these ports; others are closed.
    pub fn open(router: &'a Namespace, address: Ipv4Addr, ports: &[u16], page: Page) -> Result<Self> {
        router.ip(&["address", "add", &format!("{address}/32"), "dev", "lo"])?;
        let mut portal = Self { router, address, ended: Arc::default(), serving: Vec::new() };
        for port in ports {
            let listener = router
                .enter(|| TcpListener::bind(SocketAddrV4::new(address, *port)))?
                .with_context(|| format!("a portal at {address}:{port}"))?;
            listener.set_nonblocking(true)?;
            let ended = Arc::clone(&portal.ended);
            let serve = move || answer_all(&listener, &ended, page);
            portal.serving.push(std::thread::Builder::new().name("portal".to_owned()).spawn(serve)?);
        }
        Ok(portal)
    }
}

impl Drop for Portal<'_> {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        for serving in self.serving.drain(..) {
            if serving.join().is_err() {
                eprintln!("the portal at {} panicked", self.address);
            }
        }
        if let Err(error) = self.router.ip(&["address", "del", &format!("{}/32", self.address), "dev", "lo"])
        {
            eprintln!("the portal keeps {}: {error:#}", self.address);
        }
    }
}

fn answer_all(listener: &TcpListener, ended: &Arc<AtomicBool>, page: Page) {
    while !ended.load(Ordering::SeqCst) {
        let Ok((mut stream, _)) = listener.accept() else {
            std::thread::sleep(LOOK_AGAIN);
            continue;
        };
        let ended = Arc::clone(ended);
        // A client that hangs up first is its own matter; one that does not read is left at the end.
        std::thread::spawn(move || {
            let _ = stream.set_nonblocking(false);
            let _ = stream.set_read_timeout(Some(QUESTION_WAIT));
            let _ = stream.set_write_timeout(Some(QUESTION_WAIT));
            let _ = stream.read(&mut [0; 4096]);
            let _ = page.send(&mut stream, &ended);
        });
    }
}
