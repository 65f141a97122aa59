//! What other monitoring agents cost an office: each in an office of its own, for as near the same work as it
//! can do, looked at in the same way as ours.
//!
//! node_exporter with blackbox_exporter is scraped once a minute from the centre, and pings the router and three
//! targets and asks DNS then; zabbix_agent2 is asked once a minute for the machine's values, DNS and a TCP
//! connection (it does not ping itself); collectd pings the four by itself and sends once a minute.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::footprint::{Account, DELAY};
use crate::programs::{Process, wait_until};
use crate::seed::printed_seed;
use crate::wan::{Conditions, Direction};
use crate::world::{COLLECTOR, NAME, Office, PUBLIC_RESOLVER, TARGETS, World};

const EVERY: Duration = Duration::from_secs(60);
const START_MAX: Duration = Duration::from_secs(20);
const ANSWER_MAX: Duration = Duration::from_secs(15);
const NODE_PORT: u16 = 9100;
const BLACKBOX_PORT: u16 = 9115;
const ZABBIX_PORT: u16 = 10_050;
const COLLECTD_PORT: u16 = 25_826;
const SERVICE_PORT: u16 = 8443;

/// All processes of a peer together.
#[derive(Debug, Clone, Serialize)]
pub struct Peer {
    pub name: &'static str,
    pub seconds: u64,
    pub resident_kib: u64,
    pub core_percent: f64,
    pub processor_s_an_hour: f64,
    pub wake_ups_an_hour: u64,
    pub megabytes_a_month: f64,
    pub binary_bytes: u64,
}

struct Running<'w> {
    name: &'static str,
    office: &'w Office,
    binaries: Vec<PathBuf>,
    processes: Vec<Process>,
}

/// `root` is where Debian's packages are unpacked.
pub fn peers(seconds: u64, root: &Path) -> Result<Vec<Peer>> {
    anyhow::ensure!(seconds.is_multiple_of(EVERY.as_secs()), "whole minutes are compared, found {seconds} s");
    let world = World::with_offices(3, &Conditions::delayed(DELAY), printed_seed("peers"))?;
    let directory = tempfile::tempdir()?;
    let [first, second, third] = &world.offices[..] else { anyhow::bail!("three offices were asked for") };
    // What collectd sends and what zabbix connects to must be there, or errors would be counted.
    let _sink = world.internet.enter(|| UdpSocket::bind((COLLECTOR, COLLECTD_PORT)))??;
    let _service = world.internet.enter(|| TcpListener::bind((COLLECTOR, SERVICE_PORT)))??;
    let running = [
        exporters(first, root, directory.path())?,
        zabbix(second, root, directory.path())?,
        collectd(third, root, directory.path())?,
    ];
    wait_until("the peers to answer", START_MAX, || {
        world
            .internet
            .enter(|| poll(first, second))
            .and_then(|polled| polled)
            .map_err(|error| format!("{error:#}"))
    })?;

    let before = running.iter().map(Running::account).collect::<Result<Vec<_>>>()?;
    let began = Instant::now();
    let mut polls = 0;
    while began.elapsed() < Duration::from_secs(seconds) {
        world.internet.enter(|| poll(first, second))??;
        polls += 1;
        // A measured span, not synchronisation.
        let next = (EVERY * polls).min(Duration::from_secs(seconds));
        std::thread::sleep(next.saturating_sub(began.elapsed()));
    }
    running.iter().zip(before).map(|(running, before)| running.cost(before, seconds)).collect()
}

/// Processor milliseconds, wake-ups and bytes so far, resident memory now.
type Sums = (u64, u64, u64, u64);

impl Running<'_> {
    fn account(&self) -> Result<Sums> {
        let lines = |direction| self.office.uplink.counters(direction).delivered.bytes;
        let mut sums = (0, 0, lines(Direction::Up) + lines(Direction::Down), 0);
        for process in &self.processes {
            let account = Account::of(process).with_context(|| process.log())?;
            sums.0 += account.processor_ms;
            sums.1 += account.wake_ups;
            sums.3 += account.resident_kib;
        }
        Ok(sums)
    }

    fn cost(&self, before: Sums, seconds: u64) -> Result<Peer> {
        let after = self.account()?;
        let an_hour = |span: u64| span * 3_600 / seconds.max(1);
        let processor_ms = after.0 - before.0;
        let bytes = self.binaries.iter().map(|binary| Ok(binary.metadata()?.len())).sum::<Result<u64>>()?;
        Ok(Peer {
            name: self.name,
            seconds,
            resident_kib: after.3,
            core_percent: processor_ms as f64 / 10.0 / seconds.max(1) as f64,
            processor_s_an_hour: an_hour(processor_ms) as f64 / 1_000.0,
            wake_ups_an_hour: an_hour(after.1 - before.1),
            megabytes_a_month: an_hour(after.2 - before.2) as f64 * 24.0 * 30.0 / 1e6,
            binary_bytes: bytes,
        })
    }
}

fn start(
    office: &Office,
    directory: &Path,
    binary: &Path,
    arguments: &[&str],
    root: &Path,
) -> Result<Process> {
    let name = binary.file_name().context("a program's name")?.to_string_lossy().into_owned();
    let mut command = office.pc.command(binary);
    command.args(arguments).env("LD_LIBRARY_PATH", root.join("usr/lib").join(TRIPLE));
    Process::start(&name, &mut command, &directory.join(format!("{name}.log")))
}

/// Where Debian puts libraries of this machine.
const TRIPLE: &str = if cfg!(target_arch = "aarch64") { "aarch64-linux-gnu" } else { "x86_64-linux-gnu" };

fn exporters<'w>(office: &'w Office, root: &Path, directory: &Path) -> Result<Running<'w>> {
    let config = directory.join("blackbox.yml");
    let dns = format!("  dns:\n    prober: dns\n    dns: {{query_name: {NAME}, query_type: A}}\n");
    std::fs::write(
        &config,
        format!("modules:\n  icmp:\n    prober: icmp\n    icmp: {{payload_size: 16}}\n{dns}"),
    )?;
    let binaries = ["prometheus-node-exporter", "prometheus-blackbox-exporter"]
        .map(|name| root.join("usr/bin").join(name))
        .to_vec();
    let config = format!("--config.file={}", config.display());
    let node = start(office, directory, &binaries[0], &[], root)?;
    let blackbox = start(office, directory, &binaries[1], &[&config], root)?;
    Ok(Running {
        name: "node_exporter + blackbox_exporter",
        office,
        binaries,
        processes: vec![node, blackbox],
    })
}

fn zabbix<'w>(office: &'w Office, root: &Path, directory: &Path) -> Result<Running<'w>> {
    let config = directory.join("zabbix.conf");
    let sockets = directory.display();
    let text = format!(
        "LogType=console\nServer=0.0.0.0/0\nHostname=office\nControlSocket={sockets}/zabbix.sock\n\
         PluginSocket={sockets}/zabbix-plugin.sock\n"
    );
    std::fs::write(&config, text)?;
    let binaries = vec![root.join("usr/sbin/zabbix_agent2")];
    let arguments = ["-c", &config.display().to_string()];
    let agent = start(office, directory, &binaries[0], &arguments, root)?;
    Ok(Running { name: "zabbix_agent2", office, binaries, processes: vec![agent] })
}

fn collectd<'w>(office: &'w Office, root: &Path, directory: &Path) -> Result<Running<'w>> {
    let config = directory.join("collectd.conf");
    let plugins = ["cpu", "memory", "df", "interface", "uptime", "ping", "network"];
    let mut text = format!(
        "Hostname office\nFQDNLookup false\nInterval 60\nBaseDir \"{0}\"\nPIDFile \"{0}/collectd.pid\"\n\
         PluginDir \"{1}/usr/lib/collectd\"\nTypesDB \"{1}/usr/share/collectd/types.db\"\n",
        directory.display(),
        root.display()
    );
    plugins.iter().for_each(|plugin| text += &format!("LoadPlugin {plugin}\n"));
    text += "<Plugin ping>\n";
    for address in TARGETS.iter().chain([&office.gateway()]) {
        text += &format!("  Host \"{address}\"\n");
    }
    text += &format!(
        "  Interval 60\n  Timeout 3\n  Size 16\n</Plugin>\n\
         <Plugin network>\n  Server \"{COLLECTOR}\" \"{COLLECTD_PORT}\"\n</Plugin>\n"
    );
    std::fs::write(&config, text)?;
    let binaries = vec![root.join("usr/sbin/collectd")];
    let arguments = ["-f", "-C", &config.display().to_string()];
    let agent = start(office, directory, &binaries[0], &arguments, root)?;
    Ok(Running { name: "collectd", office, binaries, processes: vec![agent] })
}

/// What the centre asks once a minute.
fn poll(exporters: &Office, zabbix: &Office) -> Result<()> {
    let pc = exporters.pc_address();
    scrape(pc, NODE_PORT, "/metrics")?;
    for target in TARGETS.iter().chain([&exporters.gateway()]) {
        scrape(pc, BLACKBOX_PORT, &format!("/probe?module=icmp&target={target}"))?;
    }
    scrape(pc, BLACKBOX_PORT, &format!("/probe?module=dns&target={PUBLIC_RESOLVER}"))?;
    let service = format!("net.tcp.service.perf[tcp,{COLLECTOR},{SERVICE_PORT}]");
    let dns = format!("net.dns[{PUBLIC_RESOLVER},{NAME},A]");
    for key in [
        "agent.ping",
        "system.cpu.load[all,avg1]",
        "vm.memory.size[available]",
        "vfs.fs.size[/,free]",
        "net.if.in[eth0]",
        "net.if.out[eth0]",
        "system.uptime",
        &dns,
        &service,
    ] {
        ask_zabbix(zabbix.pc_address(), key)?;
    }
    Ok(())
}

fn scrape(host: Ipv4Addr, port: u16, path: &str) -> Result<()> {
    // As Prometheus asks; probes are asked plainly, so that it can be seen whether they succeeded.
    let encoding = if path == "/metrics" { "accept-encoding: gzip\r\n" } else { "" };
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{encoding}connection: close\r\n\r\n");
    let answer = exchange(host, port, request.as_bytes())?;
    anyhow::ensure!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&answer));
    let failed = path.starts_with("/probe") && !answer.windows(15).any(|part| part == b"probe_success 1");
    anyhow::ensure!(!failed, "{path} did not succeed");
    Ok(())
}

/// Zabbix' protocol: a header, the length as eight bytes, the key.
fn ask_zabbix(host: Ipv4Addr, key: &str) -> Result<()> {
    let mut request = b"ZBXD\x01".to_vec();
    request.extend((key.len() as u64).to_le_bytes());
    request.extend(key.as_bytes());
    let answer = exchange(host, ZABBIX_PORT, &request)?;
    let refused = answer.len() < 14 || answer.windows(13).any(|part| part == b"NOTSUPPORTED\0".as_slice());
    anyhow::ensure!(!refused, "{key}: {}", String::from_utf8_lossy(&answer));
    Ok(())
}

fn exchange(host: Ipv4Addr, port: u16, request: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect((host, port)).with_context(|| format!("{host}:{port}"))?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("{host}:{port}"))?;
    Ok(answer)
}
