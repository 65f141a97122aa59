//! Reports: coverage as tables and plain sentences, in two languages.
//!
//! Sees coverage results only; no clock, no store. The same input gives the same bytes.

mod cells;
mod json;
mod markdown;
mod method;
mod table;
mod words;

use std::str::FromStr;

use crate::assessment::Assessment;

pub use json::{assessment_json, island_json, site_json};
pub use words::{cause_words, island_words, reason_words, standing_words};

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
}

/// A report: what was judged and when it was written down.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    pub assessment: &'a Assessment,
    pub generated_at_s: i64,
}

impl Report<'_> {
    /// The report's text, ending in a newline.
    pub fn render(&self, format: Format, language: Language) -> String {
        match format {
            Format::Markdown => markdown::render(self, language),
            Format::Csv => table::render(self),
            Format::Json => json::render(self),
        }
    }
}

impl Format {
    /// As in an HTTP answer's header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
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
            "xlsx" | "pdf" | "html" => {
                Err(format!("this version does not write {text} yet; it writes md, csv and json"))
            }
            other => Err(format!("a report's format is md, csv or json, found {other:?}")),
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
