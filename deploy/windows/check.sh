#!/usr/bin/env bash
# Checks that the agent compiles for Windows. Takes some minutes the first time, seconds after that.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/windows/toolchain.sh
. deploy/windows/toolchain.sh
windows_cargo check --locked -p suar-agent --bins "$@"
echo "the agent compiles for Windows"
