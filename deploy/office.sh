# shellcheck shell=bash
# An office without a world around it: a network namespace with a collector of ours and addresses that answer. Sourced
# after checking.sh, with `work` a directory of the script's own and `bin` where a debug build of the collector is. Root.

space=suar-office.$$
collector=
# shellcheck disable=SC2154
toml=$work/collector/collector.toml

# shellcheck disable=SC2154
open_office() {
    ip netns add "$space"
    here ip link set lo up
    # Datagram echo is how an agent without rights pings.
    here sysctl --quiet --write net.ipv4.ping_group_range="0 2147483647"
    local address
    for address in 1.1.1.1 8.8.8.8 9.9.9.9; do here ip address add "$address/32" dev lo; done
    "$bin/suar-collector" init --data "$work/collector" --public-address 127.0.0.1:18443 >/dev/null
    sed -i -e 's|^https = .*|https = "127.0.0.1:18443"|' -e 's|^slot_seconds = .*|slot_seconds = 5|' \
        -e 's|^push_seconds = .*|push_seconds = 5|' "$toml"
    # An `exec`, so that the pid is the collector's and not that of a shell around it.
    (exec ip netns exec "$space" "$bin/suar-collector" serve --config "$toml") >"$work/collector.log" 2>&1 &
    collector=$!
    soon here "$bin/suar-collector" site list --config "$toml" >/dev/null
    here "$bin/suar-collector" site add --config "$toml" 19.02.02.2009 >/dev/null
}

close_office() {
    [ -z "$collector" ] || kill "$collector" 2>/dev/null || true
    wait 2>/dev/null || true
    ip netns delete "$space" 2>/dev/null || true
}

here() { ip netns exec "$space" "$@"; }

new_code() { here "$bin/suar-collector" join-code --config "$toml" 19.02.02.2009 2>/dev/null | sed -n 's/.*\(SUAR1-[^ ]*\).*/\1/p' | sort -u; }
records() { here "$bin/suar-collector" dump-records --config "$toml" --json; }

says() { # WORDS COMMAND...
    local words=$1 said
    shift
    said=$("$@" 2>&1) || true
    grep -q -- "$words" <<<"$said" || { echo "$said" && return 1; }
}

lacks() { # WORDS COMMAND...
    local words=$1 said
    shift
    said=$("$@" 2>&1) || true
    ! grep -q -- "$words" <<<"$said" || { echo "$said" && return 1; }
}

gone() { [ ! -e "$1" ] || { ls -R "$1" && return 1; }; }
