#!/usr/bin/env bash
# Benchmarks of the programs as offices and the centre run them. Prints a table, writes JSON.
#
#   lab/bench.sh [size|agent|peers|ingest|ingest-beside|returns-beside|scrape|report|country|bandwidth]...
#                                    without a name: size, agent, ingest, scrape and report
#
# `peers` looks at our agent and at Debian's node_exporter with blackbox_exporter, zabbix_agent2 and collectd in the
# same minutes; it fetches their packages and installs none.
#
# `ingest-beside` sends a country's 280 pushes a second to the collector and the same values by remote write to Debian's
# VictoriaMetrics and Prometheus, SUAR_BENCH_SECONDS (75) each; what is the same and what not: lab/src/bench/beside.rs.
#
# `returns-beside` lets SUAR_BENCH_AGENTS (1000) return within a minute with SUAR_BENCH_DAYS (3) of backlog each: to the
# collector, and as far as they can to the other two; see lab/src/faults/returns.rs.
#
# `bandwidth` tests every line of a grid whose rates are known, iperf3 beside it, then lines that mislead, and writes
# what it found into docs/bandwidth.md. It takes an hour and more; SUAR_BENCH_RUNS tests of each line and direction (3).
#
# SUAR_BENCH_SECONDS is how long the agent is looked at (300). Figures go to target/bench/NAME.json.
# The machine should be quiet. Root, for network namespaces.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
out=$CARGO_TARGET_DIR/bench
mkdir -p "$out"
work=$(mktemp -d)
collector_pid=
stop() {
    [ -z "$collector_pid" ] || kill "$collector_pid" 2>/dev/null || true
    [ -z "$collector_pid" ] || wait "$collector_pid" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

row() { printf '%-44s %18s\n' "$1" "$2"; }
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }

# Programs as they are shipped: `small` for offices, `release` for the centre.
build() {
    cargo build --quiet --locked --release -p suar-collector -p suar-lab -p suar-agent
}

size() {
    cargo build --quiet --locked --profile small -p suar-agent
    local agent collector
    agent=$(stat -c %s "$CARGO_TARGET_DIR/small/suar-agent")
    collector=$(stat -c %s "$CARGO_TARGET_DIR/release/suar-collector")
    printf '{"agent_bytes": %s, "collector_bytes": %s}\n' "$agent" "$collector" >"$out/size.json"
    row "agent, stripped, bytes" "$agent"
    row "collector, stripped, bytes" "$collector"
}

agent() {
    # The lab starts what lies beside it: the agent that offices get.
    cargo build --quiet --locked --profile small -p suar-agent
    mkdir -p "$work/bin"
    cp "$CARGO_TARGET_DIR/small/suar-agent" "$CARGO_TARGET_DIR/release/suar-collector" \
        "$CARGO_TARGET_DIR/release/suar-lab" "$work/bin/"
    "$work/bin/suar-lab" footprint --seconds "${SUAR_BENCH_SECONDS:-300}" 2>"$work/footprint.log" >"$out/agent.json" ||
        { cat "$work/footprint.log" >&2 && return 1; }
    for name in seconds resident_kib resident_peak_kib core_percent wake_ups up_bytes down_bytes bytes_an_hour megabytes_a_month; do
        row "agent, $name" "$(field "$out/agent.json" $name)"
    done
}

peers() {
    # shellcheck source=lab/tools.sh
    . lab/tools.sh
    unpack_peers
    # Before anything is looked at: a build beside it would be measured too.
    cargo build --quiet --locked --profile small -p suar-agent
    "$CARGO_TARGET_DIR/release/suar-lab" peers --seconds "${SUAR_BENCH_SECONDS:-300}" --root "$lab_peers_directory" \
        2>"$work/peers.log" >"$out/peers.json" &
    local looking=$!
    agent
    wait "$looking" || { cat "$work/peers.log" >&2 && return 1; }
    python3 - "$out/peers.json" <<'END'
import json, sys
for peer in json.load(open(sys.argv[1])):
    for field, value in peer.items():
        if field != "name":
            print(f"{peer['name']+', '+field:<62} {value if isinstance(value, int) else round(value, 3):>12}")
END
}

ingest() {
    local data=$work/ingest bin=$CARGO_TARGET_DIR/release
    local config=$data/collector.toml
    "$bin/suar-collector" init --data "$data" --public-address 127.0.0.1:18743 >/dev/null
    sed -i -e 's|^https = .*|https = "127.0.0.1:18743"|' -e 's|^online = .*|online = ""|' \
        -e 's|^pushes_a_minute = .*|pushes_a_minute = 1000000|' -e 's|^slot_seconds = .*|slot_seconds = 1|' "$config"
    "$bin/suar-collector" serve --config "$config" 2>"$work/collector.log" &
    collector_pid=$!
    for _ in $(seq 100); do
        curl -sfk https://127.0.0.1:18743/readyz >/dev/null && break
        sleep 0.1
    done
    "$bin/suar-collector" site add 19.02.02.2009 --config "$config" >/dev/null
    local code
    code=$("$bin/suar-collector" join-code 19.02.02.2009 --uses 64 --config "$config" | grep -om1 'SUAR1-[^ ]*')
    "$bin/suar-lab" load --pushes 20000 --agents 64 --code "$code" >"$out/ingest.json"
    local resident
    resident=$(awk '/VmHWM/ {print $2}' "/proc/$collector_pid/status")
    kill "$collector_pid"
    wait "$collector_pid" || true
    collector_pid=
    for name in pushes_a_second p50_ms p99_ms; do row "ingest, $name" "$(field "$out/ingest.json" $name)"; done
    row "collector, peak resident KiB under that load" "$resident"
}

ingest_beside() {
    # shellcheck source=lab/tools.sh
    . lab/tools.sh
    unpack_prometheus
    # On the disk that the build is on: /tmp may be memory.
    "$CARGO_TARGET_DIR/release/suar-lab" ingest-beside --seconds "${SUAR_BENCH_SECONDS:-75}" --directory "$out" \
        2>"$work/beside.log" >"$out/ingest-beside.json" || { cat "$work/beside.log" >&2 && return 1; }
    python3 - "$out/ingest-beside.json" <<'END'
import json, sys
taken = json.load(open(sys.argv[1]))
for one in taken:
    device = one.pop("device") or {}
    one.update({f"device_{field}": value for field, value in device.items()})
print(f"{'':<28}" + "".join(f"{one['name']:>18}" for one in taken))
for field in taken[0]:
    if field != "name":
        values = (one.get(field) for one in taken)
        print(f"{field:<28}" + "".join(f"{round(v, 2) if isinstance(v, float) else v!s:>18}" for v in values))
END
}

returns_beside() {
    # shellcheck source=lab/tools.sh
    . lab/tools.sh
    unpack_prometheus
    local into
    for into in collector victoria-metrics prometheus; do
        echo "into $into:"
        TMPDIR=$out "$CARGO_TARGET_DIR/release/suar-lab" returns --into "$into" --agents "${SUAR_BENCH_AGENTS:-1000}" \
            --days "${SUAR_BENCH_DAYS:-3}" | tee "$work/returns" | grep -v '^{'
        tail -n 1 "$work/returns" >"$out/returns-$into.json"
        python3 -c 'import json, sys; [print(f"{k:<28}{v!s:>18}") for k, v in json.load(open(sys.argv[1])).items()]' \
            "$out/returns-$into.json"
    done
}

# The page for Prometheus, of Diskominfo's fleet and of a country's: written and packed alone, then scraped from a
# collector that takes 280 pushes a second meanwhile. SUAR_BENCH_SCRAPES (1000) of them; a 99th percentile wants that many.
# SUAR_BENCH_SCOPES (none), with commas: they ask for these in turn, as a job for each regency does.
scrape() {
    local sites name
    for sites in 400 84000; do
        "$CARGO_TARGET_DIR/release/suar-lab" scrape --sites "$sites" >"$out/scrape-$sites.json"
        for name in series page_bytes packed_bytes write_ms packed_ms regency_sites regency_ms; do
            row "metrics page, $sites sites, $name" "$(field "$out/scrape-$sites.json" $name)"
        done
        "$CARGO_TARGET_DIR/release/suar-lab" scrape-under-load --sites "$sites" --scrapes "${SUAR_BENCH_SCRAPES:-1000}" \
            ${SUAR_BENCH_SCOPES:+--scopes "$SUAR_BENCH_SCOPES"} \
            >"$out/scrape-load-$sites.json"
        for name in page_bytes scrape_p50_ms scrape_p99_ms scrape_most_ms pushes_a_second push_p50_ms push_p99_ms resident_peak_kib; do
            row "scraped under load, $sites sites, $name" "$(field "$out/scrape-load-$sites.json" $name)"
        done
    done
}

# Time to the finished file, best of five, and how it grows with days and with sites. SUAR_BENCH_SITES (400) and
# SUAR_BENCH_PERIOD (2026-Q2; 2026 for a year, whose fleet takes four times as long to write) say of what.
report() {
    local data=$work/fleet bin=$CARGO_TARGET_DIR/release figures=$work/report.tsv
    local period=${SUAR_BENCH_PERIOD:-2026-Q2} sites=${SUAR_BENCH_SITES:-400}
    "$bin/suar-collector" init --data "$data" --public-address 127.0.0.1:18743 >/dev/null
    "$bin/suar-lab" fleet --sites "$sites" --period "$period" --seed 1 --data "$data" >"$out/fleet.json"
    # Packing left the month files in the cache, as a running collector does.
    local year=${period%%-*}
    {
        time_report "$year-05" 19.01 json
        time_report "$year-05" 19 json
        time_report "$year-Q2" 19.01 json
        for format in json xlsx pdf; do time_report "$year-Q2" 19 "$format"; done
        if [ "$period" = "$year" ]; then
            for format in json xlsx pdf; do time_report "$year" 19 "$format"; done
        fi
    } >"$figures"
    local bytes records
    bytes=$(du -cb "$data"/*.db | tail -1 | cut -f1)
    records=$(field "$out/fleet.json" records)
    python3 - "$figures" "$bytes" "$records" "$out/report.json" <<'END'
import json, sys
figures, store, records, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
rows = [dict(zip(("period", "scope", "format", "ms", "peak_kib"), line.split())) for line in open(figures)]
for row in rows:
    print(f"{'report of ' + row['period'] + ', scope ' + row['scope'] + ', ' + row['format']:<44} {row['ms']:>15} ms {row['peak_kib']:>9} KiB")
print(f"{'records in the store':<44} {records:>18}")
print(f"{'store, bytes, and a record':<44} {store:>18} {store / records:>9.2f}")
json.dump({"reports": rows, "store_bytes": store, "records": records}, open(out, "w"))
END
}

# A quarter of a country's offices: a fleet of SUAR_BENCH_SITES (393), SUAR_BENCH_TIMES (214) times over, as a report
# reads it. Takes about 31 MB of disk for each time.
country() {
    local data=$work/fleet bin=$CARGO_TARGET_DIR/release
    local sites=${SUAR_BENCH_SITES:-393} times=${SUAR_BENCH_TIMES:-214}
    "$bin/suar-collector" init --data "$data" --public-address 127.0.0.1:18743 >/dev/null
    "$bin/suar-lab" fleet --sites "$sites" --period 2026-Q2 --seed 1 --data "$data" >"$out/fleet.json"
    python3 lab/multiply.py "$data" "$times"
    local kind ms peak
    for kind in csv json; do
        read -r _ _ _ ms peak < <(time_report 2026-Q2 19 "$kind" 2)
        row "report of a quarter, $((sites * times)) offices, $kind, ms" "$ms"
        row "the same, peak resident KiB" "$peak"
    done
}

# PERIOD SCOPE FORMAT [RUNS]: prints these, the best time of five in ms and the most memory of any in KiB.
time_report() {
    python3 - "$1" "$2" "$3" "$CARGO_TARGET_DIR/release/suar-collector" "$work" "${4:-5}" <<'END'
import resource, subprocess, sys, time
period, scope, kind, program, work, runs = sys.argv[1:]
best = float("inf")
for _ in range(int(runs)):
    begun = time.monotonic()
    subprocess.run([program, "report", "--config", f"{work}/fleet/collector.toml", "--period", period, "--scope", scope,
                    "--format", kind, "--out", f"{work}/report.{kind}"], check=True)
    best = min(best, time.monotonic() - begun)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(period, scope, kind, round(best * 1000), peak)
END
}

bandwidth() {
    # shellcheck source=lab/tools.sh
    . lab/tools.sh
    install_missing_packages
    "$CARGO_TARGET_DIR/release/suar-lab" bandwidth --runs "${SUAR_BENCH_RUNS:-3}" --out "$out" >"$work/grid.log"
    "$CARGO_TARGET_DIR/release/suar-lab" bandwidth --cases --out "$out" 2>"$work/cases.log" >>"$work/grid.log" ||
        { cat "$work/cases.log" >&2 && return 1; }
    cat "$work/grid.log"
    cp "$out/bandwidth.svg" docs/bandwidth.svg
    python3 lab/into-docs.py docs/bandwidth.md "$out/bandwidth.md" "$out/cases.md"
}

build
for name in "${@:-}"; do
    case $name in
    '') size; agent; ingest; scrape; report ;;
    size | agent | peers | ingest | scrape | report | country | bandwidth) "$name" ;;
    ingest-beside) ingest_beside ;;
    returns-beside) returns_beside ;;
    *)
        echo "unknown benchmark: $name; see the head of lab/bench.sh" >&2
        exit 64
        ;;
    esac
done
