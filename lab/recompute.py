#!/usr/bin/env python3
"""A report computed a second time, from what the collector exports, in another language and by plain means.

    suar-collector dump-records --json | recompute.py DIRECTORY HOLIDAYS.csv

DIRECTORY holds what `lab/report.sh` exported: report.json, report.csv, sites.csv (`site list --format csv`) and
agents.txt (`agent list`). Every office's times, shares, days, losses, round trips, bandwidth tests, interval and
standing are counted anew from its records, every area's and island's from these; then the CSV and the JSON report
must say the same. What sessions explain (reasons of holes, power, outages) is left to
`suar-lab compare`. Prints how many figures were compared and how many differ; exit code 1 when any does.
"""

import bisect
import collections
import csv
import datetime
import itertools
import json
import pathlib
import sys
from fractions import Fraction

ZONES = {"wib": 7, "wita": 8, "wit": 9}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
STANDARD = "mon-thu 08:00-16:00; fri 08:00-11:30,13:00-16:00"
# From the office outwards: of causes that as many agents saw, the one further out is told.
CAUSES = ["no_network", "gateway", "internet", "dns", "captive_portal"]
DAY = 86_400
HALF_HOUR = 1_800
MASK = 2**64 - 1


class Compared:
    def __init__(self):
        self.count = 0
        self.differences = []

    def same(self, place, what, reported, found):
        self.count += 1
        if reported != found:
            self.differences.append(f"{place}, {what}: reported {reported!r}, counted {found!r}")


# --- when an office is open


def minutes_of_week(text):
    """For each weekday the set of open minutes."""
    if text == "always":
        return [set(range(1_440)) for _ in DAYS]
    week = [set() for _ in DAYS]
    for part in (STANDARD if text == "standard" else text).split(";"):
        days, times = part.split(maxsplit=1)
        first, _, last = days.partition("-")
        span = range(DAYS.index(first), DAYS.index(last or first) + 1)
        for stretch in times.split(","):
            start, end = ((int(t[:2]) * 60 + int(t[3:5])) for t in stretch.strip().split("-"))
            for day in span:
                if start < end:
                    week[day].update(range(start, end))
                else:
                    week[day].update(range(start, 1_440))
                    week[(day + 1) % 7].update(range(end))
    return week


def read_holidays(path):
    days = collections.defaultdict(list)
    for row in csv.reader(line for line in open(path, encoding="utf-8") if not line.startswith("#")):
        if row and row[0] != "date":
            days[datetime.date.fromisoformat(row[0])].append(row[1])
    return days


def is_free(holidays, date, village):
    return any(not scope or (village + ".").startswith(scope + ".") for scope in holidays.get(date, []))


def local_day(moment, zone):
    return (moment + zone * 3_600) // DAY


def open_spans(site, holidays, start, end):
    """Open stretches of a window, by day: {day: [(start, end), ...]}, seconds since 1970."""
    zone = ZONES[site["time_zone"]]
    versions = [(v["until_s"], v["hours"]) for v in site["hours_before"]] + [(MASK, site["hours"])]
    spans = collections.OrderedDict()
    for day in range(local_day(start, zone), local_day(end - 1, zone) + 1):
        date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
        midnight = day * DAY - zone * 3_600
        since = start
        for until, hours in versions:
            if hours != "always" and is_free(holidays, date, site["village"]):
                continue
            minutes = sorted(minutes_of_week(hours)[date.weekday()])
            for minute in minutes:
                low = max(midnight + minute * 60, start, since)
                high = min(midnight + minute * 60 + 60, end, until)
                if low >= high:
                    continue
                today = spans.setdefault(day, [])
                if today and today[-1][1] == low:
                    today[-1] = (today[-1][0], high)
                else:
                    today.append((low, high))
            since = max(start, until)
    return spans


def overlap(start, end, spans):
    return sum(max(0, min(end, high) - max(start, low)) for low, high in spans)


# --- what the records say


def offices_of(lines, site_of):
    """Records come agent by agent, and agents office by office: one office at a time is all that is kept.

    Yields (site, [agent]) for each office with records.
    """
    site, agents, seen = None, [], set()
    for agent, of_agent in itertools.groupby(map(json.loads, lines), key=lambda record: record["agent"]):
        assert agent not in seen, f"the records of {agent} stand apart"
        seen.add(agent)
        if site_of[agent] != site:
            if agents:
                yield site, agents
            site, agents = site_of[agent], []
        agents.append(read_agent(of_agent))
    if agents:
        yield site, agents


class Agent:
    def __init__(self):
        # Slot start: (width, cause or None).
        self.slots = {}
        # Half hour: echoes of rounds that were up, as [sent, lost, round trips].
        self.echoes = collections.defaultdict(lambda: [0, 0, []])
        # Bandwidth tests: (second, direction, end, rate).
        self.tests = []


def read_agent(records):
    agent = Agent()
    for record in records:
        body = record["record"]["body"]
        if body["kind"] == "bandwidth":
            agent.tests.append((record["at_ms"] // 1_000, body["direction"], body["end"], body["rate_bps"]))
        start = record["slot_start_s"]
        if start is None:
            continue
        assert start not in agent.slots, f"slot {start} of {record['agent']} twice"
        agent.slots[start] = (record["slot_seconds"], record["cause"])
        if record["verdict"] == "up":
            half_hour = agent.echoes[start // HALF_HOUR]
            for echo in body["echoes"]:
                half_hour[0] += echo["sent"]
                half_hour[1] += echo["sent"] - len(echo["rtt_us"])
                half_hour[2].extend(echo["rtt_us"])
    return agent


def merged(all_slots):
    """Slots of all agents of an office: up if any saw it up, else what most saw."""
    if len(all_slots) == 1:
        return all_slots[0]
    together = {}
    for start in set().union(*all_slots):
        seen = [slots[start] for slots in all_slots if start in slots]
        causes = [cause for _, cause in seen]
        width = max(width for width, _ in seen)
        if None in causes:
            together[start] = (width, None)
        else:
            together[start] = (width, max(CAUSES, key=lambda c: (causes.count(c), CAUSES.index(c))))
    return together


# --- how sure


def interval(days, code, start, end):
    if len(days) < 14:
        return None
    if all(up == seen for up, seen in days):
        return Fraction(1), Fraction(1)
    state = 0xCBF29CE484222325
    for byte in code.encode() + b"\0" + b"".join(n.to_bytes(8, "little", signed=True) for n in (start, end)):
        state = ((state ^ byte) * 0x100000001B3) & MASK

    def draw():
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & MASK
        mixed = state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        return days[((mixed ^ (mixed >> 31)) * len(days)) >> 64]

    shares = []
    for _ in range(1_000):
        drawn = [draw() for _ in days]
        shares.append(Fraction(sum(up for up, _ in drawn), sum(seen for _, seen in drawn)))
    shares.sort()
    return shares[25], shares[974]


# --- from figures to standings


def exact(number):
    return Fraction(round(number * 1_000_000), 1_000_000)


def grade_availability(share, rules):
    if share is None:
        return "missing"
    if share < exact(rules["availability_unreliable"]):
        return "unreliable"
    return "reliable" if share >= exact(rules["availability_reliable"]) else "limited"


def grade_low(value, reliable, unreliable):
    if value is None:
        return "missing"
    return "unreliable" if value > unreliable else "reliable" if value <= reliable else "limited"


def grade_speed(bits, reliable_mbps, unreliable_mbps):
    if bits is None:
        return "missing"
    if bits < exact(unreliable_mbps) * 1_000_000:
        return "unreliable"
    return "reliable" if bits >= exact(reliable_mbps) * 1_000_000 else "limited"


def standing_of(availability, download, others):
    bad = others.count("unreliable")
    if "unreliable" in (availability, download) or bad >= 2:
        return "unreliable"
    return "reliable" if (availability, download, bad) == ("reliable", "reliable", 0) else "limited"


def middle(values):
    """Of an even number the lower of both."""
    return sorted(values)[(len(values) - 1) // 2] if values else None


def count_office(site, agents, holidays, report):
    """Everything about one office, from the records of its agents; `None` is one that never sent anything."""
    slots = [agent.slots for agent in agents]
    echoes = [agent.echoes for agent in agents]
    rules, period = report["rules"], report["period"]
    zone = ZONES[site["time_zone"]]
    start, end = site["measured"]["start_s"], site["measured"]["end_s"]
    spans_by_day = open_spans(site, holidays, start, end)
    spans = [span for day in spans_by_day.values() for span in day]
    ends = [high for _, high in spans]
    near = lambda low, high: spans[bisect.bisect_right(ends, low) : bisect.bisect_right(ends, high) + 1]
    seen, day_up, day_seen = collections.Counter(), collections.Counter(), collections.Counter()
    for slot, (width, cause) in merged(slots).items() if slots else ():
        inside = overlap(slot, slot + width, near(slot, slot + width))
        seen[cause] += inside
        day = local_day(slot, zone)
        day_seen[day] += inside
        if cause is None:
            day_up[day] += inside
    sent, lost, round_trips = 0, 0, []
    for agent in echoes:
        for half_hour, (here_sent, here_lost, here_rtt) in agent.items():
            low = half_hour * HALF_HOUR
            first, last = start // DAY * DAY, -(-end // DAY) * DAY
            if first <= low < last and overlap(low, low + HALF_HOUR, near(low, low + HALF_HOUR)):
                sent, lost = sent + here_sent, lost + here_lost
                round_trips.extend(here_rtt)
    rates, without_rate = {"download": [], "upload": []}, 0
    for second, direction, end, rate in (test for agent in agents for test in agent.tests):
        if not overlap(second, second + 1, near(second, second + 1)):
            continue
        if end == "measured":
            rates[direction].append(rate)
        else:
            without_rate += 1
    expected = {day: sum(high - low for low, high in day_spans) for day, day_spans in spans_by_day.items()}
    found = {
        "expected_s": sum(expected.values()),
        "up_s": seen[None],
        "down_s": sum(seen[cause] for cause in CAUSES),
        **{f"down_{cause}_s": seen[cause] for cause in CAUSES},
        "echoes_sent": sent,
        "echoes_lost": lost,
        "rtt_samples": len(round_trips),
        "download_bits": middle(rates["download"]),
        "upload_bits": middle(rates["upload"]),
        "tests": {**{direction: len(found) for direction, found in rates.items()}, "without_rate": without_rate},
        "days_expected": len(expected),
    }
    observed_s = found["up_s"] + found["down_s"]
    found["unobserved_s"] = found["expected_s"] - observed_s
    share = lambda part, whole: Fraction(part, whole) if whole else None
    found["availability"] = share(found["up_s"], observed_s)
    found["observed"] = share(observed_s, found["expected_s"])
    found["worst_case"] = share(found["up_s"], found["expected_s"])
    enough = exact(rules["observed_enough"])
    found["days_observed"] = sum(
        1 for day, seconds in expected.items() if Fraction(day_seen[day], seconds) >= enough
    )
    if period["kind"] == "quarter":
        found["days_needed"] = rules["days_enough_quarter"]
    else:
        working = len(open_spans(site, holidays, period["start_s"], period["end_s"]))
        found["days_needed"] = max(1, -(-working * round(rules["days_enough_share"] * 1e6) // 1_000_000))
    days = [(day_up[day], day_seen[day]) for day in sorted(expected) if day_seen[day]]
    found["interval"] = interval(days, site["site"], period["start_s"], period["end_s"])
    round_trips.sort()
    # Nearest rank.
    found["rtt_us"] = round_trips[-(-len(round_trips) // 2) - 1] if round_trips else None
    geo = site["link"] == "geo_satellite"
    rtt = grade_low(
        None if site["rtt"]["median_us"] is None else site["rtt"]["median_us"] / 1_000,
        rules["rtt_reliable_ms"],
        rules["rtt_unreliable_geo_ms" if geo else "rtt_unreliable_ms"],
    )
    loss = grade_low(
        Fraction(lost, sent) if sent >= 300 else None,
        exact(rules["loss_reliable"]),
        exact(rules["loss_unreliable"]),
    )
    download, upload = (
        grade_speed(found[f"{way}_bits"], rules[f"{way}_reliable_mbps"], rules[f"{way}_unreliable_mbps"])
        for way in rates
    )
    by = lambda availability: standing_of(grade_availability(availability, rules), download, [upload, rtt, loss])
    is_enough = (
        observed_s > 0 and found["observed"] >= enough and found["days_observed"] >= found["days_needed"]
    )
    found["standing"] = (
        "not_monitored" if not slots else by(found["availability"]) if is_enough else "not_enough_data"
    )
    bounds = found["interval"] or ()
    found["at_border"] = bool(slots) and is_enough and any(by(b) != found["standing"] for b in bounds)
    return found


def six_decimals(share):
    if share is None:
        return ""
    # Half up, as the report rounds.
    scaled = (2 * share.numerator * 1_000_000 + share.denominator) // (2 * share.denominator)
    return f"{scaled // 1_000_000}.{scaled % 1_000_000:06d}"


def compare_office(compared, site, row, found):
    place = site["site"]
    for key in ["expected_s", "up_s", "down_s", "unobserved_s"]:
        compared.same(place, key, site[key], found[key])
    for cause in CAUSES:
        compared.same(place, cause, site["down_by_cause_s"].get(cause, 0), found[f"down_{cause}_s"])
    for key in ["availability", "observed", "worst_case"]:
        exactly = None if found[key] is None else float(found[key])
        compared.same(place, key, site[key], exactly)
    for key in ["expected", "observed", "needed"]:
        compared.same(place, f"days {key}", site["days"][key], found[f"days_{key}"])
    compared.same(place, "echoes sent", site["loss"]["sent"], found["echoes_sent"])
    compared.same(place, "echoes lost", site["loss"]["lost"], found["echoes_lost"])
    compared.same(place, "round trips", site["rtt"]["samples"], found["rtt_samples"])
    for key in ["standing", "at_border", "download_bits", "upload_bits"]:
        compared.same(place, key, site[key], found[key])
    compared.same(place, "bandwidth tests", site["bandwidth_tests"], found["tests"])
    ends = site["availability_interval"] and tuple(site["availability_interval"][k] for k in ("low", "high"))
    compared.same(place, "interval", ends, found["interval"] and tuple(map(float, found["interval"])))
    median = site["rtt"]["median_us"]
    # The collector keeps round trips in steps of 1/32 of an octave.
    close = found["rtt_us"] is not None and median is not None and abs(median - found["rtt_us"]) <= 0.016 * found["rtt_us"]
    compared.same(place, "median round trip", True, close or (median is None and found["rtt_us"] is None))

    # How many outages there were is told by sessions too; what the figure divides is counted here.
    between = found["up_s"] // len(site["outages"]) if site["outages"] else None
    compared.same(place, "time up between outages", site["mtbf_s"], between)

    texts = {key: str(found[key]) for key in found if key.endswith("_s") or key.startswith(("days", "echoes"))}
    texts |= {key: six_decimals(found[key]) for key in ["availability", "observed", "worst_case"]}
    texts |= {"standing": found["standing"], "at_border": str(found["at_border"]).lower()}
    texts["mtbf_s"] = "" if between is None else str(between)
    texts |= {key: str(found[key] or "") for key in ["download_bits", "upload_bits"]}
    for key, bound in zip(["availability_low", "availability_high"], found["interval"] or (None, None)):
        texts[key] = six_decimals(bound)
    for key, text in texts.items():
        compared.same(place, f"{key} in the CSV", row[key], text)


def compare_areas(compared, report, offices):
    """Counts by area, from the standings that were found here."""
    of = lambda parts: lambda site: ".".join(site["village"].split(".")[:parts])
    for key, code_of in [("islands", lambda site: site["island"]), ("regencies", of(2)), ("districts", of(3))]:
        areas = collections.defaultdict(collections.Counter)
        for site, found in offices:
            count = areas[code_of(site)]
            count["sites"] += 1
            count["monitored"] += found["standing"] != "not_monitored"
            count["judged"] += found["standing"] in ("reliable", "limited", "unreliable")
            count["at_border"] += found["at_border"]
            count[found["standing"]] += 1
        compared.same(key, "codes", sorted(area["code"] for area in report[key]), sorted(areas))
        for area in report[key]:
            count = areas[area["code"]]
            for name in ["sites", "monitored", "judged", "reliable", "limited", "unreliable", "at_border"]:
                compared.same(area["code"], name, area["offices"][name], count[name])
            if key == "islands":
                compared.same(area["code"], "standing", area["standing"], island_standing(count, report["rules"]))
        if key == "regencies":
            compare_weights(compared, report, areas)


def island_standing(count, rules):
    if not count["judged"]:
        return "not_assessable"
    bad = Fraction(count["unreliable"], count["judged"])
    if bad and bad >= exact(rules["island_unreliable_share"]):
        return "unreliable"
    return "reliable" if count["reliable"] == count["judged"] else "limited"


def compare_weights(compared, report, areas):
    people = {area["code"]: area["population"] for area in report["regencies"] if areas[area["code"]]["judged"]}
    whole = sum(people.values())
    weighted = report["weighted_by_population"] or {}
    for standing in ["unreliable", "limited", "reliable"] if whole else ():
        parts = (Fraction(areas[c][standing], areas[c]["judged"]) * n for c, n in people.items())
        found = float(sum(parts) / whole)
        compared.same("province", f"{standing}, weighted", True, abs(weighted[standing] - found) < 1e-8)


def main(directory, holidays_file):
    directory = pathlib.Path(directory)
    report = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    rows = {row["site"]: row for row in csv.DictReader(open(directory / "report.csv", encoding="utf-8"))}
    registry = csv_table(directory / "sites.csv")
    agents_of, site_of = collections.defaultdict(list), {}
    for line in (directory / "agents.txt").read_text(encoding="utf-8").splitlines()[1:]:
        agent, site = line.split()[:2]
        agents_of[site].append(agent)
        site_of[agent] = site
    holidays = read_holidays(holidays_file)
    compared, offices = Compared(), []
    compared.same("report", "offices", sorted(s["site"] for s in report["sites"]), sorted(registry))
    reported = {site["site"]: site for site in report["sites"]}

    def office(site, agents):
        # An agent without a record was there all the same.
        agents = agents + [Agent() for _ in agents_of[site["site"]][len(agents) :]]
        for key in ["village", "island", "link", "hours"]:
            compared.same(site["site"], key, site[key], registry[site["site"]][key])
        found = count_office(site, agents, holidays, report)
        compare_office(compared, site, rows[site["site"]], found)
        offices.append((site, found))

    for code, agents in offices_of(sys.stdin, site_of):
        office(reported.pop(code), agents)
    for site in reported.values():
        office(site, [])
    compare_areas(compared, report, offices)
    print(f"{compared.count} comparisons, {len(compared.differences)} differences")
    for difference in compared.differences[:40]:
        print(f"  {difference}")
    return 1 if compared.differences or not compared.count else 0


def csv_table(path):
    """The registry's export, by code; a spreadsheet's separators or a program's."""
    text = path.read_text(encoding="utf-8-sig")
    header = text.splitlines()[0]
    separator = ";" if header.count(";") > header.count(",") else ","
    return {row["code"]: row for row in csv.DictReader(text.splitlines(), delimiter=separator)}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
