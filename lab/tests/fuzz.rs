//! Random damage to everything that comes from outside or from a disk: no panic, and no more memory than a bound.
//!
//! Starts from good bytes (`lab/corpus` and golden files) and changes them again and again; what one change left
//! decodable is changed further. `SUAR_FUZZ_SECONDS` is how long each kind of input is tried (1); a failure
//! prints the input. cargo-fuzz would know which paths were taken; it needs another compiler than this project.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use suar_agent::spool::{Options, Order, Spool};
use suar_collector::region::builtin;
use suar_collector::registry::csv;
use suar_collector::store::chunk;
use suar_lab::seed::{Random, printed_seed};
use suar_wire::carried::{Claimed, Key};
use suar_wire::join_code::JoinCode;
use suar_wire::{AgentId, Epoch, Push, Receipt, decode_record, push};

/// Counts what a thread holds, so that a test can tell the most of it.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // A thread that ends may have given its counters back already.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: everything is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes that one input may cost. A push unpacks to 2 MiB at most, and its records take a few times that.
const PUSH_BYTES_MAX: isize = 24 << 20;
/// A day of an agent in one-second slots.
const DAY_BYTES_MAX: isize = 256 << 20;
const SMALL_BYTES_MAX: isize = 4 << 20;
/// Inputs grow by changes, up to here.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// Inputs that are changed further.
const POOL_MAX: usize = 256;

/// Tries changed inputs on `read`, which says whether it could make sense of them.
fn fuzz(what: &str, good: &[Vec<u8>], bytes_max: isize, read: impl Fn(&[u8]) -> bool) {
    for input in good {
        assert!(read(input), "{what}: the good bytes to start from cannot be read");
    }
    let seed = printed_seed(what);
    let mut random = Random::from_seed(seed);
    let seconds = std::env::var("SUAR_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (started, at_most) = (Instant::now(), Duration::from_secs(seconds));
    let mut pool = good.to_vec();
    let (mut tried, mut read_well, mut most) = (0u64, 0u64, 0);
    while started.elapsed() < at_most {
        let mut input = pool[random.below(pool.len() as u64) as usize].clone();
        for _ in 0..=random.below(4) {
            change(&mut input, &pool, &mut random);
        }
        let held = HELD.get();
        MOST.set(held);
        let outcome = catch_unwind(AssertUnwindSafe(|| read(&input)));
        let cost = MOST.get() - held;
        most = most.max(cost);
        tried += 1;
        match outcome {
            Err(_) => panic!("{what}: a panic, seed {seed}, input {}", hexadecimal(&input)),
            Ok(_) if cost > bytes_max => {
                panic!("{what}: {cost} bytes, seed {seed}, input {}", hexadecimal(&input))
            }
            Ok(true) => {
                read_well += 1;
                if pool.len() < POOL_MAX {
                    pool.push(input);
                } else {
                    let place = random.below(POOL_MAX as u64) as usize;
                    if place >= good.len() {
                        pool[place] = input;
                    }
                }
            }
            Ok(false) => {}
        }
    }
    println!("{what}: {tried} inputs, {read_well} of them readable, at most {most} bytes for one");
}

fn change(input: &mut Vec<u8>, pool: &[Vec<u8>], random: &mut Random) {
    const TELLING: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'"', b',', b'\n'];
    let at = random.below(input.len() as u64) as usize;
    let length = 1 + random.below(16) as usize;
    match random.below(9) {
        _ if input.is_empty() => input.extend(&pool[0]),
        0 => input[at] ^= 1 << random.below(8),
        1 => input[at] = random.next_u64() as u8,
        2 => input[at] = TELLING[random.below(8) as usize],
        3 => input.truncate(at),
        4 => drop(input.drain(at..input.len().min(at + length))),
        5 => {
            let again = input[at..input.len().min(at + length)].to_vec();
            drop(input.splice(at..at, again));
        }
        6 => drop(input.splice(at..at, (0..length).map(|_| random.next_u64() as u8))),
        // Lengths and counts are where it hurts: a number of ten bytes, all ones.
        7 => drop(input.splice(at..input.len().min(at + 1), [0xff; 9].into_iter().chain([1]))),
        _ => {
            let other = &pool[random.below(pool.len() as u64) as usize];
            input.truncate(at);
            input.extend(&other[other.len().min(at)..]);
        }
    }
    input.truncate(INPUT_BYTES_MAX);
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

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
        // What comes behind a right seal are pushes, which are tried above.
        if let Ok(mut carried) = claimed.open(&key) {
            while let Ok(Some(_)) = carried.next_push() {}
        }
        true
    });
}

#[test]
fn site_lists() {
    let region = builtin("19").expect("built in");
    fuzz("site lists", &[file("deploy/examples/sites.csv")], SMALL_BYTES_MAX, |bytes| {
        std::str::from_utf8(bytes).is_ok_and(|text| csv::read(text, region).is_ok())
    });
}
