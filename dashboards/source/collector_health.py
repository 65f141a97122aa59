"""The health of the collector itself."""

from panels import dashboard, lines, stat
from status import BLUE, ORANGE, VERMILION, steps
from text import *


def make():
    def seconds(family):
        return f"time() - max(suar_collector_{family}_timestamp_seconds)"

    free = "min(suar_collector_disk_free_bytes / suar_collector_disk_size_bytes)"
    quantile = "histogram_quantile({}, sum by (le) (rate(suar_collector_commit_seconds_bucket[$__rate_interval])))"
    return dashboard(
        Uid("suar-collector"),
        Text("Suar: kesehatan pengumpul", "Suar: health of the collector"),
        Text("Apakah pengumpul menerima, menyimpan dan menjawab.", "Whether the collector receives, keeps and answers."),
        [
            (
                Text("Apakah ia bekerja?", "Does it work?"),
                (
                    4,
                    [
                        (4, stat(Text("Menjawab Prometheus", "Answers Prometheus"), None, 'min(up{job=~"suar.*"})', kinds={0: (None, Text("■ tidak", "■ no"), VERMILION), 1: (None, Text("● ya", "● yes"), BLUE)})),
                        (4, stat(Text("Berjalan sejak", "Running for"), None, seconds("start"), unit="s", decimals=0)),
                        (4, stat(Text("Terakhir menyimpan", "Last kept something"), Text("Malam hari lama: kantor tutup.", "Long at night: offices are closed."), seconds("last_commit"), unit="s", decimals=0)),
                        (4, stat(Text("Ruang disk", "Room on the disk"), None, free, unit="percentunit", decimals=0, thresholds=steps((None, VERMILION), (0.1, ORANGE), (0.2, BLUE)))),
                        (4, stat(Text("Ukuran data", "Size of the store"), None, "max(suar_collector_store_bytes)", unit="bytes", decimals=1)),
                        (4, stat(Text("Versi", "Version"), None, "max by (version) (suar_collector_build_info)", text="name", legend="{{version}}", fill=False)),
                    ],
                ),
            ),
            (
                Text("Apakah ia menerima?", "Does it receive?"),
                (
                    8,
                    [
                        (8, lines(Text("Kiriman menurut jawaban", "Pushes by answer"), Text("Artinya ada di docs/operations.md.", "docs/operations.md says what they mean."), [("sum by (status, reason) (rate(suar_collector_pushes_total[$__rate_interval]))", "{{status}} {{reason}}")], unit="reqps", stacked=True, least=0)),
                        (8, lines(Text("Rekaman baru menurut jenis", "New records by kind"), None, [("sum by (kind) (rate(suar_collector_records_total[$__rate_interval]))", "{{kind}}")], unit="cps", stacked=True, least=0)),
                        (8, lines(Text("Ditolak dan dipisahkan", "Refused and set aside"), Text("Rekaman yang mustahil, atau yang waktunya tidak dapat dipercaya.", "Records that cannot be, or whose time cannot be trusted."), [("sum by (reason) (increase(suar_collector_records_refused_total[1h]))", "{{reason}}"), ("sum by (reason) (increase(suar_collector_records_quarantined_total[1h]))", "{{reason}}")], least=0)),
                    ],
                ),
            ),
            (
                Text("Apakah ia cukup cepat?", "Is it fast enough?"),
                (
                    8,
                    [
                        (8, lines(Text("Waktu menyimpan satu kelompok", "Time of one commit"), None, [(quantile.format("0.5"), "median"), (quantile.format("0.99"), "99 %")], unit="s", least=0)),
                        (8, lines(Text("Kiriman yang menunggu disk", "Pushes that wait for the disk"), None, [("max(suar_collector_queue_pushes)", Text("menunggu", "waiting"))], least=0)),
                        (8, lines(Text("Tertundanya pengemasan dan penilaian", "Lag of packing and judging"), None, [("max(suar_collector_pack_lag_seconds)", Text("pengemasan", "packing")), ("time() - max(suar_collector_standings_timestamp_seconds)", Text("penilaian", "judging"))], unit="s", least=0)),
                    ],
                ),
            ),
            (
                Text("Siapa yang bertanya?", "Who asks?"),
                (
                    8,
                    [
                        (6, lines(Text("Sambungan", "Connections"), None, [("sum by (outcome) (rate(suar_collector_connections_total[$__rate_interval]))", "{{outcome}}")], unit="cps", least=0)),
                        (6, lines(Text("Pembaca yang ditolak", "Readers turned away"), None, [("sum by (what, reason) (increase(suar_collector_requests_refused_total[1h]))", "{{what}} {{reason}}")], least=0)),
                        (6, lines(Text("Pertanyaan riwayat", "Questions for history"), None, [("sum by (status, reason) (increase(suar_collector_remote_reads_total[1h]))", "{{status}} {{reason}}"), ("sum by (response) (increase(suar_collector_remote_read_samples_total[1h]))", Text("sampel {{response}}", "samples {{response}}"))], least=0)),
                        (6, lines(Text("Lamanya dibaca Prometheus", "Time of a scrape"), None, [('max(scrape_duration_seconds{job=~"suar.*"})', Text("detik", "seconds"))], unit="s", least=0)),
                    ],
                ),
            ),
            (
                Text("Lancarkah salinannya?", "Does the copy flow?"),
                (
                    7,
                    [
                        (8, lines(Text("Jawaban penerima remote write", "Answers of remote write's receiver"), Text("Kosong bila [remote_write] tidak dipakai. Artinya ada di docs/remote-write.md.", "Empty where [remote_write] is not used. docs/remote-write.md says what they mean."), [("sum by (status, reason) (increase(suar_collector_remote_writes_total[1h]))", "{{status}} {{reason}}")], least=0)),
                        (8, lines(Text("Sampel menurut nasibnya", "Samples by what became of them"), Text("sent: terkirim; refused: ditolak; dropped: dibuang karena terlalu banyak menunggu.", "sent, refused for good, or dropped because too much waited."), [("sum by (outcome) (increase(suar_collector_remote_write_samples_total[1h]))", "{{outcome}}")], least=0)),
                        (8, lines(Text("Yang menunggu penerima", "What waits for the receiver"), Text("Sejak kapan yang pertama menunggu.", "How long the first of it has waited."), [("max(suar_collector_remote_write_lag_seconds)", Text("menunggu", "waiting"))], unit="s", least=0)),
                    ],
                ),
            ),
            (
                Text("Cukupkah ruangnya?", "Is there enough room?"),
                (
                    7,
                    [
                        (12, lines(Text("Ruang disk yang tersisa", "Room left on the disk"), None, [("min(suar_collector_disk_free_bytes)", Text("tersisa", "left"))], unit="bytes", least=0)),
                        (12, lines(Text("Ukuran data", "Size of the store"), None, [("max(suar_collector_store_bytes)", Text("data", "store"))], unit="bytes", least=0)),
                    ],
                ),
            ),
        ],
        [],
        "now-24h",
    )
