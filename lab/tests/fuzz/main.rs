//! Everything that comes from outside or from a disk, damaged: no panic, and no more memory than a bound.
//!
//! What is read, and how much it may cost, is `suar_lab::hostile`. Each reading is tried on its corpus
//! (`lab/corpus` and golden files) and then on changes of it for a second; what one change left readable is changed
//! further. A failure prints the input. The same readings under libFuzzer, which sees the paths that they take, are
//! `lab/fuzz.sh`; what it finds comes into the corpus.

mod changes;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use changes::changed;
use suar_lab::hostile::bomb::bomb;
use suar_lab::hostile::held::{Counting, most_held};
use suar_lab::hostile::{ALL, PUSH_BYTES_MAX, Reading, is_good};
use suar_lab::seed::{Random, printed_seed};
use suar_wire::PushError;
use suar_wire::push::{self, BODY_BYTES_MAX};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// For each reading.
const CHANGES_TIME: Duration = Duration::from_secs(1);
/// Inputs that are changed further.
const POOL_MAX: usize = 256;

#[test]
fn nothing_hostile_panics_or_costs_more_than_its_bound() {
    let seed = printed_seed("hostile bytes");
    for reading in &ALL {
        let corpus = reading.corpus().expect("the corpus");
        assert!(corpus.iter().any(|(path, _)| is_good(path)), "{}: nothing to start from", reading.name);
        for (path, bytes) in &corpus {
            let (read, _) = tried(reading, bytes, &path.display().to_string());
            assert!(read || !is_good(path), "{}: {} cannot be read", reading.name, path.display());
        }
        let replayed = corpus.len();
        change_on(reading, corpus.into_iter().map(|(_, bytes)| bytes).collect(), replayed, seed);
    }
}

/// Whether the bytes could be read, and what that cost.
fn tried(reading: &Reading, bytes: &[u8], whence: &str) -> (bool, isize) {
    let Ok((read, cost)) = catch_unwind(AssertUnwindSafe(|| reading.on(bytes))) else {
        panic!("{}: a panic, {whence}, input {}", reading.name, hexadecimal(bytes))
    };
    let name = reading.name;
    assert!(cost <= reading.bytes_max, "{name}: {cost} bytes, {whence}, input {}", hexadecimal(bytes));
    (read, cost)
}

fn change_on(reading: &Reading, mut pool: Vec<Vec<u8>>, replayed: usize, seed: u64) {
    let mut random = Random::from_seed(seed);
    let started = std::time::Instant::now();
    let (mut tries, mut read_well, mut most) = (0u64, 0u64, 0);
    while started.elapsed() < CHANGES_TIME {
        let input = changed(&pool, &mut random);
        let (read, cost) = tried(reading, &input, &format!("seed {seed}"));
        most = most.max(cost);
        tries += 1;
        if read {
            read_well += 1;
            if pool.len() < POOL_MAX {
                pool.push(input);
            } else {
                let place = random.below(pool.len() as u64) as usize;
                if place >= replayed {
                    pool[place] = input;
                }
            }
        }
    }
    println!(
        "{}: {replayed} of the corpus, {tries} changed, {read_well} of them readable, at most {most} bytes for one",
        reading.name
    );
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_unpacks_to_gigabytes_costs_no_more_than_the_bound() {
    for bytes in [30_000, BODY_BYTES_MAX] {
        let (bomb, unpacked_bytes) = bomb(bytes);
        let (refused, cost) = most_held(|| push::decompress(&bomb));
        assert_eq!(refused, Err(PushError::TooLarge));
        assert!(cost < PUSH_BYTES_MAX, "{cost} bytes");
        println!("{bytes} bytes that unpack to {unpacked_bytes}: refused at the cost of {cost}");
    }
    let (bomb, said) = bomb(30_000);
    let mut unpacked = zstd::stream::read::Decoder::new(bomb.as_slice()).expect("a frame");
    let unpacked = std::io::copy(&mut unpacked, &mut std::io::sink()).expect("it unpacks");
    assert_eq!((unpacked, said), (983_040_000 - 131_072 * 2, unpacked), "it is a bomb");
}
