#!/usr/bin/env bash
# The long form of the fault suite: both programs killed hundreds of times, power cut at thousands of moments, a disk
# full and broken. Prints what was done and what came of it; exits 0 only when no record was lost or is there twice.
#
#   lab/faults.sh [kills|power-spool|power-store|disks|returns]...     without a name: all
#
# SUAR_LAB_SEED repeats a run. Root, for network namespaces and /dev/fuse. Not run to its end yet.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lab/tools.sh
. lab/tools.sh
install_lab_tools
cargo build --quiet --locked --release -p suar-agent -p suar-collector -p suar-lab
exec "${CARGO_TARGET_DIR:-target}/release/suar-lab" faults --long "$@"
