# shellcheck shell=bash
# The compiler of static programs for Linux of other processors: musl and a linker for each come with zig (PyPI), Rust's
# standard library is built from source. To be sourced from the project's root; gives `static_agent`.

# shellcheck source=deploy/toolchain.sh
. deploy/toolchain.sh

zig=$toolchain_cache/zig
if [ ! -d "$zig" ]; then
    rm -rf "$zig.part"
    python3 -m venv "$zig.part" || { echo "python3 with its venv module is missing: apt-get install python3-venv" >&2; exit 1; }
    "$zig.part/bin/python3" -m pip install --quiet --disable-pip-version-check 'ziglang==0.15.2' 'cargo-zigbuild==0.22.2' </dev/null
    mv "$zig.part" "$zig"
fi

# The name by which agents and collector know a system: `suar-collector update list` shows it.
rust_target_of() { # linux-x86_64|linux-aarch64|linux-arm
    case $1 in
    linux-x86_64) echo x86_64-unknown-linux-musl ;;
    linux-aarch64) echo aarch64-unknown-linux-musl ;;
    linux-arm) echo armv7-unknown-linux-musleabihf ;;
    *) echo "no such target: $1 (linux-x86_64, linux-aarch64, linux-arm)" >&2 && return 1 ;;
    esac
}

# Builds the agent, and says where it is. zig brings the start files; those that rustc would bring are not there.
static_agent() { # TARGET
    local target
    target=$(rust_target_of "$1") || return 1
    PATH="$zig/bin:$PATH" RUSTFLAGS="-C link-self-contained=no -C target-feature=+crt-static" \
        cargo_with_std "$target" zigbuild --quiet --locked --profile small -p suar-agent --bins >&2 || return 1
    echo "${CARGO_TARGET_DIR:-$PWD/target}/$target/small/suar-agent"
}
