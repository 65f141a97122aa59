#!/usr/bin/env bash
# Does with the packages what an office does: installs them in a Debian that has just been made, joins, reboots,
# upgrades, purges; then the same with the tarball's install.sh. A real systemd in a container of its own; nothing of it
# touches this machine.
#
#   deploy/debian/check.sh DIRECTORY        where build.sh or deploy/release.sh put the packages, and perhaps the tarball
#
# Root. Needs debootstrap, systemd-container and lintian. Ends with `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/checking.sh
. deploy/checking.sh
packages=$(realpath "${1:-target/debian}")
work=$(mktemp -d)
root=$work/root
container=
leader=

clean_up() {
    halt
    rm -rf "$work"
}
trap clean_up EXIT

boot() {
    systemd-nspawn --quiet --directory="$root" --boot --private-network --register=no --keep-unit \
        >>"$work/console" 2>&1 </dev/null &
    container=$!
    for _ in $(seq 300); do
        leader=$(pgrep -P "$container" -o || true)
        if [ -n "$leader" ] && has_booted; then
            # nspawn lays a boot id of its own over the kernel's, which a unit with a view of its own does not see.
            inside umount /proc/sys/kernel/random/boot_id
            for address in 1.1.1.1 8.8.8.8 9.9.9.9; do inside ip address add "$address/32" dev lo; done
            return 0
        fi
        sleep 0.1
    done
    echo "the container did not boot:" >&2
    tail -20 "$work/console" >&2
    return 1
}

has_booted() {
    local state
    state=$(inside systemctl is-system-running 2>/dev/null) || true
    [ "$state" = running ] || [ "$state" = degraded ]
}

# As the power button does it: systemd stops every service in order.
halt() {
    [ -n "$container" ] || return 0
    inside systemctl poweroff >/dev/null 2>&1 || true
    wait "$container" 2>/dev/null || true
    container=
}

inside() { nsenter -t "$leader" -a -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"; }

says() { # WORDS COMMAND...
    local words=$1 said
    shift
    # Whole first: a pipe that closes early would make a failure of it.
    said=$("$@") || { echo "$said" && return 1; }
    grep -q -- "$words" <<<"$said" || { echo "$said" && return 1; }
}

# How the sessions that the collector knows ended, and what the agent logged of it.
goodbyes() {
    inside suar-collector dump-records --json | grep -o '"ending":"[a-z_]*"'
    inside journalctl --no-pager --output short-precise --unit suar-agent --unit dbus | grep -E 'stopping|Stop|state'
}

silent() {
    local said
    said=$("$@" 2>&1) || { echo "$said" && return 1; }
    [ -z "$said" ] || { echo "$said" && return 1; }
}

refuses() { # WORDS COMMAND...
    local words=$1 said
    shift
    if said=$("$@" 2>&1); then echo "it did not refuse: $said" && return 1; fi
    grep -q -- "$words" <<<"$said" || { echo "$said" && return 1; }
}

leftovers() {
    inside sh -c 'find / -xdev -name "*suar-agent*" -not -path "/packages/*" -not -path "/unpacked/*" -not -path "/proc/*" -not -path "/var/log/*" -not -path "/var/lib/suar-collector/*"; getent passwd suar-agent; true'
}

install_from_tarball() {
    local installer identity begun
    mkdir "$root/unpacked"
    tar --directory "$root/unpacked" -xzf "$tarball"
    installer=/unpacked/$(basename "$tarball" .tar.gz)/install.sh
    check "tarball: it installs without a code" says 'suar-agent join SUAR1' inside "$installer"
    check "tarball: and waits without complaint" says '=inactive' inside systemctl show -p ActiveState suar-agent
    check "tarball: systemd finds nothing to say about its unit" silent inside systemd-analyze verify suar-agent.service
    check "tarball: a mistyped code is told" refuses 'salah ketik' inside "$installer" SUAR1-AAAA-BBBB
    code=$(inside suar-collector join-code 19.02.02.2009 2>/dev/null | sed -n 's/.*\(SUAR1-[^ ]*\).*/\1/p')
    begun=$(date +%s%N)
    check "tarball: the one step at the office" inside "$installer" "$code"
    echo "    in $((($(date +%s%N) - begun) / 1000000)) ms, the check of the connection with it"
    check "tarball: the agent runs" soon says '^active' inside systemctl is-active suar-agent
    check "tarball: its records arrive" soon says '"pushes_ok": *[1-9]' inside suar-agent status --json
    main_pid=$(inside systemctl show -p MainPID --value suar-agent)
    check "tarball: as an account of its own" says '^suar-agent$' inside stat -c %U "/proc/$main_pid"
    check "tarball: nobody else reads its identity" says '^600 suar-agent$' inside stat -c '%a %U' /var/lib/suar-agent/identity.toml
    identity=$(inside cat /var/lib/suar-agent/identity.toml | sha256sum)
    check "tarball: again is an upgrade" says 'Suar has been upgraded' inside "$installer"
    check "tarball: that keeps who it is" test "$identity" = "$(inside cat /var/lib/suar-agent/identity.toml | sha256sum)"
    check "tarball: it runs again" soon says '^active' inside systemctl is-active suar-agent
    check "tarball: it is enabled at each boot" says '^enabled' inside systemctl is-enabled suar-agent
    check "tarball: it is removed" says 'Suar has been removed' inside "$installer" --remove
    check "tarball: nothing is left" silent leftovers
    check "tarball: beside the package it refuses" refuses 'dpkg -i' inside sh -c "dpkg -i /packages/suar-agent_*.deb >/dev/null && $installer"
}

debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2 bookworm "$root" >"$work/debootstrap" 2>&1 ||
    { tail -20 "$work/debootstrap" >&2 && exit 1; }
echo office >"$root/etc/hostname"
mkdir "$root/packages"
cp "$packages"/*_"$(dpkg --print-architecture)".deb "$root/packages/"

for package in "$packages"/suar-agent_*.deb; do
    check "lintian finds no error in ${package##*/}" silent lintian --allow-root --fail-on error --display-level ">=error" "$package"
done
check "lintian finds no error in the collector's package" silent lintian --allow-root --fail-on error --display-level ">=error" "$packages"/suar-collector_*.deb

boot

check "the agent installs with one command" inside sh -c 'dpkg -i /packages/suar-agent_*.deb'
check "it waits without complaint until it is joined" says '=inactive' inside systemctl show -p ActiveState suar-agent
check "the collector installs with one command" inside sh -c 'dpkg -i /packages/suar-collector_*.deb'
check "systemd finds nothing to say about the agent's unit" silent inside systemd-analyze verify suar-agent.service
check "systemd finds nothing to say about the collector's unit" silent inside systemd-analyze verify suar-collector.service
for unit in suar-agent suar-collector; do
    check "$unit is exposed by less than 2.5" inside systemd-analyze security --threshold=25 --no-pager "$unit.service"
    inside systemd-analyze security --no-pager "$unit.service" | tail -1
done

check "the collector is set up" inside suar-collector init --data /var/lib/suar-collector \
    --config /etc/suar/collector.toml --public-address 127.0.0.1:8443
sed -i 's/^slot_seconds = .*/slot_seconds = 2/' "$root/etc/suar/collector.toml"
inside systemctl restart suar-collector
check "it serves" soon says '^active' inside systemctl is-active suar-collector
soon inside suar-collector site list >/dev/null
inside suar-collector site add 19.02.02.2009 >/dev/null
code=$(inside suar-collector join-code 19.02.02.2009 | sed -n 's/.*\(SUAR1-[^ ]*\).*/\1/p' | sort -u)

check "the one step at the office" inside suar-agent join "$code"
cat "$work/said"
check "the agent runs" soon says '^active' inside systemctl is-active suar-agent
check "its records arrive" soon says '"pushes_ok": *[1-9]' inside suar-agent status --json
main_pid=$(inside systemctl show -p MainPID --value suar-agent)
check "as an account of its own" says '^suar-agent$' inside stat -c %U "/proc/$main_pid"
check "nobody else reads its identity" says '^600 suar-agent$' inside stat -c '%a %U' /var/lib/suar-agent/identity.toml

halt
boot
check "after a reboot it runs by itself" soon says '^active' inside systemctl is-active suar-agent
check "the session before ended by a shutdown of the system" soon says os_shutdown goodbyes

check "the same package again is an upgrade that keeps everything" inside sh -c 'dpkg -i /packages/suar-agent_*.deb'
check "it runs again" soon says '^active' inside systemctl is-active suar-agent
check "it is removed" inside dpkg --remove suar-agent
check "what it measured stays until it is purged" inside test -e /var/lib/suar-agent/identity.toml
check "it is purged" inside dpkg --purge suar-agent
check "nothing is left" silent leftovers

# The tarball, for Linux without packages: another way to the same office.
tarball=$(find "$packages" "${CARGO_TARGET_DIR:-target}/static" -name "suar-agent-*-linux-$(uname -m).tar.gz" 2>/dev/null | head -1 || true)
if [ -z "$tarball" ]; then
    echo "!!! NOT RUN: install.sh; there is no tarball for $(uname -m) (deploy/linux/build.sh)"
else
    install_from_tarball
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
