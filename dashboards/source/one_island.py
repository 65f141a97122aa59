"""One island: its offices side by side."""

from islands_now import OFFICE_COLUMNS
from panels import Column, dashboard, days, island_variable, lines, regency_variable, stat, table, timeline
from promql import availability, island_standing, named, named_past, observed, site_standing, site_state, state_history
from quarter import GRADES, SEEN
from status import BLUE, CAUSES, GREY, STANDINGS, STATES, VERMILION, YES_NO, steps
from text import *

ONE = 'island="$island"'
HERE = f"suar_site_info{{{ONE}}}"
TIMELINE = {1: (None, STATES[0][1], BLUE)} | CAUSES


def here(expression):
    return f"({expression}) and on (site) {HERE}"


def count(label, word, colour):
    return stat(word, None, f'sum(suar_island_sites{{{ONE},state="{label}"}})', decimals=0, thresholds=steps((None, "text"), (1, colour)))


def offices():
    def ratio(family):
        return here(f'max by (site) (suar_site_{family}_ratio{{window="quarter"}})')

    worst = Column(STANDING, value=here(site_standing()), kinds=STANDINGS)
    return table(
        Text("Kantor di pulau ini", "Offices of this island"),
        None,
        [
            *OFFICE_COLUMNS,
            Column(VILLAGE, label="village_name"),
            Column(PROVIDER, label="provider"),
            Column(STATE, value=here(named(site_state(), "name, village_name, provider")), kinds=STATES),
            worst,
            Column(AVAILABILITY, value=ratio("availability"), unit="percentunit", decimals=1, bar=GRADES),
            Column(OBSERVED, value=ratio("observed"), unit="percentunit", decimals=0, bar=SEEN),
            Column(Text("Terbatas listrik", "Limited by power"), value=here("max by (site) (suar_site_limited_by_power)"), kinds=YES_NO, width=110),
            Column(LAST_HEARD, value=here("time() - max by (site) (suar_site_last_heard_timestamp_seconds)"), unit="s", decimals=0),
        ],
        worst,
    )


def make():
    return dashboard(
        Uid("suar-island"),
        Text("Suar: satu pulau", "Suar: one island"),
        Text("Kantor-kantor satu pulau berdampingan.", "The offices of one island side by side."),
        [
            (
                Text("Bagaimana keadaan pulau ini?", "How is this island?"),
                (
                    4,
                    [
                        (5, stat(Text("Kelas kuartal ini", "Standing this quarter"), None, f"max(({island_standing()}) and on (island) suar_island_sites{{{ONE}}})", kinds=STANDINGS)),
                        (5, stat(AVAILABILITY, None, f'max(suar_island_availability_ratio{{{ONE},window="quarter"}})', unit="percentunit", decimals=1, thresholds=GRADES)),
                        (5, count("up", STATES[0][1], BLUE)),
                        (5, count("down", STATES[1][1], VERMILION)),
                        (4, count("silent", STATES[2][1], GREY)),
                    ],
                ),
            ),
            (Text("Kantor mana yang bermasalah?", "Which offices are in trouble?"), (9, [(24, offices())])),
            (
                Text("Kapan terputus, dan bersamaan?", "When were they down, and together?"),
                (
                    9,
                    [
                        (
                            24,
                            timeline(
                                Text("Keadaan menurut rekaman, yang terlambat di tempatnya", "States by the records, late ones in their place"),
                                Text("Kosong: tidak ada yang mengukur. Setiap langkah menunjukkan yang terburuk di dalamnya.", "Empty: nobody looked. Each step shows the worst in it."),
                                named_past(state_history(ONE, "site")),
                                "{{name}}",
                                TIMELINE,
                                values="never",
                            ),
                        )
                    ],
                ),
            ),
            (
                Text("Hari apa saja yang buruk?", "Which days were bad?"),
                (
                    9,
                    [
                        (
                            24,
                            days(
                                Text("Ketersediaan kantor per hari, jam kerja", "Availability of offices by day, office hours"),
                                Text("Angkanya tertulis; tanpa kotak: tidak ada yang terpantau.", "The figure is written; no cell: nothing was observed."),
                                named_past(availability(ONE, "site", "1d", "-1d")),
                                "{{name}}",
                                GRADES,
                            ),
                        )
                    ],
                ),
            ),
            (
                Text("Seberapa jauh dan seberapa banyak yang hilang?", "How far, and how much is lost?"),
                (
                    8,
                    [
                        (12, lines(Text("Waktu bolak-balik, median per jam", "Round trip, hourly median"), None, [(named_past(f"last_over_time(suar_history_hourly_rtt_median_seconds{{{ONE}}}[1h])"), "{{name}}")], unit="s", least=0, interval="1h")),
                        (12, lines(Text("Kehilangan paket per jam", "Loss by hour"), None, [(named_past(f"last_over_time(suar_history_hourly_loss_ratio{{{ONE}}}[1h])"), "{{name}}")], unit="percentunit", least=0, interval="1h")),
                    ],
                ),
            ),
        ],
        [regency_variable(), island_variable(several=False)],
        "now-7d",
        refresh="5m",
    )
