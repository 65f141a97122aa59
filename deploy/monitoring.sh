#!/usr/bin/env bash
# Debian's Prometheus and Alertmanager beside a collector on this machine, with the rules and history of Suar.
#
#   deploy/monitoring.sh --config COLLECTOR.toml [--dir DIR] [--alertmanager FILE] [--for SECONDS]
#
# A collector that serves already is used; otherwise one is started. Everything listens on the loopback and runs until
# Ctrl-C. DIR keeps Prometheus' data; without it a directory that is removed at the end. Without --alertmanager the
# example deploy/alertmanager.yml is taken with its receivers emptied: alerts are routed, shown and sent nowhere.
# SUAR_PROMETHEUS_PORT and SUAR_ALERTMANAGER_PORT are 9090 and 9093. Needs Debian's prometheus and
# prometheus-alertmanager, and suar-collector, on the path.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

config='' dir='' alerts='' seconds=''
while [ $# -gt 0 ]; do
  case $1 in
  --config) config=${2:?"--config takes the collector's configuration"} && shift 2 ;;
  --dir) dir=${2:?"--dir takes a directory"} && shift 2 ;;
  --alertmanager) alerts=${2:?"--alertmanager takes a file"} && shift 2 ;;
  --for) seconds=${2:?"--for takes a number of seconds"} && shift 2 ;;
  -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0" && exit 0 ;;
  *) echo "unknown argument: $1 (see --help)" >&2 && exit 64 ;;
  esac
done
case $seconds in *[!0-9]*) echo "--for takes a number of seconds, found: $seconds" >&2 && exit 64 ;; esac
[ -n "$config" ] || { echo "--config is missing: the collector's configuration (see --help)" >&2 && exit 64; }
[ -r "$config" ] || { echo "$config: cannot be read" >&2 && exit 66; }
for tool in prometheus prometheus-alertmanager curl; do
  command -v "$tool" >/dev/null || {
    echo "$tool is missing. On Debian: apt-get install -y prometheus prometheus-alertmanager curl" >&2
    exit 1
  }
done

key() { sed -n "s/^$1 = \"\(.*\)\"$/\1/p" "$config" | head -n 1; }
data=$(key data) https=$(key https)
# A collector that listens on all addresses is read by the loopback.
https=${https/#0.0.0.0:/127.0.0.1:}
certificate=$data/tls/certificate.pem
prometheus=127.0.0.1:${SUAR_PROMETHEUS_PORT:-9090} alertmanager=127.0.0.1:${SUAR_ALERTMANAGER_PORT:-9093}

temporary=
[ -n "$dir" ] || dir=$(mktemp -d) temporary=yes
mkdir -p "$dir"
pids=()
# shellcheck disable=SC2317 # called by the trap
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  [ -z "$temporary" ] || rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM

wait_for() { # WHAT SECONDS COMMAND...
  local what=$1 left=$(($2 * 5)) && shift 2
  until "$@" >/dev/null 2>&1; do
    left=$((left - 1))
    if [ "$left" -le 0 ]; then
      echo "waited in vain for $what; the logs say:" >&2
      tail -n 20 "$dir"/*.log >&2
      exit 1
    fi
    sleep 0.2
  done
}
collector_serves() { curl -sS --fail --cacert "$certificate" --connect-to "suar-collector:443:$https" https://suar-collector/readyz; }
asked() { curl -sS --fail "http://$prometheus/api/v1/query" --data-urlencode "query=$1" | grep -q '"value"'; }

if ! collector_serves >/dev/null 2>&1; then
  suar-collector serve --config "$config" 2>"$dir/collector.log" &
  pids+=($!)
  wait_for "the collector" 30 collector_serves
fi

sed -e "s|127.0.0.1:8443|$https|" -e "s|127.0.0.1:9093|$alertmanager|" -e "s|/etc/prometheus/suar-collector.pem|$certificate|" \
  -e "s|\.\./dashboards|$here/../dashboards|" "$here/prometheus.yml" >"$dir/prometheus.yml"
cp -r "$here/alertmanager" "$dir/"
if [ -n "$alerts" ]; then
  cp "$alerts" "$dir/alertmanager.yml"
else
  awk '/^receivers:/ { names = 1; print; next } !names || /^  - name:/' "$here/alertmanager.yml" >"$dir/alertmanager.yml"
fi

prometheus-alertmanager --config.file="$dir/alertmanager.yml" --storage.path="$dir/alertmanager-data" \
  --web.listen-address="$alertmanager" --cluster.listen-address= --log.level=warn 2>"$dir/alertmanager.log" &
pids+=($!)
# It serves docs/runbooks too: links in messages lead there.
prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/prometheus-data" --web.listen-address="$prometheus" \
  --web.external-url="http://$prometheus" --web.user-assets="$here/../docs" --log.level=warn 2>"$dir/prometheus.log" &
pids+=($!)
wait_for "Prometheus" 60 curl -sS --fail "http://$prometheus/-/ready"
wait_for "Alertmanager" 30 curl -sS --fail "http://$alertmanager/-/ready"
wait_for "Prometheus to read the collector" 150 asked 'up{job="suar"} == 1'
wait_for "Prometheus to find Alertmanager" 30 curl -sS --fail "http://$prometheus/api/v1/alertmanagers"
curl -sS --fail "http://$prometheus/user/runbooks/README.md" >/dev/null

echo "collector      https://$https"
echo "Prometheus     http://$prometheus   (rules: /rules, alerts: /alerts, runbooks: /user/runbooks/README.md)"
echo "Alertmanager   http://$alertmanager"
echo "Grafana        deploy/grafana/ for its provisioning, dashboards/id or dashboards/en"
if [ -n "$seconds" ]; then
  sleep "$seconds" &
  wait $! || true
else
  echo "Ctrl-C stops what was started here."
  wait
fi
