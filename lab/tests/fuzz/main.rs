//! Random damage to everything that comes from outside or from a disk: no panic, and no more memory than a bound.
//!
//! Starts from good bytes (`lab/corpus` and golden files) and changes them again and again; what one change left
//! decodable is changed further. `SUAR_FUZZ_SECONDS` is how long each kind of input is tried (1; `lab/faults.sh fuzz`
//! takes 50); a failure prints the input. cargo-fuzz would know which paths were taken; it needs another compiler than
//! this project.

mod harness;

use std::io::Read;
use std::path::Path;

use harness::{fuzz, most_held};
use ring::{digest, hmac};
use suar_agent::spool::{Options, Order, Spool};
use suar_collector::region::builtin;
use suar_collector::registry::csv;
use suar_collector::store::chunk;
use suar_wire::carried::{Claimed, Key};
use suar_wire::join_code::JoinCode;
use suar_wire::{AgentId, Epoch, Push, PushError, Receipt, decode_record, push};

/// Most bytes that one input may cost. A push unpacks to 2 MiB at most, and its records take a few times that.
const PUSH_BYTES_MAX: isize = 24 << 20;
/// A day of an agent in one-second slots.
const DAY_BYTES_MAX: isize = 256 << 20;
const SMALL_BYTES_MAX: isize = 4 << 20;
fn file(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn pushes() {
    let plain = file("wire/tests/golden/push-v1.bin");
    fuzz("pushes", std::slice::from_ref(&plain), PUSH_BYTES_MAX, |bytes| Push::decode(bytes).is_ok());
    let packed = zstd::encode_all(plain.as_slice(), 3).expect("zstd");
    fuzz("packed pushes", &[packed], PUSH_BYTES_MAX, |bytes| {
        push::decompress(bytes).is_ok_and(|bytes| Push::decode(&bytes).is_ok())
    });
}

/// Blocks of one repeated byte: 30 kB of them unpack to a gigabyte.
fn bomb(bytes: usize) -> Vec<u8> {
    const BLOCK_BYTES: u32 = 128 * 1024;
    const REPEATED: u32 = 1;
    // Magic, a head without anything, a window of 2 MiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    while frame.len() < bytes {
        frame.extend(&(BLOCK_BYTES << 3 | REPEATED << 1).to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

#[test]
fn what_unpacks_to_a_gigabyte_costs_no_more_than_the_bound() {
    let bomb = bomb(30_000);
    let unpacked = zstd::stream::read::Decoder::new(bomb.as_slice()).map(|decoder| decoder.take(3 << 28));
    let unpacked = std::io::copy(&mut unpacked.expect("a frame"), &mut std::io::sink()).expect("it unpacks");
    assert_eq!(unpacked, 3 << 28, "it is a bomb");
    let (refused, cost) = most_held(|| push::decompress(&bomb));
    assert_eq!(refused, Err(PushError::TooLarge));
    assert!(cost < PUSH_BYTES_MAX, "{cost} bytes");
}

/// The debugging form of a push.
#[test]
fn pushes_in_json() {
    let push = Push::decode(&file("wire/tests/golden/push-v1.bin")).expect("golden");
    let json = serde_json::to_vec(&push).expect("JSON");
    fuzz("pushes in JSON", &[json], PUSH_BYTES_MAX, |bytes| {
        serde_json::from_slice::<Push>(bytes).is_ok_and(|push| Push::decode(&push.encode()).is_ok())
    });
}

#[test]
fn records_and_receipts() {
    fuzz("records", &[file("lab/corpus/record")], SMALL_BYTES_MAX, |bytes| decode_record(bytes).is_ok());
    let receipt =
        Receipt { acknowledged: vec![(1, 5), (9, 9)], refused: vec![], server_ms: 1, plan_version: 2 };
    fuzz("receipts", &[receipt.encode()], SMALL_BYTES_MAX, |bytes| Receipt::decode(bytes).is_some());
}

#[test]
fn chunks() {
    let agent = AgentId([7; 16]);
    let packed = [file("lab/corpus/chunk-packed")];
    fuzz("packed days", &packed, DAY_BYTES_MAX, |bytes| chunk::unpack(agent, bytes).is_ok());
    let fresh = [file("lab/corpus/chunk-fresh")];
    fuzz("fresh rows", &fresh, DAY_BYTES_MAX, |bytes| chunk::decode(agent, bytes).is_ok());
}

#[test]
fn segments_and_what_lies_beside_them() {
    let (segment, acked) = (file("lab/corpus/segment"), file("lab/corpus/acked"));
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    let open = |segment: &[u8], acked: &[u8]| {
        let spool = directory.path().join("spool");
        let _ = std::fs::remove_dir_all(&spool);
        std::fs::create_dir(&spool).expect("a directory");
        std::fs::write(spool.join("epoch"), format!("{}\n", Epoch([7; 8]))).expect("written");
        std::fs::write(spool.join("acked"), acked).expect("written");
        std::fs::write(spool.join("00000000000000000005.segment"), segment).expect("written");
        let (mut spool, opened) =
            Spool::open(&spool, Options { bytes_max: 1 << 20 }, Epoch([1; 8])).expect("it opens");
        let found = spool.peek(Order::OldestFirst, 1_000, 1 << 20).expect("it reads");
        let next = spool.append(b"it goes on").expect("it fits").sequence;
        spool.sync();
        assert!(found.iter().all(|(sequence, _)| *sequence < next), "a number is given twice");
        opened.damaged_segments == 0 && !found.is_empty()
    };
    fuzz("segments", std::slice::from_ref(&segment), SMALL_BYTES_MAX, |bytes| open(bytes, b""));
    fuzz("receipts on disk", &[acked], SMALL_BYTES_MAX, |bytes| open(&segment, bytes));
}

#[test]
fn join_codes() {
    let code = JoinCode {
        address: "suar.example.go.id:8443".to_owned(),
        fingerprint: [3; 16],
        site: "19.02.02.2009".parse().expect("a code"),
        secret: [9; 10],
    };
    fuzz("join codes", &[code.to_string().into_bytes()], SMALL_BYTES_MAX, |bytes| {
        std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<JoinCode>().is_ok())
    });
}

#[test]
fn carried_out_files() {
    let key = Key::of_token("suar_a_0123456789abcdef");
    fuzz("carried-out files", &[file("wire/tests/golden/carried-v1.bin")], PUSH_BYTES_MAX, |bytes| {
        let Ok(claimed) = Claimed::read(bytes) else { return false };
        if let Ok(mut carried) = claimed.open(&key) {
            while let Ok(Some(_)) = carried.next_push() {}
        }
        true
    });
}

/// An agent knows its key: what it seals is as hostile as anything.
#[test]
fn carried_out_files_with_a_right_seal() {
    const SEAL_BYTES: usize = 32;
    const TOKEN: &[u8] = b"suar_a_0123456789abcdef";
    let token_hash = digest::digest(&digest::SHA256, TOKEN);
    // As docs in `suar_wire::carried` say it.
    let secret = digest::digest(&digest::SHA256, &[b"suar carried file v1", token_hash.as_ref()].concat());
    let seal = hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref());
    let key = Key::of(token_hash.as_ref().try_into().expect("32 bytes"));
    let mut good = file("wire/tests/golden/carried-v1.bin");
    good.truncate(good.len() - SEAL_BYTES);
    fuzz("sealed files", &[good], PUSH_BYTES_MAX, |bytes| {
        let file = [bytes, hmac::sign(&seal, bytes).as_ref()].concat();
        let Ok(mut carried) = Claimed::read(&file).and_then(|claimed| claimed.open(&key)) else {
            return false;
        };
        loop {
            match carried.next_push() {
                Ok(Some(_)) => {}
                end => break end.is_ok(),
            }
        }
    });
}

#[test]
fn site_lists() {
    let region = builtin("19").expect("built in");
    fuzz("site lists", &[file("deploy/examples/sites.csv")], SMALL_BYTES_MAX, |bytes| {
        std::str::from_utf8(bytes).is_ok_and(|text| csv::read(text, region).is_ok())
    });
}
