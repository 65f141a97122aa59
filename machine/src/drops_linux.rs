//! Linux: what the kernel threw away of a socket's packets.

use std::os::fd::AsRawFd;

use tokio::net::UdpSocket;

/// `SK_MEMINFO_DROPS`, the last of the figures.
const DROPS_AT: usize = 8;

/// Packets that did not fit into the socket's buffer since it was opened; 0 where the kernel does not say.
pub fn of(socket: &UdpSocket) -> u32 {
    let mut figures = [0_u32; DROPS_AT + 1];
    let mut length = size_of_val(&figures) as libc::socklen_t;
    // SAFETY: the buffer is as long as `length` says, and the kernel writes no more.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            figures.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if failed == 0 { figures[DROPS_AT] } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn packets_that_nobody_reads_are_counted_once_the_buffer_is_full() {
        let reader = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        socket2::SockRef::from(&reader).set_recv_buffer_size(4_096).expect("a small buffer");
        let writer = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let to = reader.local_addr().expect("an address");
        assert_eq!(of(&reader), 0);
        for _ in 0..100 {
            writer.send_to(&[0; 1_200], to).await.expect("sent");
        }
        assert!(of(&reader) > 50, "{}", of(&reader));
    }
}
