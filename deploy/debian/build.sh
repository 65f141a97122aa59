#!/usr/bin/env bash
# Builds the Debian packages: the agent's for amd64, arm64 and armhf of its static programs, the collector's for this
# machine's processor.
#
#   deploy/debian/build.sh [DIRECTORY]      default: target/debian
#
# The agents are built by deploy/linux/build.sh, unless target/static has them (deploy/release.sh builds them first).
# Needs cargo-deb (cargo install cargo-deb).
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-target/debian}
target_directory=${CARGO_TARGET_DIR:-$PWD/target}
mkdir -p "$out"
out=$(realpath "$out")
# shellcheck source=deploy/archive.sh
. deploy/archive.sh
[ "${SUAR_STATIC_IS_BUILT:-no}" = yes ] || deploy/linux/build.sh

# cargo-deb knows the package's architecture from Rust's name of the target, and looks for the program where cargo puts it.
for target in x86_64-unknown-linux-musl aarch64-unknown-linux-musl armv7-unknown-linux-musleabihf; do
    [ -x "$target_directory/$target/small/suar-agent" ] || { echo "no program for $target: deploy/linux/build.sh makes it" >&2; exit 1; }
    cargo deb --quiet --locked --no-build --no-strip --profile small --target "$target" -p suar-agent --output "$out/"
done
cargo build --quiet --locked --release -p suar-collector
cargo deb --quiet --locked --no-build --no-strip --profile release -p suar-collector --output "$out/"
(cd "$out" && sha256sum -- *.deb && ls -l -- *.deb)
