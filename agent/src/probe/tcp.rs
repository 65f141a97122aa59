//! Round trips by TCP connect, where ICMP cannot be had. Another metric than ICMP, labelled as such; a lost
//! SYN is sent again by the kernel after a second, so this says nothing about loss.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use suar_wire::{Echo, EchoError, EchoMethod, Purpose};

use super::echo::micros;
use crate::meter::Meter;
use crate::tcp::{Connection, Label};

/// Connects once to `host:port` and hangs up. Without an address there is nothing that could be sent.
pub async fn probe(meter: &Meter, address: &str, limit: Duration) -> Echo {
    let mut echo = Echo {
        target: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        method: EchoMethod::TcpConnect,
        sent: 0,
        late: 0,
        duplicates: 0,
        error: None,
        rtt_us: Vec::new(),
    };
    let connect = async {
        let Some(target) = resolve(address).await else {
            echo.error = Some(EchoError::Unsendable);
            return;
        };
        echo.target = target.ip();
        let asked_at = Instant::now();
        echo.sent = 1;
        match Connection::open(target, meter, &Label::new(Purpose::Echo)).await {
            Ok(_) => echo.rtt_us = vec![micros(asked_at.elapsed())],
            Err(error) => echo.error = Some(connect_error(&error)),
        }
    };
    // Over the limit the echo stands as it is: sent and not answered.
    let _ = tokio::time::timeout(limit, connect).await;
    echo
}

async fn resolve(address: &str) -> Option<SocketAddr> {
    tokio::net::lookup_host(address).await.ok()?.next()
}

fn connect_error(error: &std::io::Error) -> EchoError {
    match error.kind() {
        std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::AddrNotAvailable => {
            EchoError::Unsendable
        }
        _ => EchoError::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_is_a_round_trip_and_a_closed_port_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let echo = probe(&Meter::default(), &address.to_string(), Duration::from_secs(3)).await;
        assert_eq!((echo.target, echo.method, echo.sent), (address.ip(), EchoMethod::TcpConnect, 1));
        assert_eq!((echo.received(), echo.error), (1, None));

        drop(listener);
        let echo = probe(&Meter::default(), &address.to_string(), Duration::from_secs(3)).await;
        assert_eq!((echo.received(), echo.error), (0, Some(EchoError::Unreachable)));
    }
}
