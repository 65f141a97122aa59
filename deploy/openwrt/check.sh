#!/usr/bin/env bash
# Looks at OpenWrt's archives, and does with the one for x86_64 what opkg and procd do with it: in a directory with
# busybox, as the only shell and tar, against a collector of ours.
#
#   deploy/openwrt/check.sh [DIRECTORY]     where deploy/openwrt/build.sh put the .ipk; default: target/static
#
# Neither opkg nor procd is here: what stands in for them is written below, from OpenWrt's sources. No router was seen.
# Root. Needs busybox-static and a debug build of the collector. Ends with `N passed, N failed`.
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
root=$work/router
agent=
export PATH=/usr/sbin:/sbin:$PATH
# What a router with 16 MB of flash has left is three to eight million bytes.
packed_bytes_max=2000000

clean_up() {
    [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
    close_office
    rm -rf "$work"
}
trap clean_up EXIT

# `ip netns exec` gives a mount namespace of its own, and /proc goes with it.
inside() {
    # shellcheck disable=SC2016
    here sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" /bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' "$root" "$@"
}

members() { # ARCHIVE
    tar -tzf "$1" | sort | tr '\n' ' '
}

fits() { # ARCHIVE
    local bytes
    bytes=$(stat -c %s "$1")
    [ "$bytes" -le "$packed_bytes_max" ] || { echo "$bytes bytes" && return 1; }
}

refuses() { # WORDS COMMAND...
    local words=$1 said
    shift
    if said=$("$@" 2>&1); then echo "it did not refuse: $said" && return 1; fi
    grep -q -- "$words" <<<"$said" || { echo "$said" && return 1; }
}

version=$(product_version)
for processor in x86_64 aarch64 arm; do
    package=$built/suar-agent_$version-1_openwrt-$processor.ipk
    parts=$work/$processor
    mkdir -p "$parts"/{control,data}
    busybox tar -xzf "$package" -C "$parts"
    busybox tar -xzf "$parts/control.tar.gz" -C "$parts/control"
    busybox tar -xzf "$parts/data.tar.gz" -C "$parts/data"
    check "$processor: the archive is what opkg unpacks" says '^./control.tar.gz ./data.tar.gz ./debian-binary $' members "$package"
    check "$processor: of the second format" says '^2.0$' cat "$parts/debian-binary"
    for field in Package Version Architecture Description; do
        check "$processor: it says its $field" says "^$field: [^ ]" cat "$parts/control/control"
    done
    check "$processor: the program is the static one" cmp "$parts/data/usr/bin/suar-agent" "$built/suar-agent-$version-linux-$processor"
    for script in control/preinst control/postinst control/prerm data/etc/init.d/suar-agent; do
        check "$processor: the router's shell can read ${script##*/}" busybox ash -n "$parts/$script"
        check "$processor: and may run it" test -x "$parts/$script"
    done
    check "$processor: packed it has at most $packed_bytes_max bytes" fits "$package"
    echo "    packed $(stat -c %s "$package") bytes, unpacked $(du --bytes --summarize "$parts/data" | cut -f1)"
done

# A router: busybox, accounts, and what OpenWrt's base brings.
mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,etc/rc.d,lib,proc,dev,var/run,tmp}
chmod 1777 "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
for applet in sh env sed grep mkdir chown uname cat touch ln rm id readlink basename; do ln -s busybox "$root/bin/$applet"; done
mknod -m 666 "$root/dev/null" c 1 3
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
cat >"$root/lib/functions.sh" <<'BASE'
default_postinst() {
    . /tmp/require
    echo "$account:x:32768:32768:$account:/var/run/$account:/bin/false" >>/etc/passwd
    echo "$account:x:32768:" >>/etc/group
    /etc/init.d/suar-agent enable
    /etc/init.d/suar-agent start
}
default_prerm() {
    /etc/init.d/suar-agent disable
    /etc/init.d/suar-agent stop
}
BASE
cat >"$root/etc/rc.common" <<'RC'
#!/bin/sh
# The part of OpenWrt's that the agent's script uses; what procd would be told is written down.
. /lib/functions.sh
logger() { echo "$*" >>/tmp/logged; }
procd_open_instance() { : >/tmp/procd; }
procd_set_param() { echo "$*" >>/tmp/procd; }
procd_close_instance() { echo closed >>/tmp/procd; }
. "$1"
case $2 in
enable) ln -sf ../init.d/suar-agent "/etc/rc.d/S${START}suar-agent" ;;
disable) rm -f "/etc/rc.d/S${START}suar-agent" ;;
start | restart) start_service ;;
stop) : >/tmp/procd ;;
esac
RC
chmod 755 "$root/etc/rc.common"
sed -n 's/^Require-User: \([^:]*\):.*/account=\1/p' "$work/x86_64/control/control" >"$root/tmp/require"

open_office
for processor in x86_64 aarch64 arm; do cp "$work/$processor/control/preinst" "$root/tmp/preinst-$processor"; done
other=aarch64
[ "$(uname -m)" = x86_64 ] || other=x86_64
check "a router of another processor is refused in words" refuses "for linux-$other" inside sh "/tmp/preinst-$other"
check "nor is ARM taken for it" refuses 'for linux-arm' inside sh /tmp/preinst-arm
check "a router of this processor is not" inside sh "/tmp/preinst-$(uname -m)"

busybox tar -xzf "$work/x86_64/data.tar.gz" -C "$root"
cp "$work/x86_64/control/postinst" "$work/x86_64/control/prerm" "$root/tmp/"
check "it installs" inside sh /tmp/postinst
check "and says that it is not joined yet" says 'not joined yet' cat "$root/tmp/logged"
check "procd was told nothing" gone "$root/tmp/procd"
check "the shipped configuration is understood" says 'belum pernah berjalan' inside suar-agent status

check "the one step at the router" inside suar-agent join --lang en "$(new_code)"
cp "$work/said" "$work/joined"
cat "$work/joined"
check "it says that the agent runs" says 'The agent is running' cat "$work/joined"
check "it starts at each boot" test -L "$root/etc/rc.d/S95suar-agent"
check "procd is to run it" says '^command /usr/bin/suar-agent run --config /etc/suar/agent.toml$' cat "$root/tmp/procd"
check "as an account without rights" says '^user suar-agent$' cat "$root/tmp/procd"
check "and always again" says '^respawn 3600 10 0$' cat "$root/tmp/procd"
check "joining has kept the small spool" says '^bytes_max = 2097152$' cat "$root/etc/suar/agent.toml"
check "its identity is its own" says '^600 32768$' stat -c '%a %u' "$root/etc/suar/state/identity.toml"

# As procd does it.
# shellcheck disable=SC2016
(exec ip netns exec "$space" sh -c 'mount -t proc proc "$0/proc" && exec chroot --userspec=32768:32768 "$0" \
    /usr/bin/suar-agent run --config /etc/suar/agent.toml' "$root") >"$work/log" 2>&1 &
agent=$!
check "its records arrive" soon says '"pushes_ok": *[1-9]' inside suar-agent status --json
check "the collector has a round from it" soon says '"kind":"round"' records
check "with answers to its pings" says 'rtt' records
kill "$agent"
wait "$agent" || true
agent=
check "the package is removed without complaint" inside sh /tmp/prerm
check "and starts no more" gone "$root/etc/rc.d/S95suar-agent"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
