//! Tables: columns as wide as their words need, heads repeated on every page, rows never torn apart.

use super::super::document::{Align, Table};
use super::face::{Weight, plain};
use super::flow::{Flow, Ink, LEADING, Stroke};
use super::picture;

/// Largest letters of a table; smaller ones are tried until the words fit.
const SIZE_MAX: f32 = 8.0;
const SIZE_MIN: f32 = 6.0;
const SIZE_STEP: f32 = 0.5;
/// Between a column's edge and its text.
const PAD: f32 = 2.6;
/// Above and below the text of a row.
const PAD_ROW: f32 = 1.8;
/// A symbol before the words.
const MARK_WIDTH: f32 = 9.0;
/// One column takes no more than this of the page for words that cannot be broken.
const PIECE_SHARE_MAX: f32 = 0.3;
/// Rows that stay with the head at the bottom of a page.
const ROWS_WITH_HEAD: usize = 2;
/// A table this short is not torn apart at all.
const ROWS_KEPT_WHOLE: usize = 8;

struct Laid<'t> {
    table: &'t Table,
    size: f32,
    widths: Vec<f32>,
}

/// Lines of each cell of a row.
type Row = Vec<Vec<String>>;

/// The height of a table that is never torn apart; 0 for a longer one.
pub(super) fn kept_whole(flow: &Flow<'_>, table: &Table) -> f32 {
    if table.rows.len() > ROWS_KEPT_WHOLE {
        return 0.0;
    }
    let laid = Laid::of(flow, table);
    let (head, rows) = laid.broken(flow);
    laid.height(&head) + rows.iter().map(|lines| laid.height(lines)).sum::<f32>()
}

pub(super) fn write(flow: &mut Flow<'_>, table: &Table) {
    let laid = Laid::of(flow, table);
    let (head, rows) = laid.broken(flow);
    let together = if rows.len() <= ROWS_KEPT_WHOLE { rows.len() } else { ROWS_WITH_HEAD };
    let first: f32 = rows.iter().take(together).map(|lines| laid.height(lines)).sum();
    flow.need(laid.height(&head) + first);
    laid.draw_head(flow, &head);
    for (at, lines) in rows.iter().enumerate() {
        if flow.room() < laid.height(lines) {
            flow.next_page();
            laid.draw_head(flow, &head);
        }
        laid.draw_row(flow, lines, Weight::Regular, Some(at));
        let y = flow.y;
        flow.rule(y, 0.4, Ink::Line);
    }
    flow.y += 8.0;
}

impl<'t> Laid<'t> {
    /// The largest letters at which every column can hold its widest piece.
    fn of(flow: &Flow<'_>, table: &'t Table) -> Self {
        let whole = flow.content_width();
        let mut size = SIZE_MAX;
        loop {
            let least = least_widths(flow, table, size);
            if least.iter().sum::<f32>() <= whole || size <= SIZE_MIN {
                return Self { table, size, widths: shared_out(table, &least, whole) };
            }
            size -= SIZE_STEP;
        }
    }

    /// The head and the rows, broken into lines.
    fn broken(&self, flow: &Flow<'_>) -> (Row, Vec<Row>) {
        let names: Vec<(String, bool)> =
            self.table.columns.iter().map(|column| (plain(&column.name), false)).collect();
        let rows = self.table.rows.iter().map(|row| {
            let cells: Vec<(String, bool)> =
                row.iter().map(|cell| (plain(&cell.text), cell.mark.is_some())).collect();
            self.lines(flow, &cells, Weight::Regular)
        });
        (self.lines(flow, &names, Weight::Bold), rows.collect())
    }

    fn lines(&self, flow: &Flow<'_>, cells: &[(String, bool)], weight: Weight) -> Row {
        let face = flow.face(weight);
        let widths = self.widths.iter();
        cells
            .iter()
            .zip(widths)
            .map(|((text, marked), width)| {
                let inside = width - 2.0 * PAD - if *marked { MARK_WIDTH } else { 0.0 };
                face.wrap(text, self.size, inside)
            })
            .collect()
    }

    fn height(&self, lines: &[Vec<String>]) -> f32 {
        let most = lines.iter().map(Vec::len).max().unwrap_or(1);
        most as f32 * self.size * LEADING + 2.0 * PAD_ROW
    }

    fn draw_head(&self, flow: &mut Flow<'_>, head: &[Vec<String>]) {
        let (left, top, width) = (flow.left(), flow.y, flow.content_width());
        let bottom = top + self.height(head);
        let ring = vec![(left, top), (left + width, top), (left + width, bottom), (left, bottom)];
        flow.draw(Stroke::Shape { rings: vec![ring], fill: Ink::Head, edge: None });
        self.draw_row(flow, head, Weight::Bold, None);
        flow.rule(bottom, 0.8, Ink::Soft);
    }

    fn draw_row(&self, flow: &mut Flow<'_>, lines: &[Vec<String>], weight: Weight, row: Option<usize>) {
        let mut left = flow.left();
        let top = flow.y + PAD_ROW;
        for (at, (column, width)) in self.table.columns.iter().zip(&self.widths).enumerate() {
            let mark = row.and_then(|row| self.table.rows[row][at].mark);
            let mut start = left + PAD;
            if let Some(mark) = mark {
                picture::symbol(flow, mark, (start + 3.2, top + self.size * 0.62), self.size * 0.4);
                start += MARK_WIDTH;
            }
            for (number, line) in lines[at].iter().enumerate() {
                let x = match column.align {
                    Align::Left => start,
                    Align::Right => left + width - PAD - flow.face(weight).width(line, self.size),
                };
                let y = top + number as f32 * self.size * LEADING;
                flow.line_of_text(line.clone(), (x, y), self.size, weight, Ink::Dark);
            }
            left += width;
        }
        flow.y += self.height(lines);
    }
}

fn least_widths(flow: &Flow<'_>, table: &Table, size: f32) -> Vec<f32> {
    let most = flow.content_width() * PIECE_SHARE_MAX;
    let (regular, bold) = (flow.face(Weight::Regular), flow.face(Weight::Bold));
    (0..table.columns.len())
        .map(|at| {
            let head = bold.widest_piece(&plain(&table.columns[at].name), size);
            let cells = table.rows.iter().map(|row| {
                let mark = if row[at].mark.is_some() { MARK_WIDTH } else { 0.0 };
                regular.widest_piece(&plain(&row[at].text), size) + mark
            });
            cells.fold(head, f32::max).min(most) + 2.0 * PAD + 0.5
        })
        .collect()
}

/// What is left after the least widths goes to the columns that have least of what they like.
fn shared_out(table: &Table, least: &[f32], whole: f32) -> Vec<f32> {
    let needed: f32 = least.iter().sum();
    if needed >= whole {
        return least.iter().map(|width| width * whole / needed).collect();
    }
    let weights: f32 = table.columns.iter().map(|column| f32::from(column.weight)).sum();
    let wanted: Vec<f32> = table
        .columns
        .iter()
        .zip(least)
        .map(|(column, least)| (f32::from(column.weight) / weights * whole - least).max(0.0))
        .collect();
    let wants: f32 = wanted.iter().sum();
    let spare = whole - needed;
    least
        .iter()
        .zip(&wanted)
        .map(|(least, wanted)| least + spare * wanted / wants.max(f32::EPSILON))
        .collect()
}
