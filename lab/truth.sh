#!/usr/bin/env bash
# The long form of what the tests show in seconds: an agent beside fping over 15 lines, 20 to 600 ms, with no
# loss, 1 and 5 %, by chance and exactly. Prints the table for docs/figures.md; fails where the two disagree.
#
#   lab/truth.sh [SECONDS]     how long each line is measured (100)
#
# Root, for network namespaces. The machine should be quiet.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lab/tools.sh
. lab/tools.sh
install_missing_packages
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --quiet --locked --release -p suar-collector -p suar-lab -p suar-agent
"$CARGO_TARGET_DIR/release/suar-lab" truth --seconds "${1:-100}"
