//! What went wrong and when, and when nobody looked.

use std::collections::BTreeMap;

use suar_wire::Cause;

use super::super::Language;
use super::super::cells::{NOTHING, count, decimal, duration_cell, moment};
use super::super::document::{Block, Cell, Table};
use super::super::words::{cause_words, reason_words};
use super::shared::shared_words;
use crate::assessment::Assessment;
use crate::coverage::{Outage, SharedOutage, SiteCoverage, Standing, event_of};
use crate::day::Reason;

/// The column that tells the event.
const SHARED: usize = 4;

pub(super) fn causes(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    if assessment.sites.iter().all(|site| site.observed_s() == 0) {
        return;
    }
    blocks.push(Block::Heading(language.pick("Penyebab waktu henti", "Why links were down").to_owned()));
    if assessment.sites.iter().all(|site| site.down_s == 0) {
        let none = language.pick("Tidak ada kantor yang terputus.", "No office was down.");
        return blocks.push(Block::Paragraph(none.to_owned()));
    }
    let lead = language.pick(
        "Waktu henti pada jam kerja, dalam jam; kantor tanpa waktu henti tidak ditulis.",
        "Time down in office hours, in hours; offices that were never down are left out.",
    );
    blocks.push(Block::Paragraph(lead.to_owned()));
    let names = Cause::ALL.map(|cause| (cause, cause_words(cause, language)));
    blocks.push(Block::Table(hours(assessment, &names, |site| &site.down_by_cause, language)));
}

/// One row an office, one column for each of the kinds that occurred at all, and their sum.
fn hours<K: Ord + Copy>(
    assessment: &Assessment,
    kinds: &[(K, &str)],
    of: impl Fn(&SiteCoverage) -> &BTreeMap<K, u64>,
    language: Language,
) -> Table {
    let monitored = || assessment.sites.iter().filter(|site| site.standing != Standing::NotMonitored);
    let seconds = |site: &SiteCoverage, kind: K| of(site).get(&kind).copied().unwrap_or_default();
    let occurred: Vec<(K, &str)> =
        kinds.iter().copied().filter(|(kind, _)| monitored().any(|site| seconds(site, *kind) > 0)).collect();
    let mut names = vec![(language.pick("Kantor", "Office"), 22)];
    names.extend(occurred.iter().map(|(_, words)| (*words, 11)));
    names.push((language.pick("Semua", "All"), 8));
    let mut table = Table::new(&names, 1);
    for site in monitored() {
        let all: u64 = of(site).values().sum();
        if all == 0 {
            continue;
        }
        let mut cells: Vec<Cell> = vec![site.site.name.as_str().into()];
        cells.extend(occurred.iter().map(|(kind, _)| match seconds(site, *kind) {
            0 => NOTHING.into(),
            seconds => hours_cell(seconds, language),
        }));
        cells.push(hours_cell(all, language));
        table.rows.push(cells);
    }
    table
}

/// Hours with two decimals, rounded half up.
fn hours_cell(seconds: u64, language: Language) -> Cell {
    decimal((seconds * 100 + 1_800) / 3_600, 2, language).into()
}

/// Longest first; the same length by start and office.
pub(in super::super) fn longest_first(assessment: &Assessment) -> Vec<(&SiteCoverage, &Outage)> {
    let mut all: Vec<(&SiteCoverage, &Outage)> =
        assessment.sites.iter().flat_map(|site| site.outages.iter().map(move |o| (site, o))).collect();
    all.sort_by(|(a_site, a), (b_site, b)| {
        (b.seconds_down, a.start_s, &a_site.site.code).cmp(&(a.seconds_down, b.start_s, &b_site.site.code))
    });
    all
}

/// With a column on the events that they are a part of, where there are any.
pub(super) fn outages(
    blocks: &mut Vec<Block>,
    assessment: &Assessment,
    events: &[SharedOutage],
    at_most: usize,
    language: Language,
) {
    let all = longest_first(assessment);
    if all.is_empty() {
        return;
    }
    blocks.push(Block::Heading(language.pick("Gangguan terlama", "Longest outages").to_owned()));
    let names = match language {
        Language::Id => [
            ("Kantor", 22),
            ("Mulai", 23),
            ("Selesai", 23),
            ("Penyebab", 20),
            ("Bagian dari gangguan bersama", 20),
            ("Lama pada jam kerja", 13),
        ],
        Language::En => [
            ("Office", 22),
            ("From", 23),
            ("To", 23),
            ("Cause", 20),
            ("Part of a shared outage", 20),
            ("Length in office hours", 13),
        ],
    };
    // A report of one office has its name above everything.
    let is_one = assessment.sites.len() == 1;
    let is_shown = |column: usize| !(is_one && column == 0 || events.is_empty() && column == SHARED);
    let shown: Vec<(&str, u8)> = (names.into_iter().enumerate())
        .filter(|(column, _)| is_shown(*column))
        .map(|(_, name)| name)
        .collect();
    let mut table = Table::new(&shown, shown.len() - 1);
    for (site, outage) in all.iter().take(at_most) {
        let zone = site.site.time_zone;
        let event = event_of(events, &site.site.code, outage);
        let cells: [Cell; 6] = [
            site.site.name.as_str().into(),
            moment(outage.start_s, zone, language).into(),
            moment(outage.end_s, zone, language).into(),
            cause_words(outage.cause, language).into(),
            event.map_or(NOTHING.to_owned(), |event| shared_words(event, assessment, language)).into(),
            duration_cell(outage.seconds_down, language).into(),
        ];
        let cells = cells.into_iter().enumerate().filter(|(column, _)| is_shown(*column));
        table.rows.push(cells.map(|(_, cell)| cell).collect());
    }
    blocks.push(Block::Table(table));
    if all.len() > at_most {
        let (shown, whole) = (count(at_most as u64, language), count(all.len() as u64, language));
        blocks.push(Block::Paragraph(match language {
            Language::Id => {
                format!("{shown} dari {whole} gangguan; semuanya ada di laporan XLSX dan JSON.")
            }
            Language::En => {
                format!("{shown} of {whole} outages; all of them are in the XLSX and JSON reports.")
            }
        }));
    }
}

pub(super) fn unobserved(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    let names = Reason::ALL.map(|reason| (reason, reason_words(reason, language)));
    let table = hours(assessment, &names, |site| &site.unobserved_by_reason, language);
    if table.rows.is_empty() {
        return;
    }
    let heading = language.pick("Waktu yang tidak terpantau", "Time that was not observed");
    blocks.push(Block::Heading(heading.to_owned()));
    let lead = language.pick(
        "Waktu ini tidak dihitung sebagai terputus. Lamanya pada jam kerja, dalam jam.",
        "This time is not counted as down. Its length in office hours, in hours.",
    );
    blocks.push(Block::Paragraph(lead.to_owned()));
    blocks.push(Block::Table(table));
}
