"""How reliable was it this quarter, and how much of it was seen at all."""

from islands_now import ISLAND_COLUMNS, OFFICE_COLUMNS
from panels import Column, dashboard, days, island_variable, lines, regency_variable, stat, table
from promql import availability, island_standing, named, observed, of_islands, of_region, site_standing
from status import BLUE, GREY, ORANGE, STANDINGS, VERMILION, YES_NO, steps
from text import *

GRADES = steps((None, VERMILION), (0.95, ORANGE), (0.99, BLUE))
SEEN = steps((None, GREY), (0.5, BLUE))
HISTORY = 'regency=~"$regency",island=~"$island"'


def mean(family):
    return f'avg({of_region(f"suar_site_{family}_ratio{{window={chr(34)}quarter{chr(34)}}}")})'


def standings():
    each = []
    for label, word, colour in reversed(list(STANDINGS.values())):
        kinds = f'standing="{label}"' if label else 'standing=~"not_enough_data|not_monitored"'
        count = f"sum({of_region(f'max by (site) (suar_site_standing{{{kinds}}})')}) or vector(0)"
        each.append((3, stat(word, None, count, thresholds=steps((None, "text"), (1, colour)), decimals=0)))
    return each


def islands_table():
    ratio = 'max by (island, island_name) (suar_island_availability_ratio{window="quarter"})'
    seen = "avg by (island, island_name) (suar_site_observed_ratio * on (site) group_left (island, island_name) " 'suar_site_info{regency=~"$regency"})'
    unreliable = 'sum by (island, island_name) (suar_island_graded_sites{standing="unreliable"})'
    worst = Column(STANDING, value=of_islands(island_standing()), kinds=STANDINGS)
    return table(
        Text("Pulau pada kuartal ini", "Islands in this quarter"),
        Text(
            "Ketersediaan dan keterpantauan selalu dibaca bersama: 100 % dari sedikit waktu belum mengatakan banyak.",
            "Availability and observed are read together: 100 % of little time does not say much.",
        ),
        [
            *ISLAND_COLUMNS,
            worst,
            Column(AVAILABILITY, value=of_islands(ratio), unit="percentunit", decimals=1, bar=GRADES),
            Column(OBSERVED, value=seen, unit="percentunit", decimals=0, bar=SEEN),
            Column(Text("Kantor tidak andal", "Unreliable offices"), value=of_islands(unreliable)),
            Column(OFFICES, value=of_islands("sum by (island, island_name) (suar_island_graded_sites)"), width=80),
        ],
        worst,
    )


def offices_table():
    def ratio(family):
        return of_region(f'max by (site) (suar_site_{family}_ratio{{window="quarter"}})')

    worst = Column(STANDING, value=of_region(site_standing()), kinds=STANDINGS)
    return table(
        Text("Kantor pada kuartal ini, yang terburuk di atas", "Offices in this quarter, the worst on top"),
        Text(
            "Terburuk: semua waktu yang tidak terpantau dianggap terputus. Di batas: selang kepercayaan 95 % melewati ambang.",
            "Worst case: all time that was not observed is taken as down. At the border: the 95 % interval crosses a threshold.",
        ),
        [
            *OFFICE_COLUMNS,
            Column(ISLAND, label="island_name"),
            worst,
            Column(AVAILABILITY, value=ratio("availability"), unit="percentunit", decimals=1, bar=GRADES),
            Column(OBSERVED, value=ratio("observed"), unit="percentunit", decimals=0, bar=SEEN),
            Column(WORST_CASE, value=ratio("worst_case"), unit="percentunit", decimals=1),
            # Names come from what every judged office has, also one without any ratio.
            Column(Text("Di batas", "At the border"), value=named(of_region("max by (site) (suar_site_standing_at_border)"), "name, island_name"), kinds=YES_NO, width=90),
            Column(Text("Terbatas listrik", "Limited by power"), value=of_region("max by (site) (suar_site_limited_by_power)"), kinds=YES_NO, width=110),
        ],
        worst,
    )


def with_regency_name(expression):
    return f"({expression}) * on (regency) group_left (regency_name) (group by (regency, regency_name) (suar_site_info @ end()))"


def make():
    about_days = Text(
        "Bagian jam kerja yang tersambung, dari yang terpantau; tanpa kotak: tidak ada yang terpantau. Angkanya tertulis, warna hanya membantu.",
        "Share of the observed office hours that was up; no cell: nothing was observed. The figure is written, the colour only helps.",
    )
    island_days = f"({availability(HISTORY, 'island', '1d', '-1d')}) * on (island) group_left (island_name) (max by (island, island_name) (suar_island_sites{{state=\"up\"}} @ end()) * 0 + 1)"
    return dashboard(
        Uid("suar-quarter"),
        Text("Suar: kuartal berjalan", "Suar: quarter so far"),
        Text("Seberapa andal, dan seberapa banyak yang terpantau.", "How reliable it was, and how much of it was seen."),
        [
            (
                Text("Berapa kantor di tiap kelas?", "How many offices of each standing?"),
                (
                    4,
                    standings()
                    + [
                        (4, stat(Text("Ketersediaan rata-rata", "Mean availability"), None, mean("availability"), unit="percentunit", decimals=1, thresholds=GRADES)),
                        (4, stat(Text("Keterpantauan rata-rata", "Mean observed"), None, mean("observed"), unit="percentunit", decimals=0, thresholds=SEEN)),
                        (4, stat(Text("▲ Terbatas listrik", "▲ Limited by power"), None, f"sum({of_region('suar_site_limited_by_power')})", decimals=0, thresholds=steps((None, "text"), (1, ORANGE)))),
                    ],
                ),
            ),
            (Text("Pulau mana yang tidak andal?", "Which islands are unreliable?"), (12, [(24, islands_table())])),
            (Text("Kantor mana yang menyebabkannya?", "Which offices are the reason?"), (14, [(24, offices_table())])),
            (
                Text("Hari apa saja yang buruk?", "Which days were bad?"),
                (12, [(24, days(Text("Ketersediaan pulau per hari", "Availability of islands by day"), about_days, island_days, "{{island_name}}", GRADES))]),
            ),
            (
                Text("Apakah membaik?", "Does it get better?"),
                (
                    9,
                    [
                        (12, lines(Text("Ketersediaan per minggu", "Availability by week"), None, [(with_regency_name(availability(HISTORY, "regency", "7d")), "{{regency_name}}")], unit="percentunit", most=1, interval="1d")),
                        (12, lines(Text("Keterpantauan per minggu", "Observed by week"), None, [(with_regency_name(observed(HISTORY, "regency", "7d")), "{{regency_name}}")], unit="percentunit", least=0, most=1, interval="1d")),
                    ],
                ),
            ),
        ],
        [regency_variable(), island_variable()],
        "now/fQ",
        refresh="10m",
    )
