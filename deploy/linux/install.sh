#!/bin/sh
# Installs the agent that lies beside this script on a Linux with systemd; with a join code it starts measuring.
# Memasang agen yang ada di samping skrip ini pada Linux dengan systemd; dengan kode gabung, agen langsung mengukur.
#
#   ./install.sh [SUAR1-...]        pasang, lalu gabung / install, then join
#   ./install.sh --remove           hapus semuanya / remove everything
set -eu

# An administrator's umask of 077 would leave a program that its own account cannot run.
umask 022
here=$(cd "$(dirname "$0")" && pwd)
program=/usr/bin/suar-agent
unit=/etc/systemd/system/suar-agent.service

fail() {
    echo "$1" >&2
    echo "$2" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || fail "Jalankan sebagai administrator: sudo $0" "Run this as administrator: sudo $0"

if [ "${1:-}" = --remove ]; then
    systemctl disable --now suar-agent.service 2>/dev/null || true
    rm -rf "$unit" "$program" /var/lib/suar-agent /run/suar-agent /etc/suar/agent.toml
    rmdir /etc/suar 2>/dev/null || true
    systemctl daemon-reload
    if getent passwd suar-agent >/dev/null; then userdel suar-agent; fi
    echo "Suar sudah dihapus. / Suar has been removed."
    exit 0
fi

[ -d /run/systemd/system ] || fail "Linux ini tidak memakai systemd; lihat README.md." "This Linux has no systemd; see README.md."
# Of a Debian package dpkg keeps the files; two owners of one program would fight at the next upgrade.
if dpkg-query --show suar-agent >/dev/null 2>&1; then
    fail "Paket Debian suar-agent sudah terpasang; perbarui dengan dpkg -i." \
        "The Debian package suar-agent is installed; upgrade it with dpkg -i."
fi
"$here/suar-agent" --version >/dev/null 2>&1 ||
    fail "Berkas ini bukan untuk prosesor komputer ini ($(uname -m))." "This file is not for this computer's processor ($(uname -m))."

# Beside it first: a running program cannot be written to, and a pulled plug must not leave half of one.
if ! { install -m 755 "$here/suar-agent" "$program.new" && mv -f "$program.new" "$program" &&
    install -m 644 "$here/suar-agent.service" "$unit"; }; then
    rm -f "$program.new" 2>/dev/null || true
    fail "Program tidak dapat disimpan di $program atau $unit: kosongkan disk (df -h), atau buat sistem ini dapat ditulisi, lalu jalankan lagi." \
        "The program cannot be kept as $program or $unit: make room (df -h), or make this system writable, then run this again."
fi
if ! getent passwd suar-agent >/dev/null; then
    useradd --system --user-group --home-dir /var/lib/suar-agent --shell /usr/sbin/nologin suar-agent
fi
systemctl daemon-reload
systemctl enable --quiet suar-agent.service

if [ $# -gt 0 ]; then
    exec "$program" join "$@"
fi
if [ -e /etc/suar/agent.toml ]; then
    systemctl restart suar-agent.service
    echo "Suar sudah diperbarui. / Suar has been upgraded."
else
    echo "Terpasang. Lanjutkan dengan: suar-agent join SUAR1-..."
    echo "Installed. Go on with: suar-agent join SUAR1-..."
fi
