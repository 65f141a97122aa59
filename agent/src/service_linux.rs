//! Linux: the package's systemd unit.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Started;

const UNIT: &str = "suar-agent.service";

pub fn start() -> Started {
    // The directory that sd_booted(3) looks for.
    if !Path::new("/run/systemd/system").is_dir() {
        return Started::NotInstalled;
    }
    start_with("systemctl")
}

fn start_with(systemctl: &str) -> Started {
    if systemctl_says(systemctl, &["cat", UNIT]).is_err() {
        return Started::NotInstalled;
    }
    let started = systemctl_says(systemctl, &["enable", "--quiet", UNIT])
        .and_then(|()| systemctl_says(systemctl, &["restart", UNIT]));
    match started {
        Ok(()) => Started::Running,
        Err(words) => Started::Refused(words),
    }
}

fn systemctl_says(systemctl: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(systemctl)
        .arg("--no-ask-password")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{systemctl}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A systemctl that writes down what it is asked, and fails at the given word.
    fn systemctl(fails_at: &str) -> (tempfile::TempDir, String) {
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
        let (directory, program) = systemctl("nothing-fails");
        assert_eq!(start_with(&program), Started::Running);
        assert_eq!(
            asked(&directory),
            "--no-ask-password cat suar-agent.service\n\
             --no-ask-password enable --quiet suar-agent.service\n\
             --no-ask-password restart suar-agent.service\n"
        );
    }

    #[test]
    fn without_a_unit_nothing_is_touched() {
        let (directory, program) = systemctl("cat");
        assert_eq!(start_with(&program), Started::NotInstalled);
        assert_eq!(asked(&directory).lines().count(), 1);
    }

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_system() {
        let (_directory, program) = systemctl("restart");
        assert_eq!(start_with(&program), Started::Refused("no unit".to_owned()));
    }
}
