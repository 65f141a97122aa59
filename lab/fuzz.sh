#!/usr/bin/env bash
# Fuzzing guided by coverage (cargo-fuzz, libFuzzer): everything that reads bytes from outside or from a disk, as
# lab/src/hostile.rs lists it. Stops at the first panic, memory above a bound, or reading that does not come back, and
# keeps the input.
#
#   lab/fuzz.sh [SECONDS] [READING]...     40 seconds for each reading, ten minutes in all; the build comes on top
#
# Starts from lab/corpus; what is new goes to target/fuzz/READING, where the next run starts from it too. An input that
# broke something belongs in lab/corpus/READING, so that every check tries it: lab/tests/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=40
if [[ "${1:-}" =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi
mapfile -t known < <(sed -n 's/^ *reading("\([a-z-]*\)".*/\1/p' lab/src/hostile.rs)
readings=("$@")
[ $# -gt 0 ] || readings=("${known[@]}")
command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz@0.13.2

# The versions that the programs are built with.
cp Cargo.lock lab/fuzz/Cargo.lock
# Counting paths is an unstable flag; the stable compiler takes it when told so. Memory is watched by the bound of each
# reading, so no sanitizer is needed: the only unsafe code is that of libraries.
export RUSTC_BOOTSTRAP=1
triple=$(rustc -vV | sed -n 's/^host: //p')
cargo fuzz build --fuzz-dir lab/fuzz --sanitizer none --target-dir target/fuzz-build hostile
program=target/fuzz-build/$triple/release/hostile

# One input may take this long before it counts as hung, and the process this much memory.
input_seconds_max=25
process_mib_max=1024
for reading in "${readings[@]}"; do
    found=target/fuzz/$reading
    seeds=target/fuzz/seeds/$reading
    rm -rf "$seeds"
    mkdir -p "$found" "$seeds" target/fuzz/broke
    [ ! -d "lab/corpus/$reading" ] || cp "lab/corpus/$reading/"* "$seeds/"
    while read -r name path; do
        [ "$name" != "$reading" ] || cp "$path" "$seeds/"
    done <lab/corpus/elsewhere
    log=target/fuzz/$reading.log
    if ! SUAR_READING=$reading "$program" "$found" "$seeds" -max_total_time="$seconds" -max_len=65536 \
        -timeout=$input_seconds_max -rss_limit_mb=$process_mib_max -artifact_prefix="target/fuzz/broke/$reading-" \
        -print_final_stats=1 -use_value_profile=1 >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "FAILED: $reading; the input is in target/fuzz/broke"
        exit 1
    fi
    stat() { sed -n "s/^stat::$1: *//p" "$log"; }
    echo "$reading: $(stat number_of_executed_units) inputs in $seconds s, $(grep -o 'cov: [0-9]*' "$log" | tail -n 1 |
        cut -d' ' -f2) paths, $(find "$found" -type f | wc -l) inputs kept, $(stat peak_rss_mb) MiB at most"
done
