//! The report as Markdown, for reading, also aloud. Pictures are left out.

use super::cells::{plain, row};
use super::compose::{self, Depth};
use super::document::{Align, Block, Table};
use super::{Language, Report};

const DEPTH: Depth = Depth { outages_max: 20 };

pub(super) fn render(report: &Report<'_>, language: Language) -> String {
    let document = compose::document(report, language, DEPTH);
    let mut text = format!("# {}\n\n", plain(&document.title));
    for line in &document.lead {
        text.push_str(&format!("{}\n", plain(line)));
    }
    for block in &document.blocks {
        match block {
            Block::Heading(heading) => text.push_str(&format!("\n## {}\n", plain(heading))),
            Block::Subheading(heading) => text.push_str(&format!("\n### {}\n", plain(heading))),
            Block::Paragraph(sentence) => text.push_str(&format!("\n{}\n", plain(sentence))),
            Block::List(items) => {
                text.push('\n');
                items.iter().for_each(|item| text.push_str(&format!("- {}\n", plain(item))));
            }
            Block::Table(table) => write_table(&mut text, table),
            Block::Map(_) | Block::Chart(_) => {}
        }
    }
    text
}

fn write_table(text: &mut String, table: &Table) {
    let names: Vec<String> = table.columns.iter().map(|column| column.name.replace('\u{ad}', "")).collect();
    let rules: Vec<&str> =
        table.columns.iter().map(|column| if column.align == Align::Left { "---" } else { "---:" }).collect();
    text.push('\n');
    text.push_str(&row(&names));
    text.push_str(&format!("|{}|\n", rules.join("|")));
    for cells in &table.rows {
        text.push_str(&row(&cells.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>()));
    }
}
