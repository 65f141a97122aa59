#!/usr/bin/env bash
# Builds Suar, starts a collector and an agent on this machine, and shows the first real result.
#
#   deploy/quickstart.sh [--for SECONDS]     without --for it runs until Ctrl-C
#
# Everything lives in one directory that is removed at the end (SUAR_QUICKSTART_DIR keeps it), on loopback
# ports only. Slots are 10 s here instead of 60 s, so that "within two slots" is soon.
# SUAR_QUICKSTART_TARGETS="a,b,c" measures other external addresses than the default ones.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=
while [ $# -gt 0 ]; do
  case $1 in
  --for) seconds=${2:?"--for takes a number of seconds"} && shift 2 ;;
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
  *) echo "unknown argument: $1 (see --help)" >&2 && exit 64 ;;
  esac
done
case $seconds in *[!0-9]*) echo "--for takes a number of seconds, found: $seconds" >&2 && exit 64 ;; esac

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
for tool in cargo cc curl; do
  command -v "$tool" >/dev/null || {
    echo "$tool is missing. On Debian: apt-get install -y build-essential curl, and Rust 1.95 or newer by rustup." >&2
    exit 1
  }
done

say "1. Building (a few minutes the first time)"
cargo build --locked -p suar-agent -p suar-collector
bin=${CARGO_TARGET_DIR:-target}/debug
PATH=$(cd "$bin" && pwd):$PATH

dir=${SUAR_QUICKSTART_DIR:-$(mktemp -d)}
mkdir -p "$dir"
collector_pid='' agent_pid=''
# shellcheck disable=SC2317 # called by the trap
stop() {
  [ -z "$agent_pid" ] || kill "$agent_pid" 2>/dev/null || true
  [ -z "$agent_pid" ] || wait "$agent_pid" 2>/dev/null || true
  [ -z "$collector_pid" ] || kill "$collector_pid" 2>/dev/null || true
  [ -z "$collector_pid" ] || wait "$collector_pid" 2>/dev/null || true
  [ -n "${SUAR_QUICKSTART_DIR:-}" ] || rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Two free loopback ports: the kernel names them, we take the risk of the moment in between.
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])' 2>/dev/null || echo "$1"; }
https_port=$(free_port 18443) plain_port=$(free_port 18080)

say "2. A collector with its own certificate, store and the built-in region"
suar-collector init --data "$dir/collector" --public-address "127.0.0.1:$https_port"
config=$dir/collector/collector.toml
targets=$(printf '%s' "${SUAR_QUICKSTART_TARGETS:-1.1.1.1,8.8.8.8,9.9.9.9}" | sed 's/[^,]*/"&"/g; s/,/, /g')
sed -i -e "s|^https = .*|https = \"127.0.0.1:$https_port\"|" -e "s|^online = .*|online = \"127.0.0.1:$plain_port\"|" \
  -e "s|^online_url = .*|online_url = \"http://127.0.0.1:$plain_port/v1/online\"|" \
  -e "s|^targets = .*|targets = [$targets]|" \
  -e 's|^slot_seconds = .*|slot_seconds = 10|' -e 's|^push_seconds = .*|push_seconds = 10|' \
  -e 's|^dns_every = .*|dns_every = 1|' -e 's|^online_every = .*|online_every = 1|' "$config"
suar-collector check-config "$config"
suar-collector serve --config "$config" 2>"$dir/collector.log" &
collector_pid=$!

get() { curl -sS --fail --cacert "$dir/collector/tls/certificate.pem" --connect-to "suar-collector:443:127.0.0.1:$https_port" "https://suar-collector$1"; }
wait_for() { # what, seconds, command...
  local what=$1 left=$(($2 * 5)) && shift 2
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    if [ "$left" -le 0 ] || ! kill -0 "$collector_pid" 2>/dev/null; then
      echo "waited in vain for $what; the logs say:" >&2
      tail -n 20 "$dir"/*.log >&2
      exit 1
    fi
    sleep 0.2
  done
}
wait_for "the collector to be ready" 20 get /readyz

say "3. One village office: Pulau Seliu, regency of Belitung (19.02.02.2009), and this machine as its agent"
suar-collector site add 19.02.02.2009 --config "$config" --hours always
code=$(suar-collector join-code 19.02.02.2009 --config "$config" | grep -m1 SUAR1)
echo "the code that IT staff would paste at the office:"
echo "  $code"
suar-agent join "$code" --config "$dir/agent.toml" --state "$dir/agent" --lang en
suar-agent run --config "$dir/agent.toml" 2>"$dir/agent.log" &
agent_pid=$!

say "4. What one round says, in plain words (suar-agent status)"
measured() { get /metrics | grep -q '^suar_site_last_measured_timestamp_seconds{'; }
wait_for "the first record to arrive (two slots)" 40 measured
suar-agent status --config "$dir/agent.toml" --lang en || true

say "5. What Prometheus sees: https://127.0.0.1:$https_port/metrics"
get /metrics | grep -E '^suar_(site_(up|state|rtt_seconds|down_cause|slots_total|gateway_rtt_seconds|dns_seconds)|island_standing|agent_(info|memory|spool))' | grep -v ' 0$' | head -n 25

say "6. What a program asks: https://127.0.0.1:$https_port/api/islands"
get /api/islands | python3 -c '
import json, sys
island = json.load(sys.stdin)["islands"][0]
print(json.dumps(island, indent=2, ensure_ascii=False))' 2>/dev/null || get /api/islands | head -c 800

say "7. What a planner prints: suar-collector report (Indonesian; --lang en for English)"
# Times of a period are read in the zone of western Indonesia, seven hours ahead.
now=$(TZ=WIB-7 date +%Y-%m-%dT%H:%M) soon=$(TZ=WIB-7 date -d '+1 minute' +%Y-%m-%dT%H:%M)
suar-collector report --config "$config" --period "$now..$soon" --scope 19.02.40141 --format md --lang id | sed '/^## Cara/,$d' | head -n 70

say "It runs. Logs, data and configuration are in $dir"
if [ -n "$seconds" ]; then
  echo "stopping after $seconds s"
  sleep "$seconds" &
  wait $! || true
else
  echo "Ctrl-C stops it and cleans up."
  wait "$agent_pid"
fi
