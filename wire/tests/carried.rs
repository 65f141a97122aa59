//! The carried-out file seen from outside: reads back, reads for ever, and no changed byte gets through.

use std::path::Path;

use suar_wire::carried::{Carried, CarriedError, Claimed, Head, Key, Packing};
use suar_wire::push::Clock;
use suar_wire::record::ClockStep;
use suar_wire::{AgentId, Body, BootId, Epoch, Push, Record, Stamp};

const TOKEN: &str = "suar_a_an-example-token-of-an-agent";
const HEAD: Head = Head {
    agent: AgentId([3; 16]),
    epoch: Epoch([4; 8]),
    made: Stamp { boot: BootId([1; 16]), boot_ms: 90_000, wall_ms: 1_790_000_090_000 },
};

fn push_of(sequences: std::ops::RangeInclusive<u64>) -> Push {
    let record = |sequence| Record {
        sequence,
        stamp: Stamp { boot: BootId([1; 16]), boot_ms: sequence * 1_000, wall_ms: 1_790_000_000_000 },
        body: Body::ClockStep(ClockStep { by_ms: sequence as i64 }),
    };
    Push {
        agent: HEAD.agent,
        epoch: HEAD.epoch,
        plan_version: 7,
        clock: Clock {
            boot: BootId([1; 16]),
            boot_ms: 90_000,
            wall_ms: 1_790_000_090_000,
            last_exchange_ms: None,
        },
        records: sequences.map(record).collect(),
    }
}

fn pushes() -> Vec<Push> {
    vec![push_of(1..=3), push_of(7..=7)]
}

fn file_of(pushes: &[Push]) -> Vec<u8> {
    let mut packing = Packing::new(HEAD).expect("it begins");
    pushes.iter().for_each(|push| packing.add(push).expect("it fits"));
    packing.seal(&Key::of_token(TOKEN)).expect("a file")
}

fn read_all(file: &[u8], key: &Key) -> Result<(Head, Vec<Push>), CarriedError> {
    let mut carried: Carried<'_> = Claimed::read(file)?.open(key)?;
    let mut pushes = Vec::new();
    while let Some(push) = carried.next_push()? {
        pushes.push(push);
    }
    Ok((carried.head, pushes))
}

#[test]
fn a_file_comes_back_as_the_pushes_it_was_made_of() {
    let key = Key::of_token(TOKEN);
    assert_eq!(read_all(&file_of(&pushes()), &key), Ok((HEAD, pushes())));
    assert_eq!(read_all(&file_of(&[]), &key), Ok((HEAD, vec![])));
}

/// The key written out with another library's names for the same things would be: HMAC key =
/// SHA-256("suar carried file v1" || SHA-256(token)).
#[test]
fn the_collector_makes_the_same_key_from_the_hash_it_keeps() {
    let hash = ring::digest::digest(&ring::digest::SHA256, TOKEN.as_bytes());
    let kept: [u8; 32] = hash.as_ref().try_into().expect("32 bytes");
    assert!(read_all(&file_of(&pushes()), &Key::of(&kept)).is_ok());
    assert_eq!(read_all(&file_of(&pushes()), &Key::of_token("another")), Err(CarriedError::Seal));
    assert_eq!(read_all(&file_of(&pushes()), &Key::of(&[0; 32])), Err(CarriedError::Seal));
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused_before_anything_is_read() {
    let (key, good) = (Key::of_token(TOKEN), file_of(&pushes()));
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut file = good.clone();
            file[at] ^= 1 << bit;
            let expected = match at {
                0..8 => matches!(Claimed::read(&file), Err(CarriedError::NotCarried)),
                8..12 => matches!(Claimed::read(&file), Err(CarriedError::Version { .. })),
                12..28 => Claimed::read(&file).is_ok_and(|claimed| claimed.agent() != HEAD.agent),
                _ => matches!(read_all(&file, &key), Err(CarriedError::Seal)),
            };
            assert!(expected, "byte {at}, bit {bit}");
            assert!(read_all(&file, &key).is_err());
        }
        assert!(read_all(&good[..at], &key).is_err(), "cut at {at}");
    }
    let longer = [&good[..], &[0]].concat();
    assert_eq!(read_all(&longer, &key), Err(CarriedError::Seal));
    assert_eq!(
        Claimed::read(&good[..40]).expect_err("it is cut").to_string(),
        "the file is cut short: only 40 bytes arrived; copy it again"
    );
}

/// What an agent with a fault, or somebody with its token, could seal.
#[test]
fn a_sealed_file_with_wrong_content_is_refused_within_bounds() {
    let (key, content) = (ring::hmac::HMAC_SHA256, file_of(&pushes()));
    let hash = ring::digest::digest(&ring::digest::SHA256, TOKEN.as_bytes());
    let secret = [&b"suar carried file v1"[..], hash.as_ref()].concat();
    let secret = ring::digest::digest(&ring::digest::SHA256, &secret);
    let sealed = |head: &[u8], content: &[u8]| {
        let mut file = [head, content].concat();
        let seal = ring::hmac::sign(&ring::hmac::Key::new(key, secret.as_ref()), &file);
        file.extend(seal.as_ref());
        file
    };
    let head = &content[..80];
    let rest = &content[80..content.len() - 32];
    assert!(read_all(&sealed(head, rest), &Key::of_token(TOKEN)).is_ok(), "the key is what the module says");
    let zstd = |bytes: &[u8]| suar_wire::push::compress(bytes.to_vec()).0;
    let bomb = zstd(&[&u32::MAX.to_le_bytes()[..], &vec![0; 1 << 22]].concat());
    for wrong in [&b"no zstd"[..], &[], &rest[..rest.len() / 2], &bomb] {
        let said = read_all(&sealed(head, wrong), &Key::of_token(TOKEN)).expect_err("wrong content");
        assert!(matches!(said, CarriedError::Content(_) | CarriedError::Push(_)), "{said:?}");
    }
    let mut fewer = head.to_vec();
    fewer[68] -= 1;
    assert!(read_all(&sealed(&fewer, rest), &Key::of_token(TOKEN)).is_err(), "one push less than there are");
    let mut records = head.to_vec();
    records[72] += 1;
    assert!(read_all(&sealed(&records, rest), &Key::of_token(TOKEN)).is_err(), "one record more");
}

#[test]
fn a_push_of_another_agent_or_epoch_is_not_packed() {
    let mut packing = Packing::new(HEAD).expect("it begins");
    let other = Push { epoch: Epoch([9; 8]), ..push_of(1..=1) };
    assert!(packing.add(&other).is_err());
    let other = Push { agent: AgentId([9; 16]), ..push_of(1..=1) };
    assert!(packing.add(&other).is_err());
}

/// Renewed with `SUAR_RENEW=1`, which must only ever add files, never change one.
#[test]
fn version_1_of_the_file_reads_for_ever() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/carried-v1.bin");
    if std::env::var_os("SUAR_RENEW").is_some() && !golden.exists() {
        std::fs::write(&golden, file_of(&pushes())).expect("golden bytes");
    }
    let kept = std::fs::read(golden).expect("carried-v1.bin is in the repository");
    assert_eq!(read_all(&kept, &Key::of_token(TOKEN)), Ok((HEAD, pushes())));
}
