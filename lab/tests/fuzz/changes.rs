//! Bytes that were good once.

use suar_lab::seed::Random;

/// Inputs grow by changes, up to here.
const INPUT_BYTES_MAX: usize = 64 * 1024;

/// One of the pool, changed up to four times.
pub fn changed(pool: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = pool[random.below(pool.len() as u64) as usize].clone();
    for _ in 0..=random.below(4) {
        change(&mut input, pool, random);
    }
    input
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
