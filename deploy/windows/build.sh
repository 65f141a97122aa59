#!/usr/bin/env bash
# Builds the agent for Windows, its setup and its MSI, on a Debian machine.
#
#   deploy/windows/build.sh [DIRECTORY]     default: target/windows-setup
#
# The way of check.sh: the standard library is built from Debian's sources. Root only to install mingw, NSIS
# and wixl when they are missing. Not signed: sign with osslsigncode and your own certificate before handing it out.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-target/windows-setup}
mkdir -p "$out"
out=$(realpath "$out")
# shellcheck source=deploy/windows/toolchain.sh
. deploy/windows/toolchain.sh
install_when_missing makensis nsis
install_when_missing wixl wixl
# shellcheck source=deploy/archive.sh
. deploy/archive.sh
windows_cargo build --quiet --locked --profile small -p suar-agent --bins
cp "${CARGO_TARGET_DIR:-$PWD/target}/x86_64-pc-windows-gnu/small/suar-agent.exe" "$out/"
version=$(product_version)
makensis -V2 -DVERSION="$version" -DAGENT="$out/suar-agent.exe" -DPRIVACY="$PWD/docs/privacy.md" \
  -DOUT="$out/suar-agent-setup-$version.exe" deploy/windows/agent.nsi
# One version is one product, however often it is built: Windows would install a second one beside it.
product=$(python3 -c 'import sys, uuid; print(str(uuid.uuid5(uuid.NAMESPACE_URL, "suar-agent " + sys.argv[1])).upper())' "$version")
# wixl takes files of its own directory only.
staged=$(mktemp -d)
cp "$out/suar-agent.exe" docs/privacy.md deploy/windows/agent.wxs "$staged/"
(cd "$staged" && wixl --arch x64 -D Version="$version" -D ProductCode="$product" -D Agent=suar-agent.exe -D Privacy=privacy.md \
  --output "$out/suar-agent-$version.msi" agent.wxs)
rm -r "$staged"
(cd "$out" && sha256sum -- *.exe *.msi && ls -l -- *.exe *.msi)
