//! Pictures for the pages that offices read: the real programs, in an office of the lab, say what they say.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::netns::Namespace;
use crate::programs::{Collector, finish, program, wait_until};
use crate::terminal::{Shown, picture};
use crate::wan::Conditions;
use crate::world::{COLLECTOR, World, plan_section};

const SITE: &str = "19.02.02.2009";
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// Each way: an office whose line goes over a microwave link.
const DELAY: Duration = Duration::from_millis(19);

/// Draws everything into a directory.
pub fn draw(into: &Path) -> Result<()> {
    let world = World::with_offices(1, &Conditions::delayed(DELAY), 8)?;
    let office = world.offices.first().context("one office was asked for")?;
    let directory = tempfile::tempdir()?;
    let address = format!("{COLLECTOR}:8443");
    let plan = plan_section("slot_seconds = 5\npush_seconds = 5");
    let mut collector = Collector::init(Some(&world.internet), directory.path(), &address, &plan)?;
    collector.serve()?;
    let put = |name: &str, about: &str, shown: &[Shown]| {
        let file = into.join(name);
        std::fs::write(&file, picture(about, shown)).with_context(|| file.display().to_string())
    };

    collector.administer(&["site", "add", SITE])?.ok()?;
    let said = collector.administer(&["join-code", SITE, "--qr"])?;
    let code = said.stdout.lines().next().context("a code")?.to_owned();
    let typed = format!("# suar-collector join-code {SITE}");
    put("kode.svg", "Kode gabung di terminal pengelola", &[Shown { typed, said: said.ok()? }])?;

    let pc = Pc::new(&office.pc, directory.path())?;
    let typed = format!("$ sudo suar-agent join {}...", &code[..17]);
    put("gabung.svg", "suar-agent join", &[Shown { typed, said: pc.say(&["join", &code])? }])?;
    wait_until("the agent to have a receipt", SETTLE_MAX, || {
        let said = pc.say(&["status"]).map_err(|error| format!("{error:#}"))?;
        // Some seconds on, so that the picture shows how it looks on a day like others.
        let is_settled =
            said.contains("TERSAMBUNG") && !said.contains("0 detik") && !said.contains("0.00 MB");
        if is_settled { Ok(()) } else { Err(said) }
    })?;
    let show = |arguments: &[&str]| -> Result<Shown> {
        Ok(Shown { typed: format!("$ suar-agent {}", arguments.join(" ")), said: pc.say(arguments)? })
    };
    put("status.svg", "suar-agent status", &[show(&["status"])?])?;
    put("tersambung.svg", "suar-agent check, tersambung", &[show(&["check"])?])?;
    office.cut_uplink();
    put("terputus-penyedia.svg", "suar-agent check, penyedia terputus", &[show(&["check"])?])?;
    office.mend_uplink();
    office.pull_cable()?;
    put("terputus-kabel.svg", "suar-agent check, kabel lepas", &[show(&["check"])?])?;
    put("jeda.svg", "suar-agent pause dan resume", &[show(&["pause", "2h"])?, show(&["resume"])?])?;
    Ok(())
}

/// A PC on which the package is installed, as far as the agent can tell: its directories are where the package has
/// them, and a stand-in for systemd starts it. Nothing of the machine below is touched.
struct Pc<'a> {
    namespace: &'a Namespace,
    root: PathBuf,
}

impl<'a> Pc<'a> {
    fn new(namespace: &'a Namespace, directory: &Path) -> Result<Self> {
        let pc = Self { namespace, root: directory.join("pc") };
        for part in ["etc", "lib", "run/systemd/system", "bin"] {
            std::fs::create_dir_all(pc.root.join(part))?;
        }
        // As programs see it there: with the resolvers of the office.
        let etc = pc.root.join("etc").display().to_string();
        namespace.exec("cp", &["-a", "/etc/.", &etc])?;
        let systemctl = format!(
            "#!/bin/sh\ncase \"$*\" in *restart*)\nsetsid {:?} run </dev/null >{:?} 2>&1 &\necho $! >{:?};;\nesac\n",
            program("suar-agent")?,
            pc.root.join("agent.log"),
            pc.pid_file()
        );
        let file = pc.root.join("bin/systemctl");
        std::fs::write(&file, systemctl)?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
        Ok(pc)
    }

    fn pid_file(&self) -> PathBuf {
        self.root.join("agent.pid")
    }

    /// What the agent says on its standard output.
    fn say(&self, arguments: &[&str]) -> Result<String> {
        // `ip netns exec` gives a mount namespace of its own: what is mounted goes with the program.
        let mounts = "mount --bind \"$0/etc\" /etc && mount --bind \"$0/lib\" /var/lib && mount --bind \"$0/run\" /run && \
                      PATH=\"$0/bin:$PATH\" exec \"$@\"";
        let mut command = self.namespace.command("sh");
        command.args(["-c", mounts]).arg(&self.root).arg(program("suar-agent")?).args(arguments);
        let said = finish(&mut command)?;
        // A check of a line that is down ends with 1.
        anyhow::ensure!(matches!(said.code, Some(0 | 1)), "{}", said.said());
        Ok(said.stdout)
    }
}

impl Drop for Pc<'_> {
    fn drop(&mut self) {
        let Ok(pid) = std::fs::read_to_string(self.pid_file()) else { return };
        if let Err(error) = finish(Command::new("kill").arg(pid.trim())) {
            eprintln!("the agent of the pictures runs on: {error:#}");
        }
    }
}
