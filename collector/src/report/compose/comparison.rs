//! The report's period beside another one: who stands better, who worse, and by how much.

use std::collections::BTreeMap;

use super::super::Language;
use super::super::cells::{NOTHING, count, decimal, percent_down, period};
use super::super::document::{Block, Cell, Table};
use super::super::words::{island_words, standing_words};
use super::areas::{island_mark, island_name};
use super::offices::mark;
use crate::assessment::Assessment;
use crate::coverage::{IslandCoverage, Ratio, SiteCoverage, Standing};

/// One office in both periods.
#[derive(Clone, Copy)]
pub(in super::super) struct Both<'a> {
    pub before: &'a SiteCoverage,
    pub now: &'a SiteCoverage,
}

impl Both<'_> {
    pub(in super::super) fn change(&self) -> Option<i64> {
        Some(hundredths(self.now.availability?) - hundredths(self.before.availability?))
    }
}

/// A per cent with two decimals, rounded down as it is printed: the change is that of the printed figures.
fn hundredths(ratio: Ratio) -> i64 {
    i64::try_from(u128::from(ratio.part) * 10_000 / u128::from(ratio.whole)).unwrap_or(i64::MAX)
}

/// Offices that are in both, by code.
pub(in super::super) fn both<'a>(before: &'a Assessment, now: &'a Assessment) -> Vec<Both<'a>> {
    let known: BTreeMap<_, _> = before.sites.iter().map(|site| (&site.site.code, site)).collect();
    now.sites
        .iter()
        .filter_map(|now| Some(Both { before: known.get(&now.site.code).copied()?, now }))
        .collect()
}

pub(super) fn write(blocks: &mut Vec<Block>, before: &Assessment, now: &Assessment, language: Language) {
    let name = period(before.name, language);
    let heading = match language {
        Language::Id => format!("Dibandingkan dengan {name}"),
        Language::En => format!("Compared with {name}"),
    };
    blocks.push(Block::Heading(heading));
    let both = both(before, now);
    blocks.push(Block::List(sentences(&both, before, now, language)));
    islands(blocks, before, now, language);
    offices(blocks, &both, language);
}

/// Whether a standing is better than another; both must have been judged.
fn is_better(standing: Standing, than: Standing) -> Option<bool> {
    (standing.is_judged() && than.is_judged() && standing != than).then_some(standing > than)
}

fn sentences(both: &[Both<'_>], before: &Assessment, now: &Assessment, language: Language) -> Vec<String> {
    let judged =
        both.iter().filter(|pair| pair.before.standing.is_judged() && pair.now.standing.is_judged()).count();
    let moved = |better: bool| {
        let moved = |pair: &&Both<'_>| is_better(pair.now.standing, pair.before.standing) == Some(better);
        both.iter().filter(moved).count()
    };
    let (better, worse) = (moved(true), moved(false));
    let n = |number: usize| count(number as u64, language);
    let (all, up, down, same) = (n(judged), n(better), n(worse), n(judged - better - worse));
    let mut sentences = vec![match language {
        Language::Id => {
            format!("{all} kantor dinilai pada kedua periode: {up} naik, {down} turun, {same} tetap.")
        }
        Language::En => format!(
            "{all} offices were judged in both periods: {up} stand better, {down} worse, {same} as before."
        ),
    }];
    if before.rules != now.rules {
        let different = language.pick(
            "Kedua periode dinilai dengan ambang yang berbeda.",
            "The two periods were judged by different thresholds.",
        );
        sentences.push(different.to_owned());
    }
    sentences
}

fn islands(blocks: &mut Vec<Block>, before: &Assessment, now: &Assessment, language: Language) {
    let names = match language {
        Language::Id => [("Pulau", 30), ("Kode", 14), ("Dulu", 18), ("Sekarang", 18)],
        Language::En => [("Island", 30), ("Code", 14), ("Before", 18), ("Now", 18)],
    };
    let known: BTreeMap<&str, &IslandCoverage> =
        before.islands.iter().map(|island| (island.code.as_str(), island)).collect();
    let mut table = Table::new(&names, 4);
    for island in &now.islands {
        let Some(old) = known.get(island.code.as_str()).filter(|old| old.standing != island.standing) else {
            continue;
        };
        let cell = |standing| Cell::marked(island_words(standing, language), island_mark(standing));
        table.push([
            island_name(&island.name, &island.usual_names).into(),
            island.code.as_str().into(),
            cell(old.standing),
            cell(island.standing),
        ]);
    }
    if table.rows.is_empty() {
        let none = language.pick("Penilaian pulau tidak berubah.", "No island's standing has changed.");
        blocks.push(Block::Paragraph(none.to_owned()));
    } else {
        blocks.push(Block::Table(table));
    }
}

fn offices(blocks: &mut Vec<Block>, both: &[Both<'_>], language: Language) {
    if both.is_empty() {
        return;
    }
    let names = match language {
        Language::Id => [
            ("Kantor", 24),
            ("Kode", 14),
            ("Dulu", 14),
            ("Sekarang", 14),
            ("Keterse\u{ad}diaan dulu", 11),
            ("Sekarang", 11),
            ("Selisih, poin", 10),
        ],
        Language::En => [
            ("Office", 24),
            ("Code", 14),
            ("Before", 14),
            ("Now", 14),
            ("Availa\u{ad}bility before", 11),
            ("Now", 11),
            ("Change, points", 10),
        ],
    };
    let mut table = Table::new(&names, 4);
    for pair in both {
        let Both { before, now } = pair;
        let cell = |standing| Cell::marked(standing_words(standing, language), mark(standing));
        table.push([
            now.site.name.as_str().into(),
            now.site.code.to_string().into(),
            cell(before.standing),
            cell(now.standing),
            percent_down(before.availability, language).into(),
            percent_down(now.availability, language).into(),
            pair.change().map_or(NOTHING.to_owned(), |change| signed(change, language)).into(),
        ]);
    }
    blocks.push(Block::Table(table));
}

/// `+1,23`, `-0,50`, `0,00`.
fn signed(hundredths: i64, language: Language) -> String {
    let sign = match hundredths {
        0 => "",
        1.. => "+",
        _ => "\u{2212}",
    };
    format!("{sign}{}", decimal(hundredths.unsigned_abs(), 2, language))
}
