//! Which sheets the workbook has and what stands in their columns.

use rust_xlsxwriter::{Workbook, XlsxError};
use suar_wire::{Cause, Purpose};

use super::super::compose::Both;
use super::super::words::{cause_words, island_words, link_words, purpose_words, reason_words, tiphon_words};
use super::super::{Language, Report, compose, method};
use super::sheet::{Column, Formats, ROWS_MAX, Value, plain, set_page, table};
use crate::assessment::{AreaCoverage, Assessment};
use crate::calendar::TimeZone;
use crate::coverage::{
    Counts, IslandCoverage, MonthData, Outage, OutsideIsland, Ratio, SharedOutage, SiteCoverage, Standing,
    Step, Stretch, Tiphon, event_of, shared_outages,
};
use crate::day::Reason;
use crate::registry::Site;

/// Width of the one column of sheets for reading, in characters.
const READING_WIDTH: f64 = 110.0;

pub(super) fn summary(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    let sheet = workbook.add_worksheet();
    sheet.set_name(language.pick("Ringkasan", "Summary"))?;
    set_page(sheet, formats.paper())?;
    sheet.set_column_width(0, READING_WIDTH)?;
    sheet.write_string_with_format(0, 0, plain(&compose::title(report, language)), &formats.title)?;
    let mut lines = compose::lead(report, language);
    lines.push(String::new());
    lines.extend(compose::summary_sentences(report.assessment, language));
    let outages: usize = report.assessment.sites.iter().map(|site| site.outages.len()).sum();
    if outages > ROWS_MAX {
        lines.push(match language {
            Language::Id => {
                format!("Lembar gangguan memuat {ROWS_MAX} dari {outages} gangguan, yang terlama dahulu.")
            }
            Language::En => {
                format!("The sheet of outages holds {ROWS_MAX} of {outages} outages, the longest first.")
            }
        });
    }
    for (row, line) in (2_u32..).zip(lines) {
        sheet.write_string_with_format(row, 0, plain(&line), &formats.text)?;
    }
    Ok(())
}

fn counted<'a, T>(language: Language, counts: impl Fn(&T) -> Counts + Copy + 'a) -> Vec<Column<'a, T>> {
    let column = move |id: &'a str, en: &'a str, of: fn(&Counts) -> u32| {
        Column::new(language.pick(id, en), 11, move |row: &T| Value::Count(of(&counts(row)).into()))
    };
    vec![
        column("Kantor terdaftar", "Registered offices", |counts| counts.sites),
        column("Terpantau", "Monitored", |counts| counts.monitored),
        column("Dinilai", "Judged", |counts| counts.judged),
        column("Tidak andal", "Unreliable", |counts| counts.unreliable),
        column("Terbatas", "Limited", |counts| counts.limited),
        column("Andal", "Reliable", |counts| counts.reliable),
        column("Di batas", "At the border", |counts| counts.at_border),
        column("Terkendala listrik", "Limited by power", |counts| counts.limited_by_power),
    ]
}

pub(super) fn islands(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    let mut columns: Vec<Column<'_, IslandCoverage>> = vec![
        Column::new(language.pick("Kode", "Code"), 13, |island: &IslandCoverage| text(&island.code)),
        Column::new(language.pick("Pulau", "Island"), 26, |island: &IslandCoverage| text(&island.name)),
        Column::new(language.pick("Nama lain", "Usual names"), 22, |island: &IslandCoverage| {
            text(&island.usual_names.join(", "))
        }),
        Column::new(language.pick("Penilaian", "Standing"), 20, move |island: &IslandCoverage| {
            text(island_words(island.standing, language))
        }),
    ];
    columns.extend(counted(language, |island: &IslandCoverage| island.counts));
    let name = language.pick("Pulau", "Islands");
    table(workbook, name, formats, 2, &columns, &report.assessment.islands)
}

pub(super) fn areas(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    let assessment = report.assessment;
    let sheets = [
        (language.pick("Kabupaten dan kota", "Regencies"), &assessment.regencies),
        (language.pick("Kecamatan", "Districts"), &assessment.districts),
    ];
    for (name, areas) in sheets {
        let mut columns: Vec<Column<'_, AreaCoverage>> = vec![
            Column::new(language.pick("Kode", "Code"), 13, |area: &AreaCoverage| text(&area.code)),
            Column::new(language.pick("Nama", "Name"), 28, |area: &AreaCoverage| text(&area.name)),
        ];
        columns.extend(counted(language, |area: &AreaCoverage| area.counts));
        table(workbook, name, formats, 2, &columns, areas)?;
    }
    Ok(())
}

pub(super) fn offices(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    let assessment = report.assessment;
    type Site = SiteCoverage;
    let pick = |id, en| language.pick(id, en);
    let mut columns: Vec<Column<'_, Site>> = vec![
        Column::new(pick("Kode", "Code"), 15, |site: &Site| text(site.site.code.as_str())),
        Column::new(pick("Kantor", "Office"), 32, |site: &Site| text(&site.site.name)),
        Column::new(pick("Kode desa", "Village code"), 15, |site: &Site| text(&site.site.village)),
        Column::new(pick("Kecamatan", "District"), 20, |site: &Site| {
            text(&compose::Placed::of(site, assessment).district)
        }),
        Column::new(pick("Kabupaten", "Regency"), 20, |site: &Site| {
            text(&compose::Placed::of(site, assessment).regency)
        }),
        Column::new(pick("Pulau", "Island"), 20, |site: &Site| {
            text(&compose::Placed::of(site, assessment).island)
        }),
        Column::new(pick("Sambungan", "Link"), 14, move |site: &Site| {
            text(link_words(site.site.link, language))
        }),
        Column::new(pick("Penyedia", "Provider"), 18, |site: &Site| text(&site.site.provider)),
        Column::new(pick("Penilaian", "Standing"), 18, move |site: &Site| {
            text(super::super::standing_words(site.standing, language))
        }),
        Column::new(pick("Tidak andal karena", "Unreliable because of"), 34, move |site: &Site| {
            unreliable(site, compose::because(site, language))
        }),
        Column::new(pick("Penyebab utama", "Main cause"), 34, move |site: &Site| {
            unreliable(site, compose::main_cause(site, language))
        }),
        Column::new(pick("Tidak andal sejak", "Unreliable since"), 18, move |site: &Site| {
            unreliable(site, compose::since(site, assessment, language))
        }),
        Column::new(pick("Di batas", "At the border"), 9, move |site: &Site| yes(site.at_border, language)),
        Column::new(pick("Terkendala listrik", "Limited by power"), 11, move |site: &Site| {
            yes(site.limited_by_power, language)
        }),
        Column::new(pick("Ketersediaan", "Availability"), 13, |site: &Site| Value::Share(site.availability)),
        Column::new(pick("Keterpantauan", "Observed"), 13, |site: &Site| {
            Value::Share(seen(site, site.observed))
        }),
        Column::new(pick("Kasus terburuk", "Worst case"), 13, |site: &Site| {
            Value::Share(seen(site, site.worst_case))
        }),
        Column::new(
            pick("Ketersediaan paling rendah (95%)", "Availability at least (95%)"),
            13,
            |site: &Site| Value::Share(site.interval.map(|bounds| bounds.low)),
        ),
        Column::new(
            pick("Ketersediaan paling tinggi (95%)", "Availability at most (95%)"),
            13,
            |site: &Site| Value::Share(site.interval.map(|bounds| bounds.high)),
        ),
        Column::new(pick("Jam kerja", "Office hours"), 12, |site: &Site| {
            Value::Length(Some(site.expected_s))
        }),
        Column::new(pick("Tersambung", "Up"), 12, |site: &Site| Value::Length(Some(site.up_s))),
        Column::new(pick("Waktu henti", "Down"), 12, |site: &Site| Value::Length(Some(site.down_s))),
        Column::new(pick("Tidak terpantau", "Not observed"), 12, |site: &Site| {
            Value::Length(Some(site.unobserved_s()))
        }),
        Column::new(pick("Tanpa listrik", "Without power"), 12, |site: &Site| {
            Value::Length(Some(site.without_power_s))
        }),
        Column::new(pick("Hari kerja", "Working days"), 9, |site: &Site| {
            Value::Count(site.days_expected.into())
        }),
        Column::new(pick("Hari kerja terpantau", "Working days observed"), 11, |site: &Site| {
            Value::Count(site.days_observed.into())
        }),
        Column::new(pick("Gangguan", "Outages"), 10, |site: &Site| Value::Count(site.outages.len() as u64)),
        Column::new(pick("Gangguan rata-rata (MTTR)", "Mean outage (MTTR)"), 12, |site: &Site| {
            Value::Length(site.mean_outage_s)
        }),
        Column::new(
            pick("Rata-rata antargangguan (MTBF)", "Mean between outages (MTBF)"),
            14,
            |site: &Site| Value::Length(site.mtbf_s),
        ),
        Column::new(pick("Gangguan terlama", "Longest outage"), 12, |site: &Site| {
            Value::Length(site.longest_outage_s)
        }),
        Column::new(pick("Latensi median (ms)", "Median round trip (ms)"), 12, |site: &Site| {
            Value::Number(site.rtt_median_us.map(|us| f64::from(us) / 1_000.0))
        }),
        Column::new(pick("Kehilangan paket", "Packets lost"), 10, |site: &Site| Value::ShareUp(site.loss)),
        Column::new(pick("Paket dikirim", "Packets sent"), 12, |site: &Site| Value::Count(site.echoes_sent)),
        Column::new(pick("TIPHON: latensi", "TIPHON: delay"), 12, move |site: &Site| {
            category(site.tiphon().delay, language)
        }),
        Column::new(pick("TIPHON: kehilangan paket", "TIPHON: loss"), 12, move |site: &Site| {
            category(site.tiphon().loss, language)
        }),
        Column::new(
            pick("Kecepatan unduh median (Mbit/s)", "Median download (Mbit/s)"),
            12,
            |site: &Site| Value::Number(megabits(site.throughput.download_bits)),
        ),
        Column::new(pick("Kecepatan unggah median (Mbit/s)", "Median upload (Mbit/s)"), 12, |site: &Site| {
            Value::Number(megabits(site.throughput.upload_bits))
        }),
    ];
    for cause in Cause::ALL {
        let name = format!("{}: {}", pick("Waktu henti", "Down"), cause_words(cause, language));
        columns.push(Column::new(name, 13, move |site: &Site| seconds(site.down_by_cause.get(&cause))));
    }
    for reason in Reason::ALL {
        let name = format!("{}: {}", pick("Tidak terpantau", "Not observed"), reason_words(reason, language));
        columns
            .push(Column::new(name, 13, move |site: &Site| seconds(site.unobserved_by_reason.get(&reason))));
    }
    table(workbook, pick("Kantor", "Offices"), formats, 2, &columns, &assessment.sites)
}

pub(super) fn outages(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    type Row<'a> = (&'a SiteCoverage, &'a Outage);
    let events = shared_outages(&report.assessment.sites);
    let pick = |id, en| language.pick(id, en);
    let local = |(site, _): &Row<'_>, s: i64| Value::Moment(s + site.site.time_zone.offset_s());
    let columns: Vec<Column<'_, Row<'_>>> = vec![
        Column::new(pick("Kode", "Code"), 15, |(site, _): &Row<'_>| text(site.site.code.as_str())),
        Column::new(pick("Kantor", "Office"), 32, |(site, _): &Row<'_>| text(&site.site.name)),
        Column::new(pick("Mulai", "From"), 19, move |row: &Row<'_>| local(row, row.1.start_s)),
        Column::new(pick("Selesai", "To"), 19, move |row: &Row<'_>| local(row, row.1.end_s)),
        Column::new(pick("Zona waktu", "Time zone"), 8, |(site, _): &Row<'_>| {
            text(site.site.time_zone.label())
        }),
        Column::new(pick("Penyebab", "Cause"), 34, move |(_, outage): &Row<'_>| {
            text(cause_words(outage.cause, language))
        }),
        Column::new(pick("Bagian dari gangguan bersama", "Part of a shared outage"), 36, |row: &Row<'_>| {
            let event = event_of(&events, &row.0.site.code, row.1);
            event.map_or(Value::Empty, |event| {
                text(&compose::shared_words(event, report.assessment, language))
            })
        }),
        Column::new(pick("Lama pada jam kerja", "Length in office hours"), 14, |(_, outage): &Row<'_>| {
            Value::Length(Some(outage.seconds_down))
        }),
    ];
    let rows = compose::longest_first(report.assessment);
    table(workbook, pick("Gangguan", "Outages"), formats, 2, &columns, &rows)?;
    if events.is_empty() {
        return Ok(());
    }
    shared(workbook, report.assessment, &events, formats, language)
}

/// Times are those of western Indonesia: an event may lie in several zones.
fn shared(
    workbook: &mut Workbook,
    assessment: &Assessment,
    events: &[SharedOutage],
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    let pick = |id, en| language.pick(id, en);
    let wib = |s: i64| Value::Moment(s + TimeZone::Wib.offset_s());
    let columns: Vec<Column<'_, SharedOutage>> = vec![
        Column::new(pick("Bersama", "Shared by"), 36, move |event: &SharedOutage| {
            text(&compose::shared_words(event, assessment, language))
        }),
        Column::new(pick("Mulai (WIB)", "From (WIB)"), 19, move |event: &SharedOutage| wib(event.start_s)),
        Column::new(pick("Selesai (WIB)", "To (WIB)"), 19, move |event: &SharedOutage| wib(event.end_s)),
        Column::new(pick("Penyebab", "Cause"), 34, move |event: &SharedOutage| {
            text(cause_words(event.cause, language))
        }),
        Column::new(pick("Kantor terputus", "Offices down"), 10, |event: &SharedOutage| {
            Value::Count(event.sites.len() as u64)
        }),
        Column::new(pick("Kantor terpantau", "Offices monitored"), 10, |event: &SharedOutage| {
            Value::Count(event.of_sites as u64)
        }),
        Column::new(pick("Kantor", "Offices"), 60, move |event: &SharedOutage| {
            text(&compose::names(event, assessment, usize::MAX, language))
        }),
    ];
    table(workbook, pick("Gangguan bersama", "Shared outages"), formats, 1, &columns, events)
}

/// What monitoring used, a row for each office and month; none where no office told it.
pub(super) fn data(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    type Row<'a> = (&'a Site, &'a MonthData);
    let assessment = report.assessment;
    let rows: Vec<Row<'_>> = assessment
        .sites
        .iter()
        .filter_map(|site| Some((&site.site, assessment.data.get(&site.site.code)?)))
        .flat_map(|(site, months)| months.iter().map(move |month| (site, month)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let pick = |id, en| language.pick(id, en);
    let mut columns: Vec<Column<'_, Row<'_>>> = vec![
        Column::new(pick("Kode", "Code"), 15, |(site, _): &Row<'_>| text(site.code.as_str())),
        Column::new(pick("Kantor", "Office"), 32, |(site, _): &Row<'_>| text(&site.name)),
        Column::new(pick("Bulan mulai", "Month from"), 13, |(_, data): &Row<'_>| {
            Value::Date(data.month.start_ms(0) / 1_000)
        }),
        Column::new(pick("Terpakai (bita)", "Used (bytes)"), 14, |(_, data): &Row<'_>| {
            Value::Count(data.paid_bytes)
        }),
        Column::new(pick("Jatah sebulan (bita)", "Allowance a month (bytes)"), 14, |(site, _): &Row<'_>| {
            site.allowance_bytes().map_or(Value::Empty, Value::Count)
        }),
        Column::new(pick("Terpakai dari jatah", "Used of it"), 12, |(site, data): &Row<'_>| {
            Value::ShareUp(site.allowance_bytes().and_then(|bytes| Ratio::of(data.paid_bytes, bytes)))
        }),
        Column::new(pick("Penghematan terjauh", "Furthest saving"), 26, move |(_, data): &Row<'_>| {
            text(compose::saving(data.step, language))
        }),
    ];
    for purpose in Purpose::ALL.iter().copied().filter(|purpose| purpose.is_paid_for()) {
        let name = format!("{} ({})", purpose_words(purpose, language), pick("bita", "bytes"));
        columns.push(Column::new(name, 13, move |(_, data): &Row<'_>| {
            Value::Count(data.by_purpose.get(&purpose).copied().unwrap_or_default())
        }));
    }
    table(workbook, pick("Data pemantauan", "Data of monitoring"), formats, 2, &columns, &rows)
}

pub(super) fn course(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    let assessment = report.assessment;
    let pick = |id, en| language.pick(id, en);
    let step = match Step::of(assessment.period.window) {
        Step::Day => pick("Hari", "Day"),
        Step::Month => pick("Bulan mulai", "Month from"),
    };
    type Row<'a> = (Option<&'a SiteCoverage>, Stretch);
    let all = pick("semua kantor", "all offices");
    let columns: Vec<Column<'_, Row<'_>>> = vec![
        Column::new(pick("Kode", "Code"), 15, |(site, _): &Row<'_>| {
            site.map_or(Value::Empty, |site| text(site.site.code.as_str()))
        }),
        Column::new(pick("Kantor", "Office"), 32, move |(site, _): &Row<'_>| {
            text(site.map_or(all, |site| site.site.name.as_str()))
        }),
        Column::new(step, 13, |(_, stretch): &Row<'_>| Value::Date(stretch.first_day * 86_400)),
        Column::new(pick("Ketersediaan", "Availability"), 13, |(_, stretch): &Row<'_>| {
            Value::Share(stretch.availability())
        }),
        Column::new(pick("Keterpantauan", "Observed"), 13, |(_, stretch): &Row<'_>| {
            Value::Share(stretch.observed())
        }),
        Column::new(pick("Jam kerja", "Office hours"), 13, |(_, stretch): &Row<'_>| {
            Value::Length(Some(stretch.expected_s))
        }),
        Column::new(pick("Tersambung", "Up"), 13, |(_, stretch): &Row<'_>| Value::Length(Some(stretch.up_s))),
        Column::new(pick("Terpantau", "Observed hours"), 13, |(_, stretch): &Row<'_>| {
            Value::Length(Some(stretch.seen_s))
        }),
    ];
    let rows: Vec<Row<'_>> = compose::stretches(assessment)
        .into_iter()
        .map(|stretch| (None, stretch))
        .chain(
            assessment.sites.iter().flat_map(|site| site.course.iter().map(move |step| (Some(site), *step))),
        )
        .collect();
    table(workbook, pick("Menurut waktu", "Over time"), formats, 2, &columns, &rows)
}

pub(super) fn not_judged(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    type Site<'a> = &'a SiteCoverage;
    let assessment = report.assessment;
    let pick = |id, en| language.pick(id, en);
    let columns: Vec<Column<'_, Site<'_>>> = vec![
        Column::new(pick("Kode", "Code"), 15, |site: &Site<'_>| text(site.site.code.as_str())),
        Column::new(pick("Kantor", "Office"), 32, |site: &Site<'_>| text(&site.site.name)),
        Column::new(pick("Kecamatan", "District"), 20, |site: &Site<'_>| {
            text(&compose::Placed::of(site, assessment).district)
        }),
        Column::new(pick("Kabupaten", "Regency"), 20, |site: &Site<'_>| {
            text(&compose::Placed::of(site, assessment).regency)
        }),
        Column::new(pick("Pulau", "Island"), 20, |site: &Site<'_>| {
            text(&compose::Placed::of(site, assessment).island)
        }),
        Column::new(pick("Penilaian", "Standing"), 18, move |site: &Site<'_>| {
            text(super::super::standing_words(site.standing, language))
        }),
        Column::new(pick("Mengapa", "Why"), 52, move |site: &Site<'_>| {
            text(&compose::why_not_judged(site, language))
        }),
        Column::new(pick("Keterpantauan", "Observed"), 13, |site: &Site<'_>| {
            Value::Share(seen(site, site.observed))
        }),
        Column::new(pick("Hari kerja terpantau", "Working days observed"), 11, |site: &Site<'_>| {
            Value::Count(site.days_observed.into())
        }),
        Column::new(pick("Hari yang diperlukan", "Days needed"), 11, |site: &Site<'_>| {
            Value::Count(site.days_needed.into())
        }),
    ];
    let rows: Vec<Site<'_>> = assessment.sites.iter().filter(|site| !site.standing.is_judged()).collect();
    table(workbook, pick("Belum dapat dinilai", "Not judged yet"), formats, 2, &columns, &rows)
}

pub(super) fn outside(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    let pick = |id, en| language.pick(id, en);
    let columns: Vec<Column<'_, OutsideIsland>> = vec![
        Column::new(pick("Kode", "Code"), 13, |island: &OutsideIsland| text(&island.code)),
        Column::new(pick("Pulau", "Island"), 28, |island: &OutsideIsland| text(&island.name)),
        Column::new(pick("Nama lain", "Usual names"), 22, |island: &OutsideIsland| {
            text(&island.usual_names.join(", "))
        }),
        Column::new(
            pick("Kantor desa atau kelurahan di pulau", "Village offices on the island"),
            18,
            |island: &OutsideIsland| Value::Count(island.village_seats.into()),
        ),
    ];
    let name = pick("Pulau tanpa kantor", "Islands without office");
    table(workbook, name, formats, 2, &columns, &report.assessment.outside)
}

pub(super) fn method(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    let assessment = report.assessment;
    let sheet = workbook.add_worksheet();
    sheet.set_name(language.pick("Metode", "Method"))?;
    set_page(sheet, formats.paper())?;
    for (column, width) in [(0, 30.0), (1, 24.0), (2, 24.0), (3, 44.0)] {
        sheet.set_column_width(column, width)?;
    }
    let mut row = 0;
    for cells in std::iter::once(method::threshold_names(language).map(|(name, _)| name.to_owned()))
        .chain(method::thresholds(&assessment.rules, language))
    {
        let format = if row == 0 { formats.head() } else { &formats.text };
        for (column, cell) in (0_u16..).zip(cells) {
            sheet.write_string_with_format(row, column, plain(&cell), format)?;
        }
        row += 1;
    }
    let mut lines = method::sentences(&assessment.rules, language);
    lines.push(method::tiphon_sentence(language));
    lines.extend(
        method::tiphon_bands(language)
            .map(|[category, delay, loss]| format!("TIPHON, {category}: {delay}; {loss}")),
    );
    lines.extend(method::since(assessment, language));
    lines.push(method::times(assessment, language));
    let days = method::special_days(assessment, language);
    lines.extend(
        days.into_iter().map(|[when, name, place, hours]| format!("{when}: {name} ({place}), {hours}")),
    );
    lines.push(method::checksum(assessment, language));
    lines.push(method::made_with(language));
    lines.push(match language {
        Language::Id => {
            "Jam dan lama ditulis sebagai jam:menit:detik; waktu adalah waktu setempat.".to_owned()
        }
        Language::En => "Hours and lengths are hours:minutes:seconds; times are local.".to_owned(),
    });
    for line in lines {
        row += 1;
        sheet.merge_range(row, 0, row, 3, &plain(&line), &formats.text)?;
        // A merged cell does not grow by itself: about 110 characters fit on a line.
        let lines_high = line.chars().count().div_ceil(105).max(1) as f64;
        sheet.set_row_height(row, 15.0 * lines_high)?;
    }
    Ok(())
}

/// Offices of both periods, only where a report compares.
pub(super) fn comparison(
    workbook: &mut Workbook,
    report: &Report<'_>,
    formats: &Formats,
    language: Language,
) -> Result<(), XlsxError> {
    let Some(before) = report.before else { return Ok(()) };
    let pick = |id, en| language.pick(id, en);
    let standing = move |site: &SiteCoverage| text(super::super::standing_words(site.standing, language));
    let columns: Vec<Column<'_, Both<'_>>> = vec![
        Column::new(pick("Kode", "Code"), 15, |pair: &Both<'_>| text(pair.now.site.code.as_str())),
        Column::new(pick("Kantor", "Office"), 32, |pair: &Both<'_>| text(&pair.now.site.name)),
        Column::new(pick("Penilaian dulu", "Standing before"), 18, move |pair: &Both<'_>| {
            standing(pair.before)
        }),
        Column::new(pick("Penilaian sekarang", "Standing now"), 18, move |pair: &Both<'_>| {
            standing(pair.now)
        }),
        Column::new(pick("Ketersediaan dulu", "Availability before"), 13, |pair: &Both<'_>| {
            Value::Share(pair.before.availability)
        }),
        Column::new(pick("Ketersediaan sekarang", "Availability now"), 13, |pair: &Both<'_>| {
            Value::Share(pair.now.availability)
        }),
        Column::new(pick("Selisih (poin)", "Change (points)"), 13, |pair: &Both<'_>| {
            Value::Points(pair.change())
        }),
    ];
    let both = compose::both(before, report.assessment);
    table(workbook, pick("Perbandingan", "Comparison"), formats, 2, &columns, &both)
}

/// Nothing per cent of an office without an agent would read as a finding.
fn seen(site: &SiteCoverage, ratio: Option<Ratio>) -> Option<Ratio> {
    ratio.filter(|_| site.standing != Standing::NotMonitored)
}

/// Only an office that is unreliable has reasons to be.
fn unreliable(site: &SiteCoverage, words: String) -> Value {
    if site.standing == Standing::Unreliable { text(&words) } else { Value::Empty }
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Empty } else { Value::Text(text.to_owned()) }
}

fn yes(flag: bool, language: Language) -> Value {
    if flag { text(language.pick("ya", "yes")) } else { text(language.pick("tidak", "no")) }
}

fn category(tiphon: Option<Tiphon>, language: Language) -> Value {
    tiphon.map_or(Value::Empty, |category| text(tiphon_words(category, language)))
}

fn seconds(seconds: Option<&u64>) -> Value {
    Value::Length(Some(seconds.copied().unwrap_or_default()))
}

fn megabits(bits: Option<u64>) -> Option<f64> {
    bits.map(|bits| bits as f64 / 1e6)
}
