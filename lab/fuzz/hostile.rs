//! All readings of `suar_lab::hostile` under libFuzzer, in one program so that it is linked once: `SUAR_READING` names
//! the one to try. `lab/fuzz.sh` runs them in turn.
#![no_main]

use std::sync::LazyLock;

use suar_lab::hostile::held::Counting;
use suar_lab::hostile::{Reading, named};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static READING: LazyLock<&Reading> = LazyLock::new(|| {
    let name = std::env::var("SUAR_READING").unwrap_or_default();
    named(&name).unwrap_or_else(|| panic!("SUAR_READING={name}: no reading of this name"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (_, cost) = READING.on(bytes);
    assert!(cost <= READING.bytes_max, "{cost} bytes for one input");
});
