; Setup of the agent for Windows. Built by deploy/windows/build.sh.
;
;   suar-agent-setup.exe                          asks for the join code, in English where Windows speaks it, else in Indonesian
;   suar-agent-setup.exe /S /CODE=SUAR1-...       asks nothing: for roll-outs
;
; Exit code 0: installed and joined. 1: nothing was changed: the program does not start on this Windows, or its file is
; held. 2: installed, but the code was not taken; run it again with another.
Unicode true
!include "MUI2.nsh"
!include "nsDialogs.nsh"
!include "FileFunc.nsh"
!include "LogicLib.nsh"
!include "x64.nsh"

Name "Suar"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\Suar"
RequestExecutionLevel admin
ShowInstDetails show
SetCompressor /SOLID lzma
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "Suar"
VIAddVersionKey "FileDescription" "Suar: pemantau internet kantor"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "MIT / Apache-2.0"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Suar"
!define MUI_ABORTWARNING
!define MUI_FINISHPAGE_NOAUTOCLOSE

Page custom AskForCode TakeCode
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "Indonesian"
!insertmacro MUI_LANGUAGE "English"

LangString CodeTitle ${LANG_INDONESIAN} "Kode gabung"
LangString CodeTitle ${LANG_ENGLISH} "Join code"
LangString CodeSubtitle ${LANG_INDONESIAN} "Kode ini menghubungkan komputer dengan kantornya."
LangString CodeSubtitle ${LANG_ENGLISH} "This code connects the computer with its office."
LangString CodeAsk ${LANG_INDONESIAN} "Ketik atau tempel kode dari pengelola (dimulai dengan SUAR1-):"
LangString CodeAsk ${LANG_ENGLISH} "Type or paste the code from your administrator (it starts with SUAR1-):"
LangString Install ${LANG_INDONESIAN} "&Pasang"
LangString Install ${LANG_ENGLISH} "&Install"
InstallButtonText "$(Install)"
LangString CodeMissing ${LANG_INDONESIAN} "Kode gabung dimulai dengan SUAR1-. Mintalah kepada pengelola."
LangString CodeMissing ${LANG_ENGLISH} "A join code starts with SUAR1-. Ask your administrator for one."
LangString NotTaken ${LANG_INDONESIAN} "Program terpasang, tetapi kode gabung tidak diterima; jalankan pemasang ini lagi sesudah sebabnya diatasi. Alasannya:"
LangString NotTaken ${LANG_ENGLISH} "The program is installed, but the join code was not taken; run this setup again when its cause is gone. The reason:"
LangString NoService ${LANG_INDONESIAN} "Layanan Windows tidak dapat dibuat."
LangString NoService ${LANG_ENGLISH} "The Windows service could not be made."
LangString NotHere ${LANG_INDONESIAN} "Program ini tidak dapat dijalankan di komputer ini, dan tidak ada yang diubah. Suar memerlukan Windows 10 atau 11 64-bit; bila Windows-nya benar, antivirus menahannya: minta pengelola mengizinkan $INSTDIR, lalu jalankan pemasang ini lagi."
LangString NotHere ${LANG_ENGLISH} "The program cannot be started on this computer, and nothing was changed. Suar needs 64-bit Windows 10 or 11; if the Windows is right, an antivirus keeps it from starting: ask the administrator to allow $INSTDIR, then run this setup again."
LangString Held ${LANG_INDONESIAN} "Program lain, biasanya antivirus, menahan $INSTDIR\suar-agent.exe; versi yang lama tetap terpasang. Tunggu satu menit, lalu jalankan pemasang ini lagi; bila tetap begitu, hidupkan ulang komputer dahulu."
LangString Held ${LANG_ENGLISH} "Another program, usually an antivirus, holds $INSTDIR\suar-agent.exe; the version before stays installed. Wait a minute and run this setup again; if that does not help, restart the computer first."
LangString Needs64 ${LANG_INDONESIAN} "Suar memerlukan Windows 64-bit."
LangString Needs64 ${LANG_ENGLISH} "Suar needs 64-bit Windows."
LangString Lang ${LANG_INDONESIAN} "id"
LangString Lang ${LANG_ENGLISH} "en"

Var Code
Var Field

Function .onInit
  ${IfNot} ${RunningX64}
    MessageBox MB_OK|MB_ICONSTOP "$(Needs64)" /SD IDOK
    SetErrorLevel 1
    Quit
  ${EndIf}
  SetRegView 64
  ; Everything that belongs to all users of the machine: Start menu, ProgramData.
  SetShellVarContext all
  ${GetParameters} $0
  ${GetOptions} $0 "/CODE=" $Code
FunctionEnd

Function un.onInit
  SetRegView 64
  SetShellVarContext all
FunctionEnd

Function AskForCode
  ; Joined already: an upgrade asks nothing.
  ${If} ${FileExists} "$APPDATA\Suar\agent.toml"
    Abort
  ${EndIf}
  !insertmacro MUI_HEADER_TEXT "$(CodeTitle)" "$(CodeSubtitle)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 100% 24u "$(CodeAsk)"
  Pop $0
  ${NSD_CreateText} 0 28u 100% 14u "$Code"
  Pop $Field
  ${NSD_SetFocus} $Field
  nsDialogs::Show
FunctionEnd

Function TakeCode
  ${NSD_GetText} $Field $Code
  StrCpy $0 $Code 5
  ${If} $0 != "SUAR1"
    MessageBox MB_OK|MB_ICONEXCLAMATION "$(CodeMissing)"
    Abort
  ${EndIf}
FunctionEnd

!define SERVICE 'binPath= "\"$INSTDIR\suar-agent.exe\" service --config \"$APPDATA\Suar\agent.toml\"" start= delayed-auto obj= "NT AUTHORITY\LocalService" DisplayName= "Suar" depend= Tcpip'

!macro Run COMMAND
  nsExec::ExecToLog '${COMMAND}'
  Pop $0
!macroend

Section
  ; Whether it starts here at all, before anything is changed. Not from the temporary folder: many a policy forbids that.
  ; And with no folder of ours as the current one: it could not be removed again.
  SetOutPath $TEMP
  CreateDirectory $INSTDIR
  File "/oname=$INSTDIR\try.exe" "${AGENT}"
  !insertmacro Run '"$INSTDIR\try.exe" --version'
  Delete /REBOOTOK "$INSTDIR\try.exe"
  ${If} $0 != 0
    RMDir "$INSTDIR"
    MessageBox MB_OK|MB_ICONSTOP "$(NotHere)" /SD IDOK
    SetErrorLevel 1
    Abort
  ${EndIf}

  ; A running agent holds its own file open, and a service that still says goodbye cannot be started.
  !insertmacro Run 'sc.exe stop SuarAgent'
  StrCpy $1 0
  stopping:
    nsExec::Exec 'cmd.exe /c sc.exe query SuarAgent | find "RUNNING"'
    Pop $0
    ${If} $0 == 0
    ${AndIf} $1 < 60
      IntOp $1 $1 + 1
      Sleep 500
      Goto stopping
    ${EndIf}
  SetOutPath $INSTDIR
  ; It says goodbye first: as long as it may take.
  StrCpy $1 0
  again:
    ClearErrors
    SetOverwrite try
    File "${AGENT}"
    ${If} ${Errors}
      ${If} $1 < 60
        IntOp $1 $1 + 1
        Sleep 500
        Goto again
      ${EndIf}
      !insertmacro Run 'sc.exe start SuarAgent'
      MessageBox MB_OK|MB_ICONSTOP "$(Held)" /SD IDOK
      SetErrorLevel 1
      Abort
    ${EndIf}
  SetOverwrite on
  File "${PRIVACY}"

  CreateDirectory "$APPDATA\Suar\state"
  CreateDirectory "$APPDATA\Suar\run"
  ; Local Service (S-1-5-19) writes there; administrators and the system may; nobody else reads the identity.
  !insertmacro Run 'icacls.exe "$APPDATA\Suar" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F *S-1-5-19:(OI)(CI)M'
  ; What the running agent writes for `status` is for everyone (S-1-5-32-545) to read.
  !insertmacro Run 'icacls.exe "$APPDATA\Suar\run" /grant *S-1-5-32-545:(OI)(CI)RX'

  ; Made once; with the version before in place, told again what belongs to it.
  !insertmacro Run 'sc.exe query SuarAgent'
  ${If} $0 == 0
    !insertmacro Run 'sc.exe config SuarAgent ${SERVICE}'
  ${Else}
    !insertmacro Run 'sc.exe create SuarAgent ${SERVICE}'
    ${If} $0 != 0
      DetailPrint "$(NoService)"
      SetErrorLevel 1
      Abort
    ${EndIf}
  ${EndIf}
  !insertmacro Run 'sc.exe description SuarAgent "Mengukur sambungan internet kantor ini. / Measures the internet connection of this office."'
  !insertmacro Run 'sc.exe failure SuarAgent reset= 86400 actions= restart/10000/restart/60000/restart/300000'
  !insertmacro Run 'sc.exe failureflag SuarAgent 1'

  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "Suar"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" "Publisher" "Suar"
  WriteRegStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKLM "${UNINSTALL}" "NoRepair" 1

  ${If} $Code != ""
    ; Makes the agent's files and starts the service; says in words what works.
    !insertmacro Run '"$INSTDIR\suar-agent.exe" join --lang $(Lang) $Code'
    ${If} $0 != 0
    ${AndIfNot} ${Silent}
      ; The lines above are cut where the window ends. Asked once more, for a person to read it whole, or to be done.
      nsExec::ExecToStack '"$INSTDIR\suar-agent.exe" join --lang $(Lang) $Code'
      Pop $0
      Pop $1
      ${If} $0 != 0
        MessageBox MB_OK|MB_ICONEXCLAMATION "$(NotTaken)$\r$\n$\r$\n$1" /SD IDOK
      ${EndIf}
    ${EndIf}
    ${If} $0 != 0
      SetErrorLevel 2
    ${EndIf}
  ${ElseIf} ${FileExists} "$APPDATA\Suar\agent.toml"
    !insertmacro Run 'sc.exe start SuarAgent'
  ${EndIf}
SectionEnd

Section "Uninstall"
  !insertmacro Run 'sc.exe stop SuarAgent'
  !insertmacro Run 'sc.exe delete SuarAgent'
  StrCpy $1 0
  again:
    ClearErrors
    Delete "$INSTDIR\suar-agent.exe"
    ${If} ${Errors}
    ${AndIf} $1 < 60
      IntOp $1 $1 + 1
      Sleep 500
      Goto again
    ${EndIf}
  Delete "$INSTDIR\privacy.md"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKLM "${UNINSTALL}"
  ; Identity and waiting records go too, unless /KEEP was given.
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/KEEP" $1
  ${If} ${Errors}
    RMDir /r "$APPDATA\Suar"
  ${EndIf}
SectionEnd
