//! How much of the report hangs on its thresholds: offices and islands by milder and by stricter ones.

use super::super::Language;
use super::super::cells::{count, share};
use super::super::document::{Block, Table};
use super::super::words::island_words;
use super::areas::island_name;
use crate::assessment::Assessment;
use crate::coverage::{IslandCoverage, IslandStanding, Variant, sensitivity};

pub(super) fn write(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    if assessment.sites.iter().all(|site| !site.standing.is_judged()) {
        return;
    }
    let heading =
        language.pick("Seandainya ambang lain yang dipakai", "What other thresholds would have said");
    blocks.push(Block::Heading(heading.to_owned()));
    blocks.push(Block::Paragraph(explanation(language)));
    let names = match language {
        Language::Id => [
            ("Ambang", 20),
            ("Ketersediaan andal", 11),
            ("Ketersediaan tidak andal", 11),
            ("Kantor tidak andal", 9),
            ("Kantor terbatas", 9),
            ("Kantor andal", 9),
            ("Pulau tidak andal", 9),
            ("Pulau terbatas", 9),
            ("Pulau andal", 9),
        ],
        Language::En => [
            ("Thresholds", 20),
            ("Availability, reliable", 11),
            ("Availability, unreliable", 11),
            ("Offices unreliable", 9),
            ("Offices limited", 9),
            ("Offices reliable", 9),
            ("Islands unreliable", 9),
            ("Islands limited", 9),
            ("Islands reliable", 9),
        ],
    };
    let mut table = Table::new(&names, 1);
    let variants = sensitivity(&assessment.sites, &assessment.rules);
    for (name, variant) in variant_names(language).into_iter().zip(&variants) {
        let islands = |standing| count(variant.islands_that_are(standing) as u64, language).into();
        table.push([
            name.into(),
            share(variant.rules.availability_reliable, language).into(),
            share(variant.rules.availability_unreliable, language).into(),
            count(variant.offices.unreliable, language).into(),
            count(variant.offices.limited, language).into(),
            count(variant.offices.reliable, language).into(),
            islands(IslandStanding::Unreliable),
            islands(IslandStanding::Limited),
            islands(IslandStanding::Reliable),
        ]);
    }
    blocks.push(Block::Table(table));
    let [milder, _, stricter] = &variants;
    blocks.push(Block::Paragraph(changes(assessment, [milder, stricter], language)));
}

fn variant_names(language: Language) -> [&'static str; 3] {
    match language {
        Language::Id => ["lebih longgar", "yang dipakai", "lebih ketat"],
        Language::En => ["milder", "as used", "stricter"],
    }
}

fn explanation(language: Language) -> String {
    language
        .pick(
            "Data yang sama, dinilai dengan ambang lain. Lebih longgar: waktu henti dan kehilangan paket yang \
             dibolehkan dua kali lipat, kecepatan yang diminta setengahnya, latensi seperempat lebih lama. \
             Lebih ketat: setengahnya, dua kali lipatnya, seperlima lebih singkat.",
            "The same data by other thresholds. Milder: twice the time down and the loss allowed, half the speed \
             asked for, round trips a fourth longer. Stricter: half, twice, and a fifth shorter.",
        )
        .to_owned()
}

/// Which islands would stand elsewhere.
fn changes(assessment: &Assessment, others: [&Variant; 2], language: Language) -> String {
    let moved: Vec<String> = assessment
        .islands
        .iter()
        .filter_map(|island| {
            let elsewhere = others.map(|other| standing_in(other, island));
            let [mild, strict] = elsewhere.map(|standing| island_words(standing, language));
            let name = island_name(&island.name, &island.usual_names);
            (elsewhere != [island.standing; 2]).then(|| match language {
                Language::Id => format!("{name} ({mild} bila lebih longgar, {strict} bila lebih ketat)"),
                Language::En => format!("{name} ({mild} by milder, {strict} by stricter ones)"),
            })
        })
        .collect();
    if moved.is_empty() {
        let none = language
            .pick("Tidak satu pun pulau akan dinilai lain.", "Not one island would have another standing.");
        return none.to_owned();
    }
    let lead = language.pick("Pulau yang akan dinilai lain", "Islands that would have another standing");
    format!("{lead}: {}.", moved.join(", "))
}

fn standing_in(variant: &Variant, island: &IslandCoverage) -> IslandStanding {
    variant.islands.get(&island.code).copied().unwrap_or(island.standing)
}
