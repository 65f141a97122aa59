//! What monitoring itself cost the offices in data, beside what they allow for it.

use suar_wire::Step;

use super::super::Language;
use super::super::cells::{NOTHING, decimal, percent_up, period};
use super::super::document::{Block, Table};
use crate::assessment::Assessment;
use crate::calendar::PeriodName;
use crate::coverage::{DataSum, Ratio};

pub(super) fn data(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    let used = assessment.sites.iter().filter_map(|site| {
        let months = assessment.data.get(&site.site.code)?;
        Some((&site.site, DataSum::of(months)?))
    });
    let mut used = used.peekable();
    if used.peek().is_none() {
        return;
    }
    let heading = language.pick("Data yang dipakai pemantauan", "Data used by monitoring");
    blocks.push(Block::Heading(heading.to_owned()));
    blocks.push(Block::Paragraph(
        language
            .pick(
                "Yang dihitung adalah paket IP pada kedua arah, dalam megabita (10^6 bita), sejauh yang sudah \
                 dilaporkan. Jatah berlaku untuk satu bulan kalender.",
                "Counted are IP packets of both directions, in megabytes (10^6 bytes), as far as has been told. \
                 The allowance is for one calendar month.",
            )
            .to_owned(),
    ));
    let names = match language {
        Language::Id => [
            ("Kantor", 22),
            ("Kode", 14),
            ("Dalam periode ini", 11),
            ("Terbanyak dalam sebulan", 11),
            ("Bulan itu", 14),
            ("Jatah sebulan", 11),
            ("Terpakai", 9),
            ("Penghematan terjauh", 22),
        ],
        Language::En => [
            ("Office", 22),
            ("Code", 14),
            ("In this period", 11),
            ("Most in a month", 11),
            ("That month", 14),
            ("Allowance a month", 11),
            ("Used of it", 9),
            ("Furthest saving", 22),
        ],
    };
    let mut table = Table::new(&names, 2);
    for (site, sum) in used {
        let allowance = site.allowance_bytes();
        let of_it = allowance.and_then(|bytes| Ratio::of(sum.most.paid_bytes, bytes));
        let most_in = sum.most.month.to_string().parse::<PeriodName>();
        table.push([
            site.name.as_str().into(),
            site.code.to_string().into(),
            megabytes(sum.paid_bytes, language).into(),
            megabytes(sum.most.paid_bytes, language).into(),
            most_in.map_or(NOTHING.to_owned(), |name| period(name, language)).into(),
            allowance.map_or(NOTHING.to_owned(), |bytes| megabytes(bytes, language)).into(),
            percent_up(of_it, language).into(),
            saving(sum.step, language).into(),
        ]);
    }
    blocks.push(Block::Table(table));
}

fn megabytes(bytes: u64, language: Language) -> String {
    format!("{} MB", decimal(bytes.saturating_add(5_000) / 10_000, 2, language))
}

pub(in super::super) fn saving(step: Step, language: Language) -> &'static str {
    match step {
        Step::Full => language.pick("tidak ada", "none"),
        Step::NoBandwidth => language.pick("tanpa uji kecepatan", "no speed tests"),
        Step::Standard => language.pick("satu ping ke setiap tujuan", "one ping to each target"),
        Step::Frugal => language.pick("mengukur lebih jarang", "measured less often"),
        Step::Heartbeat => language.pick("hanya tanda hidup", "only a sign of life"),
    }
}
