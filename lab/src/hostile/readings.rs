//! What needs nothing around it but the bytes.

use ring::{digest, hmac};
use suar_collector::region::builtin;
use suar_collector::registry::csv;
use suar_collector::store::chunk;
use suar_wire::carried::{Claimed, Key};
use suar_wire::join_code::JoinCode;
use suar_wire::push::RECORDS_MAX;
use suar_wire::{AgentId, Push, Receipt, decode_record, encode_record, push};

/// Of the agent whose carried-out files are read.
const TOKEN: &str = "suar_a_0123456789abcdef";
const AGENT: AgentId = AgentId([7; 16]);

/// The body of a push, as it comes and unpacked.
pub fn push(bytes: &[u8]) -> bool {
    let plain = decoded(bytes);
    let packed = push::decompress(bytes).is_ok_and(|unpacked| decoded(&unpacked).is_some());
    plain.is_some() || packed
}

/// What was read is written so that it reads as the same.
fn decoded(bytes: &[u8]) -> Option<Push> {
    let push = Push::decode(bytes).ok()?;
    assert!(push.records.len() <= RECORDS_MAX, "{} records", push.records.len());
    assert_eq!(Push::decode(&push.encode()).as_ref(), Ok(&push), "it reads as another push");
    Some(push)
}

/// The debugging form of a push, as `http::push` takes it.
pub fn push_in_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Push>(bytes)
        .is_ok_and(|push| push.records.len() <= RECORDS_MAX && decoded(&push.encode()).is_some())
}

/// The payload of a frame in the spool.
pub fn record(bytes: &[u8]) -> bool {
    let Ok(record) = decode_record(bytes) else { return false };
    assert_eq!(decode_record(&encode_record(&record)).as_ref(), Ok(&record), "it reads as another record");
    true
}

/// What an agent reads of an answer.
pub fn receipted(bytes: &[u8]) -> Option<Receipt> {
    let receipt = Receipt::decode(bytes)?;
    assert_eq!(Receipt::decode(&receipt.encode()).as_ref(), Some(&receipt), "it reads as another receipt");
    Some(receipt)
}

/// A packed day, from the disk.
pub fn chunk(bytes: &[u8]) -> bool {
    chunk::unpack(AGENT, bytes).is_ok_and(|records| {
        let packed = chunk::pack(&records).expect("what was read can be packed");
        assert_eq!(chunk::unpack(AGENT, &packed).expect("and read again"), records);
        true
    })
}

/// A row of the inbox, from the disk.
pub fn fresh_row(bytes: &[u8]) -> bool {
    chunk::decode(AGENT, bytes).is_ok_and(|records| {
        assert_eq!(chunk::decode(AGENT, &chunk::encode(&records)).expect("it reads again"), records);
        true
    })
}

/// As somebody typed it.
pub fn join_code(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        let Ok(code) = text.parse::<JoinCode>() else { return false };
        assert_eq!(code.to_string().parse().as_ref(), Ok(&code), "it is printed as another code");
        true
    })
}

/// The bytes that the letters stand for, with right check letters: nearly every change is refused for wrong ones.
pub fn join_code_with_right_check(bytes: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let checked = [bytes, &crc32c::crc32c(bytes).to_be_bytes()].concat();
    let mut code = "SUAR1-".to_owned();
    let (mut bits, mut held) = (0u32, 0u32);
    // Zeros at the end make the last letter whole.
    for byte in checked.iter().chain(std::iter::once(&0)) {
        (bits, held) = (bits << 8 | u32::from(*byte), held + 8);
        while held >= 5 {
            held -= 5;
            code.push(char::from(ALPHABET[(bits >> held & 31) as usize]));
        }
        bits &= (1 << held) - 1;
    }
    let letters = "SUAR1-".len() + (checked.len() * 8).div_ceil(5);
    join_code(&code.as_bytes()[..letters])
}

pub fn carried_out(bytes: &[u8]) -> bool {
    Claimed::read(bytes).is_ok_and(|claimed| {
        // The right seal is hit by the file that it belongs to, and by no other.
        let _ =
            claimed.open(&Key::of_token(TOKEN)).map(|mut file| while let Ok(Some(_)) = file.next_push() {});
        true
    })
}

/// An agent knows its key: what it seals is as hostile as anything. The seal of the file is made right.
pub fn carried_out_and_sealed(bytes: &[u8]) -> bool {
    const SEAL_BYTES: usize = 32;
    let token_hash = digest::digest(&digest::SHA256, TOKEN.as_bytes());
    // As docs in `suar_wire::carried` say it.
    let secret = digest::digest(&digest::SHA256, &[b"suar carried file v1", token_hash.as_ref()].concat());
    let seal = hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref());
    let content = &bytes[..bytes.len().saturating_sub(SEAL_BYTES)];
    let file = [content, hmac::sign(&seal, content).as_ref()].concat();
    let Ok(mut carried) = Claimed::read(&file).and_then(|claimed| claimed.open(&Key::of_token(TOKEN))) else {
        return false;
    };
    loop {
        match carried.next_push() {
            Ok(Some(push)) => assert_eq!((push.agent, push.epoch), (carried.head.agent, carried.head.epoch)),
            end => break end.is_ok(),
        }
    }
}

pub fn site_list(bytes: &[u8]) -> bool {
    let region = builtin("19").expect("built in");
    std::str::from_utf8(bytes).is_ok_and(|text| match csv::read(text, region) {
        Ok(_) => true,
        Err(refused) => {
            assert!(!refused.problems.is_empty(), "refused without a reason");
            false
        }
    })
}
