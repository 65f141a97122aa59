#!/usr/bin/env bash
# Everything that must pass: tools, format, lints, all tests of all crates, scripts.
#
# Goes on after a failure, so that one run tells everything. The last line is `N passed, N failed`:
# tests as cargo counts them, and one for each other step. Exits 0 only when nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=lab/tools.sh
. lab/tools.sh

passed=0
failed=0
failures=()
output=$(mktemp)
trap 'rm -f "$output"' EXIT

programs=${CARGO_TARGET_DIR:-target}/debug

# What a step returns that could not run here: it is neither passed nor failed.
not_run=77

count_step() { # NAME EXIT_CODE
    if [ "$2" -eq "$not_run" ]; then
        echo "!!! NOT RUN: $1"
    elif [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok: $1"
    else
        failed=$((failed + 1))
        failures+=("$1")
        echo "FAILED: $1"
    fi
}

step() { # NAME COMMAND...
    local name=$1
    shift
    echo "== $name"
    "$@" </dev/null
    count_step "$name" $?
}

# Steps that mostly wait go on beside each other; what each said is told when it has ended.
begun_names=()
begun_pids=()
begun_outputs=()
begin() { # NAME COMMAND...
    local name=$1 said
    shift
    said=$(mktemp)
    "$@" </dev/null >"$said" 2>&1 &
    begun_names+=("$name")
    begun_pids+=("$!")
    begun_outputs+=("$said")
}

finish() {
    local at code
    for at in "${!begun_pids[@]}"; do
        wait "${begun_pids[$at]}"
        code=$?
        echo "== ${begun_names[$at]}"
        cat "${begun_outputs[$at]}"
        rm "${begun_outputs[$at]}"
        count_step "${begun_names[$at]}" "$code"
    done
}

# Adds up cargo's `test result:` lines. A run that ends badly without a failed test, because something
# did not compile or a test binary crashed, is a failure of its own.
cargo_tests() { # NAME ARGUMENTS...
    local name=$1 code here_passed here_failed
    shift
    echo "== $name"
    cargo test --no-fail-fast "$@" </dev/null 2>&1 | tee "$output"
    code=${PIPESTATUS[0]}
    here_passed=$(sum_of passed)
    here_failed=$(sum_of failed)
    passed=$((passed + here_passed))
    failed=$((failed + here_failed))
    [ "$here_failed" -gt 0 ] && failures+=("$name: $here_failed tests")
    if [ "$code" -ne 0 ] && [ "$here_failed" -eq 0 ]; then
        count_step "$name" 1
    fi
}

sum_of() { # passed|failed
    grep -Eo "^test result: .* [0-9]+ $1;|^test result: .*[.;] [0-9]+ $1;" "$output" |
        grep -Eo "[0-9]+ $1;" | awk '{ sum += $1 } END { print sum + 0 }'
}

check_scripts() {
    local scripts
    mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
    shellcheck --severity=warning -x "${scripts[@]}"
}

# The rules shipped for Prometheus, and their tests.
check_rules() {
    local rules tests
    mapfile -t rules < <(git ls-files 'dashboards/rules/*.yml')
    mapfile -t tests < <(git ls-files 'dashboards/tests/*.yml')
    promtool check rules "${rules[@]}" && promtool test rules "${tests[@]}" &&
        amtool check-config deploy/alertmanager.yml
}

# The dashboards are what their source makes, and every expression finds something on a real Prometheus.
check_dashboards() {
    python3 dashboards/make.py --check && python3 dashboards/check.py
}

# Prometheus and Alertmanager come up beside a new collector, as on one machine of Diskominfo.
check_monitoring() {
    local work port status
    work=$(mktemp -d)
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$programs/suar-collector" init --data "$work/data" --public-address "127.0.0.1:$port" >/dev/null
    sed -i -e "s|^https = .*|https = \"127.0.0.1:$port\"|" -e 's|^online = .*|online = ""|' "$work/data/collector.toml"
    PATH=$programs:$PATH SUAR_PROMETHEUS_PORT=19090 SUAR_ALERTMANAGER_PORT=19093 \
        deploy/monitoring.sh --config "$work/data/collector.toml" --for 1
    status=$?
    rm -r "$work"
    return "$status"
}

# Advisories need a database from the internet; licences, bans and sources do not.
check_dependencies() {
    if ! command -v cargo-deny >/dev/null; then
        echo "cargo deny is not installed (cargo install cargo-deny)"
        return "$not_run"
    fi
    if cargo deny fetch >/dev/null 2>&1; then
        cargo deny check
    else
        echo "!!! NOT RUN: advisories of cargo deny: its database cannot be had here"
        cargo deny check bans licenses sources
    fi
}

step "tools" install_lab_tools
step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --quiet -- -D warnings
step "scripts" check_scripts
# What they break, and whether that is noticed, takes longer: lab/mutants.sh.
step "mutants fit" lab/mutants.sh --check
step "rules" check_rules
step "dependencies" check_dependencies
step "programs" cargo build --workspace
step "a report beside three other accounts of it" lab/report.sh
# Its long form is lab/faults.sh.
step "faults, short" cargo run --quiet -p suar-lab -- faults
begin "dashboards" check_dashboards
begin "monitoring" check_monitoring
begin "a week of alerts" python3 lab/alert_week.py
finish
cargo_tests "tests of the crates" --workspace --exclude suar-lab
# One test binary after the other, and tests in the lab share two cores: fewer at once keep time honest.
cargo_tests "tests in the lab" -p suar-lab

if [ "$failed" -gt 0 ]; then
    echo "what failed:"
    printf '  %s\n' "${failures[@]}"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
