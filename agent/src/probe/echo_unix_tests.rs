//! Packets as bytes, and real echoes over loopback.

use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NONCE: [u8; PAYLOAD_BYTES] = *b"8 bytes!";

fn waiting_for(sequence: u16) -> (Waiting, Tally, Instant) {
    let (waiting, tally, sent_at) = (Waiting::default(), Tally::default(), Instant::now());
    let line = tally.sending(sent_at);
    let expected =
        Expected { from: HERE, nonce: NONCE, sent_at, tally: tally.clone(), line, purpose: Purpose::Echo };
    waiting.with(|numbers| numbers.expected.insert(sequence, expected));
    (waiting, tally, sent_at)
}

fn reply(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![V4_ECHO_REPLY, 0, 0, 0, 0x12, 0x34];
    packet.extend(sequence.to_be_bytes());
    packet.extend(payload);
    packet
}

fn hear_datagram(waiting: &Waiting, packet: &[u8], from: IpAddr, at: Instant) {
    if let Some(heard) = read(packet, Type::DGRAM, from) {
        settle(waiting, &heard, at, &Meter::default());
    }
}

#[test]
fn only_the_reply_with_the_right_sender_number_and_payload_counts() {
    let (waiting, tally, sent_at) = waiting_for(7);
    let at = sent_at + Duration::from_millis(5);
    hear_datagram(&waiting, &reply(8, &NONCE), HERE, at);
    hear_datagram(&waiting, &reply(7, b"left one"), HERE, at);
    hear_datagram(&waiting, &reply(7, &NONCE[..7]), HERE, at);
    hear_datagram(&waiting, &reply(7, &NONCE), IpAddr::from([127, 0, 0, 2]), at);
    assert!(!tally.answered());
    hear_datagram(&waiting, &reply(7, &NONCE), HERE, at);
    assert_eq!(tally.echo(HERE).rtt_us, [5_000]);
}

#[test]
fn an_unreachable_from_a_router_is_an_error_and_no_reply() {
    let (waiting, tally, sent_at) = waiting_for(7);
    // Destination unreachable quoting our request: unused(4), IPv4 header(20), ICMP header(8).
    let mut packet = vec![3, 1, 0, 0, 0, 0, 0, 0];
    let mut quoted_ip = [0u8; 20];
    quoted_ip[0] = 0x45;
    quoted_ip[9] = 1;
    quoted_ip[16..].copy_from_slice(&[127, 0, 0, 1]);
    packet.extend(quoted_ip);
    packet.extend(&request(HERE, 1, 7, &NONCE)[..8]);
    hear_datagram(&waiting, &packet, IpAddr::from([10, 0, 0, 1]), sent_at);
    let echo = tally.echo(HERE);
    assert_eq!((echo.received(), echo.error), (0, Some(EchoError::Unreachable)));
}

#[test]
fn a_raw_socket_hands_over_the_ip_header_and_its_options() {
    let mut packet = vec![0u8; 24];
    packet[0] = 0x46;
    packet[12..16].copy_from_slice(&[127, 0, 0, 1]);
    let total = (24 + 8 + PAYLOAD_BYTES) as u16;
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    packet.extend(reply(9, &NONCE));
    let heard = read(&packet, Type::RAW, HERE).expect("a packet");
    assert_eq!(
        heard,
        Heard { kind: Kind::Reply { payload: &NONCE }, asked: HERE, identifier: 0x1234, sequence: 9 }
    );
}

#[test]
fn bytes_that_are_no_packet_are_ignored() {
    for length in 0..40 {
        for first in [0, 3, 0x45, 0x4f, 0xff] {
            let mut packet = vec![0xffu8; length];
            if let Some(byte) = packet.first_mut() {
                *byte = first;
            }
            for socket in [Type::RAW, Type::DGRAM] {
                let _ = read(&packet, socket, HERE);
                let _ = read(&packet, socket, IpAddr::from([0; 16]));
            }
        }
    }
}

#[test]
fn the_checksum_of_a_request_with_its_checksum_is_zero() {
    assert_eq!(internet_checksum(&request(HERE, 0xabcd, 0x0102, &NONCE)), 0);
    // The example of RFC 1071, section 3.
    assert_eq!(internet_checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
}

#[test]
fn a_number_rests_ten_seconds_before_it_is_used_again() {
    let (waiting, _, sent_at) = waiting_for(3);
    waiting.with(|numbers| numbers.next = 3);
    assert_eq!(waiting.take(sent_at + SEQUENCE_REST - Duration::from_millis(1)), None);
    assert_eq!(waiting.take(sent_at + SEQUENCE_REST), Some(3));
    assert_eq!(waiting.take(sent_at + SEQUENCE_REST), Some(4));
}

#[tokio::test]
async fn loopback_answers_both_families() {
    let meter = Meter::default();
    let echoer = Echoer::new(&meter);
    for address in [HERE, IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])] {
        let tally = Tally::default();
        for _ in 0..3 {
            echoer.send(Purpose::Echo, address.into(), &tally).await;
        }
        let echo = tally.echo(address);
        if echo.error == Some(EchoError::NoPermission) {
            eprintln!("SKIPPED: this system refuses ICMP sockets to this user");
            return;
        }
        if address.is_ipv6() && echo.error == Some(EchoError::Unsendable) {
            eprintln!("SKIPPED: this system has no IPv6 loopback");
            continue;
        }
        tally.settled().await;
        let echo = tally.echo(address);
        assert_eq!((echo.sent, echo.received(), echo.late, echo.duplicates), (3, 3, 0, 0), "{echo:?}");
        let told = meter.so_far()[&Purpose::Echo];
        assert!(told.sent >= 3 * 36 && told.sent == told.received, "{told:?}");
    }
}
