#!/usr/bin/env bash
# Shows that the suite sees a broken product: breaks a copy of the tree in one place at a time (lab/mutants/*.patch),
# and expects what the patch names to fail. Everything must pass on the copy first.
#
#   lab/mutants.sh [NAME]...     without a name: all
#   lab/mutants.sh --check       only whether every patch still fits; seconds
#
# A patch begins with what is broken (`What:`) and by what it must be caught (`Run:`): `faults PART` is a part of
# the fault suite in its short form, `test CRATE FILTER` are tests of a crate. Prints a line for each mutant, exits 1 when
# one survives. Root, for /dev/fuse and network namespaces. SUAR_MUTANTS_TARGET keeps its build elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${SUAR_MUTANTS_TARGET:-${CARGO_TARGET_DIR:-$PWD/target}/mutants}
# Longer than any short form: a mutant that makes it hang is caught, too.
seconds_max=600

copy=$target/tree
[ "${1:-}" != --check ] || copy=$target/check
log=$target/log
# The repository above is none of its business.
export GIT_CEILING_DIRECTORIES=$target
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z | tar --null --files-from=- --create | tar --extract --directory "$copy"
cd "$copy"
export CARGO_TARGET_DIR=$target

field() { sed -n "s/^$2: //p" "lab/mutants/$1.patch"; }

# What does not build is not caught: it shows nothing.
build() { # RUN
    case $1 in
    faults\ *) cargo build --quiet --locked -p suar-agent -p suar-collector -p suar-lab ;;
    test\ *) cargo test --quiet --locked --no-run --package "$(cut -d' ' -f2 <<<"$1")" --lib ;;
    esac
}

run() { # RUN
    local command
    read -ra command <<<"$1"
    case ${command[0]} in
    faults) timeout "$seconds_max" "$target/debug/suar-lab" faults "${command[1]}" ;;
    test) timeout "$seconds_max" cargo test --quiet --locked --package "${command[1]}" --lib "${command[2]}" ;;
    esac
}

names=("$@")
if [ "${1:-}" = --check ] || [ $# -eq 0 ]; then
    names=()
    for patch in lab/mutants/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi
for name in "${names[@]}"; do
    git apply -C1 --check "lab/mutants/$name.patch"
    [[ "$(field "$name" Run)" =~ ^(faults|test)\  ]] || { echo "$name does not say by what it is caught" >&2 && exit 1; }
done
if [ "${1:-}" = --check ]; then
    echo "${#names[@]} patches fit"
    exit
fi

runs=()
for name in "${names[@]}"; do runs+=("$(field "$name" Run)"); done
while read -r command; do
    build "$command"
    run "$command" >"$log" 2>&1 || { cat "$log" >&2 && echo "fails on the tree as it is: $command" >&2 && exit 1; }
    echo "passes on the tree as it is: $command"
done < <(printf '%s\n' "${runs[@]}" | sort -u)

survived=0
for name in "${names[@]}"; do
    command=$(field "$name" Run)
    git apply -C1 "lab/mutants/$name.patch"
    # Broken code draws warnings.
    build "$command" 2>"$log" || { cat "$log" >&2 && echo "$name does not build" >&2 && exit 1; }
    if run "$command" >"$log" 2>&1 </dev/null; then
        outcome=SURVIVED survived=$((survived + 1))
    else
        outcome="caught: $(grep -m1 -E 'FAILED: |panicked at|^test .* FAILED|^    .*::' "$log" | cut -c -160 || true)"
    fi
    printf '%-28s %-32s %s\n' "$name" "$command" "$outcome"
    git apply -C1 --reverse "lab/mutants/$name.patch"
done
[ "$survived" -eq 0 ]
