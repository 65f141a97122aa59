//! What a reader should know who reads nothing else.

use super::super::Language;
use super::super::cells::{count, percent_down};
use super::super::document::Block;
use super::areas::{island_name, of};
use crate::assessment::Assessment;
use crate::coverage::{Counts, IslandStanding, SiteCoverage};

pub(super) fn write(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    blocks.push(Block::Heading(language.pick("Ringkasan", "Summary").to_owned()));
    blocks.push(Block::List(sentences(assessment, language)));
}

pub(in super::super) fn sentences(assessment: &Assessment, language: Language) -> Vec<String> {
    let mut all = Counts::default();
    assessment.sites.iter().for_each(|site| all.add(site));
    let n = |number: u32| count(number, language);
    let (sites, monitored, judged) = (n(all.sites), n(all.monitored), n(all.judged));
    let (reliable, limited, unreliable) = (n(all.reliable), n(all.limited), n(all.unreliable));
    if all.sites == 0 {
        let none =
            language.pick("Belum ada kantor terdaftar di wilayah ini.", "No office is registered here yet.");
        return vec![none.to_owned()];
    }
    let mut sentences = Vec::new();
    sentences.extend(without_data(assessment, language));
    sentences.extend(without_holidays(assessment, language));
    sentences.push(match language {
        Language::Id => format!(
            "{monitored} dari {sites} kantor terpantau. {judged} dari {sites} kantor punya data yang cukup untuk dinilai."
        ),
        Language::En => format!(
            "{monitored} of {sites} offices are monitored. {judged} of {sites} offices have enough data to be judged."
        ),
    });
    if all.judged > 0 {
        sentences.push(match language {
            Language::Id => format!(
                "{unreliable} dari {judged} kantor yang dinilai tidak andal, {limited} terbatas, {reliable} andal."
            ),
            Language::En => format!(
                "{unreliable} of {judged} judged offices are unreliable, {limited} limited, {reliable} reliable."
            ),
        });
    }
    sentences.extend(without_test(assessment, &all, language));
    sentences.extend(by_people(assessment, language));
    sentences.push(islands(assessment, language));
    if all.at_border > 0 {
        let n = of(all.at_border, all.judged, language);
        sentences.push(match language {
            Language::Id => format!("Di batas: {n} kantor. Hari-hari lain bisa memberi penilaian lain."),
            Language::En => format!("At the border: {n} offices. Other days might give another standing."),
        });
    }
    if all.limited_by_power > 0 {
        let n = of(all.limited_by_power, all.monitored, language);
        sentences.push(match language {
            Language::Id => {
                format!("Terkendala listrik: {n} kantor. Yang kurang listrik, bukan jaringan.")
            }
            Language::En => {
                format!("Limited by power: {n} offices. What is missing there is electricity, not bandwidth.")
            }
        });
    }
    if !assessment.outside.is_empty() {
        let n = count(assessment.outside.len() as u64, language);
        sentences.push(match language {
            Language::Id => format!("Di luar pengukuran ini: {n} pulau berpenghuni tanpa kantor terdaftar."),
            Language::En => {
                format!("Outside this measure: populated islands without a registered office ({n}).")
            }
        });
    }
    sentences
}

/// An office that was up all the time stands as limited while nobody has measured its speed: say so at once.
fn without_test(assessment: &Assessment, all: &Counts, language: Language) -> Option<String> {
    let untested = |site: &&SiteCoverage| site.standing.is_judged() && site.indicators.lacks_only_a_test();
    let untested = assessment.sites.iter().filter(untested).count();
    let n = of(u32::try_from(untested).ok().filter(|n| *n > 0)?, all.limited, language);
    Some(match language {
        Language::Id => {
            format!("Terbatas hanya karena kecepatan unduhnya belum diukur: {n} kantor yang terbatas.")
        }
        Language::En => {
            format!("Limited only because their download speed has not been measured: {n} limited offices.")
        }
    })
}

/// Which shares of the judged offices these are when a regency counts as much as it has people.
fn by_people(assessment: &Assessment, language: Language) -> Option<String> {
    let weighted = assessment.weighted()?;
    let percent = |ratio| percent_down(Some(ratio), language);
    let (bad, middle) = (percent(weighted.unreliable), percent(weighted.limited));
    let (good, people) = (percent(weighted.reliable), count(weighted.population, language));
    let [id, en] = &assessment.population_source;
    let source = match language.pick(id, en) {
        "" => String::new(),
        source => format!(" ({source})"),
    };
    Some(match language {
        Language::Id => format!(
            "Ditimbang menurut {people} penduduk kabupaten dan kota{source}: {bad} tidak andal, {middle} terbatas, {good} andal."
        ),
        Language::En => format!(
            "Weighted by the {people} people of the regencies{source}: {bad} unreliable, {middle} limited, {good} reliable."
        ),
    })
}

/// Nobody has told the collector about these years' holidays: a closed office then looks switched off.
fn without_holidays(assessment: &Assessment, language: Language) -> Option<String> {
    let years: Vec<String> = assessment.years_without_holidays.iter().map(ToString::to_string).collect();
    let years = years.join(", ");
    (!years.is_empty()).then(|| match language {
        Language::Id => {
            format!("Hari libur tahun {years} belum tercatat: jam kerja dihitung seolah-olah tidak ada hari libur.")
        }
        Language::En => {
            format!("The holidays of {years} are not on record: office hours are counted as if there were none.")
        }
    })
}

/// A report about nothing says that it is one.
fn without_data(assessment: &Assessment, language: Language) -> Option<String> {
    let without = assessment.sites.iter().all(|site| site.observed_s() == 0);
    let text = language.pick(
        "Tidak ada data pada periode ini: tidak satu pun jam kerja terpantau.",
        "There are no data of this period: not one office hour was observed.",
    );
    without.then(|| text.to_owned())
}

fn islands(assessment: &Assessment, language: Language) -> String {
    let bad: Vec<String> = assessment
        .islands
        .iter()
        .filter(|island| island.standing == IslandStanding::Unreliable)
        .map(|island| {
            let offices = of(island.counts.unreliable, island.counts.judged, language);
            let name = island_name(&island.name, &island.usual_names);
            match language {
                Language::Id => format!("{name} ({offices} kantor tidak andal)"),
                Language::En => format!("{name} ({offices} offices unreliable)"),
            }
        })
        .collect();
    let assessable = assessment.islands.iter().any(|island| island.standing != IslandStanding::NotAssessable);
    match (bad.is_empty(), assessable) {
        (false, _) => {
            let lead = language.pick("Tanpa akses digital yang andal", "Without reliable digital access");
            format!("{lead}: {}.", bad.join(", "))
        }
        (true, true) => language
            .pick(
                "Tidak ada pulau yang dinilai tanpa akses digital yang andal.",
                "No assessed island is without reliable digital access.",
            )
            .to_owned(),
        (true, false) => language
            .pick(
                "Belum ada pulau yang dapat dinilai: datanya belum cukup.",
                "No island can be assessed yet: there is not enough data.",
            )
            .to_owned(),
    }
}
