#!/usr/bin/env bash
# The long form of lab/tests/data_use.rs: the agent's own account of its bytes beside nftables' counters, over
# an hour of quiet, cuts, loss, a collector that is away, stops and starts. Fails where they are more than 3 % apart.
#
#   lab/ledger.sh [SECONDS [SLOT]]     how long (3600), and seconds of a slot (5)
#
# Root, for network namespaces. Bytes do not mind a busy machine.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=lab/tools.sh
. lab/tools.sh
install_missing_packages
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --quiet --locked -p suar-collector -p suar-lab -p suar-agent
"$CARGO_TARGET_DIR/debug/suar-lab" ledger --seconds "${1:-3600}" --slot "${2:-5}"
