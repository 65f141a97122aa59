//! Answers as bytes, and a resolver on loopback that answers as told.

use proptest::prelude::*;

use super::*;

const NAME: &str = "go.id";

/// An answer as a resolver would write it: the question, then the records, all to the name by pointer.
fn answer(id: u16, code: u8, records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = query(id, NAME).expect("a question");
    bytes[2] = 0x81;
    bytes[3] = 0x80 | code;
    bytes[7] = records.len() as u8;
    for (kind, body) in records {
        bytes.extend([0xc0, 0x0c]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 60]);
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(*body);
    }
    bytes
}

const ADDRESS: (u16, &[u8]) = (1, &[192, 0, 2, 1]);
const ALIAS: (u16, &[u8]) = (5, &[1, b'x', 0xc0, 0x0c]);

#[test]
fn the_question_is_what_rfc_1035_says() {
    let bytes = query(0x1234, NAME).expect("a question");
    assert_eq!(bytes, b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x02go\x02id\x00\x00\x01\x00\x01");
    assert_eq!(query(1, "a..b"), None);
    assert_eq!(query(1, &"x".repeat(64)), None);
}

#[test]
fn each_kind_of_answer_has_its_name() {
    let mut other_question = answer(1, 0, &[ADDRESS]);
    other_question[13] = b'x';
    let mut no_answer_bit = answer(1, 0, &[ADDRESS]);
    no_answer_bit[2] = 0x01;
    let mut short = answer(1, 0, &[ADDRESS]);
    short.truncate(short.len() - 6);
    let mut torn = answer(1, 0, &[ADDRESS]);
    torn.truncate(torn.len() - 1);
    let table = [
        ("an address", answer(1, 0, &[ADDRESS]), Ok(Scope::Public)),
        ("an alias, then an address", answer(1, 0, &[ALIAS, ADDRESS]), Ok(Scope::Public)),
        ("an alias alone", answer(1, 0, &[ALIAS]), Err(Failure::WrongAnswer)),
        ("nothing", answer(1, 0, &[]), Err(Failure::WrongAnswer)),
        ("another question", other_question, Err(Failure::WrongAnswer)),
        ("a question, not an answer", no_answer_bit, Err(Failure::WrongAnswer)),
        ("cut short", short, Err(Failure::WrongAnswer)),
        ("cut inside the address", torn, Err(Failure::WrongAnswer)),
        ("no such name", answer(1, 3, &[]), Err(Failure::NxDomain)),
        ("server failure", answer(1, 2, &[]), Err(Failure::ServFail)),
        ("server failure without the question", answer(1, 2, &[])[..12].to_vec(), Err(Failure::ServFail)),
        ("refused", answer(1, 5, &[]), Err(Failure::Refused)),
    ];
    for (what, bytes, expect) in table {
        assert_eq!(judge(&bytes, NAME), expect, "{what}");
    }
}

#[test]
fn addresses_that_no_public_name_has_are_told_apart() {
    for local in [
        "0.0.0.0",
        "127.0.0.1",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.8.1",
        "100.64.0.1",
        "169.254.1.1",
        "224.0.0.1",
    ] {
        assert_eq!(scope(local.parse().expect("an address")), Scope::Local, "{local}");
    }
    for public in ["1.1.1.1", "36.86.63.185", "100.128.0.1", "172.32.0.1", "203.0.113.1"] {
        assert_eq!(scope(public.parse().expect("an address")), Scope::Public, "{public}");
    }
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..600), real in any::<bool>()) {
        if real {
            let mut good = answer(1, 0, &[ALIAS, ADDRESS]);
            for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| **byte < 12) {
                let length = good.len();
                good[at % length] ^= byte;
            }
            bytes = good;
        }
        let _ = judge(&bytes, NAME);
    }
}

/// Answers each datagram by the function, which gets its number from 0 and the question.
async fn resolver(answer: impl Fn(usize, &[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let address = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        for number in 0.. {
            let (bytes, from) = socket.recv_from(&mut buffer).await.expect("a question");
            if let Some(answer) = answer(number, &buffer[..bytes]) {
                socket.send_to(&answer, from).await.expect("sent");
            }
        }
    });
    address
}

fn id_of(question: &[u8]) -> u16 {
    u16::from_be_bytes([question[0], question[1]])
}

fn long() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[tokio::test]
async fn a_resolver_that_answers_is_timed() {
    let resolver = resolver(|_, question| Some(answer(id_of(question), 0, &[ADDRESS]))).await;
    assert!(probe(&Meter::default(), resolver, NAME, long()).await.is_ok());
}

#[tokio::test]
async fn an_answer_with_another_id_is_passed_over() {
    let resolver = resolver(|number, question| {
        let id = if number == 0 { id_of(question) ^ 1 } else { id_of(question) };
        Some(answer(id, 0, &[ADDRESS]))
    })
    .await;
    assert!(
        probe(&Meter::default(), resolver, NAME, long()).await.is_ok(),
        "the second question was answered rightly"
    );
}

#[tokio::test]
async fn one_lost_packet_is_no_broken_resolver() {
    let resolver =
        resolver(|number, question| (number > 0).then(|| answer(id_of(question), 0, &[ADDRESS]))).await;
    let Ok(answer) = probe(&Meter::default(), resolver, NAME, long()).await else { panic!("not answered") };
    assert!(answer.elapsed_us < 1_000_000, "timed from the question that was answered: {answer:?}");
}

#[tokio::test]
async fn nothing_is_asked_again_after_the_slot() {
    let resolver =
        resolver(|number, question| (number > 0).then(|| answer(id_of(question), 0, &[ADDRESS]))).await;
    assert_eq!(probe(&Meter::default(), resolver, NAME, Instant::now()).await, Err(Failure::Timeout));
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let address = UdpSocket::bind("127.0.0.1:0").await.expect("a socket").local_addr().expect("an address");
    assert_eq!(probe(&Meter::default(), address, NAME, long()).await, Err(Failure::Refused));
}
