#!/usr/bin/env bash
# Runs the static agents: each joins a collector of ours, measures, and its record arrives. Those for other processors
# run under qemu, which is a processor and not a machine: no Raspberry Pi and no router was seen.
#
#   deploy/linux/check.sh [DIRECTORY]       where build.sh put the tarballs; default: target/static
#
# Root. Needs qemu-user-static and a debug build of the collector. Ends with `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/checking.sh
. deploy/checking.sh
# shellcheck source=deploy/archive.sh
. deploy/archive.sh
built=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/static}")
bin=$(realpath "${CARGO_TARGET_DIR:-target}/debug")
work=$(mktemp -d)
# shellcheck source=deploy/office.sh
. deploy/office.sh
agent=
export PATH=/usr/sbin:/sbin:$PATH

clean_up() {
    [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
    close_office
    rm -rf "$work"
}
trap clean_up EXIT

is_static() { # PROGRAM
    says 'statically linked\|static-pie linked' file "$1" && ! readelf --dynamic "$1" 2>/dev/null | grep NEEDED
}

# Of this machine's own processor it runs as it is.
emulator_of() { # TARGET
    case $1 in
    "linux-$(uname -m)") ;;
    linux-x86_64) echo qemu-x86_64-static ;;
    linux-aarch64) echo qemu-aarch64-static ;;
    linux-arm) echo qemu-arm-static ;;
    esac
}

open_office
version=$(product_version)
for target in linux-x86_64 linux-aarch64 linux-arm; do
    office=$work/$target
    packed=suar-agent-$version-$target
    mkdir "$office"
    tar --directory "$office" -xzf "$built/$packed.tar.gz"
    program=$office/$packed/suar-agent
    emulator=$(emulator_of "$target")
    as=(here ${emulator:+"$emulator"} "$program")
    config=$office/agent.toml
    kind=${target/-/ }

    check "$target: the program needs no library" is_static "$program"
    check "$target: it is the one that updates are made of" cmp "$program" "$built/$packed"
    check "$target: it says its version" says "suar-agent $version" "${as[@]}" --version
    check "$target: a mistyped code is told in words" says 'salah ketik' "${as[@]}" join --lang id --config "$config" SUAR1-AAAA-BBBB
    check "$target: it joins" "${as[@]}" join --config "$config" --state "$office/state" "$(new_code)"
    check "$target: it passes the test that an update must pass" "${as[@]}" check-self --config "$config"
    # An `exec`, so that the pid is the agent's.
    (exec ip netns exec "$space" ${emulator:+"$emulator"} "$program" run --config "$config") >"$office/log" 2>&1 &
    agent=$!
    check "$target: status says that its records arrive" soon says '"pushes_ok": *[1-9]' "${as[@]}" status --json --config "$config"
    check "$target: the collector knows what it runs on" soon says "\"system\":\"$kind\"" records
    check "$target: check explains the connection" says 'The internet connection' "${as[@]}" check --lang en --config "$config"
    kill "$agent"
    wait "$agent" || true
    agent=
    check "$target: it said goodbye" says 'stopping\|stopped' cat "$office/log"
done
check "rounds arrived from all of them" says '^[3-9]' \
    sh -c "ip netns exec $space '$bin/suar-collector' dump-records --config '$toml' --json | grep '\"kind\":\"round\"' | grep -o '\"agent\":\"[^\"]*\"' | sort -u | wc -l"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
