//! Bodies that unpack to far more than they are.
//!
//! Nothing in a zstd frame says more with fewer bytes than a block of one repeated byte: four bytes for 128 KiB. So 30 kB
//! are 983 MB at most, the largest body that is taken (256 KiB) is 8.6 GB, and 10 GB need 305 kB.

/// What a block unpacks to; there are no larger ones.
const BLOCK_BYTES: u32 = 128 * 1024;
const BLOCK_HEADER_AND_BYTE: usize = 4;
const REPEATED: u32 = 1;
/// Magic, a head without anything, a window of 2 MiB.
const HEAD: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];

/// A frame of at most so many bytes that unpacks to as much as these can, and to how much.
pub fn bomb(bytes: usize) -> (Vec<u8>, u64) {
    let blocks = bytes.saturating_sub(HEAD.len()) / BLOCK_HEADER_AND_BYTE;
    let mut frame = HEAD.to_vec();
    for number in 1..=blocks {
        let last = u32::from(number == blocks);
        frame.extend(&(BLOCK_BYTES << 3 | REPEATED << 1 | last).to_le_bytes()[..3]);
        frame.push(0);
    }
    (frame, blocks as u64 * u64::from(BLOCK_BYTES))
}

/// One that unpacks to so much.
pub fn bomb_of(unpacked_bytes: u64) -> Vec<u8> {
    let blocks = unpacked_bytes.div_ceil(u64::from(BLOCK_BYTES)) as usize;
    bomb(HEAD.len() + blocks * BLOCK_HEADER_AND_BYTE).0
}
