//! One village on one page: where it is, how it stands and by which figures, what went wrong and when.

use super::super::cells::{NOTHING, count, duration, mbps, millis, percent_down, percent_up, weekly};
use super::super::document::{Block, Cell, Table};
use super::super::words::{link_words, reason_words};
use super::super::{Language, method};
use super::offices::{Placed, mark, standing_cell, why_not_judged};
use super::{areas, outages, trend};
use crate::assessment::Assessment;
use crate::coverage::{SiteCoverage, Standing, shared_outages};

/// More would not leave the page its method.
const OUTAGES_MAX: usize = 3;

pub(super) fn write(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    for site in &assessment.sites {
        blocks.push(Block::Heading(site.site.name.clone()));
        blocks.push(Block::Table(place(site, assessment, language)));
        if site.standing != Standing::NotMonitored {
            blocks.push(Block::Table(figures(site, assessment, language)));
            blocks.push(Block::List(sentences(site, language)));
        }
    }
    trend::chart_only(blocks, assessment, language);
    let events = shared_outages(&assessment.sites);
    outages::outages(blocks, assessment, &events, OUTAGES_MAX, language);
    blocks.push(Block::Heading(language.pick("Cara menghitung", "How this was counted").to_owned()));
    blocks.push(Block::Paragraph(how(language)));
    blocks.push(Block::Paragraph(method::checksum(assessment, language)));
}

/// What the registry says, and the standing.
fn place(site: &SiteCoverage, assessment: &Assessment, language: Language) -> Table {
    let names = match language {
        Language::Id => [("Penilaian", 20), ("Letak", 40), ("Sambungan", 20), ("Jam kerja", 30)],
        Language::En => [("Standing", 20), ("Where", 40), ("Link", 20), ("Office hours", 30)],
    };
    let Placed { district, regency, .. } = Placed::of(site, assessment);
    let island = assessment.islands.iter().find(|island| island.code == site.site.island);
    let island = island.map_or_else(
        || site.site.island.clone(),
        |island| areas::island_name(&island.name, &island.usual_names),
    );
    let link = link_words(site.site.link, language);
    let link = match site.site.provider.as_str() {
        "" => link.to_owned(),
        provider => format!("{link}, {provider}"),
    };
    let mut hours = format!("{} {}", weekly(&site.site.hours, language), site.site.time_zone.label());
    if let Some(power) = &site.site.power_hours {
        let lead = language.pick("listrik", "power");
        hours.push_str(&format!("; {lead} {}", weekly(power, language)));
    }
    let mut table = Table::new(&names, 4);
    table.push([
        Cell::marked(standing_cell(site, language), mark(site.standing)),
        format!("{}, {district}, {regency}, {island}", site.site.village).into(),
        link.into(),
        hours.into(),
    ]);
    table
}

/// Every measure beside its thresholds.
fn figures(site: &SiteCoverage, assessment: &Assessment, language: Language) -> Table {
    let names = method::threshold_names(language);
    let found = language.pick("Di sini", "Here");
    let names = [names[0], (found, 14), names[1], names[2], names[3]];
    let speed = |bits: Option<u64>| {
        let missing = language.pick("belum diukur", "not measured");
        bits.map_or(missing.to_owned(), |bits| mbps(bits, language))
    };
    let geo = site.site.link == crate::registry::LinkKind::GeoSatellite;
    let rtt = millis(site.rtt_median_us, language);
    let values = [
        Some(percent_down(site.availability, language)),
        Some(speed(site.throughput.download_bits)),
        Some(speed(site.throughput.upload_bits)),
        (!geo).then(|| rtt.clone()),
        geo.then_some(rtt),
        Some(percent_up(site.loss, language)),
    ];
    let mut table = Table::new(&names, 5);
    for ([name, reliable, unreliable, source], value) in
        method::thresholds(&assessment.rules, language).into_iter().zip(values)
    {
        if let Some(value) = value {
            table.push([name.into(), value.into(), reliable.into(), unreliable.into(), source.into()]);
        }
    }
    table
}

fn sentences(site: &SiteCoverage, language: Language) -> Vec<String> {
    let percent = |ratio| percent_down(ratio, language);
    let mut sentences = Vec::new();
    if !site.standing.is_judged() {
        sentences.push(format!("{}.", why_not_judged(site, language)));
    }
    let (observed, worst) = (percent(site.observed), percent(site.worst_case));
    let (days, expected) = (count(site.days_observed, language), count(site.days_expected, language));
    sentences.push(match language {
        Language::Id => format!(
            "Keterpantauan {observed}, kasus terburuk {worst}; {days} dari {expected} hari kerja terpantau."
        ),
        Language::En => {
            format!("Observed {observed}, worst case {worst}; {days} of {expected} working days observed.")
        }
    });
    if let Some(bounds) = site.interval {
        let (low, high) = (percent(Some(bounds.low)), percent(Some(bounds.high)));
        sentences.push(match language {
            Language::Id => format!("Ketersediaan antara {low} dan {high} (selang kepercayaan 95%)."),
            Language::En => format!("Availability between {low} and {high} (95% interval)."),
        });
    }
    let length = |seconds: Option<u64>| seconds.map_or(NOTHING.to_owned(), |s| duration(s, language));
    let (number, mean) = (count(site.outages.len() as u64, language), length(site.mean_outage_s));
    let (longest, down) = (length(site.longest_outage_s), duration(site.down_s, language));
    let mut outages = match language {
        Language::Id => {
            format!(
                "{number} gangguan, waktu henti {down} pada jam kerja; rata-rata {mean}, terlama {longest}"
            )
        }
        Language::En => {
            format!("{number} outages, down {down} in office hours; mean {mean}, longest {longest}")
        }
    };
    if let Some(between) = site.mtbf_s {
        let (lead, between) =
            (language.pick("antargangguan", "between outages"), duration(between, language));
        outages.push_str(&format!(", {lead} {between}"));
    }
    sentences.push(outages + ".");
    let most = site.unobserved_by_reason.iter().max_by_key(|(_, seconds)| **seconds);
    if let Some((reason, seconds)) = most.filter(|(_, seconds)| **seconds > 0) {
        let (all, most) = (duration(site.unobserved_s(), language), duration(*seconds, language));
        let reason = reason_words(*reason, language);
        sentences.push(match language {
            Language::Id => format!("Tidak terpantau {all}; paling lama karena: {reason} ({most})."),
            Language::En => format!("Not observed {all}; mostly because: {reason} ({most})."),
        });
    }
    sentences
}

fn how(language: Language) -> String {
    language
        .pick(
            "Hanya jam kerja yang dihitung, tanpa hari libur. Ketersediaan adalah waktu tersambung dibagi waktu yang terpantau; waktu yang tidak terpantau tidak dihitung sebagai terputus. Cara lengkap ada di laporan wilayah.",
            "Only office hours count, less holidays. Availability is time up divided by time observed; time that was not observed is not counted as down. The whole method is in the report of the area.",
        )
        .to_owned()
}
