"""One office in depth, for whoever is to mend it."""

from panels import Column, dashboard, lines, regency_variable, site_variable, stat, table, timeline
from promql import availability, observed, site_standing, site_state, state_history
from quarter import GRADES, SEEN
from status import BLUE, CAUSES, GREY, LIGHT, ORANGE, STANDINGS, STATES, VERMILION, YES_NO, steps, word_mappings
from text import *

ONE = 'site="$site"'
MEDIA = {"cable": Text("Kabel", "Cable"), "wifi": Text("Wi-Fi", "Wi-Fi"), "mobile": Text("Modem atau telepon", "Modem or telephone")}
TIMELINE = {1: (None, STATES[0][1], BLUE)} | CAUSES


def now():
    ago = "time() - max(suar_site_last_{}_timestamp_seconds{{" + ONE + "}})"
    cause = stat(CAUSE, Text("Kosong bila tidak terputus.", "Empty unless down."), f"max by (cause) (suar_site_down_cause{{{ONE}}})", text="name", legend="{{cause}}", fill=False)
    # The name of the series is the cause.
    cause["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": label}, "properties": [{"id": "displayName", "value": word}]} for label, word, _ in CAUSES.values()
    ]
    return [
        (6, stat(OFFICE, None, f"max by (name, village_name, island_name) (suar_site_info{{{ONE}}})", text="name", legend="{{name}}, {{village_name}}, {{island_name}}", fill=False)),
        (4, stat(STATE, None, site_state("site", ONE + ","), kinds=STATES)),
        (5, cause),
        (3, stat(Text("Jam kerja", "Office hours"), None, f"max(suar_site_office_open{{{ONE}}})", kinds={0: (None, Text("tutup", "closed"), GREY), 1: (None, Text("buka", "open"), BLUE)})),
        (3, stat(Text("Terakhir diukur", "Last measured"), None, ago.format("measured"), unit="s", decimals=0)),
        (3, stat(LAST_HEARD, None, ago.format("heard"), unit="s", decimals=0)),
    ]


def quarter():
    def ratio(family):
        return f'max(suar_site_{family}_ratio{{{ONE},window="quarter"}})'

    return [
        (5, stat(Text("Kelas kuartal ini", "Standing this quarter"), None, site_standing("site", ONE + ","), kinds=STANDINGS)),
        (4, stat(Text("Di batas ambang", "At the border"), Text("Selang kepercayaan 95 % melewati ambang.", "The 95 % interval crosses a threshold."), f"max(suar_site_standing_at_border{{{ONE}}})", kinds=YES_NO)),
        (4, stat(AVAILABILITY, None, ratio("availability"), unit="percentunit", decimals=2, thresholds=GRADES)),
        (4, stat(OBSERVED, None, ratio("observed"), unit="percentunit", decimals=0, thresholds=SEEN)),
        (4, stat(WORST_CASE, Text("Semua yang tidak terpantau dianggap terputus.", "All that was not observed is taken as down."), ratio("worst_case"), unit="percentunit", decimals=1)),
        (3, stat(Text("Terbatas listrik", "Limited by power"), None, f"max(suar_site_limited_by_power{{{ONE}}})", kinds=YES_NO)),
    ]


def rates():
    return [
        (
            12,
            lines(
                Text("Laju unduh dan unggah", "Download and upload rate"),
                Text("Uji terakhir, dibandingkan dengan yang dibayar. Satu uji bisa meleset; lihat beberapa.", "The last test, beside what is paid for. One test may be off; look at several."),
                [
                    (f"max by (direction) (suar_site_bandwidth_bytes_per_second{{{ONE}}}) * 8", "{{direction}}"),
                    (f"max by (direction) (suar_site_subscribed_bytes_per_second{{{ONE}}}) * 8", Text("{{direction}}, dibayar", "{{direction}}, paid for")),
                ],
                unit="bps",
                least=0,
            ),
        ),
        (
            6,
            lines(
                Text("Waktu bolak-balik saat sibuk", "Round trip under load"),
                Text("Sebelum dan selama uji: sejauh apa antreannya tumbuh.", "Before and during the test: how long the queue grows."),
                [
                    (f"max by (direction) (suar_site_bandwidth_idle_rtt_seconds{{{ONE}}})", Text("{{direction}}, sebelum", "{{direction}}, before")),
                    (f"max by (direction) (suar_site_bandwidth_loaded_rtt_seconds{{{ONE}}})", Text("{{direction}}, selama", "{{direction}}, during")),
                ],
                unit="s",
                least=0,
            ),
        ),
        (
            6,
            lines(
                Text("Uji laju menurut hasil, per hari", "Rate tests by outcome, a day"),
                Text("Juga yang gagal dan yang dilewati.", "Failed and skipped ones too."),
                [(f"sum by (end) (increase(suar_site_bandwidth_tests_total{{{ONE}}}[1d]))", "{{end}}")],
                bars=True,
                stacked=True,
                least=0,
                interval="1d",
            ),
        ),
    ]


def machine():
    share = 'max by (agent) (suar_agent_{0}_bytes{{' + ONE + "}})"
    used = "1 - " + share.format("memory_available") + " / " + share.format("memory_total")
    disk = f"1 - suar_agent_disk_free_bytes{{{ONE}}} / suar_agent_disk_total_bytes{{{ONE}}}"
    return [
        (
            9,
            lines(
                Text("Prosesor, memori, disk", "Processor, memory, disk"),
                None,
                [
                    (f"suar_agent_cpu_ratio{{{ONE}}}", Text("prosesor", "processor")),
                    (used, Text("memori", "memory")),
                    (disk, "disk {{mount}}"),
                ],
                unit="percentunit",
                least=0,
                most=1,
            ),
        ),
        (5, lines(Text("Suhu", "Temperature"), None, [(f"suar_agent_temperature_celsius{{{ONE}}}", "{{agent}}")], unit="celsius")),
        (5, lines(Text("Selisih jam komputer", "Clock offset"), None, [(f"suar_agent_clock_offset_seconds{{{ONE}}}", "{{agent}}")], unit="s")),
        (5, lines(Text("Menyala sejak", "Time since boot"), None, [(f"suar_agent_machine_uptime_seconds{{{ONE}}}", "{{agent}}")], unit="s", least=0)),
    ]


def attachment():
    medium = stat(
        Text("Tersambung lewat", "Attached by"),
        Text("Antara komputer dan router; kosong bila sistemnya tidak menyebutkan.", "Between the machine and the router; empty where its system does not say."),
        f"max by (medium) (suar_agent_link{{{ONE}}} == 1)",
        text="name",
        legend="{{medium}}",
        fill=False,
    )
    # The name of the series is the medium.
    medium["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": label}, "properties": [{"id": "displayName", "value": word}]} for label, word in MEDIA.items()
    ]
    return [
        (4, medium),
        (
            4,
            stat(
                Text("Kecepatan ke router", "Speed to the router"),
                Text("Yang disepakati kartu jaringan; 10 Mb/s pada kabel berarti kabel atau colokannya rusak.", "As the card has negotiated; 10 Mb/s by cable means a bad cable or plug."),
                f"max(suar_agent_link_speed_bytes_per_second{{{ONE}}}) * 8",
                unit="bps",
                decimals=0,
            ),
        ),
        (
            4,
            stat(
                Text("Listrik", "Power"),
                Text("Kosong bila tidak ada baterai atau UPS yang dikenal sistemnya.", "Empty where its system knows of no battery or UPS."),
                f"min(suar_agent_on_mains{{{ONE}}})",
                kinds={0: (None, Text("▲ baterai", "▲ battery"), ORANGE), 1: (None, Text("● listrik", "● mains"), BLUE)},
            ),
        ),
        (6, lines(Text("Isi baterai atau UPS", "Charge of battery or UPS"), None, [(f"suar_agent_battery_ratio{{{ONE}}}", "{{agent}}")], unit="percentunit", least=0, most=1)),
        (
            6,
            lines(
                Text("Kesalahan kartu jaringan", "Errors of the network cards"),
                Text("Bertambah terus: kabel, colokan atau kartunya rusak.", "Growing on and on: a bad cable, plug or card."),
                [(f"increase(suar_agent_interface_errors_total{{{ONE}}}[1h])", "{{agent}}")],
                least=0,
                interval="1h",
            ),
        ),
    ]


def agent():
    return [
        (
            12,
            lines(
                Text("Antrean data tertunda", "Spool"),
                Text("Rekaman yang menunggu di kantor, dan yang terbuang karena antrean penuh.", "Records that wait at the office, and those dropped because the spool was full."),
                [
                    (f"suar_agent_spool_records{{{ONE}}}", Text("menunggu", "waiting")),
                    (f"increase(suar_agent_spool_dropped_total{{{ONE}}}[1d])", Text("terbuang dalam sehari", "dropped in a day")),
                ],
                least=0,
            ),
        ),
        (
            12,
            lines(
                Text("Lalu lintas komputer", "Traffic of the machine"),
                Text("Seluruh lalu lintas komputer kantor, bukan hanya agen.", "All traffic of the office computer, not only the agent's."),
                [
                    (f"rate(suar_agent_interface_received_bytes_total{{{ONE}}}[$__rate_interval])", Text("diterima", "received")),
                    (f"rate(suar_agent_interface_sent_bytes_total{{{ONE}}}[$__rate_interval])", Text("dikirim", "sent")),
                ],
                unit="Bps",
                least=0,
                interval="10m",
            ),
        ),
    ]


def data():
    allowance = f"suar_site_month_data_allowance_bytes{{{ONE}}}"
    return [
        (
            6,
            lines(
                Text("Data pemantauan bulan ini", "Data of monitoring this month"),
                Text("Terpakai sejak awal bulan, dan kuotanya bila ada.", "Used since the month began, and the allowance where there is one."),
                [(f"max(suar_site_month_data_bytes{{{ONE}}})", Text("terpakai", "used")), (f"max({allowance})", Text("kuota", "allowance"))],
                unit="decbytes",
                least=0,
            ),
        ),
        (
            6,
            lines(
                Text("Data menurut keperluan", "Data by purpose"),
                Text("Yang ke router kantor (gateway) tidak dihitung dalam kuota.", "What goes to the office's router (gateway) is not in the allowance."),
                [(f"sum by (purpose) (suar_agent_month_data_bytes{{{ONE}}})", "{{purpose}}")],
                unit="decbytes",
                stacked=True,
                least=0,
            ),
        ),
        (
            8,
            table(
                Text("Apa yang tidak dikerjakan demi kuota", "What is left out for the allowance"),
                Text("full: tidak ada; seterusnya menurut docs/data-use.md.", "full: nothing; docs/data-use.md tells the others."),
                [Column(AGENT, label="agent"), Column(Text("Langkah", "Step"), label="step"), now := Column(Text("Sekarang", "Now"), value=f"suar_agent_data_step{{{ONE}}} == 1", decimals=0)],
                now,
            ),
        ),
        (
            4,
            stat(
                Text("Dibayar menurut data", "Paid by the byte"),
                Text("Menurut daftar kantor, atau sistem komputernya; kosong bila tidak diketahui.", "By the registry or the machine's system; empty where neither says."),
                f"max(suar_agent_metered{{{ONE}}})",
                kinds=YES_NO,
            ),
        ),
    ]


def make():
    return dashboard(
        Uid("suar-office"),
        Text("Suar: satu kantor", "Suar: one office"),
        Text("Keadaan, mutu sambungan, komputer dan agen satu kantor.", "State, quality of the link, machine and agent of one office."),
        [
            (Text("Bagaimana keadaannya sekarang?", "How is it now?"), (4, now())),
            (Text("Seberapa andal kuartal ini?", "How reliable is it this quarter?"), (4, quarter())),
            (
                Text("Kapan terputus, dan mengapa?", "When was it down, and why?"),
                (
                    5,
                    [
                        (
                            24,
                            timeline(
                                Text("Keadaan menurut rekaman, yang terlambat di tempatnya", "States by the records, late ones in their place"),
                                Text("Kosong: tidak ada yang mengukur. Setiap langkah menunjukkan yang terburuk di dalamnya.", "Empty: nobody looked. Each step shows the worst in it."),
                                state_history(ONE, "site"),
                                STATE,
                                TIMELINE,
                            ),
                        )
                    ],
                ),
                (
                    7,
                    [
                        (
                            12,
                            lines(
                                Text("Jam kerja per hari menurut keadaan", "Office hours of each day by state"),
                                None,
                                [(f"sum by (state) (sum_over_time(suar_history_hourly_office_seconds{{{ONE}}}[1d] offset -1d)) / 3600", "{{state}}")],
                                unit="h",
                                bars=True,
                                stacked=True,
                                least=0,
                                interval="1d",
                                overrides=[
                                    {"matcher": {"id": "byName", "options": label}, "properties": [{"id": "displayName", "value": word}, {"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]}
                                    for label, word, colour in (
                                        ("up", STATES[0][1], BLUE),
                                        ("down", STATES[1][1], VERMILION),
                                        ("unobserved", Text("○ Tidak terpantau", "○ Not observed"), LIGHT),
                                    )
                                ],
                            ),
                        ),
                        (6, lines(Text("Ketersediaan per minggu", "Availability by week"), None, [(availability(ONE, "site", "7d"), AVAILABILITY)], unit="percentunit", most=1, interval="1d")),
                        (6, lines(Text("Keterpantauan per minggu", "Observed by week"), None, [(observed(ONE, "site", "7d"), OBSERVED)], unit="percentunit", least=0, most=1, interval="1d")),
                    ],
                ),
            ),
            (
                Text("Seberapa baik sambungannya?", "How good is the link?"),
                (
                    8,
                    [
                        (12, lines(Text("Waktu bolak-balik ke luar", "Round trip to the outside"), Text("Menurut rekaman, terlambat maupun tidak.", "By the records, late or not."), [(f"max by (target) (max_over_time(suar_history_rtt_seconds{{{ONE}}}[$__interval]))", "{{target}}")], unit="s", least=0, interval="1m")),
                        (12, lines(Text("Kehilangan paket per jam", "Loss by hour"), None, [(f"max(last_over_time(suar_history_hourly_loss_ratio{{{ONE}}}[1h]))", Text("hilang", "lost"))], unit="percentunit", least=0, interval="1h", thresholds=steps((None, BLUE), (0.02, ORANGE), (0.05, VERMILION)))),
                    ],
                ),
                (
                    8,
                    [
                        (12, lines(Text("Router kantor dan DNS", "Office router and DNS"), None, [(f"suar_site_gateway_rtt_seconds{{{ONE}}}", "router"), (f"suar_site_dns_seconds{{{ONE}}}", "DNS {{resolver}}")], unit="s", least=0)),
                        (12, lines(Text("Pemeriksaan yang berhasil", "Probes that succeeded"), Text("1 berhasil, 0 gagal.", "1 succeeded, 0 failed."), [(f"suar_site_probe_success{{{ONE}}}", "{{probe}}")], least=0, most=1)),
                    ],
                ),
            ),
            (Text("Secepat apa?", "How fast is it?"), (7, rates())),
            (Text("Bagaimana komputernya?", "How is the machine?"), (8, machine()), (6, attachment())),
            (Text("Apakah agennya sehat?", "Is the agent well?"), (7, agent())),
            (Text("Berapa data yang dipakainya?", "How much data does it use?"), (7, data())),
        ],
        [regency_variable(), site_variable()],
        "now-7d",
    )
