# shellcheck shell=bash
# The compiler for Windows (x86_64-pc-windows-gnu) on a Debian machine. To be sourced from the project's root;
# gives `windows_cargo`.
#
# The Rust standard library for Windows is built from source: Debian's `rust-src` of exactly this compiler's
# version, unpacked into target/windows and never installed.

install_when_missing() { # COMMAND PACKAGE
  command -v "$1" >/dev/null && return 0
  echo "installing $2"
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$2" >/dev/null
}

cache="${CARGO_TARGET_DIR:-$PWD/target}/windows"
version=$(rustc --version | cut -d' ' -f2)
mkdir -p "$cache"

install_when_missing x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64-win32

# A private package state, so that the machine's own sources stay as they are.
sources=$cache/apt
if [ ! -d "$cache/src-$version" ]; then
  # shellcheck disable=SC2016 # apt fills it in
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/\?$')
  mkdir -p "$sources"/{lists/partial,archives/partial}
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie-backports main" >"$sources/sources.list"
  private=(-o "Dir::Etc::sourcelist=$sources/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$sources/lists"
    -o "Dir::Cache::archives=$sources/archives" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o APT::Sandbox::User=root)
  apt-get "${private[@]}" update -qq
  package=$(apt-cache "${private[@]}" madison rust-src | awk -F'|' -v v="$version" '{gsub(/ /,"",$2)} index($2,v)==1 {print $2; exit}')
  if [ -z "$package" ]; then
    echo "no rust-src $version in trixie-backports; set the toolchain to a version that is there" >&2
    exit 1
  fi
  (cd "$sources" && apt-get "${private[@]}" download -qq "rust-src=$package")
  dpkg -x "$sources"/rust-src_*.deb "$cache/src-$version.part"
  mv "$cache/src-$version.part" "$cache/src-$version"
fi

# Cargo looks for the standard library's sources inside the toolchain: a hard-linked copy gets them.
toolchain=$cache/toolchain-$version
if [ ! -d "$toolchain" ]; then
  cp -al "$(rustc --print sysroot)" "$toolchain.part" 2>/dev/null || cp -a "$(rustc --print sysroot)" "$toolchain.part"
  mkdir -p "$toolchain.part/lib/rustlib/src"
  rm -rf "$toolchain.part/lib/rustlib/src/rust"
  ln -s "$cache/src-$version/usr/src/rustc-$version" "$toolchain.part/lib/rustlib/src/rust"
  mv "$toolchain.part" "$toolchain"
fi

# The copy's own cargo: rustup's would point the compiler back at the original's libraries.
windows_cargo() { # SUBCOMMAND ARGUMENTS...
  local subcommand=$1
  shift
  RUSTC="$toolchain/bin/rustc" RUSTC_BOOTSTRAP=1 CC_x86_64_pc_windows_gnu=x86_64-w64-mingw32-gcc \
    "$toolchain/bin/cargo" "$subcommand" -Zbuild-std=std,panic_abort --target x86_64-pc-windows-gnu "$@"
}
