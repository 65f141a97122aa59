#!/usr/bin/env bash
# Builds the agent as one static file for each kind of Linux, and a tarball of it with what installs it.
#
#   deploy/linux/build.sh [--out DIRECTORY] [TARGET...]
#
# TARGET: linux-x86_64, linux-aarch64, linux-arm (ARMv7 with floating point); default: all three, into target/static.
# The bare programs are what `suar-collector update add` takes; packages and OpenWrt's archives are made of them.
# Debian 12 with cargo, python3-venv and root only to install what is missing. Some minutes a target.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${CARGO_TARGET_DIR:-target}/static
targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --out) out=${2:?"--out takes a directory"} && shift 2 ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) targets+=("$1") && shift ;;
    esac
done
[ "${#targets[@]}" -gt 0 ] || targets=(linux-x86_64 linux-aarch64 linux-arm)
mkdir -p "$out"
out=$(realpath "$out")
# shellcheck source=deploy/linux/toolchain.sh
. deploy/linux/toolchain.sh
# shellcheck source=deploy/archive.sh
. deploy/archive.sh
version=$(product_version)

# A mistyped target is told before anything is built.
for target in "${targets[@]}"; do rust_target_of "$target" >/dev/null; done

for target in "${targets[@]}"; do
    program=$(static_agent "$target")
    install -m 755 "$program" "$out/suar-agent-$version-$target"
    packed=suar-agent-$version-$target
    directory=$(mktemp -d)
    mkdir "$directory/$packed"
    install -m 755 "$program" "$directory/$packed/suar-agent"
    install -m 755 deploy/linux/install.sh "$directory/$packed/"
    install -m 644 deploy/examples/agent.toml deploy/systemd/suar-agent.service docs/privacy.md LICENSE-MIT LICENSE-APACHE \
        "$directory/$packed/"
    install -m 644 deploy/linux/README.md "$directory/$packed/README.md"
    same_bytes_tar "$directory" "$packed" | gzip -9n >"$out/$packed.tar.gz"
    rm -r "$directory"
done
(cd "$out" && sha256sum -- suar-agent-"$version"-linux-* && ls -l -- suar-agent-"$version"-linux-*)
