"""Which islands are in trouble now, what changed today, whom to help first."""

from panels import Column, coloured, dashboard, island_variable, lines, override, panel, query, regency_variable, stat, table, text
from promql import island_standing, named, of_islands, of_region
from status import BLUE, CAUSES, GREY, LIGHT, STANDINGS, STATES, VERMILION, mappings, steps, word_mappings
from text import *

LINK_OFFICE = {
    "title": Text("Lihat kantor ini", "Look at this office"),
    "url": Uid("suar-office", "/d/{}?var-site=${{__data.fields.site}}&${{__url_time_range}}"),
}
LINK_ISLAND = {
    "title": Text("Lihat pulau ini", "Look at this island"),
    "url": Uid("suar-island", "/d/{}?var-island=${{__data.fields.island}}&${{__url_time_range}}"),
}
# How a table begins whose rows are offices or islands: the name leads to its dashboard, the code tells which.
OFFICE_COLUMNS = [Column(OFFICE, label="name", link=LINK_OFFICE), Column(Text("site", "site"), label="site", width=120)]
ISLAND_COLUMNS = [Column(ISLAND, label="island_name", link=LINK_ISLAND), Column(Text("island", "island"), label="island", width=110)]


def counted(label, title, colour, about):
    count = f'sum({of_region(f"suar_site_state{{state={chr(34)}{label}{chr(34)}}}")})'
    return stat(title, about, f"{count} or vector(0)", thresholds=steps((None, "text"), (1, colour)), decimals=0)


def island_map():
    """Markers by standing: the colour, the size and the written word say the same."""
    places = [f"max by (island, island_name) (suar_island_{axis}_degrees)" for axis in ("latitude", "longitude")]
    queries = [of_islands(one) for one in [island_standing(), *places]]
    standing, latitude, longitude, name = STANDING, Text("Lintang", "Latitude"), Text("Bujur", "Longitude"), ISLAND
    location = {"mode": "coords", "latitude": latitude, "longitude": longitude}

    def markers(layer, written, offset, opacity, size):
        return {
            "type": "markers",
            "name": layer,
            "location": location,
            "tooltip": True,
            "config": {
                "showLegend": False,
                "style": {
                    "color": {"field": standing, "fixed": GREY},
                    "opacity": opacity,
                    "size": size,
                    "symbol": {"fixed": "img/icons/marker/circle.svg", "mode": "fixed"},
                    "rotation": {"fixed": 0, "min": -360, "max": 360, "mode": "mod"},
                    "text": {"field": written, "fixed": "", "mode": "field"},
                    "textConfig": {"fontSize": 11, "offsetX": 0, "offsetY": offset, "textAlign": "center", "textBaseline": "middle"},
                },
            },
        }

    sized = {"field": standing, "fixed": 8, "min": 6, "max": 14}
    return panel(
        "geomap",
        Text("Peta: kelas akses pulau pada kuartal berjalan", "Map: standing of the islands in the running quarter"),
        Text(
            "Titik adalah tengah pulau, bukan letak kantor. Makin besar titiknya, makin buruk kelasnya; kelas ditulis di bawahnya.",
            "A dot is the middle of an island, not an office. The larger the dot, the worse the standing, which is written below it.",
        ),
        [query(one, instant=True, table=True) for one in queries],
        {
            "color": {"mode": "thresholds"},
            "thresholds": steps(*((number or None, colour) for number, (_, _, colour) in STANDINGS.items())),
        },
        {
            "view": {"id": "coords", "lat": -2.6, "lon": 106.9, "zoom": 7.6, "allLayers": True},
            "basemap": {"type": "default", "name": Text("Peta dasar", "Base map"), "config": {}},
            "controls": {
                "showZoom": True,
                "mouseWheelZoom": False,
                "showAttribution": True,
                "showScale": True,
                "showMeasure": False,
                "showDebug": False,
            },
            "tooltip": {"mode": "details"},
            "layers": [
                markers(Text("Kelas", "Standing"), standing, 18, 0.8, sized),
                markers(Text("Nama pulau", "Names"), name, -16, 0, sized),
            ],
        },
        [override(standing, mappings=mappings(STANDINGS))],
        transformations=[
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "renameByName": {"island_name": name, "Value #A": standing, "Value #B": latitude, "Value #C": longitude},
                    "indexByName": {},
                },
            },
        ],
    )


def islands_table():
    availability = 'max by (island, island_name) (suar_island_availability_ratio{window="quarter"})'
    rank = Column(
        Text("Urutan", "Rank"),
        value=of_islands(
            f"({island_standing()}) + on (island, island_name) (1 - {availability}) or ({island_standing()})"
        ),
        hidden=True,
    )
    count = 'sum by (island, island_name) (suar_island_sites{{state="{}"}})'
    return table(
        Text("Pulau, yang terburuk di atas", "Islands, the worst on top"),
        Text(
            "Ketersediaan: tersambung / (tersambung + terputus) pada jam kerja kuartal berjalan. Tanpa angka: tidak ada yang terukur.",
            "Availability: up / (up + down) in office hours of the running quarter. Without a figure: nothing was measured.",
        ),
        [
            *ISLAND_COLUMNS,
            Column(STANDING, value=of_islands(island_standing()), kinds=STANDINGS),
            Column(AVAILABILITY, value=of_islands(availability), unit="percentunit", decimals=1),
            Column(OFFICES, value=of_islands("sum by (island, island_name) (suar_island_sites)"), width=80),
            Column(Text("Tersambung", "Up"), value=of_islands(count.format("up")), width=100),
            Column(Text("Terputus", "Down"), value=of_islands(count.format("down")), width=90),
            Column(Text("Diam", "Silent"), value=of_islands(count.format("silent")), width=70),
            rank,
        ],
        rank,
    )


def down_table():
    return table(
        Text("Kantor yang terputus sekarang", "Offices that are down now"),
        Text(
            "Agen masih terdengar lewat jalan lain, internetnya terputus. Kantor yang satu-satunya sambungannya putus tampak sebagai diam.",
            "The agent is heard by another way, its internet is down. An office whose only link is cut shows as silent.",
        ),
        [
            *OFFICE_COLUMNS,
            Column(ISLAND, label="island_name"),
            Column(PROVIDER, label="provider"),
            Column(CAUSE, label="cause", words=word_mappings(CAUSES)),
            since := Column(
                Text("Terputus dalam 24 jam", "Down within 24 hours"),
                value=of_region(
                    named(
                        "max by (site, cause) (suar_site_down_cause) * on (site) group_left () ((1 - avg_over_time(suar_site_up[1d])) * 86400)",
                        "name, island_name, provider",
                    )
                ),
                unit="s",
                decimals=0,
            ),
        ],
        since,
    )


def changed_standing():
    now, before = island_standing(), island_standing("1d")
    old = Column(Text("Kemarin", "Yesterday"), value=of_islands(f"({before}) unless on (island, island_name) (({now}) == ({before}))"), kinds=STANDINGS)
    new = Column(Text("Sekarang", "Now"), value=of_islands(f"({now}) != ({before})"), kinds=STANDINGS)
    return table(
        Text("Pulau yang kelasnya berubah sejak kemarin", "Islands whose standing changed since yesterday"),
        Text("Kosong berarti tidak ada yang berubah.", "Empty means that nothing changed."),
        [Column(ISLAND, label="island_name"), Column(Text("island", "island"), label="island", width=110), old, new],
        new,
    )


def worst_today():
    minutes = 'sum by (site) (sum_over_time(suar_history_hourly_office_seconds{state="down",regency=~"$regency",island=~"$island"}[1d])) > 0'
    silent = of_region("suar_site_silent_office_seconds > 0")
    down = Column(Text("Terputus", "Down"), value=f"topk(15, {named(minutes)})", unit="s", decimals=0)
    return (
        table(
            Text("Terputus pada jam kerja, 24 jam terakhir", "Down in office hours, last 24 hours"),
            Text(
                "Dari rekaman, termasuk yang datang terlambat; jam yang sedang berjalan belum terhitung.",
                "From the records, late ones too; the running hour is not in it yet.",
            ),
            [*OFFICE_COLUMNS, Column(ISLAND, label="island_name"), down],
            down,
        ),
        table(
            Text("Diam pada jam kerja", "Silent in office hours"),
            Text(
                "Jam kerja yang lewat sejak terakhir terdengar. Belum diketahui sebabnya: listrik, komputer, atau sambungan.",
                "Office hours that have passed since it was last heard. The cause is not known yet: power, machine or link.",
            ),
            [
                *OFFICE_COLUMNS,
                Column(ISLAND, label="island_name"),
                hours := Column(Text("Jam kerja", "Office hours"), value=f"topk(15, {named(silent)})", unit="s", decimals=0),
            ],
            hours,
        ),
    )


def by_state():
    return lines(
        Text("Kantor menurut keadaan", "Offices by state"),
        Text("Turun setiap sore saat kantor tutup: itu bukan gangguan.", "Falls every afternoon when offices close: that is no fault."),
        [(f"sum by (state) ({of_region('suar_site_state')})", "{{state}}")],
        stacked=True,
        least=0,
        overrides=[coloured(label, word, colour) for label, word, colour in STATES.values()],
    )


def make():
    down_today, silent_today = worst_today()
    unreliable = of_islands('max by (island, island_name) (suar_island_standing{standing="unreliable"})')
    return dashboard(
        Uid("suar-islands"),
        Text("Suar: pulau-pulau sekarang", "Suar: islands now"),
        Text("Pulau mana yang bermasalah, apa yang berubah, siapa yang didahulukan.", "Which islands are in trouble, what changed, whom to help first."),
        [
            (
                Text("Bagaimana keadaannya sekarang?", "How is it now?"),
                (
                    4,
                    [
                        (4, counted("up", STATES[0][1], BLUE, None)),
                        (4, counted("down", STATES[1][1], VERMILION, None)),
                        (4, counted("silent", STATES[2][1], GREY, Text("Tidak terdengar selama tiga kali waktu kirim; bukan berarti terputus.", "Not heard for three push intervals; it does not mean down."))),
                        (4, counted("never_heard", STATES[3][1], LIGHT, None)),
                        (4, stat(Text("■ Pulau tidak andal", "■ Unreliable islands"), None, f"sum({unreliable}) or vector(0)", thresholds=steps((None, "text"), (1, VERMILION)), decimals=0)),
                        (
                            4,
                            stat(
                                Text("■ Gangguan bersama", "■ Shared outages"),
                                Text(
                                    "Pulau dan penyedia yang sedikitnya tiga kantornya terputus dalam lima menit, terlihat dalam satu jam terakhir; lihat /api/islands.",
                                    "Islands and providers of which three or more offices fell within five minutes, seen within the last hour; see /api/islands.",
                                ),
                                "count(max by (by, name, island) (suar_shared_outage_sites) > 0) or vector(0)",
                                thresholds=steps((None, "text"), (1, VERMILION)),
                                decimals=0,
                            ),
                        ),
                    ],
                ),
            ),
            (Text("Pulau mana yang bermasalah?", "Which islands are in trouble?"), (14, [(11, island_map()), (13, islands_table())])),
            (Text("Siapa yang didahulukan?", "Whom to help first?"), (9, [(8, down_table()), (8, down_today), (8, silent_today)])),
            (Text("Apa yang berubah hari ini?", "What changed today?"), (9, [(9, changed_standing()), (15, by_state())])),
            (
                Text("Apa arti kata-katanya?", "What do the words mean?"),
                (
                    3,
                    [
                        (
                            24,
                            text(
                                Text(
                                    "**Diam** bukan **terputus**: kantor yang tutup, mati listrik, atau putus satu-satunya sambungannya sama-sama diam, dan menjelaskan diri sesudah kembali. Kelas akses: *andal* 99 % ke atas, *tidak andal* di bawah 95 %, lihat docs/method.md.",
                                    "**Silent** is not **down**: an office that is closed, without power, or cut off from its only link is silent, and explains itself when it is back. Standing: *reliable* from 99 %, *unreliable* below 95 %, see docs/method.md.",
                                )
                            ),
                        )
                    ],
                ),
            ),
        ],
        [regency_variable(), island_variable()],
        "now-24h",
    )
