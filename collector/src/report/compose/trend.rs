//! Availability along the period: a chart, and the same figures as a table.

use super::super::Language;
use super::super::cells::{date, month, percent_down, share};
use super::super::document::{Bar, Block, Chart, Table};
use crate::assessment::Assessment;
use crate::calendar::date_of_day;
use crate::coverage::{Step, Stretch};

/// More bars than this are not told apart by values above them.
const BARS_WITH_VALUES_MAX: usize = 14;
/// Of many bars about this many get a name.
const LABELS_MAX: usize = 12;

/// All offices of the report added up, seconds by seconds.
pub(in super::super) fn stretches(assessment: &Assessment) -> Vec<Stretch> {
    Stretch::total(assessment.sites.iter().flat_map(|site| &site.course))
}

pub(in super::super) fn name_of(stretch: &Stretch, step: Step, language: Language) -> String {
    let first = date_of_day(stretch.first_day);
    match step {
        Step::Day => date(first, language),
        Step::Month => month(first, language),
    }
}

/// The chart with its heading; tells whether there was anything to draw.
pub(super) fn chart_only(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) -> bool {
    let stretches = stretches(assessment);
    if stretches.iter().all(|stretch| stretch.seen_s == 0) {
        return false;
    }
    let step = Step::of(assessment.period.window);
    let heading = match step {
        Step::Day => language.pick("Ketersediaan menurut hari", "Availability by day"),
        Step::Month => language.pick("Ketersediaan menurut bulan", "Availability by month"),
    };
    blocks.push(Block::Heading(heading.to_owned()));
    blocks.push(Block::Chart(chart(&stretches, step, assessment, language)));
    true
}

pub(super) fn write(blocks: &mut Vec<Block>, assessment: &Assessment, language: Language) {
    if !chart_only(blocks, assessment, language) {
        return;
    }
    let (stretches, step) = (stretches(assessment), Step::of(assessment.period.window));
    let names = match language {
        Language::Id => [
            (if step == Step::Day { "Hari" } else { "Bulan" }, 24),
            ("Ketersediaan", 14),
            ("Keterpantauan", 14),
        ],
        Language::En => {
            [(if step == Step::Day { "Day" } else { "Month" }, 24), ("Availability", 14), ("Observed", 14)]
        }
    };
    let mut table = Table::new(&names, 1);
    for stretch in &stretches {
        table.push([
            name_of(stretch, step, language).into(),
            percent_down(stretch.availability(), language).into(),
            percent_down(stretch.observed(), language).into(),
        ]);
    }
    blocks.push(Block::Table(table));
}

fn chart(stretches: &[Stretch], step: Step, assessment: &Assessment, language: Language) -> Chart {
    let each = stretches.len().div_ceil(LABELS_MAX).max(1);
    let bars = stretches
        .iter()
        .enumerate()
        .map(|(at, stretch)| {
            let first = date_of_day(stretch.first_day);
            let label = match step {
                Step::Day => format!("{}/{}", first.day(), first.month()),
                Step::Month => month(first, language),
            };
            let few = stretches.len() <= BARS_WITH_VALUES_MAX;
            Bar {
                label: if at % each == 0 { label } else { String::new() },
                share: stretch.availability().map(|ratio| ratio.as_f64()),
                value: if few { percent_down(stretch.availability(), language) } else { String::new() },
            }
        })
        .collect();
    let rules = &assessment.rules;
    let whose = match assessment.sites.len() {
        1 => language.pick("Ketersediaan pada jam kerja.", "Availability in office hours."),
        _ => language.pick(
            "Ketersediaan semua kantor bersama, pada jam kerja.",
            "Availability of all offices together, in office hours.",
        ),
    };
    let lines = language.pick(
        "Garis putus-putus adalah ambang. Tanpa batang: tidak terpantau.",
        "Dashed lines are thresholds. No bar: not observed.",
    );
    Chart {
        caption: format!("{whose} {lines}"),
        bars,
        lines: [rules.availability_reliable, rules.availability_unreliable]
            .map(|threshold| (threshold, share(threshold, language)))
            .to_vec(),
    }
}
