//! Tests with servers that do what is written here, over a pipe.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_websockets::ServerBuilder;

use super::*;
use crate::bandwidth::memory::Known;

/// A test with a server that does this.
async fn test<F: Future<Output = ()> + Send + 'static>(
    direction: Direction,
    bound_bytes: u64,
    server: impl FnOnce(DuplexStream) -> F,
) -> (End, Option<u64>, bool) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let serving = tokio::spawn(server(far));
    let cost = Cost { bound_bytes, ..Cost::of(direction, &Known::default()) };
    let mut exchange = Exchange::new(near, &cost, &Meter::default(), Instant::now());
    let end = exchange.run().await;
    let (rate_bps, by_receiver) = exchange.rate_bps(end);
    serving.abort();
    (end, rate_bps, by_receiver)
}

async fn send(socket: &mut WebSocketStream<DuplexStream>, message: Message) {
    let ready = poll_fn(|context| Pin::new(&mut *socket).poll_ready(context)).await;
    ready.and_then(|()| Pin::new(&mut *socket).start_send(message)).expect("sent");
    poll_fn(|context| Pin::new(&mut *socket).poll_flush(context)).await.expect("flushed");
}

fn websocket(stream: DuplexStream) -> WebSocketStream<DuplexStream> {
    ServerBuilder::new().serve(stream)
}

#[tokio::test]
async fn a_download_ends_with_the_servers_farewell_and_counts_what_came() {
    let found = test(Direction::Download, u64::MAX, |stream| async move {
        let mut socket = websocket(stream);
        send(&mut socket, Message::text("{\"no\": \"measurement\"}")).await;
        send(&mut socket, Message::ping("p")).await;
        send(&mut socket, Message::binary(vec![1; 100_000])).await;
        send(&mut socket, Message::close(None, "")).await;
    });
    let (end, rate_bps, by_receiver) = found.await;
    assert_eq!((end, by_receiver), (End::Complete, true));
    assert!(rate_bps.is_some_and(|bps| bps > 100_000), "{rate_bps:?}");
}

#[tokio::test]
async fn what_breaks_off_or_is_no_ndt7_has_no_figure() {
    let broken = test(Direction::Download, u64::MAX, |stream| async move {
        send(&mut websocket(stream), Message::binary(vec![1; 50_000])).await;
    });
    assert_eq!(broken.await, (End::BrokenOff, None, true));
    let masked = test(Direction::Download, u64::MAX, |mut stream| async move {
        stream.write_all(&[0x82, 0x81, 0, 0, 0, 0, 0]).await.expect("sent");
        std::future::pending().await
    });
    assert_eq!(masked.await, (End::Protocol, None, true));
    let endless = test(Direction::Download, u64::MAX, |mut stream| async move {
        let mut head = vec![0x82, 127];
        head.extend(((1_u64 << 24) + 1).to_be_bytes());
        stream.write_all(&head).await.expect("sent");
        std::future::pending().await
    });
    assert_eq!(endless.await, (End::Protocol, None, true));
    let backwards = test(Direction::Upload, u64::MAX, |stream| async move {
        let mut socket = websocket(stream);
        send(&mut socket, Message::binary(vec![1; 10])).await;
        std::future::pending().await
    });
    assert_eq!(backwards.await, (End::Protocol, None, false));
}

#[tokio::test]
async fn too_many_measurements_are_no_ndt7() {
    let found = test(Direction::Download, u64::MAX, |stream| async move {
        let mut socket = websocket(stream);
        for _ in 0..=TEXTS_MAX {
            send(&mut socket, Message::text("{}")).await;
        }
        std::future::pending().await
    });
    assert_eq!(found.await.0, End::Protocol);
}

#[tokio::test]
async fn an_upload_is_what_the_server_counted_last() {
    let found = test(Direction::Upload, u64::MAX, |mut stream| async move {
        let mut bytes = vec![0; 32 * 1024];
        stream.read_exact(&mut bytes).await.expect("a load");
        let mut socket = websocket(stream);
        for ms in [500, 1_000] {
            let counted = format!("{{\"AppInfo\":{{\"ElapsedTime\":{ms}000,\"NumBytes\":250000}}}}");
            send(&mut socket, Message::text(counted)).await;
        }
        send(&mut socket, Message::close(None, "")).await;
        std::future::pending().await
    });
    assert_eq!(found.await, (End::Complete, Some(2_000_000), true));
}

#[tokio::test]
async fn at_the_bound_of_bytes_a_test_is_cut_off() {
    // The meter counts nothing here: a bound of none is passed at once.
    let found = test(Direction::Download, 0, |stream| async move {
        let mut socket = websocket(stream);
        send(&mut socket, Message::binary(vec![1; 50_000])).await;
        std::future::pending().await
    });
    assert_eq!(found.await, (End::Bound, None, true));
}

#[tokio::test]
async fn a_server_that_says_farewell_and_nothing_else_was_silent() {
    let found = test(Direction::Upload, u64::MAX, |_| async {});
    assert_eq!(found.await, (End::BrokenOff, None, false));
    let found = test(Direction::Download, u64::MAX, |stream| async move {
        let mut socket = websocket(stream);
        send(&mut socket, Message::text("{}")).await;
        send(&mut socket, Message::close(None, "")).await;
    });
    assert_eq!(found.await, (End::Silent, None, true));
}

#[test]
fn messages_grow_with_what_was_sent() {
    let mut load = Load::default();
    let lengths: Vec<usize> = (0..300).map(|_| load.next().as_payload().len()).collect();
    assert_eq!(lengths[..17], [8_192; 17]);
    assert!(lengths.is_sorted() && lengths.last() == Some(&Load::MESSAGE_BYTES_MAX), "{lengths:?}");
}
