//! Reports: coverage as tables and plain sentences, in two languages.
//!
//! Sees coverage results only; no clock, no store. The same input gives the same bytes.

mod cells;
mod compose;
mod document;
mod html;
mod json;
mod map;
mod markdown;
mod method;
mod paper;
mod pdf;
#[cfg(test)]
mod sample;
mod table;
mod words;
mod xlsx;

use std::io::{self, Write};
use std::str::FromStr;

use crate::assessment::Assessment;
use crate::region::Region;

pub(crate) use cells::moment;
pub(crate) use html::escaped;
pub use json::{assessment_json, island_json, shared_json, site_json};
pub use paper::{Letter, Paper};
pub use pdf::PdfError;
pub use words::{cause_words, island_words, reason_words, standing_words};

/// The program and its version, on the method page of every report.
const MADE_WITH: &str = concat!("Suar ", env!("CARGO_PKG_VERSION"));

/// What a report is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Id,
    En,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For reading, also aloud.
    Markdown,
    /// One row an office, for spreadsheets and programs.
    Csv,
    /// Everything, in full precision.
    Json,
    /// To work with: typed cells.
    Xlsx,
    /// To read and print, with a map and a chart.
    Html,
    /// To attach: with page numbers, letter head and signature.
    Pdf,
}

/// A report: what was judged, where, when it was written down, and on what it is printed.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub assessment: &'a Assessment,
    /// Another period of the same scope, to compare with.
    pub before: Option<&'a Assessment>,
    /// For the map; the assessment's own.
    pub region: &'a Region,
    pub generated_at_s: i64,
    pub letter: &'a Letter,
    pub paper: Paper,
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("the workbook could not be made: {0}")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    #[error(transparent)]
    Pdf(#[from] PdfError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

impl Report<'_> {
    /// The report's bytes; text ends in a newline.
    pub fn render(&self, format: Format, language: Language) -> Result<Vec<u8>, RenderError> {
        let mut bytes = Vec::new();
        self.write(format, language, &mut bytes)?;
        Ok(bytes)
    }

    /// The same, written where it goes. What tells every office at length, CSV and JSON, is made office by office
    /// meanwhile: the text of a country's would take more memory than what was found out about it.
    pub fn write(&self, format: Format, language: Language, out: &mut dyn Write) -> Result<(), RenderError> {
        match format {
            Format::Csv => table::write(self, out)?,
            Format::Json => json::write(self, out)?,
            Format::Markdown => out.write_all(markdown::render(self, language).as_bytes())?,
            Format::Html => out.write_all(html::render(self, language).as_bytes())?,
            Format::Xlsx => out.write_all(&xlsx::render(self, language)?)?,
            Format::Pdf => out.write_all(&pdf::render(self, language)?)?,
        }
        Ok(())
    }
}

impl Format {
    /// Whether it can be shown on a screen of text.
    pub fn is_text(self) -> bool {
        !matches!(self, Self::Xlsx | Self::Pdf)
    }

    /// How a file's name ends.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Xlsx => "xlsx",
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }

    /// As in an HTTP answer's header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Html => "text/html; charset=utf-8",
            Self::Pdf => "application/pdf",
        }
    }
}

impl FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "md" => Ok(Self::Markdown),
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "xlsx" => Ok(Self::Xlsx),
            "html" => Ok(Self::Html),
            "pdf" => Ok(Self::Pdf),
            other => Err(format!("a report's format is md, csv, json, xlsx, html or pdf, found {other:?}")),
        }
    }
}

impl FromStr for Language {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "id" => Ok(Self::Id),
            "en" => Ok(Self::En),
            other => Err(format!("a report's language is id or en, found {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests;
