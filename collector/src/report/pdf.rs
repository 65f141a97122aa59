//! The report as a PDF to attach: laid out by hand, one font in two weights, nothing from the machine.
//!
//! `flow` breaks the document into pages of marks on paper, `paint` writes them down. All measures are
//! points from the top left corner.

mod face;
mod flow;
mod paint;
mod picture;
mod table;

use super::compose::{self, Depth};
use super::document::Block;
use super::{Language, Report};
use face::{Faces, Weight};
use flow::{Flow, Ink};

/// The longest outages are told one by one; more would make a file nobody attaches.
const DEPTH: Depth = Depth { outages_max: 200 };
const TITLE: f32 = 16.0;
const HEADING: f32 = 12.0;
const SUBHEADING: f32 = 10.5;
const BODY: f32 = 9.5;
/// Room for a signature in ink.
const SIGNATURE_ROOM: f32 = 52.0;
/// The last paragraph with a signature below it.
const SIGNED_BLOCK: f32 = 180.0;

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
#[error("the PDF could not be made: {0}")]
pub struct PdfError(pub(super) String);

pub(super) fn render(report: &Report<'_>, language: Language) -> Result<Vec<u8>, PdfError> {
    let faces = Faces::load()?;
    let document = compose::document(report, language, DEPTH);
    let mut flow = Flow::new(&faces, report.paper);
    letter_head(&mut flow, report);
    flow.text(&document.title, TITLE, Weight::Bold, Ink::Dark, 4.0);
    for line in &document.lead {
        flow.text(line, BODY, Weight::Regular, Ink::Soft, 1.0);
    }
    for (at, block) in document.blocks.iter().enumerate() {
        if at + 1 == document.blocks.len() && report.letter.is_signed() {
            // Nobody signs an empty sheet: the last words go along with the signature.
            flow.need(SIGNED_BLOCK);
        }
        match block {
            Block::Heading(text) => flow.heading(text, HEADING, below(&flow, &document.blocks[at + 1..])),
            Block::Subheading(text) => {
                flow.heading(text, SUBHEADING, below(&flow, &document.blocks[at + 1..]));
            }
            Block::Paragraph(text) => flow.text(text, BODY, Weight::Regular, Ink::Dark, 5.0),
            Block::List(items) => items.iter().for_each(|item| flow.item(item, BODY)),
            Block::Table(table) => table::write(&mut flow, table),
            Block::Map(map) => picture::map(&mut flow, map),
            Block::Chart(chart) => picture::chart(&mut flow, chart),
        }
    }
    signature(&mut flow, report, language);
    let pages = flow.finish(|page, of| match language {
        Language::Id => format!("Halaman {page} dari {of}"),
        Language::En => format!("Page {page} of {of}"),
    });
    paint::write(&faces, &pages, &document.title, report, language)
}

/// What must stay on the page with a heading: a short table is not torn away from its own.
fn below(flow: &Flow<'_>, after: &[Block]) -> f32 {
    match after {
        [Block::Table(table), ..] => table::kept_whole(flow, table),
        [Block::Paragraph(_), Block::Table(table), ..] => table::kept_whole(flow, table) + 3.0 * BODY,
        _ => 0.0,
    }
}

fn letter_head(flow: &mut Flow<'_>, report: &Report<'_>) {
    if report.letter.head.is_empty() {
        return;
    }
    for (at, line) in report.letter.head.iter().enumerate() {
        let (size, weight) = if at == 0 { (14.0, Weight::Bold) } else { (BODY, Weight::Regular) };
        flow.centred(line, size, weight);
    }
    flow.double_rule();
}

fn signature(flow: &mut Flow<'_>, report: &Report<'_>, language: Language) {
    let letter = report.letter;
    if !letter.is_signed() {
        return;
    }
    let place = compose::place_and_date(report, language);
    flow.signature(&[&place, &letter.role], SIGNATURE_ROOM, &[&letter.name, &letter.number], BODY);
}

#[cfg(test)]
mod tests;
