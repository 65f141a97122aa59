//! Linux keeps the account of each connection: `getsockopt(TCP_INFO)`.
//!
//! Read by offsets in `struct tcp_info` of `linux/tcp.h`, which only ever grows at its end: kernels before
//! 4.19 tell less, and then nothing is taken from them.

use std::os::fd::AsRawFd;

use tokio::net::TcpStream;

use super::model::{Account, State};

const STATE_AT: usize = 0;
const OPTIONS_AT: usize = 5;
const BYTES_RECEIVED_AT: usize = 128;
const SEGMENTS_SENT_AT: usize = 136;
const SEGMENTS_RECEIVED_AT: usize = 140;
const BYTES_SENT_AT: usize = 200;
/// Up to the end of `tcpi_bytes_sent`.
const LENGTH_MIN: usize = 208;

/// `TCPI_OPT_TIMESTAMPS`.
const TIMESTAMPS: u8 = 1;

pub fn account(stream: &TcpStream) -> Option<Account> {
    let mut info = [0u8; LENGTH_MIN];
    let mut length = LENGTH_MIN as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes to the buffer, which has that many, and says how many
    // it wrote; the descriptor is open as long as the stream lives.
    let failed = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    (failed == 0 && length as usize >= LENGTH_MIN).then(|| read(&info))
}

fn read(info: &[u8; LENGTH_MIN]) -> Account {
    let short = |at: usize| u64::from(u32::from_ne_bytes(info[at..at + 4].try_into().expect("four bytes")));
    let long = |at: usize| u64::from_ne_bytes(info[at..at + 8].try_into().expect("eight bytes"));
    Account {
        state: state(info[STATE_AT]),
        timestamps: info[OPTIONS_AT] & TIMESTAMPS != 0,
        bytes_sent: long(BYTES_SENT_AT),
        bytes_received: long(BYTES_RECEIVED_AT),
        segments_sent: short(SEGMENTS_SENT_AT),
        segments_received: short(SEGMENTS_RECEIVED_AT),
    }
}

/// By the numbers of `net/tcp_states.h`.
fn state(number: u8) -> State {
    const FIN_WAIT_1: u8 = 4;
    const FIN_WAIT_2: u8 = 5;
    const TIME_WAIT: u8 = 6;
    const CLOSE: u8 = 7;
    const CLOSE_WAIT: u8 = 8;
    const LAST_ACK: u8 = 9;
    const CLOSING: u8 = 11;
    match number {
        FIN_WAIT_1 | FIN_WAIT_2 | LAST_ACK | CLOSING => State::WeFinished,
        CLOSE_WAIT => State::TheyFinished,
        TIME_WAIT | CLOSE => State::Closed,
        _ => State::Open,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_kernel_counts_what_was_written_and_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut near = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
        let (mut far, _) = listener.accept().await.expect("accepted");
        near.write_all(&[1; 300]).await.expect("written");
        far.read_exact(&mut [0; 300]).await.expect("read");
        far.write_all(&[2; 40]).await.expect("written");
        near.read_exact(&mut [0; 40]).await.expect("read");
        let account = account(&near).expect("this kernel is younger than 4.19");
        assert_eq!((account.bytes_sent, account.bytes_received), (300, 40), "{account:?}");
        assert_eq!(account.state, State::Open);
        assert!(
            account.timestamps && account.segments_sent >= 3 && account.segments_received >= 2,
            "{account:?}"
        );
    }
}
