//! The method page: what the words mean, every threshold with its source, and the checksum.

mod days;

use super::cells::{count, moment, number, share};
use super::document::{Block, Cell, Table};
use super::words::tiphon_words;
use super::{Language, MADE_WITH};
use crate::assessment::Assessment;
use crate::calendar::TimeZone;
use crate::coverage::{Rules, TIPHON_DELAY_MS, TIPHON_LOSS_PERCENT, Tiphon};

pub(super) use days::special_days;

pub(super) fn write(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    let text = |id: &str, en: &str| language.pick(id, en).to_owned();
    blocks.push(Block::Heading(text("Cara menghitung", "How this was counted")));
    blocks.push(Block::List(sentences(&assessment.rules, language)));
    blocks.push(Block::Subheading(text("Ambang dan sumbernya", "Thresholds and their sources")));
    let mut table = Table::new(&threshold_names(language), 4);
    for threshold in thresholds(&assessment.rules, language) {
        table.push(threshold.map(Cell::from));
    }
    blocks.push(Block::Table(table));
    blocks.push(Block::Paragraph(tiphon_sentence(language)));
    let names = match language {
        Language::Id => [("Kategori TIPHON", 18), ("Latensi, median", 24), ("Kehilangan paket", 24)],
        Language::En => [("TIPHON category", 18), ("Round trip, median", 24), ("Loss", 24)],
    };
    let mut bands = Table::new(&names, 3);
    for band in tiphon_bands(language) {
        bands.push(band.map(Cell::from));
    }
    blocks.push(Block::Table(bands));
    blocks.extend(since(assessment, language).map(Block::Paragraph));
    days::write(blocks, assessment, language);
    blocks.push(Block::Subheading(text("Mutu waktu dan data", "Quality of times and data")));
    blocks.push(Block::Paragraph(times(assessment, language)));
    blocks.push(Block::Paragraph(checksum(assessment, language)));
    blocks.push(Block::Paragraph(made_with(language)));
}

pub(super) fn threshold_names(language: Language) -> [(&'static str, u8); 4] {
    match language {
        Language::Id => [("Ukuran", 24), ("Andal", 14), ("Tidak andal", 14), ("Sumber", 30)],
        Language::En => [("Measure", 18), ("Reliable", 14), ("Unreliable", 14), ("Source", 28)],
    }
}

pub(super) fn checksum(assessment: &Assessment, language: Language) -> String {
    let sum = &assessment.input_sha256;
    match language {
        Language::Id => format!(
            "Tanda data (SHA-256): {sum}. Laporan lain dengan tanda yang sama dibuat dari data dan aturan yang sama."
        ),
        Language::En => format!(
            "Mark of the data (SHA-256): {sum}. Another report with the same mark was made from the same data and rules."
        ),
    }
}

pub(super) fn made_with(language: Language) -> String {
    match language {
        Language::Id => format!("Dibuat dengan {MADE_WITH}."),
        Language::En => format!("Made with {MADE_WITH}."),
    }
}

pub(super) fn sentences(rules: &Rules, language: Language) -> Vec<String> {
    let enough = share(rules.observed_enough, language);
    let days = count(rules.days_enough_quarter, language);
    let days_share = share(rules.days_enough_share, language);
    let power = share(rules.power_limited_share, language);
    let island = share(rules.island_unreliable_share, language);
    match language {
        Language::Id => vec![
            "Yang dihitung hanya jam kerja, tanpa hari libur. Jam kerja tercatat untuk setiap kantor.".to_owned(),
            "Ketersediaan: waktu tersambung dibagi waktu yang terpantau.".to_owned(),
            "Keterpantauan: waktu yang terpantau dibagi jam kerja.".to_owned(),
            "Kasus terburuk: waktu tersambung dibagi jam kerja, seolah-olah semua waktu yang tidak terpantau terputus.".to_owned(),
            "Waktu yang tidak terpantau tidak pernah dihitung sebagai terputus.".to_owned(),
            "Bila ada beberapa pemantau di satu kantor, kantor tersambung bila salah satu melihatnya tersambung.".to_owned(),
            "Gangguan: dua slot atau lebih berturut-turut terputus. Lamanya adalah waktu yang terlihat terputus pada jam kerja.".to_owned(),
            "Gangguan rata-rata (MTTR): lama semua gangguan dibagi jumlahnya. Rata-rata antargangguan (MTBF): waktu tersambung pada jam kerja dibagi jumlah gangguan.".to_owned(),
            format!("Data cukup: {enough} jam kerja terpantau, dan paling sedikit {days} hari kerja dalam satu triwulan ({days_share} hari kerja dalam periode lain). Satu hari kerja dihitung bila {enough} jam kerjanya terpantau."),
            "Kantor tidak andal: ketersediaan atau kecepatan unduh tidak andal, atau dua dari kecepatan unggah, latensi, dan kehilangan paket tidak andal.".to_owned(),
            "Kantor andal: ketersediaan dan kecepatan unduh andal, dan tidak ada ukuran lain yang tidak andal. Selain itu terbatas. Selama kecepatan unduh belum diukur, tidak ada kantor yang bisa dinilai andal.".to_owned(),
            "Di batas: selang kepercayaan 95% dari ketersediaan melewati ambang yang menentukan. Selang dihitung dengan mengambil ulang hari-hari utuh 1.000 kali, mulai dari 14 hari.".to_owned(),
            format!("Terkendala listrik: listrik padam atau jam tanpa listrik mengambil {power} jam kerja atau lebih."),
            format!("Pulau tidak andal: {island} atau lebih dari kantor yang dinilai tidak andal. Pulau andal: semua kantor yang dinilai andal. Tanpa kantor yang dinilai, pulau belum dapat dinilai."),
            "Persentase dibulatkan ke bawah, kehilangan paket ke atas. Batas wilayah bersifat indikatif.".to_owned(),
        ],
        Language::En => vec![
            "Only office hours count, less holidays. Each office has its own hours on record.".to_owned(),
            "Availability: time up divided by time observed.".to_owned(),
            "Observed: time observed divided by office hours.".to_owned(),
            "Worst case: time up divided by office hours, as if all time not observed had been down.".to_owned(),
            "Time that was not observed is never counted as down.".to_owned(),
            "Where an office has several agents, it is up when any of them saw it up.".to_owned(),
            "An outage is two or more slots down in a row. Its length is the time seen down in office hours.".to_owned(),
            "Mean outage (MTTR): the length of all outages divided by their number. Mean between outages (MTBF): time up in office hours divided by the number of outages.".to_owned(),
            format!("Enough data: {enough} of the office hours observed, and at least {days} working days in a quarter ({days_share} of the working days in any other period). A working day counts when {enough} of its hours were observed."),
            "An office is unreliable when its availability or download is, or two of upload, round trip and loss are.".to_owned(),
            "An office is reliable when its availability and download are and no other measure is unreliable. Otherwise it is limited. While download is not measured, no office can be judged reliable.".to_owned(),
            "At the border: the 95% interval of the availability crosses the threshold that decides. The interval comes from resampling whole days 1,000 times, from 14 days on.".to_owned(),
            format!("Limited by power: power cuts or declared hours without supply take {power} of the office hours or more."),
            format!("An island is unreliable when {island} or more of its judged offices are. It is reliable when all judged offices are. Without a judged office it is not assessable."),
            "Per cents are rounded down, loss is rounded up. Boundaries of areas are indicative.".to_owned(),
        ],
    }
}

pub(super) fn thresholds(rules: &Rules, language: Language) -> Vec<[String; 4]> {
    let at_least = |text: String| format!("{} {text}", language.pick("mulai", "from"));
    let below = |text: String| format!("{} {text}", language.pick("di bawah", "below"));
    let up_to = |text: String| format!("{} {text}", language.pick("sampai", "up to"));
    let above = |text: String| format!("{} {text}", language.pick("di atas", "above"));
    let percent = |value| share(value, language);
    let speed = |value| format!("{} Mbit/s", number(value, language));
    let delay = |value| format!("{} ms", number(value, language));
    let name = |id: &str, en: &str| language.pick(id, en).to_owned();
    vec![
        [
            name("Ketersediaan", "Availability"),
            at_least(percent(rules.availability_reliable)),
            below(percent(rules.availability_unreliable)),
            name("SLA Palapa Ring (95%)", "Palapa Ring SLA (95%)"),
        ],
        [
            name("Kecepatan unduh, median", "Download, median"),
            at_least(speed(rules.download_reliable_mbps)),
            below(speed(rules.download_unreliable_mbps)),
            name(
                "target pita lebar tetap ITU; batas bawah Giga",
                "ITU fixed-broadband target; Giga's lower benchmark",
            ),
        ],
        [
            name("Kecepatan unggah, median", "Upload, median"),
            at_least(speed(rules.upload_reliable_mbps)),
            below(speed(rules.upload_unreliable_mbps)),
            name("kebijakan Suar", "Suar's own choice"),
        ],
        [
            name("Latensi, median", "Round trip, median"),
            up_to(delay(rules.rtt_reliable_ms)),
            above(delay(rules.rtt_unreliable_ms)),
            name("Permenkominfo 19/2010", "Permenkominfo 19/2010"),
        ],
        [
            name("Latensi, satelit GEO", "Round trip, GEO satellite"),
            up_to(delay(rules.rtt_reliable_ms)),
            above(delay(rules.rtt_unreliable_geo_ms)),
            name("Permenkominfo 19/2010", "Permenkominfo 19/2010"),
        ],
        [
            name("Kehilangan paket", "Loss"),
            up_to(percent(rules.loss_reliable)),
            above(percent(rules.loss_unreliable)),
            name("kebijakan Suar; mulai dari 300 paket", "Suar's own choice; from 300 packets on"),
        ],
    ]
}

pub(super) fn tiphon_sentence(language: Language) -> String {
    language
        .pick(
            "Kategori TIPHON (ETSI TR 101 329, seperti dipakai dalam makalah di Indonesia) hanya untuk pembanding dan tidak \
             ikut menentukan penilaian. Latensi di sini pulang-pergi; setiap kategori mulai dari angkanya sampai sebelum \
             angka berikutnya.",
            "TIPHON categories (ETSI TR 101 329 as used in Indonesian papers) are for comparison only and have no part in a \
             standing. Delay is the round trip here; each category goes from its figure to just before the next one.",
        )
        .to_owned()
}

/// Each category with its bands of round trip and loss.
pub(super) fn tiphon_bands(language: Language) -> impl Iterator<Item = [String; 3]> {
    let below = |edge: u32, unit: &str| format!("{} {edge}{unit}", language.pick("di bawah", "below"));
    let from = |edge: u32, unit: &str| format!("{} {edge}{unit}", language.pick("mulai", "from"));
    let bands = move |edges: [u32; 3], unit: &'static str| {
        let [second, third, fourth] = edges;
        let between = |low, high| format!("{}, {}", from(low, unit), below(high, unit));
        [below(second, unit), between(second, third), between(third, fourth), from(fourth, unit)]
    };
    let (delay, loss) = (bands(TIPHON_DELAY_MS, " ms"), bands(TIPHON_LOSS_PERCENT, "%"));
    let words = Tiphon::ALL.map(|category| tiphon_words(category, language).to_owned());
    words.into_iter().zip(delay).zip(loss).map(|((category, delay), loss)| [category, delay, loss])
}

/// From when on these thresholds and special days count, where others did before.
pub(super) fn since(assessment: &Assessment, language: Language) -> Option<String> {
    let from = moment(assessment.rules_since_s?, TimeZone::Wib, language);
    Some(match language {
        Language::Id => format!(
            "Ambang dan hari khusus ini berlaku sejak {from}. Laporan periode lama memakai yang berlaku pada akhir periodenya."
        ),
        Language::En => format!(
            "These thresholds and special days count from {from} on. A report of an older period goes by those in force at its end."
        ),
    })
}

/// How many records have a time that was repaired, and how well.
pub(super) fn times(assessment: &Assessment, language: Language) -> String {
    let sum = |of: fn(&crate::coverage::SiteCoverage) -> u64| {
        count(assessment.sites.iter().map(of).sum::<u64>(), language)
    };
    let synced = sum(|site| site.records_synced);
    let estimated = sum(|site| site.records_estimated);
    let bounded = sum(|site| site.records_bounded);
    match language {
        Language::Id => format!(
            "Rekaman dengan waktu yang dicocokkan dengan server: {synced}. Waktunya diperkirakan: {estimated}. Waktunya hanya dibatasi oleh rekaman di dekatnya: {bounded}."
        ),
        Language::En => format!(
            "Records with a time checked against the server: {synced}. With an estimated time: {estimated}. With a time only bounded by their neighbours: {bounded}."
        ),
    }
}
