#!/usr/bin/env python3
"""A simulated week in which known things happen: each alert that should fire fires once, and nothing else does.

    python3 lab/alert_week.py

`suar-lab week` lives through the week with the collector's own live state and page, minute by minute. Debian's promtool
evaluates the shipped rules over it; it scrapes and evaluates every five minutes instead of every one, because it loads at
most 10,000 samples into one question. What fired is then sent to Debian's Alertmanager with the
shipped configuration, a minute in twenty milliseconds and every wait of the configuration shortened likewise; its
receivers are replaced by one that writes down what would have gone to whom. Prints both as tables; fails where they
differ from what the week's author wrote down beforehand.
"""

import datetime
import http.server
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "dashboards"))
from world import free_ports, wait_for  # noqa: E402

RULES = ROOT / "dashboards/rules/suar.yml"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Asked of each alert at the end of the week. Expected is nothing, so that promtool says what it got.
QUESTIONS = {
    "first": "min_over_time(timestamp(FIRING)[7d:5m]) / 60",
    "last": "max_over_time(timestamp(FIRING)[7d:5m]) / 60",
    "times": "sum_over_time((FIRING unless FIRING offset 5m)[7d:5m])",
}
TIMESTAMP = re.compile(r"_timestamp_seconds\b")
# Minutes between two scrapes, and between two evaluations.
EVERY = 5
# Only recorded shares are made of these, and seven days of them are more than promtool loads.
FOR_SHARES = ("suar_site_slots_total", "suar_site_echoes_total")
# A minute of the week in Alertmanager's time, and the most that is waited where nothing changes.
MINUTE_S = 0.02
QUIET_MINUTES_MAX = 90


def shipped_alerts():
    return re.findall(r"- alert: (\S+)", RULES.read_text())


def promtool(week, folder):
    """What promtool found for each question: by series, as sets of labels."""
    alerts = shipped_alerts()
    tests = [
        {"expr": asked(question, alert), "eval_time": f"{week['minutes'] - EVERY}m", "exp_samples": []}
        for alert in alerts
        for question in QUESTIONS
    ]
    series = [
        {"series": name, "values": each_few_minutes(values, week["start_s"] if TIMESTAMP.search(name) else 0)}
        for name, values in week["series"].items()
        if not name.startswith(FOR_SHARES)
    ]
    rules = folder / "rules.yml"
    rules.write_text(RULES.read_text().replace("interval: 60s", f"interval: {EVERY}m"))
    file = folder / "week.yml"
    # JSON is YAML.
    file.write_text(
        json.dumps(
            {
                "rule_files": [str(rules)],
                "evaluation_interval": f"{EVERY}m",
                "tests": [{"interval": f"{EVERY}m", "input_series": series, "promql_expr_test": tests}],
            }
        )
    )
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True)
    said = done.stdout + done.stderr
    got = dict(re.findall(r'expr: "(.*)", time: \S+\n\s+exp: nil\n\s+got: (.*)\n', said))
    if not got or "err:" in said:
        raise SystemExit(f"promtool said something else:\n{said[-2000:]}")
    answers = {}
    for question in QUESTIONS:
        answers[question] = {}
        for alert in alerts:
            # What found nothing is as expected, and not told.
            answers[question] |= samples(got.get(asked(question, alert).replace('"', '\\"'), ""))
    return answers


def asked(question, alert):
    return QUESTIONS[question].replace("FIRING", f'ALERTS{{alertname="{alert}",alertstate="firing"}}')


def each_few_minutes(values, less):
    """Every fifth value of a series in promtool's notation. Its clock begins at zero, so times become `less`."""
    told = []
    for part in values.split():
        value, _, more = part.partition("x")
        value = None if value in ("_", "stale") else str(float(value) - less) if less else value
        # `5x3` is 5 and three more, `_x3` three that are missing.
        told += [value] * (int(more) + (value is not None) if more else 1)
    kept = told[::EVERY]
    # A series that is missing in a scrape ends there.
    return " ".join(
        value if value is not None else ("stale" if at and kept[at - 1] is not None else "_") for at, value in enumerate(kept)
    )


def samples(text):
    """`{a="b"} 1E+00, {c="d"} 2E+00` by labels."""
    found = {}
    for labels, value in re.findall(r"\{([^}]*)\} ([-+.\dE]+)", text):
        found[frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = float(value)
    return found


def place_of(labels):
    """The office; else the island, or what else offices share; nothing for the collector."""
    return labels.get("site") or labels.get("island_name") or labels.get("name", "")


class Fired:
    def __init__(self, labels, first, last, times):
        self.labels = {key: value for key, value in labels if key != "alertstate"}
        self.alert = self.labels["alertname"]
        self.place = place_of(self.labels)
        self.first, self.last, self.times = int(first), int(last), int(times)


def fired(answers):
    found = [
        Fired(labels, first, answers["last"][labels], answers["times"][labels]) for labels, first in answers["first"].items()
    ]
    return sorted(found, key=lambda one: one.first)


def when(minute):
    return f"{DAYS[minute // 1440]:<9} {minute % 1440 // 60:02}:{minute % 60:02}"


def held_against(expected, found):
    """Prints the table of Prometheus; returns sentences on what differs."""
    wrong, left = [], list(found)
    print(f"{'alert':<26} {'where':<16} {'expected from':<16} {'fired':<16} {'until':<16} {'times':>5}  because")
    for one in expected:
        same = [other for other in left if (other.alert, other.place) == (one["alert"], one["place"])]
        hit = next((other for other in same if one["from"] <= other.first < one["until"] + EVERY), None)
        shown = hit or next(iter(same), None)
        told = (when(shown.first), when(shown.last), shown.times) if shown else ("never", "", 0)
        print(f"{one['alert']:<26} {one['place']:<16} {when(one['from']):<16} {told[0]:<16} {told[1]:<16} {told[2]:>5}  {one['because']}")
        if hit is None or hit.times != 1:
            wrong.append(f"{one['alert']} {one['place']}: expected once from {when(one['from'])}; found {told}")
        if hit:
            left.remove(hit)
    wrong += [f"{other.alert} {other.place}: fired {when(other.first)} and should not" for other in left]
    return wrong


class Receiver:
    """Takes Alertmanager's webhooks and writes down who was told what, and when."""

    def __init__(self):
        told = self.told = []

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                told.append((time.time(), self.path.strip("/"), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def shortened(text, url):
    """The shipped configuration: waits in the week's time, receivers that write down. Intervals of the clock are left
    out, for the week's days are not those of the clock."""
    head, receivers = text.split("\nreceivers:\n")
    unit = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}

    def short(match):
        milliseconds = round(float(match[2]) * unit[match[3]] * MINUTE_S * 1000)
        return f"{match[1]}{max(milliseconds, 1)}ms"

    head = re.sub(r"((?:group_wait|group_interval|repeat_interval): )(\d+)([smhd])", short, head)
    head = re.sub(r"\n +(?:active|mute)_time_intervals: .*", "", head)
    names = re.findall(r"^  - name: (\S+)", receivers, re.MULTILINE)
    hooks = "".join(
        f"  - name: {name}\n    webhook_configs: [{{url: {url}/{name}, send_resolved: true}}]\n" for name in names
    )
    return f"{head}\nreceivers:\n{hooks}"


def replay(found, folder):
    """Sends what fired to Alertmanager in its order; returns (minute, receiver, alert, place, status) of each message."""
    receiver = Receiver()
    (folder / "alertmanager").mkdir()
    template = ROOT / "deploy/alertmanager/suar.tmpl"
    (folder / "alertmanager/suar.tmpl").write_text(template.read_text())
    config = folder / "alertmanager.yml"
    config.write_text(shortened((ROOT / "deploy/alertmanager.yml").read_text(), receiver.url))
    address = f"127.0.0.1:{free_ports(1)[0]}"
    log = open(folder / "alertmanager.log", "w")
    program = ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={folder / 'data'}"]
    program += [f"--web.listen-address={address}", "--cluster.listen-address=", "--log.level=warn"]
    running = subprocess.Popen(program, stdout=log, stderr=log)
    try:
        wait_for("Alertmanager", lambda: urllib.request.urlopen(f"http://{address}/-/ready", timeout=5).status == 200)
        moments = sorted({one.first for one in found} | {one.last + 1 for one in found})
        sent, at, before = [], time.time(), moments[0]
        for moment in moments:
            at += min(moment - before, QUIET_MINUTES_MAX) * MINUTE_S
            before = moment
            time.sleep(max(0, at - time.time()))
            sent.append((time.time(), moment))
            # Prometheus sends what fires and what has just ended; what goes on is sent again and again.
            active = [one for one in found if one.first <= moment <= one.last + 1]
            post(address, [alert(one, sent, moment) for one in active])
        time.sleep(QUIET_MINUTES_MAX * MINUTE_S)
    finally:
        running.terminate()
        running.wait()
    messages = []
    for at, name, body in receiver.told:
        for one in body["alerts"]:
            labels = one["labels"]
            place = place_of(labels)
            since = max(moment for sent_at, moment in sent if sent_at <= at)
            messages.append((since, name, labels["alertname"], place, one["status"]))
    return messages


def alert(one, sent, moment):
    def stamp(seconds):
        return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds")

    starts = next(at for at, of in sent if of == one.first)
    # While it goes on, its end is far away.
    ends = sent[-1][0] if moment > one.last else starts + 3_600
    return {"labels": one.labels, "startsAt": stamp(starts), "endsAt": stamp(ends), "annotations": {"summary": one.alert}}


def post(address, alerts):
    request = urllib.request.Request(
        f"http://{address}/api/v2/alerts", json.dumps(alerts).encode(), {"content-type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10)


# What the alert of an island holds back.
HELD_BACK = {
    ("SuarSiteDown", "19.02.03.2001"),
    ("SuarSiteDown", "19.02.03.2002"),
    ("SuarSiteSilent", "19.02.03.2001"),
    ("SuarSiteSilent", "19.02.03.2002"),
}


def receiver_of(one):
    """Who has to be told, by the routes of the shipped configuration."""
    if one.labels["about"] == "collector":
        return "pengelola"
    if one.labels["severity"] == "info":
        return "catatan"
    return "belitung" if one.labels["regency"] in ("19.02", "19.06") else "bangka"


def told_right(found, messages):
    told = {(alert, place, name) for _, name, alert, place, status in messages if status == "firing"}
    wrong = []
    for one in found:
        names = {name for alert, place, name in told if (alert, place) == (one.alert, one.place)}
        awaited = set() if (one.alert, one.place) in HELD_BACK else {receiver_of(one)}
        if names != awaited:
            wrong.append(f"{one.alert} {one.place}: told {sorted(names)}, and should be {sorted(awaited)}")
    return wrong


def main():
    programs = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
    told = subprocess.run([programs / "suar-lab", "week", "--rules", RULES], capture_output=True, check=True)
    week = json.loads(told.stdout)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        found = fired(promtool(week, folder))
        wrong = held_against(week["expected"], found)
        never = set(shipped_alerts()) - {one["alert"] for one in week["expected"]}
        wrong += [f"{name}: nothing in the week should make it fire" for name in sorted(never)]
        messages = replay(found, folder)
        wrong += told_right(found, messages)
        print("\nto            alert                      where            told from        status")
        for minute, name, alert_name, place, status in messages:
            print(f"{name:<13} {alert_name:<26} {place:<16} {when(min(minute, 10_079)):<16} {status}")
    print("\n".join(wrong))
    print(f"{len(week['expected'])} alerts expected, {len(found)} series of alerts fired, {len(wrong)} differences")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
