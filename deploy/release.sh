#!/usr/bin/env bash
# Builds everything that is handed out, from a clean tree, and tells sizes and checksums.
#
#   deploy/release.sh [--key FILE] [--out DIRECTORY]
#
# --key FILE        minisign's secret key: signs the programs that agents update themselves to, and the checksums
# --out DIRECTORY   a new directory; default: target/dist/VERSION
#
# The agent for Windows (program, setup, MSI), Linux (static programs and tarballs), Debian (amd64, arm64, armhf) and
# OpenWrt, and the collector's Debian package; with them SHA256SUMS for `sha256sum -c`, and RELEASE.md, the table of it.
# Debian 12 with cargo and cargo-deb; root only to install what is missing. Half an hour on two quiet cores.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
# shellcheck source=deploy/archive.sh
. deploy/archive.sh
version=$(product_version)
key=
out=${CARGO_TARGET_DIR:-target}/dist/$version
while [ $# -gt 0 ]; do
    case $1 in
    --key) key=${2:?"--key takes a file"} && shift 2 ;;
    --out) out=${2:?"--out takes a directory"} && shift 2 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "no such argument: $1" >&2 && exit 64 ;;
    esac
done

refuse() {
    echo "$1" >&2
    exit 1
}

# Before half an hour of building, not after it.
commit=$(git rev-parse HEAD) || refuse "a release is made of a commit: this is no clone with git"
is_clean() {
    local changed
    changed=$(git -C "$root" status --porcelain)
    [ -z "$changed" ] || refuse "a release is made of a commit, and this tree has changes that are in none:
$changed"
    [ "$(git -C "$root" rev-parse HEAD)" = "$commit" ] || refuse "the tree became another commit meanwhile: begin again"
}
is_clean
out=$(realpath --canonicalize-missing "$out")
[ ! -e "$out" ] || refuse "$out is there already: remove it, or name a new directory with --out"
if [ -n "$key" ]; then
    [ -r "$key" ] || refuse "the key $key cannot be read"
    key=$(realpath "$key")
    command -v minisign >/dev/null || refuse "minisign is missing: apt-get install minisign"
fi
command -v cargo-deb >/dev/null || refuse "cargo-deb is missing: cargo install cargo-deb"

begun=$SECONDS
# Beside its place until it is whole: half a release must not be taken for one.
part=$out.part
rm -rf "$part"
mkdir -p "$part"
linux=(linux-x86_64 linux-aarch64 linux-arm)

building() { echo "== $1 ($((SECONDS - begun)) s)"; }
building "static programs and tarballs for Linux"
deploy/linux/build.sh --out "$part" "${linux[@]}" >/dev/null
building "archives for OpenWrt"
deploy/openwrt/build.sh "$part" >/dev/null
building "Debian packages"
SUAR_STATIC_IS_BUILT=yes deploy/debian/build.sh "$part" >/dev/null
building "Windows"
deploy/windows/build.sh "$part" >/dev/null
# Named like the others, for `suar-collector update add`.
mv "$part/suar-agent.exe" "$part/suar-agent-$version-windows-x86_64.exe"

programs=("suar-agent-$version-windows-x86_64.exe")
for target in "${linux[@]}"; do programs+=("suar-agent-$version-$target"); done
expected=("${programs[@]}" "suar-agent-setup-$version.exe" "suar-agent-$version.msi")
for target in "${linux[@]}"; do
    expected+=("suar-agent-$version-$target.tar.gz" "suar-agent_$version-1_openwrt-${target#linux-}.ipk")
done
for architecture in amd64 arm64 armhf; do expected+=("suar-agent_$version-1_$architecture.deb"); done
expected+=("suar-collector_$version-1_$(dpkg --print-architecture).deb")

cd "$part"
# No more and no less: what is forgotten is missed by an office, what is too much by whoever signs it.
difference=$(diff <(printf '%s\n' "${expected[@]}" | sort) <(printf '%s\n' * | sort)) ||
    refuse "these files are missing (<) or too many (>):
$difference"
is_clean
sha256sum -- "${expected[@]}" | sort -k2 >SHA256SUMS

if [ -n "$key" ]; then
    building "signatures"
    for program in "${programs[@]}"; do
        target=${program#"suar-agent-$version-"}
        minisign -S -s "$key" -m "$program" -t "suar-agent $version ${target%.exe}" >/dev/null
    done
    minisign -S -s "$key" -m SHA256SUMS -t "suar $version checksums" >/dev/null
fi

{
    echo "# Suar $version"
    echo
    echo "Commit $commit, $(rustc --version)."
    echo
    echo "| file | bytes | SHA-256 |"
    echo "|---|---:|---|"
    while read -r checksum file; do echo "| $file | $(stat -c %s "$file") | $checksum |"; done <SHA256SUMS
} >RELEASE.md
cd "$root"
mv "$part" "$out"
cat "$out/RELEASE.md"
echo
echo "$out: ${#expected[@]} files in $((SECONDS - begun)) s"
if [ -z "$key" ]; then
    echo "Nothing is signed. On the machine with the key: minisign -S -s suar.key -m PROGRAM -t \"suar-agent $version TARGET\""
    echo "for each of: ${programs[*]}"
fi
