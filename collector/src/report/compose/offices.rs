//! Offices one by one: how they stand, why some do not stand anywhere yet, and how good their links are.

use suar_wire::bandwidth::Direction;

use super::super::Language;
use super::super::cells::{NOTHING, count, duration_cell, mbps, millis, percent_down, percent_up};
use super::super::document::{Block, Cell, Mark, Table};
use super::super::words::{standing_words, tiphon_words};
use super::areas::of;
use crate::assessment::{AreaCoverage, Assessment};
use crate::coverage::{Ratio, SiteCoverage, Standing, Tiphon, TiphonOf};

pub(super) fn offices(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    if assessment.sites.is_empty() {
        return;
    }
    blocks.push(Block::Heading(language.pick("Kantor", "Offices").to_owned()));
    let names = match language {
        Language::Id => [
            ("Kantor", 22),
            ("Kode", 14),
            ("Penilaian", 18),
            ("Keterse\u{ad}diaan", 9),
            ("Keterpan\u{ad}tauan", 9),
            ("Kasus terburuk", 9),
            ("Gang\u{ad}guan", 7),
            ("Terlama", 10),
            ("Rata-rata", 10),
            ("Hari kerja terpantau", 10),
        ],
        Language::En => [
            ("Office", 22),
            ("Code", 14),
            ("Standing", 18),
            ("Availa\u{ad}bility", 9),
            ("Observed", 9),
            ("Worst case", 9),
            ("Outages", 7),
            ("Longest", 10),
            ("Mean", 10),
            ("Working days observed", 10),
        ],
    };
    let mut table = Table::new(&names, 3);
    let length = |seconds: Option<u64>| seconds.map_or(NOTHING.to_owned(), |s| duration_cell(s, language));
    for site in &assessment.sites {
        // Nothing per cent of an office without an agent would read as a finding.
        let monitored = site.standing != Standing::NotMonitored;
        let percent = |ratio: Option<Ratio>| percent_down(ratio.filter(|_| monitored), language);
        table.push([
            site.site.name.as_str().into(),
            site.site.code.to_string().into(),
            Cell::marked(standing_cell(site, language), mark(site.standing)),
            percent(site.availability).into(),
            percent(site.observed).into(),
            percent(site.worst_case).into(),
            count(site.outages.len() as u64, language).into(),
            length(site.longest_outage_s).into(),
            length(site.mean_outage_s).into(),
            of(site.days_observed, site.days_expected, language).into(),
        ]);
    }
    blocks.push(Block::Table(table));
}

/// As long as the list of those that are judged: who is missing must be seen to be missing.
pub(super) fn not_judged(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    let missing: Vec<&SiteCoverage> =
        assessment.sites.iter().filter(|site| !site.standing.is_judged()).collect();
    if missing.is_empty() {
        return;
    }
    let heading = language.pick("Kantor yang belum dapat dinilai", "Offices that cannot be judged yet");
    blocks.push(Block::Heading(heading.to_owned()));
    let names = match language {
        Language::Id => [
            ("Kantor", 24),
            ("Kode", 14),
            ("Kecamatan", 14),
            ("Kabupaten", 14),
            ("Pulau", 14),
            ("Mengapa", 26),
        ],
        Language::En => {
            [("Office", 24), ("Code", 14), ("District", 14), ("Regency", 14), ("Island", 14), ("Why", 26)]
        }
    };
    let mut table = Table::new(&names, 6);
    for site in missing {
        let place = Placed::of(site, assessment);
        table.push([
            site.site.name.as_str().into(),
            site.site.code.to_string().into(),
            place.district.into(),
            place.regency.into(),
            place.island.into(),
            why_not_judged(site, language).into(),
        ]);
    }
    blocks.push(Block::Table(table));
}

pub(in super::super) fn why_not_judged(site: &SiteCoverage, language: Language) -> String {
    match site.standing {
        Standing::NotMonitored => {
            language.pick("belum ada pemantau di kantor ini", "no agent at this office").to_owned()
        }
        _ => {
            let observed = percent_down(site.observed, language);
            let (days, needed) = (count(site.days_observed, language), count(site.days_needed, language));
            match language {
                Language::Id => {
                    format!("{observed} jam kerja terpantau; {days} dari {needed} hari yang diperlukan")
                }
                Language::En => {
                    format!("{observed} of office hours observed; {days} of {needed} days needed")
                }
            }
        }
    }
}

/// Names of the areas of an office; their codes where the assessment has no name.
pub(in super::super) struct Placed {
    pub district: String,
    pub regency: String,
    pub island: String,
}

impl Placed {
    pub(in super::super) fn of(site: &SiteCoverage, assessment: &Assessment) -> Self {
        let named = |areas: &[AreaCoverage], parts: usize| {
            let code = site.site.village.split('.').take(parts).collect::<Vec<_>>().join(".");
            match areas.binary_search_by(|area| area.code.as_str().cmp(&code)) {
                Ok(at) => areas[at].name.clone(),
                Err(_) => code,
            }
        };
        let island = assessment.islands.iter().find(|island| island.code == site.site.island);
        Self {
            district: named(&assessment.districts, 3),
            regency: named(&assessment.regencies, 2),
            island: island.map_or_else(|| site.site.island.clone(), |island| island.name.clone()),
        }
    }
}

pub(in super::super) fn standing_cell(site: &SiteCoverage, language: Language) -> String {
    let mut words = standing_words(site.standing, language).to_owned();
    if site.at_border {
        words.push_str(language.pick(", di batas", ", at the border"));
    }
    if site.limited_by_power {
        words.push_str(language.pick(", terkendala listrik", ", limited by power"));
    }
    words
}

pub(in super::super) fn mark(standing: Standing) -> Mark {
    match standing {
        Standing::Unreliable => Mark::Unreliable,
        Standing::Limited => Mark::Limited,
        Standing::Reliable => Mark::Reliable,
        Standing::NotEnoughData => Mark::Unknown,
        Standing::NotMonitored => Mark::Outside,
    }
}

/// `bagus; sangat bagus`: of the round trip and of the loss.
fn tiphon(site: &SiteCoverage, language: Language) -> String {
    let TiphonOf { delay, loss } = site.tiphon();
    if delay.is_none() && loss.is_none() {
        return NOTHING.to_owned();
    }
    let word =
        |category: Option<Tiphon>| category.map_or(NOTHING, |category| tiphon_words(category, language));
    format!("{}; {}", word(delay), word(loss))
}

pub(super) fn quality(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    let monitored: Vec<&SiteCoverage> =
        assessment.sites.iter().filter(|site| site.standing != Standing::NotMonitored).collect();
    if monitored.is_empty() {
        return;
    }
    blocks.push(Block::Heading(language.pick("Mutu sambungan", "Quality of the links").to_owned()));
    let names = match language {
        Language::Id => [
            ("Kantor", 24),
            ("Ketersediaan antara (95%)", 15),
            ("Latensi, median", 11),
            ("Sampel", 9),
            ("Kehilangan paket", 9),
            ("Paket dikirim", 10),
            ("Kecepatan unduh, median", 12),
            ("Kecepatan unggah, median", 12),
            ("TIPHON: latensi; kehilangan paket", 14),
        ],
        Language::En => [
            ("Office", 24),
            ("Availability between (95%)", 15),
            ("Round trip, median", 11),
            ("Samples", 9),
            ("Packets lost", 9),
            ("Packets sent", 10),
            ("Download, median", 12),
            ("Upload, median", 12),
            ("TIPHON: delay; loss", 14),
        ],
    };
    let mut table = Table::new(&names, 1);
    let missing = language.pick("belum diukur", "not measured");
    let speed = |bits: Option<u64>, tests: u32, subscribed: Option<u64>| {
        let Some(bits) = bits else { return missing.to_owned() };
        let mbps = mbps(bits, language);
        let tests = format!("{} {}", count(tests, language), language.pick("uji", "tests"));
        match subscribed.filter(|subscribed| *subscribed > 0) {
            None => format!("{mbps} ({tests})"),
            Some(subscribed) => {
                let share = bits.saturating_mul(100) / subscribed;
                let of = language.pick("dari langganan", "of subscribed");
                format!("{mbps} ({share}% {of}, {tests})")
            }
        }
    };
    for site in monitored {
        let between = site.interval.map_or(NOTHING.to_owned(), |bounds| {
            let (low, high) =
                (percent_down(Some(bounds.low), language), percent_down(Some(bounds.high), language));
            format!("{low} {} {high}", language.pick("dan", "and"))
        });
        table.push([
            site.site.name.as_str().into(),
            between.into(),
            millis(site.rtt_median_us, language).into(),
            count(site.rtt_samples, language).into(),
            percent_up(site.loss, language).into(),
            count(site.echoes_sent, language).into(),
            speed(
                site.throughput.download_bits,
                site.throughput.download_tests,
                site.site.subscribed_bits(Direction::Download),
            )
            .into(),
            speed(
                site.throughput.upload_bits,
                site.throughput.upload_tests,
                site.site.subscribed_bits(Direction::Upload),
            )
            .into(),
            tiphon(site, language).into(),
        ]);
    }
    blocks.push(Block::Table(table));
}
