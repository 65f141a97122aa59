//! Islands, regencies and districts: always so many of so many offices.

use super::super::Language;
use super::super::cells::{NOTHING, count};
use super::super::document::{Block, Cell, Mark, Table};
use super::super::words::island_words;
use crate::assessment::{AreaCoverage, Assessment};
use crate::coverage::{Counts, IslandStanding};

/// Names of the columns that count offices; the same in every area's table.
const COUNTED_ID: [(&str, u8); 6] =
    [("Tidak andal", 9), ("Terbatas", 8), ("Andal", 7), ("Dinilai", 9), ("Terpantau", 9), ("Listrik", 7)];
const COUNTED_EN: [(&str, u8); 6] =
    [("Unreliable", 9), ("Limited", 8), ("Reliable", 7), ("Judged", 9), ("Monitored", 9), ("Power", 7)];

pub(super) fn islands(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    blocks.push(Block::Heading(language.pick("Pulau", "Islands").to_owned()));
    let first = match language {
        Language::Id => [("No.", 5), ("Pulau", 24), ("Kode", 13), ("Penilaian", 15)],
        Language::En => [("No.", 5), ("Island", 24), ("Code", 13), ("Standing", 15)],
    };
    let mut table = Table::new(&[first.as_slice(), &counted(language)].concat(), 4);
    for (at, island) in assessment.islands.iter().enumerate() {
        let [unreliable, limited, reliable, judged, monitored, power] = count_cells(&island.counts, language);
        table.push([
            (at + 1).to_string().into(),
            island_name(&island.name, &island.usual_names).into(),
            island.code.as_str().into(),
            Cell::marked(island_words(island.standing, language), island_mark(island.standing)),
            unreliable,
            limited,
            reliable,
            judged,
            monitored,
            power,
        ]);
    }
    blocks.push(Block::Table(table));
    let note = language.pick(
        "\"Dinilai\" dan \"terpantau\" dihitung dari semua kantor terdaftar; \"listrik\" adalah jumlah kantor yang terkendala listrik.",
        "\"Judged\" and \"monitored\" are out of all registered offices; \"power\" counts offices limited by power.",
    );
    blocks.push(Block::Paragraph(note.to_owned()));
}

pub(super) fn outside(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    if assessment.outside.is_empty() {
        return;
    }
    let heading = language
        .pick("Pulau berpenghuni tanpa kantor terdaftar", "Populated islands without a registered office");
    blocks.push(Block::Heading(heading.to_owned()));
    let lead = language.pick(
        "Pulau-pulau ini di luar pengukuran: tidak dinilai baik, tidak dinilai buruk.",
        "These islands are outside the measure: they are judged neither good nor bad.",
    );
    blocks.push(Block::Paragraph(lead.to_owned()));
    let names = match language {
        Language::Id => [("Pulau", 30), ("Kode", 14), ("Kantor desa atau kelurahan di pulau", 20)],
        Language::En => [("Island", 30), ("Code", 14), ("Village offices on the island", 20)],
    };
    let mut table = Table::new(&names, 2);
    for island in &assessment.outside {
        table.push([
            island_name(&island.name, &island.usual_names).into(),
            island.code.as_str().into(),
            count(island.village_seats, language).into(),
        ]);
    }
    blocks.push(Block::Table(table));
}

pub(super) fn areas(blocks: &mut Vec<Block>, heading: &str, areas: &[AreaCoverage], language: Language) {
    if areas.is_empty() {
        return;
    }
    blocks.push(Block::Heading(heading.to_owned()));
    let first = match language {
        Language::Id => [("Nama", 26), ("Kode", 10)],
        Language::En => [("Name", 26), ("Code", 10)],
    };
    let mut table = Table::new(&[first.as_slice(), &counted(language)].concat(), 2);
    for area in areas {
        let [unreliable, limited, reliable, judged, monitored, power] = count_cells(&area.counts, language);
        table.push([
            area.name.as_str().into(),
            area.code.as_str().into(),
            unreliable,
            limited,
            reliable,
            judged,
            monitored,
            power,
        ]);
    }
    blocks.push(Block::Table(table));
}

fn counted(language: Language) -> [(&'static str, u8); 6] {
    match language {
        Language::Id => COUNTED_ID,
        Language::En => COUNTED_EN,
    }
}

fn count_cells(counts: &Counts, language: Language) -> [Cell; 6] {
    [
        of(counts.unreliable, counts.judged, language).into(),
        count(counts.limited, language).into(),
        count(counts.reliable, language).into(),
        of(counts.judged, counts.sites, language).into(),
        of(counts.monitored, counts.sites, language).into(),
        count(counts.limited_by_power, language).into(),
    ]
}

/// `3 dari 4`.
pub(in super::super) fn of(part: u32, whole: u32, language: Language) -> String {
    if whole == 0 {
        return NOTHING.to_owned();
    }
    format!("{} {} {}", count(part, language), language.pick("dari", "of"), count(whole, language))
}

/// The official name, with the usual ones where they differ: those that only repeat it are left out.
pub(in super::super) fn island_name(name: &str, usual: &[String]) -> String {
    let other: Vec<&str> = usual.iter().map(String::as_str).filter(|usual| !name.ends_with(usual)).collect();
    if other.is_empty() { name.to_owned() } else { format!("{name} ({})", other.join(", ")) }
}

pub(in super::super) fn island_mark(standing: IslandStanding) -> Mark {
    match standing {
        IslandStanding::Unreliable => Mark::Unreliable,
        IslandStanding::Limited => Mark::Limited,
        IslandStanding::Reliable => Mark::Reliable,
        IslandStanding::NotAssessable => Mark::Unknown,
    }
}
