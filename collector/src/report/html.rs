//! The report as one HTML file that prints well: no scripts, nothing fetched, pictures drawn inside it.

mod svg;

use super::compose::{self, Depth};
use super::document::{Align, Block, Cell, Document, Table};
use super::paper::{Letter, Paper};
use super::{Language, Report};

const DEPTH: Depth = Depth { outages_max: 200 };
const STYLE: &str = include_str!("html/style.css");

pub(super) fn render(report: &Report<'_>, language: Language) -> String {
    let document = compose::document(report, language, DEPTH);
    let title = escaped(&document.title);
    let mut page = String::with_capacity(256 * 1024);
    page.push_str(&format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n",
        language.pick("id", "en"),
        page_rule(report.paper),
    ));
    page.push_str(&svg::patterns());
    head(&mut page, report.letter);
    page.push_str(&format!("<h1>{title}</h1>\n"));
    for line in &document.lead {
        page.push_str(&format!("<p class=\"lead\">{}</p>\n", escaped(line)));
    }
    blocks(&mut page, &document);
    signature(&mut page, report, language);
    page.push_str("</body>\n</html>\n");
    page
}

fn page_rule(paper: Paper) -> String {
    let (width, height) = paper.size_mm();
    format!("@page {{ size: {width}mm {height}mm; margin: 18mm 15mm 18mm 20mm; }}\n")
}

fn head(page: &mut String, letter: &Letter) {
    if letter.head.is_empty() {
        return;
    }
    page.push_str("<header>\n");
    letter.head.iter().for_each(|line| page.push_str(&format!("<div>{}</div>\n", escaped(line))));
    page.push_str("</header>\n");
}

fn signature(page: &mut String, report: &Report<'_>, language: Language) {
    let letter = report.letter;
    if !letter.is_signed() {
        return;
    }
    page.push_str("<footer>\n");
    let place = compose::place_and_date(report, language);
    let lines = [place.as_str(), &letter.role, "", &letter.name, &letter.number];
    for line in lines {
        let class = if line.is_empty() { " class=\"room\"" } else { "" };
        page.push_str(&format!("<div{class}>{}</div>\n", escaped(line)));
    }
    page.push_str("</footer>\n");
}

fn blocks(page: &mut String, document: &Document) {
    for block in &document.blocks {
        match block {
            Block::Heading(text) => page.push_str(&format!("<h2>{}</h2>\n", escaped(text))),
            Block::Subheading(text) => page.push_str(&format!("<h3>{}</h3>\n", escaped(text))),
            Block::Paragraph(text) => page.push_str(&format!("<p>{}</p>\n", escaped(text))),
            Block::List(items) => {
                page.push_str("<ul>\n");
                items.iter().for_each(|item| page.push_str(&format!("<li>{}</li>\n", escaped(item))));
                page.push_str("</ul>\n");
            }
            Block::Table(table) => write_table(page, table),
            Block::Map(map) => svg::map(page, map),
            Block::Chart(chart) => svg::chart(page, chart),
        }
    }
}

fn write_table(page: &mut String, table: &Table) {
    let class = |at: usize| match table.columns[at].align {
        Align::Left => "",
        Align::Right => " class=\"n\"",
    };
    page.push_str("<table>\n<colgroup>");
    let whole: u32 = table.columns.iter().map(|column| u32::from(column.weight)).sum();
    for column in &table.columns {
        let percent = u32::from(column.weight) * 100 / whole.max(1);
        page.push_str(&format!("<col style=\"width:{percent}%\">"));
    }
    page.push_str("</colgroup>\n<thead><tr>");
    for (at, column) in table.columns.iter().enumerate() {
        let name = escaped(&column.name).replace('\u{ad}', "&shy;");
        page.push_str(&format!("<th{} scope=\"col\">{name}</th>", class(at)));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            page.push_str(&format!("<td{}>{}</td>", class(at), inside(cell)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

fn inside(cell: &Cell) -> String {
    match cell.mark {
        None => escaped(&cell.text),
        Some(mark) => format!("{} {}", svg::inline_symbol(mark), escaped(&cell.text)),
    }
}

/// A text from outside, harmless in content and in quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Marks that turn the reading direction would let a name rewrite its neighbours.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push(' '),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
