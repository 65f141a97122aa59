#!/usr/bin/env bash
# Runs the agent for Windows, its setup and its MSI under wine, in a network namespace with a collector of ours.
#
#   deploy/windows/wine.sh [DIRECTORY]      where build.sh put the exe; default: target/windows-setup
#
# Wine is not Windows: what passes here shows that the program and the setup do their steps. No real kernel, no
# rights, no Defender, no UAC is seen. Two things are bent for wine 8: it lacks bcryptprimitives.dll, so a stub is
# laid in; and without wine32 the setup is built from the same script for 64 bits, since NSIS makes 32-bit ones.
# Root. Needs wine64, nsis, mingw and a debug build of the collector. Ends with `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=deploy/checking.sh
. deploy/checking.sh
built=$(realpath "${1:-target/windows-setup}")
bin=$(realpath "${CARGO_TARGET_DIR:-target}/debug")
work=$(mktemp -d)
# shellcheck source=deploy/office.sh
. deploy/office.sh
export WINEPREFIX=$work/prefix WINEARCH=win64 WINEDEBUG=-all DISPLAY=
export PATH=/usr/sbin:$PATH

clean_up() {
    wine_here wineserver -k >/dev/null 2>&1 || true
    close_office
    rm -rf "$work"
}
trap clean_up EXIT

# Wine's server stays in the namespace it was started in, and with it the service control manager.
wine_here() { here timeout 120 "$@" </dev/null; }

open_office
wine_here wineboot --init >/dev/null 2>&1
windows=$WINEPREFIX/drive_c
x86_64-w64-mingw32-gcc -shared -o "$windows/windows/system32/bcryptprimitives.dll" deploy/windows/wine_prng.c -ladvapi32
# shellcheck source=deploy/archive.sh
. deploy/archive.sh
version=$(product_version)
setup=$work/setup.exe
makensis -V1 '-XTarget amd64-unicode' -DVERSION="$version" -DAGENT="$built/suar-agent.exe" -DPRIVACY="$PWD/docs/privacy.md" \
    -DOUT="$setup" deploy/windows/agent.nsi
installed="$windows/Program Files/Suar/suar-agent.exe"

cp "$built/suar-agent.exe" "$work/copied.exe"
check "the program says its version" says "suar-agent $version" wine_here wine "$work/copied.exe" --version
check "a mistyped code is told in words" says 'typing mistake\|mistyped\|salah ketik' \
    wine_here wine "$work/copied.exe" join --lang en SUAR1-AAAA-BBBB

# A program that Windows cannot start: what stands there instead on a Windows 7, whose loader misses what it imports.
mkdir "$work/unfit"
echo "This is no program." >"$work/unfit/suar-agent.exe"
makensis -V1 '-XTarget amd64-unicode' -DVERSION="$version" -DAGENT="$work/unfit/suar-agent.exe" \
    -DPRIVACY="$PWD/docs/privacy.md" -DOUT="$windows/unfit.exe" deploy/windows/agent.nsi
exit_of() { # COMMAND...
    local code=0
    "$@" >/dev/null 2>&1 || code=$?
    echo "$code"
}
check "the setup refuses where its program does not start" says '^1$' \
    exit_of wine_here wine 'C:\unfit.exe' /S /CODE=SUAR1-AAAA-BBBB
check "and has changed nothing" gone "$windows/Program Files/Suar"
check "nor made a place for an identity" gone "$windows/ProgramData/Suar"
cp "$built/suar-agent-$version.msi" "$windows/suar.msi"
wine_here wine winecfg -v win7
# 1603, of which a shell sees the last eight bits.
check "MSI: Windows 7 is refused" says '^67$' exit_of wine_here wine msiexec /i 'C:\suar.msi' /qn
check "MSI: and nothing was installed" gone "$installed"
wine_here wine winecfg -v win10

# Wine ends its services with the last program that is none, and answers about services only to the same session: so
# all that concerns the service is one session, which writes down what it sees.
cp "$setup" "$windows/setup.exe"
x86_64-w64-mingw32-gcc -o "$windows/hold.exe" deploy/windows/wine_hold.c
cat >"$windows/office.bat" <<OFFICE
C:\\setup.exe /S /CODE=$(new_code)
echo %ERRORLEVEL% >C:\\setup.txt
sc query SuarAgent >C:\\joined.txt
ping -n 20 127.0.0.1 >nul
"C:\\Program Files\\Suar\\suar-agent.exe" status --json >C:\\status.txt
"C:\\Program Files\\Suar\\suar-agent.exe" check --lang en >C:\\check.txt
sc stop SuarAgent
ping -n 10 127.0.0.1 >nul
sc query SuarAgent >C:\\stopped.txt
sc start SuarAgent
ping -n 5 127.0.0.1 >nul
sc query SuarAgent >C:\\started.txt
C:\\setup.exe /S
ping -n 5 127.0.0.1 >nul
sc query SuarAgent >C:\\upgraded.txt
start /b C:\\hold.exe "C:\\Program Files\\Suar\\suar-agent.exe" >C:\\hold.txt
ping -n 3 127.0.0.1 >nul
C:\\setup.exe /S
echo %ERRORLEVEL% >C:\\held.txt
ping -n 3 127.0.0.1 >nul
sc query SuarAgent >C:\\held_service.txt
copy C:\\ProgramData\\Suar\\state\\agent.log C:\\agent.txt
"C:\\Program Files\\Suar\\uninstall.exe" /S _?=C:\\Program Files\\Suar
ping -n 5 127.0.0.1 >nul
sc query SuarAgent >C:\\removed.txt
OFFICE
here timeout 400 wine cmd.exe /c 'C:\office.bat' </dev/null >"$work/office" 2>&1 || true
saw() { cat "$windows/$1.txt"; }

check "the setup runs silently with a join code" says '^0' saw setup
check "the service runs after it" says 'RUNNING' saw joined
check "status says that it runs" says '"running": true' saw status
check "check explains the connection" says 'The internet connection' saw check
sed 's/^/    /' "$work/said"
check "the collector has a round from it" says '"kind":"round"' records
check "its session names Windows" says '"system":"windows x86_64"' records
check "the service is stopped" says 'STOPPED' saw stopped
check "and said goodbye" says '"ending":"clean"' records
check "it is started again" says 'RUNNING' saw started
check "the same setup again is an upgrade that asks nothing" says 'RUNNING' saw upgraded
check "a file that another program holds is an end with nothing changed" says '^1' saw held
check "and the service runs on" says 'RUNNING' saw held_service
check "the service keeps a log" says 'started' saw agent
check "after the removal there is no service" lacks 'RUNNING\|STOPPED' saw removed
check "no program is left" gone "$installed"
check "no identity is left" gone "$windows/ProgramData/Suar"

# The same with the MSI, as a roll-out does it. `start /wait`, for msiexec is no program of the console.
cat >"$windows/rollout.bat" <<OFFICE
start /wait msiexec /i C:\\suar.msi /qn CODE=SUAR1-AAAA-BBBB
echo %ERRORLEVEL% >C:\\msi_mistyped.txt
dir /b "C:\\Program Files\\Suar" >C:\\msi_undone.txt
start /wait msiexec /i C:\\suar.msi /qn CODE=$(new_code)
echo %ERRORLEVEL% >C:\\msi_setup.txt
sc query SuarAgent >C:\\msi_joined.txt
ping -n 20 127.0.0.1 >nul
"C:\\Program Files\\Suar\\suar-agent.exe" status --json >C:\\msi_status.txt
reg query HKLM\\System\\CurrentControlSet\\Services\\SuarAgent >C:\\msi_service.txt
start /wait msiexec /x C:\\suar.msi /qn
echo %ERRORLEVEL% >C:\\msi_removal.txt
sc query SuarAgent >C:\\msi_removed.txt
OFFICE
here timeout 400 wine cmd.exe /c 'C:\rollout.bat' </dev/null >"$work/rollout" 2>&1 || true

check "MSI: a mistyped code is no installation" lacks '^0' saw msi_mistyped
check "MSI: and leaves no program" lacks 'suar-agent' saw msi_undone
check "MSI: it installs silently with a join code" says '^0' saw msi_setup
check "MSI: the service runs after it" says 'RUNNING' saw msi_joined
check "MSI: as Local Service" says 'ObjectName.*LocalService' saw msi_service
check "MSI: its records arrive" says '"pushes_ok": *[1-9]' saw msi_status
check "MSI: it is removed" says '^0' saw msi_removal
check "MSI: after that there is no service" lacks 'RUNNING\|STOPPED' saw msi_removed
check "MSI: nor a program" gone "$installed"
check "MSI: nor an identity" gone "$windows/ProgramData/Suar"
sed 's/^/    /' "$windows/msi_service.txt"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
