# shellcheck shell=bash
# A copy of this machine's Rust toolchain that can build the standard library for other systems. To be sourced from
# the project's root; sets `toolchain` and `toolchain_cache`, gives `install_when_missing` and `cargo_with_std`.
#
# The standard library is built from source: Debian's `rust-src` of exactly this compiler's version, unpacked below
# target/toolchain and never installed.

install_when_missing() { # COMMAND PACKAGE
  command -v "$1" >/dev/null && return 0
  echo "installing $2"
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$2" >/dev/null
}

toolchain_cache="${CARGO_TARGET_DIR:-$PWD/target}/toolchain"
rust_version=$(rustc --version | cut -d' ' -f2)
mkdir -p "$toolchain_cache"

# A private package state, so that the machine's own sources stay as they are.
fetch_rust_sources() {
  local sources=$toolchain_cache/apt mirror package private
  # shellcheck disable=SC2016 # apt fills it in
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/\?$')
  mkdir -p "$sources"/{lists/partial,archives/partial}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie-backports main" >"$sources/sources.list"
  private=(-o "Dir::Etc::sourcelist=$sources/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$sources/lists"
    -o "Dir::Cache::archives=$sources/archives" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o APT::Sandbox::User=root)
  apt-get "${private[@]}" update -qq
  package=$(apt-cache "${private[@]}" madison rust-src |
    awk -F'|' -v v="$rust_version" '{gsub(/ /,"",$2)} index($2,v)==1 && !found {print $2; found=1}')
  if [ -z "$package" ]; then
    echo "no rust-src $rust_version in trixie-backports; set the toolchain to a version that is there" >&2
    return 1
  fi
  (cd "$sources" && apt-get "${private[@]}" download -qq "rust-src=$package")
  rm -rf "$toolchain_cache/src-$rust_version.part"
  dpkg -x "$sources"/rust-src_*.deb "$toolchain_cache/src-$rust_version.part"
  mv "$toolchain_cache/src-$rust_version.part" "$toolchain_cache/src-$rust_version"
}
[ -d "$toolchain_cache/src-$rust_version" ] || fetch_rust_sources || exit 1

# Cargo looks for the standard library's sources inside the toolchain: a hard-linked copy gets them.
toolchain=$toolchain_cache/rust-$rust_version
if [ ! -d "$toolchain" ]; then
  rm -rf "$toolchain.part"
  cp -al "$(rustc --print sysroot)" "$toolchain.part" 2>/dev/null || {
    rm -rf "$toolchain.part"
    cp -a "$(rustc --print sysroot)" "$toolchain.part"
  }
  mkdir -p "$toolchain.part/lib/rustlib/src"
  rm -rf "$toolchain.part/lib/rustlib/src/rust"
  ln -s "$toolchain_cache/src-$rust_version/usr/src/rustc-$rust_version" "$toolchain.part/lib/rustlib/src/rust"
  mv "$toolchain.part" "$toolchain"
fi

# The copy's own cargo: rustup's would point the compiler back at the original's libraries.
cargo_with_std() { # TARGET SUBCOMMAND ARGUMENTS...
  local target=$1 subcommand=$2
  shift 2
  PATH="$toolchain/bin:$PATH" CARGO="$toolchain/bin/cargo" RUSTC="$toolchain/bin/rustc" RUSTC_BOOTSTRAP=1 \
    "$toolchain/bin/cargo" "$subcommand" -Zbuild-std=std,panic_abort --target "$target" "$@"
}
