# shellcheck shell=bash
# The compiler for Windows (x86_64-pc-windows-gnu) on a Debian machine: mingw, and Rust's standard library built from
# source. To be sourced from the project's root; gives `windows_cargo`.

# shellcheck source=deploy/toolchain.sh
. deploy/toolchain.sh
install_when_missing x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64-win32

windows_cargo() { # SUBCOMMAND ARGUMENTS...
  CC_x86_64_pc_windows_gnu=x86_64-w64-mingw32-gcc cargo_with_std x86_64-pc-windows-gnu "$@"
}
