//! Offices that are unreliable: by which measure, for what cause, since when, and how sure that is.

use super::super::Language;
use super::super::cells::{NOTHING, mbps, millis, percent_down, percent_up};
use super::super::document::{Block, Cell, Table};
use super::super::words::cause_words;
use super::offices::Placed;
use super::trend::name_of;
use crate::assessment::Assessment;
use crate::coverage::{Grade, Rules, SiteCoverage, Standing, Step, Stretch};

pub(super) fn write(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    let bad: Vec<&SiteCoverage> =
        assessment.sites.iter().filter(|site| site.standing == Standing::Unreliable).collect();
    if bad.is_empty() {
        return;
    }
    let heading = language.pick("Kantor yang tidak andal", "Offices that are unreliable");
    blocks.push(Block::Heading(heading.to_owned()));
    let lead = language.pick(
        "Sejak: mulai bulan atau hari mana ketersediaan tidak andal terus sampai akhir periode. Tanpa isi: pada akhir \
         periode ketersediaan tidak lagi di bawah ambang, atau ukuran lain yang tidak andal.",
        "Since: from which month or day on the availability stayed unreliable until the end of the period. Empty: it \
         was no longer under the threshold at the end, or another measure is unreliable.",
    );
    blocks.push(Block::Paragraph(lead.to_owned()));
    let names = match language {
        Language::Id => [
            ("Kantor", 22),
            ("Kecamatan", 14),
            ("Pulau", 14),
            ("Karena", 22),
            ("Penyebab utama", 20),
            ("Sejak", 14),
            ("Keyakinan", 10),
        ],
        Language::En => [
            ("Office", 22),
            ("District", 14),
            ("Island", 14),
            ("Because of", 22),
            ("Main cause", 20),
            ("Since", 14),
            ("Certainty", 10),
        ],
    };
    let mut table = Table::new(&names, 7);
    for site in bad {
        let place = Placed::of(site, assessment);
        let certainty = if site.at_border {
            language.pick("di batas", "at the border")
        } else {
            language.pick("jelas", "clear")
        };
        let cells: [Cell; 7] = [
            site.site.name.as_str().into(),
            place.district.into(),
            place.island.into(),
            because(site, language).into(),
            main_cause(site, language).into(),
            since(site, assessment, language).into(),
            certainty.into(),
        ];
        table.push(cells);
    }
    blocks.push(Block::Table(table));
}

/// Every measure that is unreliable, with its figure.
pub(in super::super) fn because(site: &SiteCoverage, language: Language) -> String {
    let speed = |bits: Option<u64>| bits.map_or(NOTHING.to_owned(), |bits| mbps(bits, language));
    let measures = [
        (
            site.indicators.availability,
            ("ketersediaan", "availability"),
            percent_down(site.availability, language),
        ),
        (site.indicators.download, ("kecepatan unduh", "download"), speed(site.throughput.download_bits)),
        (site.indicators.upload, ("kecepatan unggah", "upload"), speed(site.throughput.upload_bits)),
        (site.indicators.rtt, ("latensi", "round trip"), millis(site.rtt_median_us, language)),
        (site.indicators.loss, ("kehilangan paket", "loss"), percent_up(site.loss, language)),
    ];
    let bad: Vec<String> = measures
        .into_iter()
        .filter(|(grade, ..)| *grade == Grade::Unreliable)
        .map(|(_, (id, en), value)| format!("{} {value}", language.pick(id, en)))
        .collect();
    bad.join(", ")
}

/// What most of the time down had for a cause, and how much of it.
pub(in super::super) fn main_cause(site: &SiteCoverage, language: Language) -> String {
    match site.down_by_cause.iter().max_by_key(|(_, seconds)| **seconds) {
        Some((cause, seconds)) if site.down_s > 0 => {
            format!("{} ({}%)", cause_words(*cause, language), seconds * 100 / site.down_s)
        }
        _ => NOTHING.to_owned(),
    }
}

/// From when on the availability was unreliable until the end; nothing where it was not at the end.
pub(in super::super) fn since(site: &SiteCoverage, assessment: &Assessment, language: Language) -> String {
    match first_of_last_run(&site.course, &assessment.rules) {
        None => NOTHING.to_owned(),
        Some(0) => language.pick("awal periode", "the period's start").to_owned(),
        Some(at) => name_of(&site.course[at], Step::of(assessment.period.window), language),
    }
}

/// Stretches in which nothing was seen neither begin nor end a run.
fn first_of_last_run(course: &[Stretch], rules: &Rules) -> Option<usize> {
    let mut first = None;
    for (at, stretch) in course.iter().enumerate() {
        match stretch.availability() {
            None => {}
            Some(share) if share.at_least(rules.availability_unreliable) => first = None,
            Some(_) => first = first.or(Some(at)),
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(up: &[Option<u64>]) -> Option<usize> {
        let stretch = |up: &Option<u64>| Stretch {
            first_day: 0,
            expected_s: 100,
            up_s: up.unwrap_or(0),
            seen_s: if up.is_some() { 100 } else { 0 },
        };
        first_of_last_run(&up.iter().map(stretch).collect::<Vec<_>>(), &Rules::default())
    }

    #[test]
    fn a_run_begins_after_the_last_good_stretch_and_silence_does_not_end_it() {
        assert_eq!(run(&[Some(90), Some(94), Some(10)]), Some(0));
        assert_eq!(run(&[Some(90), Some(95), Some(94), None, Some(10)]), Some(2));
        assert_eq!(run(&[Some(90), Some(99)]), None);
        assert_eq!(run(&[None, Some(90)]), Some(1));
        assert_eq!(run(&[]), None);
    }
}
