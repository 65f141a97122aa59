#!/usr/bin/env bash
# The long form of the fault suite: both programs killed hundreds of times, power cut at thousands of moments, a disk
# full and broken. Prints what was done and what came of it; exits 0 only when no record was lost or is there twice.
#
#   lab/faults.sh [kills|power-spool|power-store|disks|returns|fuzz]...     without a name: all
#
# `fuzz` is lab/fuzz.sh: SUAR_FUZZ_SECONDS (40) for each kind of input, ten minutes in all.
#
# SUAR_LAB_SEED repeats a run. Root, for network namespaces and /dev/fuse. What came of the parts, run one by one, stands in
# docs/figures.md; all parts in a row have not been run to their end yet.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lab/tools.sh
. lab/tools.sh
install_lab_tools
target=${CARGO_TARGET_DIR:-$PWD/target}

parts=() wants_fuzz=no
[ $# -gt 0 ] || wants_fuzz=yes
for part in "$@"; do
    if [ "$part" = fuzz ]; then wants_fuzz=yes; else parts+=("$part"); fi
done
if [ $# -eq 0 ] || [ "${#parts[@]}" -gt 0 ]; then
    cargo build --quiet --locked --release -p suar-agent -p suar-collector -p suar-lab
    "$target/release/suar-lab" faults --long "${parts[@]}"
fi
[ "$wants_fuzz" = no ] || lab/fuzz.sh "${SUAR_FUZZ_SECONDS:-40}"
