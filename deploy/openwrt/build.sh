#!/usr/bin/env bash
# Packs the static agent for OpenWrt: an .ipk for opkg (OpenWrt up to 24.10).
#
#   deploy/openwrt/build.sh [DIRECTORY]     where deploy/linux/build.sh put the programs; default: target/static
#
# An .ipk is a gzipped tar of two gzipped tars. OpenWrt names processors finely (aarch64_cortex-a53, ...), and a static
# program needs none of these names: the package says `all`, and its preinst refuses the wrong processor in words.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/static}")
# shellcheck source=deploy/archive.sh
. deploy/archive.sh
version=$(product_version)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pack() { # TARGET
    local target=$1 part=$work/$1
    mkdir -p "$part"/data/{usr/bin,etc/init.d,etc/suar,etc/sysctl.d,lib/upgrade/keep.d} "$part/control"
    install -m 755 "$out/suar-agent-$version-$target" "$part/data/usr/bin/suar-agent"
    install -m 755 deploy/openwrt/suar-agent.init "$part/data/etc/init.d/suar-agent"
    # The state must outlive a boot, so it is on the flash and small; what `status` shows is in memory.
    sed -e 's|^state = .*|state = "/etc/suar/state"|' -e 's|^runtime = .*|runtime = "/var/run/suar-agent"|' \
        -e 's|^# 32 MiB holds more than 60 days of the standard profile\.|# 2 MiB here, because a router'"'"'s flash is small: some days of the standard profile.|' \
        -e 's|^bytes_max = .*|bytes_max = 2097152|' deploy/examples/agent.toml >"$part/data/etc/suar/agent.toml"
    # Who may ping without rights: everybody, as on other systems. The agent has no others.
    echo 'net.ipv4.ping_group_range=0 2147483647' >"$part/data/etc/sysctl.d/30-suar-agent.conf"
    # A new OpenWrt keeps who this router is; what waits for the collector it does not.
    printf '%s\n' /etc/suar/agent.toml /etc/suar/state/identity.toml >"$part/data/lib/upgrade/keep.d/suar-agent"
    chmod 644 "$part"/data/etc/suar/agent.toml "$part"/data/etc/sysctl.d/* "$part"/data/lib/upgrade/keep.d/*

    cat >"$part/control/control" <<CONTROL
Package: suar-agent
Version: $version-1
Architecture: all
Section: net
Priority: optional
License: MIT OR Apache-2.0
Require-User: suar-agent:suar-agent
Installed-Size: $(du --bytes --summarize "$part/data" | cut -f1)
Maintainer: The Suar authors <suar@example.org>
Description: Measures the internet connection of an office ($target)
 Remembers what it measured while the link is away, and sends it to a collector.
 After installing: suar-agent join CODE
CONTROL
    echo /etc/suar/agent.toml >"$part/control/conffiles"
    sed "s/^target=@TARGET@/target=$target/" deploy/openwrt/preinst >"$part/control/preinst"
    cp deploy/openwrt/postinst deploy/openwrt/prerm "$part/control/"
    chmod 755 "$part"/control/p*

    echo 2.0 >"$part/debian-binary"
    same_bytes_tar "$part/data" . | gzip -9n >"$part/data.tar.gz"
    same_bytes_tar "$part/control" . | gzip -9n >"$part/control.tar.gz"
    same_bytes_tar "$part" ./debian-binary ./data.tar.gz ./control.tar.gz | gzip -9n >"$out/suar-agent_$version-1_openwrt-${target#linux-}.ipk"
}

for target in linux-x86_64 linux-aarch64 linux-arm; do
    [ ! -e "$out/suar-agent-$version-$target" ] || pack "$target"
done
(cd "$out" && sha256sum -- *.ipk && ls -l -- *.ipk)
