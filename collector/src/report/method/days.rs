//! Which hours and which special days a report counted.

use std::collections::BTreeMap;

use super::super::Language;
use super::super::cells::{count, date, weekly};
use super::super::document::{Block, Cell, Table};
use crate::assessment::Assessment;
use crate::calendar::{Holiday, day_of_date};

pub(super) fn write(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    if assessment.sites.is_empty() {
        return;
    }
    let heading = language.pick("Jam kerja dan hari khusus", "Office hours and special days");
    blocks.push(Block::Subheading(heading.to_owned()));
    let names = match language {
        Language::Id => [("Jam kerja pada akhir periode", 60), ("Kantor", 10)],
        Language::En => [("Office hours at the end of the period", 60), ("Offices", 10)],
    };
    blocks.push(Block::Table(table(&names, hours(assessment, language), 1)));
    let days = special_days(assessment, language);
    if days.is_empty() {
        let none = language.pick(
            "Tidak ada hari khusus yang tercatat pada periode ini.",
            "No special day is on record in this period.",
        );
        return blocks.push(Block::Paragraph(none.to_owned()));
    }
    let names = match language {
        Language::Id => [("Tanggal", 24), ("Hari khusus", 34), ("Berlaku di", 14), ("Jam kerja", 20)],
        Language::En => [("Date", 24), ("Special day", 34), ("Where", 14), ("Office hours", 20)],
    };
    blocks.push(Block::Table(table(&names, days, 4)));
}

fn table<const N: usize>(names: &[(&str, u8)], rows: Vec<[String; N]>, text_columns: usize) -> Table {
    let mut table = Table::new(names, text_columns);
    rows.into_iter().for_each(|row| table.push(row.map(Cell::from)));
    table
}

/// Most offices first.
fn hours(assessment: &Assessment, language: Language) -> Vec<[String; 2]> {
    let mut offices: BTreeMap<String, u32> = BTreeMap::new();
    for site in &assessment.sites {
        let text = format!("{} {}", weekly(&site.site.hours, language), site.site.time_zone.label());
        *offices.entry(text).or_default() += 1;
    }
    let mut rows: Vec<(String, u32)> = offices.into_iter().collect();
    rows.sort_by_key(|(_, offices)| std::cmp::Reverse(*offices));
    rows.into_iter().map(|(text, offices)| [text, count(offices, language)]).collect()
}

/// One row for a stretch of days that are alike, as in Ramadan.
pub(in super::super) fn special_days(assessment: &Assessment, language: Language) -> Vec<[String; 4]> {
    let mut stretches: Vec<(&Holiday, &Holiday)> = Vec::new();
    for day in &assessment.special_days {
        let alike = |(_, last): &&mut (&Holiday, &Holiday)| {
            (&last.name, &last.scope, &last.hours) == (&day.name, &day.scope, &day.hours)
                && day_of_date(last.date) + 1 == day_of_date(day.date)
        };
        match stretches.iter_mut().rev().find(alike) {
            Some((_, last)) => *last = day,
            None => stretches.push((day, day)),
        }
    }
    let everywhere = language.pick("seluruh Indonesia", "all of Indonesia");
    stretches
        .into_iter()
        .map(|(first, last)| {
            let from = date(first.date, language);
            let to = language.pick("sampai", "to");
            let when = if first.date == last.date {
                from
            } else {
                format!("{from} {to} {}", date(last.date, language))
            };
            let place = if first.scope.is_empty() { everywhere } else { &first.scope };
            let closed = language.pick("libur", "closed").to_owned();
            let hours = first.hours.as_ref().map_or(closed, |hours| weekly(hours, language));
            [when, first.name.clone(), place.to_owned(), hours]
        })
        .collect()
}
