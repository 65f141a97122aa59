#!/usr/bin/env bash
# Builds the agent for Windows and its setup, on a Debian machine.
#
#   deploy/windows/build.sh [DIRECTORY]     default: target/windows-setup
#
# The way of check.sh: the standard library is built from Debian's sources. Root only to install mingw and NSIS
# when they are missing. Not signed: sign with osslsigncode and your own certificate before handing it out.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-target/windows-setup}
mkdir -p "$out"
out=$(realpath "$out")
# shellcheck source=deploy/windows/toolchain.sh
. deploy/windows/toolchain.sh
install_when_missing makensis nsis
windows_cargo build --quiet --locked --profile small -p suar-agent --bins
cp "${CARGO_TARGET_DIR:-$PWD/target}/x86_64-pc-windows-gnu/small/suar-agent.exe" "$out/"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
makensis -V2 -DVERSION="$version" -DAGENT="$out/suar-agent.exe" -DPRIVACY="$PWD/docs/privacy.md" \
  -DOUT="$out/suar-agent-setup-$version.exe" deploy/windows/agent.nsi
(cd "$out" && sha256sum -- *.exe && ls -l -- *.exe)
