# shellcheck shell=bash
# What the tests need beyond cargo, fetched only when missing. To be sourced; sets PATH for this shell.
#
# Prometheus is unpacked into target/ and not installed: an installed package would start a server now
# and at every boot, and nobody asked for one.

lab_tools_directory="$PWD/target/lab-tools"
export PATH="$lab_tools_directory/usr/bin:$lab_tools_directory/python/bin:/usr/sbin:/sbin:$PATH"

# Package and the command by which it is known to be there.
lab_packages=(
    "iproute2 ip" "fping fping" "nftables nft" "ethtool ethtool" "iperf3 iperf3" "shellcheck shellcheck"
    "python3-venv python3" "gcc cc" "poppler-utils pdftoppm" "dbus-daemon dbus-daemon" "systemd busctl" "minisign minisign"
)

# `apt-get update` at most once, and only when something has to be fetched.
apt_lists_are_fresh=no
fresh_apt_lists() {
    [ "$apt_lists_are_fresh" = yes ] && return 0
    DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null || return 1
    apt_lists_are_fresh=yes
}

install_missing_packages() {
    local missing=() entry
    for entry in "${lab_packages[@]}"; do
        command -v "${entry#* }" >/dev/null || missing+=("${entry% *}")
    done
    # The venv module is a package of its own, which no command shows.
    python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
    [ "${#missing[@]}" -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "missing packages, and only root can install them: ${missing[*]}"
        return 1
    fi
    echo "installing ${missing[*]}"
    fresh_apt_lists || return 1
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" </dev/null
}

# Debian's Prometheus and Alertmanager with their tools, and a receiver of remote write, as files.
unpack_prometheus() {
    unpack_package prometheus prometheus promtool &&
        unpack_package prometheus-alertmanager prometheus-alertmanager amtool &&
        unpack_package victoria-metrics victoria-metrics || return 1
    # Debian's Alertmanager looks for its default texts in this place only.
    local texts=/usr/share/prometheus/alertmanager
    [ -e "$texts" ] || { mkdir -p "${texts%/*}" && ln -sfn "$lab_tools_directory$texts" "$texts"; }
}

unpack_package() { # PACKAGE COMMAND...
    local package=$1 command all_there=yes
    shift
    for command in "$@"; do
        command -v "$command" >/dev/null || all_there=no
    done
    [ "$all_there" = yes ] && return 0
    mkdir -p "$lab_tools_directory" || return 1
    local fetched
    fetched=$(mktemp -d) || return 1
    # apt's own user fetches, so it must be able to write there.
    chmod 755 "$fetched"
    [ "$(id -u)" -eq 0 ] && chown _apt "$fetched" 2>/dev/null
    (cd "$fetched" && apt-get -qq download "$package" </dev/null) ||
        { fresh_apt_lists && (cd "$fetched" && apt-get -qq download "$package" </dev/null); } || return 1
    dpkg-deb -x "$fetched/$package"_*.deb "$lab_tools_directory"
    local unpacked=$?
    rm -r "$fetched"
    return "$unpacked"
}

# Prometheus 3 from the next Debian, whose receiver speaks version 2 of remote write: the packages of this Debian do
# not. By an apt state of its own, so that nothing else comes from there; it needs only the C library, and runs here.
newer_debian=forky
unpack_prometheus_3() {
    local program="$lab_tools_directory/usr/bin/prometheus-3"
    [ -x "$program" ] && return 0
    local fetched unpacked
    fetched=$(mktemp -d) || return 1
    mkdir -p "$lab_tools_directory/usr/bin" "$fetched/lists/partial" "$fetched/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $newer_debian main" \
        >"$fetched/sources.list"
    local apt=(apt-get -qq -o "Dir::State=$fetched" -o Dir::State::status=/var/lib/dpkg/status
        -o "Dir::Cache=$fetched" -o "Dir::Etc::sourcelist=$fetched/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root)
    "${apt[@]}" update </dev/null && (cd "$fetched" && "${apt[@]}" download prometheus </dev/null) &&
        dpkg-deb -x "$fetched"/prometheus_*.deb "$fetched/root" && "$fetched/root/usr/bin/prometheus" --version >/dev/null &&
        mv "$fetched/root/usr/bin/prometheus" "$program"
    unpacked=$?
    rm -r "$fetched"
    [ "$unpacked" -eq 0 ] || echo "Prometheus 3 cannot be had from Debian $newer_debian, or does not run here"
    return "$unpacked"
}

# The agents that ours is compared with, as files; only for `lab/bench.sh peers`.
lab_peers_directory="$lab_tools_directory/peers"
unpack_peers() {
    [ -d "$lab_peers_directory" ] && return 0
    local packages=(prometheus-node-exporter prometheus-blackbox-exporter zabbix-agent2 collectd-core liboping0)
    local fetched package
    fetched=$(mktemp -d) || return 1
    chmod 755 "$fetched"
    [ "$(id -u)" -eq 0 ] && chown _apt "$fetched" 2>/dev/null
    fresh_apt_lists && (cd "$fetched" && apt-get -qq download "${packages[@]}" </dev/null) || return 1
    for package in "$fetched"/*.deb; do
        dpkg-deb -x "$package" "$fetched/root" || return 1
    done
    mkdir -p "$lab_tools_directory" && mv "$fetched/root" "$lab_peers_directory" && rm -r "$fetched"
}

# PyPI's prometheus-client, what opens reports, and WebSocket, in a virtual environment of ours.
install_python_packages() {
    local python="$lab_tools_directory/python/bin/python3"
    "$python" -c 'import prometheus_client, openpyxl, jsonschema, websockets' 2>/dev/null && return 0
    python3 -m venv "$lab_tools_directory/python" || return 1
    "$python" -m pip install --quiet --disable-pip-version-check \
        'prometheus-client==0.23.1' 'openpyxl==3.1.5' 'jsonschema==4.26.0' 'websockets==16.1.1' </dev/null
}

install_lab_tools() {
    install_missing_packages && unpack_prometheus && unpack_prometheus_3 && install_python_packages
}
