#!/usr/bin/env python3
"""Runs every expression of the dashboards and rules on a real Prometheus that scrapes a real collector.

    python3 dashboards/check.py [--keep]     with --keep it stays until Ctrl-C, to be looked at

A panel's expression, its variables filled in, has to find something. A recorded expression too. Of an alert
every selector has to find something within a day: the alert itself should not fire. Needs the debug programs
(`cargo build --workspace`) and Debian's `prometheus` and `promtool` on the path.
"""

import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from world import HOUR_S, PUSH_S, ROOT, SCRAPE_S, World, wait_for

DASHBOARDS = ROOT / "dashboards"
STARTS = {"now-24h": 24 * HOUR_S, "now-7d": 7 * 24 * HOUR_S, "now/fQ": 60 * 24 * HOUR_S}
STEPS_S = {"1m": 600, "10m": 600, "1h": HOUR_S, "1d": 24 * HOUR_S}
SELECTOR = re.compile(r"\b((?:suar_\w+|suar:[\w:]+|up)(?:\{[^}]*\})?)(?!\w)")


class Prometheus:
    def __init__(self, address):
        self.address = address

    def ask(self, call, **parameters):
        url = f"http://{self.address}/api/v1/{call}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                said = json.load(answer)
                found = said["data"]
                return found.get("result", found.get("groups")), "; ".join(said.get("warnings", [])) or None
        except urllib.error.HTTPError as error:
            return [], json.load(error).get("error", str(error))

    def finds(self, expression):
        return self.ask("query", query=expression)


def filled(expression, values):
    for name, value in values.items():
        expression = expression.replace(f"${name}", value)
    return expression


def choices(prometheus, dashboard):
    """The values of each variable that is chosen from a list, as Grafana would find them."""
    found = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        expression = re.fullmatch(r"query_result\((.*)\)", variable["query"]["query"])[1]
        result, error = prometheus.finds(filled(expression, {"regency": ".*"}))
        pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
        # Grafana's own writing of a series: labels in the order of the answer.
        texts = [",".join(f'{key}="{value}"' for key, value in one["metric"].items()) for one in result]
        matches = [pattern.search(f"{{{text}}} 1 1") for text in texts]
        if error or not matches or not all(match and match["text"] and match["value"] for match in matches):
            raise SystemExit(f"variable {variable['name']}: {error or texts}")
        found[variable["name"]] = [".*"] if variable["includeAll"] else [match["value"] for match in matches]
    return found


def combinations(found):
    """Values to try: all regencies, and each island or office."""
    single = next((name for name, values in found.items() if name != "regency" and values != [".*"]), None)
    rest = {"regency": ".*", "island": ".*"}
    return [rest | {single: value} for value in found[single]] if single else [rest]


def check_panel(prometheus, dashboard, panel, tries):
    """Sentences on what is wrong with a panel."""
    wrong = []
    now = time.time()
    for target in panel.get("targets", []):
        found, error = [], None
        # What shows only trouble is empty on a good day: then the same without its bound.
        bare = target["expr"].replace(" > 0", "")
        for expression, values in itertools.product({target["expr"], bare}, tries):
            step = STEPS_S[panel.get("interval", "1m")]
            expression = filled(expression, values | {"__interval": f"{step}s", "__rate_interval": "20m"})
            if target["instant"]:
                found, error = prometheus.finds(expression)
            else:
                start = now - STARTS[dashboard["time"]["from"]] // step * step
                found, error = prometheus.ask("query_range", query=expression, start=start, end=now, step=step)
            if found or error:
                break
        if error or not found:
            wrong.append(f"{panel['title']}: {error or 'finds nothing'}: {target['expr']}")
    return wrong


def rules(prometheus):
    """Kind, name, expression and runbook of every rule, as Prometheus read them."""
    groups, _ = prometheus.ask("rules")
    for rule in (rule for group in groups for rule in group["rules"]):
        runbook = rule.get("annotations", {}).get("runbook_url", "").rpartition("/user/runbooks/")[2]
        yield rule["type"], rule["name"], rule["query"], runbook


def check_rule(prometheus, kind, name, expression):
    found, error = prometheus.finds(expression)
    if error or (kind == "recording" and not found):
        return [f"{name}: {error or 'finds nothing'}"]
    wrong = []
    for selector in SELECTOR.findall(expression):
        # What an alert waits for may well not be there: then the same without its values.
        bare = re.sub(r'(status|reason)=~?"[^"]*",?', "", selector)
        found, error = prometheus.finds(f"last_over_time({bare}[1d])")
        if error or not found:
            wrong.append(f"{name}: {selector}: {error or 'finds nothing'}")
    return wrong


def wait_quietly(look):
    """Gives Prometheus time to see what it was asked for, and offices time to fall silent."""
    deadline = time.monotonic() + 4 * PUSH_S
    while not look() and time.monotonic() < deadline:
        time.sleep(SCRAPE_S / 4)


def main():
    keep = sys.argv[1:] == ["--keep"]
    programs = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
    asked, wrong, again = 0, [], []
    with tempfile.TemporaryDirectory() as folder, World(folder, programs) as world:
        prometheus = Prometheus(world.prometheus)
        wait_for("Prometheus to scrape", lambda: prometheus.finds('up{job="suar"} == 1')[0])
        wait_for("the rules", lambda: prometheus.finds("suar:island_open_sites:count")[0])
        for file in sorted(DASHBOARDS.glob("id/*.json")):
            dashboard = json.loads(file.read_text())
            tries = combinations(choices(prometheus, dashboard))
            for panel in dashboard["panels"]:
                asked += len(panel.get("targets", []))
                if check_panel(prometheus, dashboard, panel, tries):
                    again.append((file.name, dashboard, panel, tries))
        # What counts these very questions had nothing to count before them.
        for name, *what in again:
            wait_quietly(lambda what=what: not check_panel(prometheus, *what))
            wrong += [f"{name}: {sentence}" for sentence in check_panel(prometheus, *what)]
        for kind, name, expression, runbook in rules(prometheus):
            asked += 1
            if kind == "alerting" and not (runbook and (ROOT / "docs/runbooks" / runbook).exists()):
                wrong.append(f"{name}: has no page in docs/runbooks: {runbook}")
            wrong += check_rule(prometheus, kind, name, expression)
        print("\n".join(wrong))
        print(f"{asked} expressions asked, {len(wrong)} bad")
        if keep:
            print(f"Prometheus: http://{world.prometheus}   data: {folder}", flush=True)
            try:
                subprocess.run(["sleep", "infinity"])
            except KeyboardInterrupt:
                pass
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
