# shellcheck shell=bash
# For scripts that do what an office does and count what went well. Sourced, with `work` a directory of the script's own.

passed=0
failed=0

check() { # NAME COMMAND...
    local name=$1
    shift
    # shellcheck disable=SC2154
    if "$@" >"$work/said" 2>&1; then
        passed=$((passed + 1))
        echo "ok: $name"
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        sed 's/^/    /' "$work/said"
    fi
}

# Asks again until it is so, for at most half a minute.
soon() {
    local give_up_at=$((SECONDS + 30))
    while [ "$SECONDS" -lt "$give_up_at" ]; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.2
    done
    "$@"
}
