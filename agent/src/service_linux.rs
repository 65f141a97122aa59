//! Linux: the package's systemd unit, or the init script of OpenWrt's package.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Started;

const UNIT: &str = "suar-agent.service";
/// Runs the init scripts of OpenWrt, and exists nowhere else.
const OPENWRT: &str = "/etc/rc.common";
const INIT_SCRIPT: &str = "/etc/init.d/suar-agent";

pub fn start() -> Started {
    // The directory that sd_booted(3) looks for.
    if Path::new("/run/systemd/system").is_dir() {
        return start_unit("systemctl");
    }
    if Path::new(OPENWRT).is_file() && Path::new(INIT_SCRIPT).is_file() {
        return start_script(INIT_SCRIPT);
    }
    Started::NotInstalled
}

fn start_unit(systemctl: &str) -> Started {
    let systemctl_says = |arguments: &[&str]| says(systemctl, &[&["--no-ask-password"], arguments].concat());
    if systemctl_says(&["cat", UNIT]).is_err() {
        return Started::NotInstalled;
    }
    started(systemctl_says(&["enable", "--quiet", UNIT]).and_then(|()| systemctl_says(&["restart", UNIT])))
}

fn start_script(script: &str) -> Started {
    started(says(script, &["enable"]).and_then(|()| says(script, &["restart"])))
}

fn started(outcome: Result<(), String>) -> Started {
    match outcome {
        Ok(()) => Started::Running,
        Err(words) => Started::Refused(words),
    }
}

fn says(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A systemctl or init script that writes down what it is asked, and fails at the given word.
    fn program(fails_at: &str) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("systemctl");
        let asked = directory.path().join("asked");
        let script = format!(
            "#!/bin/sh\necho \"$*\" >>{}\ncase \"$*\" in *{fails_at}*) echo no unit >&2; exit 1;; esac\n",
            asked.display()
        );
        std::fs::write(&path, script).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made executable");
        let path = path.display().to_string();
        (directory, path)
    }

    fn asked(directory: &tempfile::TempDir) -> String {
        std::fs::read_to_string(directory.path().join("asked")).expect("what was asked")
    }

    #[test]
    fn an_installed_unit_is_enabled_and_started_anew() {
        let (directory, systemctl) = program("nothing-fails");
        assert_eq!(start_unit(&systemctl), Started::Running);
        assert_eq!(
            asked(&directory),
            "--no-ask-password cat suar-agent.service\n\
             --no-ask-password enable --quiet suar-agent.service\n\
             --no-ask-password restart suar-agent.service\n"
        );
    }

    #[test]
    fn without_a_unit_nothing_is_touched() {
        let (directory, systemctl) = program("cat");
        assert_eq!(start_unit(&systemctl), Started::NotInstalled);
        assert_eq!(asked(&directory).lines().count(), 1);
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_system() {
        let (_directory, systemctl) = program("restart");
        assert_eq!(start_unit(&systemctl), Started::Refused("no unit".to_owned()));
    }

    #[test]
    fn an_init_script_of_openwrt_is_enabled_and_started_anew() {
        let (directory, script) = program("nothing-fails");
        assert_eq!(start_script(&script), Started::Running);
        assert_eq!(asked(&directory), "enable\nrestart\n");
    }

    #[test]
    fn an_init_script_that_fails_is_told() {
        let (directory, script) = program("enable");
        assert_eq!(start_script(&script), Started::Refused("no unit".to_owned()));
        assert_eq!(asked(&directory), "enable\n");
    }
}
