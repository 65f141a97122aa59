//! Changes good bytes again and again, and looks that nothing panics and nothing costs more memory than its bound.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use suar_lab::seed::{Random, printed_seed};

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

/// Inputs grow by changes, up to here.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// Inputs that are changed further.
const POOL_MAX: usize = 256;

/// The most that this thread holds while something is done, beyond what it held before.
pub fn most_held<T>(act: impl FnOnce() -> T) -> (T, isize) {
    let held = HELD.get();
    MOST.set(held);
    let done = act();
    (done, MOST.get() - held)
}

/// Tries changed inputs on `read`, which says whether it could make sense of them.
pub fn fuzz(what: &str, good: &[Vec<u8>], bytes_max: isize, read: impl Fn(&[u8]) -> bool) {
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
