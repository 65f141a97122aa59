//! A workbook to work with: real numbers, per cents, dates and lengths of time, one sheet a question.
//!
//! Per cents are cut like in all other formats (loss upwards), so that a cell shows what the printed
//! report says; the seconds they come from stand beside them in full.

mod sheet;
mod sheets;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, XlsxError};

use super::{Language, Report, compose};
use sheet::Formats;

pub(super) fn render(report: &Report<'_>, language: Language) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_timestamp(report.generated_at_s)?;
    workbook.set_properties(
        &DocProperties::new()
            .set_title(sheet::plain(&compose::title(report, language)))
            .set_author("Suar")
            .set_creation_datetime(&created),
    );
    let formats = Formats::new(report.paper);
    sheets::summary(&mut workbook, report, &formats, language)?;
    sheets::islands(&mut workbook, report, &formats, language)?;
    sheets::areas(&mut workbook, report, &formats, language)?;
    sheets::offices(&mut workbook, report, &formats, language)?;
    sheets::outages(&mut workbook, report, &formats, language)?;
    sheets::data(&mut workbook, report, &formats, language)?;
    sheets::course(&mut workbook, report, &formats, language)?;
    sheets::comparison(&mut workbook, report, &formats, language)?;
    sheets::not_judged(&mut workbook, report, &formats, language)?;
    sheets::outside(&mut workbook, report, &formats, language)?;
    sheets::method(&mut workbook, report, &formats, language)?;
    workbook.save_to_buffer()
}

#[cfg(test)]
mod tests;
