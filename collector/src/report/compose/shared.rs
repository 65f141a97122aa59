//! Outages that several offices share: one cause outside all of them, told once.

use super::super::Language;
use super::super::cells::{count, moment};
use super::super::document::{Block, Table};
use super::super::words::cause_words;
use crate::assessment::Assessment;
use crate::calendar::TimeZone;
use crate::coverage::{SharedBy, SharedOutage, SiteCoverage};

/// Most offices of an event that are named one by one.
const NAMED_MAX: usize = 8;

pub(super) fn write(
    blocks: &mut Vec<Block>,
    assessment: &Assessment,
    events: &[SharedOutage],
    at_most: usize,
    language: Language,
) {
    if events.is_empty() {
        return;
    }
    blocks.push(Block::Heading(language.pick("Gangguan bersama", "Shared outages").to_owned()));
    blocks.push(Block::Paragraph(
        language
            .pick(
                "Tiga kantor atau lebih di satu pulau, atau dari satu penyedia, yang terputus dalam lima menit adalah \
                 satu peristiwa dengan satu sebab di luar kantor. Ketersediaan setiap kantor tetap menghitungnya.",
                "Three or more offices of one island, or of one provider, that fall within five minutes are one \
                 event with one cause outside of them. Each office's availability counts it all the same.",
            )
            .to_owned(),
    ));
    let names_of_columns = match language {
        Language::Id => [("Bersama", 24), ("Mulai", 20), ("Selesai", 20), ("Penyebab", 20), ("Kantor", 40)],
        Language::En => [("Shared by", 24), ("From", 20), ("To", 20), ("Cause", 20), ("Offices", 40)],
    };
    let mut table = Table::new(&names_of_columns, 5);
    let mut widest: Vec<&SharedOutage> = events.iter().collect();
    // Stable: of as many offices the earlier one first.
    widest.sort_by_key(|event| std::cmp::Reverse(event.sites.len()));
    for event in widest.iter().take(at_most) {
        let zone = first_site(event, assessment).map_or(TimeZone::Wib, |site| site.site.time_zone);
        table.push([
            shared_words(event, assessment, language).into(),
            moment(event.start_s, zone, language).into(),
            moment(event.end_s, zone, language).into(),
            cause_words(event.cause, language).into(),
            names(event, assessment, NAMED_MAX, language).into(),
        ]);
    }
    blocks.push(Block::Table(table));
    if events.len() > at_most {
        let (shown, whole) = (count(at_most as u64, language), count(events.len() as u64, language));
        blocks.push(Block::Paragraph(match language {
            Language::Id => {
                format!("{shown} dari {whole} gangguan bersama; semuanya ada di laporan XLSX dan JSON.")
            }
            Language::En => {
                format!("{shown} of {whole} shared outages; all of them are in the XLSX and JSON reports.")
            }
        }));
    }
}

/// `4 dari 5 kantor di Pulau Seliu`: always so many of so many.
pub(in super::super) fn shared_words(
    event: &SharedOutage,
    assessment: &Assessment,
    language: Language,
) -> String {
    let (fell, all) = (count(event.sites.len() as u64, language), count(event.of_sites as u64, language));
    match (&event.by, language) {
        (SharedBy::Island(code), _) => {
            let island = assessment.islands.iter().find(|island| island.code == *code);
            let name = island.map_or(code.as_str(), |island| island.name.as_str());
            match language {
                Language::Id => format!("{fell} dari {all} kantor di {name}"),
                Language::En => format!("{fell} of {all} offices on {name}"),
            }
        }
        (SharedBy::Provider(name), Language::Id) => format!("{fell} dari {all} kantor penyedia {name}"),
        (SharedBy::Provider(name), Language::En) => format!("{fell} of {all} offices of provider {name}"),
    }
}

/// The offices of an event by name, the first of them.
pub(in super::super) fn names(
    event: &SharedOutage,
    assessment: &Assessment,
    at_most: usize,
    language: Language,
) -> String {
    let offices = event.sites.iter().map(|code| {
        let at = assessment.sites.binary_search_by(|site| site.site.code.cmp(code));
        at.map_or(code.as_str(), |at| assessment.sites[at].site.name.as_str())
    });
    let mut text = offices.take(at_most).collect::<Vec<_>>().join(", ");
    let more = event.sites.len().saturating_sub(at_most);
    if more > 0 {
        let more = count(more as u64, language);
        text.push_str(&match language {
            Language::Id => format!(", dan {more} lainnya"),
            Language::En => format!(", and {more} others"),
        });
    }
    text
}

fn first_site<'a>(event: &SharedOutage, assessment: &'a Assessment) -> Option<&'a SiteCoverage> {
    let code = event.sites.first()?;
    let at = assessment.sites.binary_search_by(|site| site.site.code.cmp(code)).ok()?;
    Some(&assessment.sites[at])
}
