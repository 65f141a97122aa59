#!/usr/bin/env python3
"""Runs every expression of the dashboards on a real Prometheus that scrapes the golden metrics page.

Fails where Prometheus refuses an expression or finds nothing for it. Needs Debian's `prometheus` on the
path and nothing else. The page's counters are made to grow between scrapes, so that rates have something.

    python3 dashboards/check.py [PAGE]
"""

import http.server
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent / "collector/tests/golden/metrics.txt"
SCRAPES_MIN = 4
DEADLINE_S = 60
# Panels of one office are looked at for the office that is up, and its cause for the one that is down.
SITES = ["A", "B"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve_page(text):
    """Serves the page; every scrape sees counters that are one larger than the time before."""
    scrapes = {"count": 0}

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            scrapes["count"] += 1
            grown = re.sub(
                r"^(\S+_total\{.*\}) (\S+)$",
                lambda line: f"{line[1]} {float(line[2]) + scrapes['count']}",
                text,
                flags=re.MULTILINE,
            )
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write(grown.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, scrapes


def expressions():
    for file in sorted(HERE.glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield file.name, panel["title"], target["expr"]


def ask(port, expression):
    query = urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}", timeout=10) as answer:
            return json.load(answer)["data"]["result"], None
    except urllib.error.HTTPError as error:
        return [], json.load(error).get("error", str(error))


def main():
    page = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    server, scrapes = serve_page(page.read_text())
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "prometheus.yml"
        config.write_text(
            "global: {scrape_interval: 1s}\n"
            "scrape_configs:\n"
            f"  - job_name: suar\n    static_configs: [{{targets: ['127.0.0.1:{server.server_port}']}}]\n"
        )
        prometheus = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=error",
            ]
        )
        try:
            deadline = time.monotonic() + DEADLINE_S
            while scrapes["count"] < SCRAPES_MIN:
                if time.monotonic() > deadline or prometheus.poll() is not None:
                    sys.exit("Prometheus did not scrape the page")
                time.sleep(0.2)
            bad = check_all(port)
        finally:
            prometheus.terminate()
            prometheus.wait()
    sys.exit(1 if bad else 0)


def check_all(port):
    asked = bad = 0
    for file, panel, expression in expressions():
        asked += 1
        found, error = [], None
        for site in SITES:
            filled = expression.replace("$site", site)
            here, error = ask(port, filled)
            found += here
            if error:
                break
        if error or not found:
            bad += 1
            print(f"{file}: {panel}: {error or 'finds nothing'}: {expression}")
    print(f"{asked} expressions asked, {bad} bad")
    return bad


if __name__ == "__main__":
    main()
