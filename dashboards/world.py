"""A collector with a simulated fleet and two offices of ours, and Debian's Prometheus beside it.

The fleet is a running quarter of simulated offices, written by `suar-lab fleet`. Two more offices join as
real ones do and push what is made up here: one is up, one is down. What Prometheus would have scraped in the 26 hours before is written from the collector's own page: its counters grow towards their
present values, and one island stood otherwise until some hours ago.
"""

import json
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEADLINE_S = 120
HOUR_S = 3600
BOOT = "5a" * 16
RATE_TESTS = [
    {
        "kind": "bandwidth",
        "direction": direction,
        "end": "measured",
        "method": "tcp",
        "congestion": "bbr",
        "rate_bps": rate_bps,
        "bytes": 300_000,
        "elapsed_ms": 1_500,
        "prior_bps": None,
        "cross_bps": 0,
        "burst_bps": None,
        "loss_permille": None,
        "idle_rtt_us": 40_000,
        "loaded_rtt_us": 90_000,
    }
    for direction, rate_bps in (("download", 8_000_000), ("upload", 1_500_000))
]
SLOT_S = 60
SCRAPE_S = 2
PUSH_S = 20
ENTRIES = ("hours=always", "subscribed_download_mbps=10", "subscribed_upload_mbps=2", "allowance_mib=20")
# Village and what its office says.
OFFICES = {"19.02.02.2009": "up", "19.02.03.2001": {"down": "internet"}}
MACHINE = {
    "kind": "health",
    "cpu_permille": 120,
    "memory_total_kib": 4_000_000,
    "memory_available_kib": 1_500_000,
    "swap_used_kib": 0,
    "uptime_s": 7_200,
    "temperature_dc": 512,
    "disks": [{"mount": "/", "total_mib": 60_000, "free_mib": 9_000, "read_only": False}],
    "interface_rx_bytes": 50_000_000,
    "interface_tx_bytes": 9_000_000,
    "interface_errors": 0,
    "agent_rss_kib": 5_200,
    "agent_cpu_ms": 900,
    "spool_records": 40,
    "spool_bytes": 65_536,
    "spool_bytes_max": 33_554_432,
    "spool_dropped": 2,
    "clock_offset_ms": 340_000,
    "attachment": {"medium": "cable", "speed_mbps": 100, "on_mains": False, "battery_percent": 64},
}


def free_ports(count):
    """Ports of the loopback that were free a moment ago."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def wait_for(what, look):
    """Waits until `look` says something true; `look` may fail meanwhile."""
    deadline = time.monotonic() + DEADLINE_S
    seen = None
    while time.monotonic() < deadline:
        try:
            found = look()
            if found:
                return found
            seen = found
        except OSError as error:
            seen = error
        time.sleep(0.2)
    raise SystemExit(f"waited in vain for {what}; last seen: {seen}")


class World:
    def __init__(self, folder, programs, sites=12, past_every_s=1_800):
        self.folder, self.programs, self.sites = pathlib.Path(folder), pathlib.Path(programs), sites
        self.past_every_s = past_every_s
        self.running = []
        self.ended = threading.Event()
        https, online, prometheus = free_ports(3)
        self.collector, self.online = f"127.0.0.1:{https}", f"127.0.0.1:{online}"
        self.prometheus = f"127.0.0.1:{prometheus}"
        self.config = self.folder / "data/collector.toml"

    def __enter__(self):
        try:
            self.start_collector()
            self.speak_for_offices()
            self.make_trouble()
            self.start_prometheus()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.ended.set()
        for process in reversed(self.running):
            process.terminate()
            process.wait()

    def run(self, program, *arguments):
        command = [self.programs / program, *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{program} {' '.join(map(str, arguments))}: {done.stderr}{done.stdout}")
        return done.stdout

    def start(self, name, *command):
        log = open(self.folder / f"{name}.log", "w")
        self.running.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def start_collector(self):
        self.run("suar-collector", "init", "--data", self.folder / "data", "--public-address", self.collector)
        text = self.config.read_text()
        # Pushes are frequent: the simulated offices, which push no more, are silent a minute later.
        changes = {
            "https": f'"{self.collector}"',
            "online": f'"{self.online}"',
            "push_seconds": PUSH_S,
            # The Prometheus that reads from it is its receiver, too.
            "url": f'"http://{self.prometheus}/api/v1/write"',
        }
        for key, value in changes.items():
            text, found = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
            assert found == 1, key
        self.config.write_text(text)
        fleet = ["fleet", "--so-far", "--sites", str(self.sites), "--slot", "300", "--seed", "7"]
        self.run("suar-lab", *fleet, "--data", self.folder / "data")
        self.start("collector", self.programs / "suar-collector", "serve", "--config", self.config)
        self.trust = ssl.create_default_context(cafile=self.folder / "data/tls/certificate.pem")
        self.trust.check_hostname = False
        wait_for("the collector", lambda: self.page("/readyz"))

    def speak_for_offices(self):
        for number, (site, verdict) in enumerate(OFFICES.items(), 1):
            known = self.run("suar-collector", "site", "list", "--config", self.config)
            if site not in known:
                self.run("suar-collector", "site", "add", site, "--config", self.config)
            self.run("suar-collector", "site", "set", site, *ENTRIES, "--config", self.config)
            said = self.run("suar-collector", "join-code", site, "--config", self.config)
            code = next(word for word in said.split() if word.startswith("SUAR1-"))
            state = self.folder / f"agent{number}"
            self.run("suar-agent", "join", code, "--config", self.folder / f"agent{number}.toml", "--state", state)
            identity = (state / "identity.toml").read_text()
            agent, token = (re.search(rf'^{key} = "([^"]+)"', identity, re.MULTILINE)[1] for key in ("agent", "token"))
            said = agent, token, records(time.time(), verdict)
            self.push(*said)
            threading.Thread(target=self.go_on, args=said, daemon=True).start()
        for seen in ('suar_site_down_cause{site="19.02.03.2001"', "suar_island_standing{"):
            wait_for(seen, lambda seen=seen: seen in self.page("/metrics"))

    def go_on(self, agent, token, told):
        """The office is heard again and again; what it says is known already."""
        while not self.ended.wait(PUSH_S / 2):
            self.push(agent, token, told)

    def push(self, agent, token, told):
        now_ms = int(time.time() * 1000)
        body = {
            "agent": agent,
            "epoch": "04" * 8,
            "plan_version": 1,
            "clock": {"boot": BOOT, "boot_ms": told[-1]["stamp"]["boot_ms"], "wall_ms": now_ms, "last_exchange_ms": 640},
            "records": told,
        }
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"https://{self.collector}/v1/push", json.dumps(body).encode(), headers)
        try:
            urllib.request.urlopen(request, context=self.trust)
        except urllib.error.HTTPError as error:
            raise SystemExit(f"a push: {error}: {error.read().decode()}")

    def make_trouble(self):
        """What a collector meets: a stranger who joins, a push that is none, a reader's wrong question."""
        for path, body in (("/v1/join", b"{}"), ("/v1/push", b"nothing"), ("/api/v1/read", b"nothing")):
            request = urllib.request.Request(f"https://{self.collector}{path}", body, {"content-type": "application/json"})
            try:
                urllib.request.urlopen(request, context=self.trust)
            except urllib.error.HTTPError:
                pass
        try:
            urllib.request.urlopen(f"https://{self.collector}/v1/plan", context=self.trust)
        except urllib.error.HTTPError:
            pass

    def page(self, path, accept="*/*"):
        request = urllib.request.Request(f"https://{self.collector}{path}", headers={"accept": accept})
        with urllib.request.urlopen(request, context=self.trust, timeout=10) as answer:
            return answer.read().decode()

    def start_prometheus(self):
        data = self.folder / "prometheus"
        past = self.folder / "past.txt"
        page = self.page("/metrics", "application/openmetrics-text;version=1.0.0")
        past.write_text(the_past(page, self.collector, int(time.time()), self.past_every_s))
        made = subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", past, data], capture_output=True, text=True
        )
        if made.returncode:
            raise SystemExit(made.stderr)
        shipped = (ROOT / "deploy/prometheus.yml").read_text()
        config = self.folder / "prometheus.yml"
        config.write_text(
            shipped.replace("127.0.0.1:8443", self.collector)
            .replace("/etc/prometheus/suar-collector.pem", str(self.folder / "data/tls/certificate.pem"))
            .replace("../dashboards", str(ROOT / "dashboards"))
            .replace("_interval: 60s", f"_interval: {SCRAPE_S}s")
        )
        self.start(
            "prometheus",
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address={self.prometheus}",
            f"--web.user-assets={ROOT / 'docs'}",
            "--web.enable-remote-write-receiver",
            "--web.cors.origin=.*",
            "--log.level=warn",
        )
        ready = f"http://{self.prometheus}/-/ready"
        wait_for("Prometheus to be ready", lambda: urllib.request.urlopen(ready, timeout=5).status == 200)

    def finds(self, expression):
        """Whether Prometheus finds something now."""
        url = f"http://{self.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(json.load(answer)["data"]["result"])


def records(now_s, verdict):
    """A start, five minutes of rounds and a look at the machine, as an agent would write them."""
    boot_s = now_s - HOUR_S
    told = [(now_s - 400, {"kind": "session_start", "agent_version": "0.1.0", "system": "linux x86_64", "previous_ended": "none", "previous_last": None})]
    first = int(now_s - 5 * SLOT_S) // SLOT_S
    told += [((slot + 0.5) * SLOT_S, a_round(slot, verdict)) for slot in range(first, first + 4)]
    told += [(now_s - 3, test) for test in RATE_TESTS] + [(now_s - 2, data_use(now_s)), (now_s - 1, MACHINE)]
    told += [(now_s - 1, {"kind": "plan_refused", "version": 7, "fault": "mistakes", "reason": "slot_seconds is 7"})]
    return [
        {
            "sequence": number,
            "stamp": {"boot": BOOT, "boot_ms": int((at_s - boot_s) * 1000), "wall_ms": int(at_s * 1000)},
            "body": body,
        }
        for number, (at_s, body) in enumerate(told, 1)
    ]


def data_use(now_s):
    """What monitoring has used in the office's month, at UTC+7."""
    return {
        "kind": "data_use",
        "month": time.strftime("%Y-%m", time.gmtime(now_s + 7 * HOUR_S)),
        "used": [
            {"purpose": "echo", "sent": 2_000_000, "received": 2_000_000},
            {"purpose": "push", "sent": 1_500_000, "received": 400_000},
        ],
        "allowance_bytes": 20_971_520,
        "step": "standard",
        "metered": True,
    }


def a_round(slot, verdict):
    up = verdict == "up"
    answer = {"ok": {"elapsed_us": 41_000}} if up else {"failed": "timeout"}
    return {
        "kind": "round",
        "slot": {"index": slot, "seconds": SLOT_S},
        "verdict": verdict,
        "note": "none",
        "gateway": {"ok": {"elapsed_us": 900}},
        "dns": answer,
        "dns_public": answer,
        "online": "not_sent",
        "collector": {"ok": {"elapsed_us": 50_000}},
        "echoes": [
            {"target": target, "method": "icmp", "sent": 1, "late": 0, "duplicates": 0, "error": None, "rtt_us": [38_000] if up else []}
            for target in ("1.1.1.1", "8.8.8.8", "9.9.9.9")
        ],
    }


STANDING = re.compile(r'suar_island_standing\{island="([^"]+)".*standing="(\w+)"\} (\d)$')


def the_past(page, instance, now_s, every_s):
    """The page as it would have been in the 26 hours before, for `promtool tsdb create-blocks-from`."""
    # And closely around a day ago: Prometheus looks back five minutes only.
    a_day_ago = now_s - 24 * HOUR_S
    moments = sorted({*range(now_s - 26 * HOUR_S, now_s - 60, every_s), *range(a_day_ago - 300, a_day_ago + 900, 120)})
    added = f'job="suar",instance="{instance}"'
    changed = one_that_is_judged(page)
    lines = []
    for line in page.splitlines():
        if line.startswith("#"):
            lines.append(line)
            continue
        series, value = line.rsplit(" ", 1)
        labelled = series.replace("{", f"{{{added},", 1) if "{" in series else f"{series}{{{added}}}"
        grows = series.split("{")[0].endswith(("_total", "_bucket", "_count", "_sum"))
        judged = STANDING.match(line)
        for at in moments:
            told = value
            if grows:
                share = (at - moments[0]) / (now_s - moments[0])
                told = f"{float(value) * (0.5 + 0.5 * share):.6f}"
            elif judged and judged[1] == changed[0] and at < now_s - 6 * HOUR_S:
                told = int(judged[2] == changed[1])
            lines.append(f"{labelled} {told} {at}")
    # The end mark stands in the page already, and has to be the last line.
    lines.remove("# EOF")
    return "\n".join([*lines, "# EOF", ""])


def one_that_is_judged(page):
    """An island, and how it stood before it stood as it does now."""
    for island, standing, is_so in (found.groups() for found in map(STANDING.match, page.splitlines()) if found):
        if is_so == "1" and standing in ("reliable", "limited", "unreliable"):
            return island, "limited" if standing == "reliable" else "reliable"
    raise SystemExit("no island is judged")
