#!/usr/bin/env bash
# Builds the Debian packages of agent and collector for this machine's architecture.
#
#   deploy/debian/build.sh [DIRECTORY]      default: target/debian
#
# Needs cargo-deb (cargo install cargo-deb).
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-target/debian}
mkdir -p "$out"
cargo build --quiet --locked --profile small -p suar-agent
cargo build --quiet --locked --release -p suar-collector
cargo deb --quiet --locked --no-build --no-strip --profile small -p suar-agent --output "$out/"
cargo deb --quiet --locked --no-build --no-strip --profile release -p suar-collector --output "$out/"
(cd "$out" && sha256sum -- *.deb && ls -l -- *.deb)
