#!/usr/bin/env bash
# A simulated fleet's report held against three independent accounts: the truth it was made from, a second
# computation in Python from the exports, and other programs' reading of the files.
#
#   lab/report.sh [--sites N] [--period PERIOD] [--slot SECONDS] [--release] [--libreoffice]
#
# In its short form a step of lab/check.sh, which has built the programs. `--sites 393 --period 2025 --slot 60
# --release` is the whole province for a year, which must be over; --libreoffice opens the workbooks in LibreOffice too, which must
# be installed. Needs PyPI's openpyxl and jsonschema, which lab/tools.sh installs.
set -euo pipefail
cd "$(dirname "$0")/.."
sites=12 period=2026-05 slot=300 profile=debug libreoffice=no
while [ $# -gt 0 ]; do
    case $1 in
    --sites) sites=$2 && shift 2 ;;
    --period) period=$2 && shift 2 ;;
    --slot) slot=$2 && shift 2 ;;
    --release) profile=release && shift ;;
    --libreoffice) libreoffice=yes && shift ;;
    *) echo "unknown: $1" >&2 && exit 64 ;;
    esac
done
bin=${CARGO_TARGET_DIR:-target}/$profile
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
data=$work/data out=$work/out
mkdir "$out"
seed=${SUAR_LAB_SEED:-$(date +%s)}
fleet=(--sites "$sites" --period "$period" --slot "$slot" --seed "$seed")
echo "fleet: ${fleet[*]}"

"$bin/suar-collector" init --data "$data" --public-address 127.0.0.1:18743 >/dev/null
"$bin/suar-lab" fleet "${fleet[@]}" --data "$data" >/dev/null
config=$data/collector.toml
collector() { "$bin/suar-collector" "$@" --config "$config"; }
report() { collector report --period "$period" "$@"; }

report --format json --out "$out/report.json"
report --format csv --out "$out/report.csv"
for language in id en; do
    report --format xlsx --lang "$language" --out "$out/report-$language.xlsx"
    for paper in a4 f4; do
        report --format pdf --lang "$language" --paper "$paper" --out "$out/report-$language-$paper.pdf"
    done
done

echo "the truth, counted second by second:"
"$bin/suar-lab" compare "${fleet[@]}" --report "$out/report.json"

echo "the exports, in Python:"
collector site list --format csv >"$out/sites.csv"
collector agent list >"$out/agents.txt"
collector dump-records --json | python3 lab/recompute.py "$out" collector/calendar/holidays-id.csv

python3 lab/open_report.py "$out"
if [ "$libreoffice" = yes ]; then
    for language in id en; do
        soffice --headless --convert-to ods --outdir "$out/libreoffice" "$out/report-$language.xlsx" >/dev/null
        soffice --headless --convert-to xlsx --outdir "$out/libreoffice" "$out/libreoffice/report-$language.ods" >/dev/null
    done
    echo "through LibreOffice and back:"
    python3 lab/open_report.py "$out" "$out/libreoffice"
fi
