//! One table on one sheet: a frozen head with a filter, and cells that know what they are.

use rust_xlsxwriter::{
    Color, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

use super::super::Paper;
use crate::coverage::Ratio;

/// Rows below the head that a sheet can hold, with room to spare.
pub(super) const ROWS_MAX: usize = 1_000_000;
/// Longest text of a cell, in characters: the format's own limit.
const CELL_CHARS_MAX: usize = 32_000;

/// What is in a cell.
pub(super) enum Value {
    Empty,
    Text(String),
    Count(u64),
    /// Cut to two decimals of a per cent: what shows as 95 % reached 95 %.
    Share(Option<Ratio>),
    /// Two decimals of a per cent, upwards: for what should be small.
    ShareUp(Option<Ratio>),
    /// With one decimal.
    Number(Option<f64>),
    /// Hundredths of a per cent that something rose or fell, shown with its sign.
    Points(Option<i64>),
    /// Local seconds since 1970.
    Moment(i64),
    /// Local midnight, seconds since 1970.
    Date(i64),
    /// Seconds.
    Length(Option<u64>),
}

/// A column over rows of `T`.
pub(super) struct Column<'a, T> {
    name: String,
    /// In characters.
    width: f64,
    value: Box<dyn Fn(&T) -> Value + 'a>,
}

impl<'a, T> Column<'a, T> {
    pub(super) fn new(name: impl Into<String>, width: u32, value: impl Fn(&T) -> Value + 'a) -> Self {
        Self { name: name.into(), width: f64::from(width), value: Box::new(value) }
    }
}

pub(super) struct Formats {
    paper: Paper,
    pub(super) title: Format,
    pub(super) text: Format,
    head: Format,
    count: Format,
    share: Format,
    number: Format,
    points: Format,
    moment: Format,
    date: Format,
    length: Format,
}

impl Formats {
    pub(super) fn new(paper: Paper) -> Self {
        let top = || Format::new().set_align(FormatAlign::Top);
        Self {
            paper,
            title: Format::new().set_bold().set_font_size(14),
            text: top().set_text_wrap(),
            head: top()
                .set_bold()
                .set_text_wrap()
                .set_background_color(Color::RGB(0xe3_e6_e8))
                .set_border_bottom(FormatBorder::Thin),
            count: top().set_num_format("#,##0"),
            share: top().set_num_format("0.00%"),
            number: top().set_num_format("#,##0.0"),
            points: top().set_num_format("+0.00;-0.00;0.00"),
            moment: top().set_num_format("yyyy-mm-dd hh:mm:ss"),
            date: top().set_num_format("yyyy-mm-dd"),
            length: top().set_num_format("[h]:mm:ss"),
        }
    }

    pub(super) fn paper(&self) -> Paper {
        self.paper
    }

    pub(super) fn head(&self) -> &Format {
        &self.head
    }

    fn write(&self, sheet: &mut Worksheet, row: u32, column: u16, value: &Value) -> Result<(), XlsxError> {
        let share = |ratio: &Ratio, up: bool| {
            let whole = u128::from(ratio.whole);
            let scaled = u128::from(ratio.part) * 10_000;
            let cut = if up { scaled.div_ceil(whole) } else { scaled / whole };
            cut as f64 / 10_000.0
        };
        let (number, format) = match value {
            Value::Text(text) => {
                // A text is written as a text: nothing in it is ever a formula.
                sheet.write_string_with_format(row, column, plain(text), &self.text)?;
                return Ok(());
            }
            Value::Empty
            | Value::Share(None)
            | Value::ShareUp(None)
            | Value::Number(None)
            | Value::Points(None)
            | Value::Length(None) => return Ok(()),
            Value::Count(count) => (*count as f64, &self.count),
            Value::Share(Some(ratio)) => (share(ratio, false), &self.share),
            Value::ShareUp(Some(ratio)) => (share(ratio, true), &self.share),
            Value::Number(Some(number)) => (*number, &self.number),
            Value::Points(Some(hundredths)) => (*hundredths as f64 / 100.0, &self.points),
            Value::Length(Some(seconds)) => (*seconds as f64 / 86_400.0, &self.length),
            Value::Moment(local_s) | Value::Date(local_s) => {
                let format = if matches!(value, Value::Date(_)) { &self.date } else { &self.moment };
                let at = ExcelDateTime::from_timestamp(*local_s)?;
                sheet.write_datetime_with_format(row, column, &at, format)?;
                return Ok(());
            }
        };
        sheet.write_number_with_format(row, column, number, format)?;
        Ok(())
    }
}

/// Adds a sheet with a head and one row for each of `rows`; the first `frozen` columns stay in view.
pub(super) fn table<T>(
    workbook: &mut Workbook,
    name: &str,
    formats: &Formats,
    frozen: u16,
    columns: &[Column<'_, T>],
    rows: &[T],
) -> Result<(), XlsxError> {
    let sheet = workbook.add_worksheet();
    sheet.set_name(name)?;
    set_page(sheet, formats.paper)?;
    let last_column = u16::try_from(columns.len()).unwrap_or(u16::MAX).saturating_sub(1);
    for (at, column) in (0_u16..).zip(columns) {
        sheet.set_column_width(at, column.width)?;
        sheet.write_string_with_format(0, at, &column.name, &formats.head)?;
    }
    let mut last_row = 0;
    for (row, item) in (1_u32..).zip(rows.iter().take(ROWS_MAX)) {
        for (at, column) in (0_u16..).zip(columns) {
            formats.write(sheet, row, at, &(column.value)(item))?;
        }
        last_row = row;
    }
    sheet.set_freeze_panes(1, frozen)?;
    sheet.autofilter(0, 0, last_row.max(1), last_column)?;
    sheet.set_repeat_rows(0, 0)?;
    Ok(())
}

/// Sheets print on the paper of the report, across, as wide as the page.
pub(super) fn set_page(sheet: &mut Worksheet, paper: Paper) -> Result<(), XlsxError> {
    // Codes of the format: 9 is A4; 14 is folio, 8.5 x 13 inches, which Indonesia calls F4.
    sheet.set_paper_size(match paper {
        Paper::A4 => 9,
        Paper::F4 => 14,
    });
    sheet.set_landscape();
    sheet.set_print_fit_to_pages(1, 0);
    sheet.set_footer("&L&A&R&P / &N");
    Ok(())
}

/// A text from outside, short enough for a cell and without what XML cannot hold.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .take(CELL_CHARS_MAX)
        .map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c })
        .collect()
}
