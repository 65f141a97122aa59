"""Care of the fleet: which agents need somebody."""

from islands_now import OFFICE_COLUMNS
from panels import Column, dashboard, lines, regency_variable, stat, table
from promql import IN_REGENCY, named
from status import ORANGE, STATES, VERMILION, YES_NO, steps
from text import *



def chosen(expression):
    return f"({expression}) and on (site) {IN_REGENCY}"


def count(expression, empty="vector(0)"):
    return f"count({chosen(expression)}) or {empty}"


def agents(title, about, expression, column, labels="site, agent", more=()):
    """A table of agents, the worst on top."""
    value = Column(column.title, value=f"topk(20, {named(chosen(expression))})", unit=column.unit, decimals=column.decimals)
    extra = [Column(word, label=label) for label, word in more]
    return table(title, about, [*OFFICE_COLUMNS, *extra, value], value)


def make():
    warn = steps((None, "text"), (1, ORANGE))
    clock = "abs(suar_agent_clock_offset_seconds)"
    silent_days = "suar_site_silent_office_seconds > 57600"
    return dashboard(
        Uid("suar-fleet"),
        Text("Suar: perawatan agen", "Suar: care of the fleet"),
        Text("Agen mana yang perlu didatangi atau dihubungi.", "Which agents need a call or a visit."),
        [
            (
                Text("Berapa yang perlu perhatian?", "How many need attention?"),
                (
                    4,
                    [
                        (4, stat(Text("Agen", "Agents"), None, count("suar_agent_last_heard_timestamp_seconds"), decimals=0)),
                        (4, stat(Text("… Diam lebih dari dua hari kerja", "… Silent for over two working days"), None, count(silent_days), decimals=0, thresholds=warn)),
                        (4, stat(STATES[3][1], Text("Belum ada agen yang bergabung, atau belum pernah mengirim.", "No agent has joined, or none has ever sent."), count('suar_site_state{state="never_heard"} == 1'), decimals=0, thresholds=warn)),
                        (4, stat(Text("▲ Jam meleset > 5 menit", "▲ Clock off by > 5 minutes"), None, count(f"{clock} > 300"), decimals=0, thresholds=warn)),
                        (4, stat(Text("■ Membuang rekaman (1 hari)", "■ Dropping records (1 day)"), None, count("increase(suar_agent_spool_dropped_total[1d]) > 0"), decimals=0, thresholds=steps((None, "text"), (1, VERMILION)))),
                        (4, stat(Text("■ Disk tidak dapat ditulisi", "■ Disk takes no writes"), None, count("suar_agent_disk_read_only == 1"), decimals=0, thresholds=steps((None, "text"), (1, VERMILION)))),
                    ],
                ),
            ),
            (
                Text("Siapa yang diam?", "Who is silent?"),
                (
                    9,
                    [
                        (12, agents(Text("Diam pada jam kerja", "Silent in office hours"), Text("Jam kerja yang lewat sejak terakhir terdengar, 14 hari terakhir.", "Office hours since it was last heard, of the last 14 days."), "suar_site_silent_office_seconds", Column(Text("Jam kerja", "Office hours"), unit="s", decimals=0))),
                        (12, agents(Text("Agen yang paling lama tidak terdengar", "Agents not heard for the longest time"), Text("Juga agen kedua di kantor yang agen lainnya masih terdengar.", "Also the second agent of an office whose other one is heard."), "time() - suar_agent_last_heard_timestamp_seconds", Column(Text("Sejak", "Since"), unit="s", decimals=0), more=[("agent", AGENT)])),
                    ],
                ),
            ),
            (
                Text("Versi apa yang berjalan?", "Which versions run?"),
                (
                    8,
                    [
                        (8, table(Text("Versi dan sistem", "Versions and systems"), None, [Column(Text("Versi", "Version"), label="version"), Column(Text("Sistem", "System"), label="system"), versions := Column(Text("Agen", "Agents"), value=f"count by (version, system) ({chosen('suar_agent_info')})")], versions)),
                        (8, table(Text("Rencana pengukuran", "Plans"), Text("Versi rencana yang dijalankan agen.", "The plan version that agents work by."), [Column(Text("Rencana", "Plan"), label="plan"), plans := Column(Text("Agen", "Agents"), value=f'count_values("plan", {chosen("suar_agent_plan_version")})')], plans)),
                        (8, lines(Text("Bergabung per hari", "Joins a day"), Text("Menurut jawaban pengumpul; selain ok: kode salah, kedaluwarsa, terpakai.", "By the collector's answer; other than ok: wrong, expired or used codes."), [("sum by (reason) (increase(suar_collector_joins_total[1d]))", "{{reason}}")], bars=True, stacked=True, least=0, interval="1d")),
                    ],
                ),
            ),
            (
                Text("Apakah rekaman aman?", "Are the records safe?"),
                (
                    9,
                    [
                        (8, agents(Text("Antrean yang paling penuh", "Fullest spools"), Text("Bagian dari batas yang diatur di agen; baku 32 MiB, cukup untuk 60 hari atau lebih.", "Share of the bound that the agent is configured with; by default 32 MiB, enough for 60 days and more."), "suar_agent_spool_bytes / (suar_agent_spool_bound_bytes > 0)", Column(Text("Antrean", "Spool"), unit="percentunit", decimals=0))),
                        (8, agents(Text("Rekaman yang menunggu", "Records that wait"), None, "suar_agent_spool_records", Column(Text("Rekaman", "Records"), decimals=0))),
                        (8, agents(Text("Disk kantor yang hampir penuh", "Office disks that are nearly full"), None, "1 - min by (site, agent, mount) (suar_agent_disk_free_bytes) / min by (site, agent, mount) (suar_agent_disk_total_bytes > 0)", Column(Text("Terpakai", "Used"), unit="percentunit", decimals=0), more=[("mount", Text("Disk", "Disk"))])),
                    ],
                ),
            ),
            (
                Text("Cukupkah kuota datanya?", "Is the data allowance enough?"),
                (
                    9,
                    [
                        (
                            12,
                            table(
                                Text("Kuota yang paling terpakai bulan ini", "Allowances used most this month"),
                                Text("Hanya kantor yang punya kuota. Agen mengurangi pekerjaannya agar tidak melewatinya.", "Only offices that have one. Agents leave out work so as not to pass it."),
                                [
                                    *OFFICE_COLUMNS,
                                    Column(ISLAND, label="island_name"),
                                    allowance := Column(Text("Terpakai", "Used"), value=f"topk(20, {named(chosen('suar_site_month_data_bytes / (suar_site_month_data_allowance_bytes > 0)'))})", unit="percentunit", decimals=0),
                                ],
                                allowance,
                            ),
                        ),
                        (
                            12,
                            lines(
                                Text("Agen menurut yang tidak dikerjakan", "Agents by what they leave out"),
                                Text("full: tidak ada; seterusnya menurut docs/data-use.md.", "full: nothing; docs/data-use.md tells the others."),
                                [(f"sum by (step) ({chosen('suar_agent_data_step')})", "{{step}}")],
                                stacked=True,
                                least=0,
                            ),
                        ),
                    ],
                ),
            ),
            (
                Text("Apakah jam dan listriknya benar?", "Are clock and power right?"),
                (
                    9,
                    [
                        (8, agents(Text("Jam yang paling meleset", "Clocks that are off most"), Text("Waktu rekaman diperbaiki; baterai CMOS mungkin habis.", "Record times are repaired; the CMOS battery may be dead."), clock, Column(Text("Selisih", "Offset"), unit="s", decimals=0))),
                        (8, agents(Text("Sedang memakai baterai atau UPS", "On battery or UPS now"), Text("Hanya komputer yang sistemnya mengenal baterai atau UPS-nya.", "Only machines whose system knows of a battery or UPS."), "suar_agent_battery_ratio and on (site, agent) suar_agent_on_mains == 0", Column(Text("Isi", "Charge"), unit="percentunit", decimals=0))),
                        (
                            8,
                            table(
                                Text("Kantor yang terbatas listrik pada kuartal ini", "Offices limited by power in this quarter"),
                                Text("Genset atau baterai lebih menolong daripada bandwidth.", "A genset or batteries would help more than bandwidth."),
                                [
                                    *OFFICE_COLUMNS,
                                    Column(ISLAND, label="island_name"),
                                    power := Column(Text("Terbatas listrik", "Limited by power"), value=named(chosen("max by (site) (suar_site_limited_by_power)")), kinds=YES_NO),
                                ],
                                power,
                            ),
                        ),
                    ],
                ),
            ),
        ],
        [regency_variable()],
        "now-7d",
        refresh="5m",
    )
