//! A report as titles, sentences, tables and pictures, before it is Markdown, HTML or PDF.
//!
//! Texts are plain: whoever writes them down escapes them for its own format.

use super::map::Map;

pub(super) struct Document {
    pub title: String,
    /// Below the title: the period, and when the report was made.
    pub lead: Vec<String>,
    pub blocks: Vec<Block>,
}

pub(super) enum Block {
    Heading(String),
    Subheading(String),
    Paragraph(String),
    List(Vec<String>),
    Table(Table),
    /// Formats without pictures leave maps and charts out; every figure in them is in a table too.
    Map(Map),
    Chart(Chart),
}

#[derive(Default)]
pub(super) struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

pub(super) struct Column {
    pub name: String,
    pub align: Align,
    /// How much of the page's width it likes, against the others.
    pub weight: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

pub(super) struct Cell {
    pub text: String,
    pub mark: Option<Mark>,
}

/// A standing as a colour and a shape; the words always stand beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Mark {
    Unreliable,
    Limited,
    Reliable,
    /// Not assessable, or not enough data.
    Unknown,
    /// Not monitored; outside the measure.
    Outside,
}

/// Availability along the period.
pub(super) struct Chart {
    pub caption: String,
    pub bars: Vec<Bar>,
    /// Thresholds drawn across, per cent of one with their words.
    pub lines: Vec<(f64, String)>,
}

pub(super) struct Bar {
    /// Below the bar; empty where there are too many bars to name each.
    pub label: String,
    /// 0 to 1; `None` where nothing was observed.
    pub share: Option<f64>,
    /// Above the bar.
    pub value: String,
}

impl Cell {
    pub(super) fn marked(text: impl Into<String>, mark: Mark) -> Self {
        Self { text: text.into(), mark: Some(mark) }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, mark: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), mark: None }
    }
}

impl Table {
    /// Columns as (name, weight): the first `text_columns` stand to the left, the others to the right.
    pub(super) fn new(columns: &[(&str, u8)], text_columns: usize) -> Self {
        let columns = columns
            .iter()
            .enumerate()
            .map(|(at, (name, weight))| Column {
                name: (*name).to_owned(),
                align: if at < text_columns { Align::Left } else { Align::Right },
                weight: *weight,
            })
            .collect();
        Self { columns, rows: Vec::new() }
    }

    pub(super) fn push<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.rows.push(cells.into());
    }
}

impl Mark {
    pub(super) const ALL: [Self; 5] =
        [Self::Unreliable, Self::Limited, Self::Reliable, Self::Unknown, Self::Outside];

    /// Colours that red-green blind eyes and grey printers tell apart by their lightness.
    pub(super) fn colour(self) -> [u8; 3] {
        match self {
            Self::Unreliable => [0x9e, 0x1b, 0x1b],
            Self::Limited => [0xf2, 0xb7, 0x4b],
            Self::Reliable => [0x2f, 0x7f, 0xb8],
            Self::Unknown => [0xff, 0xff, 0xff],
            Self::Outside => [0xe3, 0xe6, 0xe8],
        }
    }

    /// A letter-sized shape for places too small for a pattern.
    pub(super) fn symbol(self) -> Symbol {
        match self {
            Self::Unreliable => Symbol::Triangle,
            Self::Limited => Symbol::Diamond,
            Self::Reliable | Self::Unknown => Symbol::Circle,
            Self::Outside => Symbol::Cross,
        }
    }

    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Unreliable => "unreliable",
            Self::Limited => "limited",
            Self::Reliable => "reliable",
            Self::Unknown => "unknown",
            Self::Outside => "outside",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    Triangle,
    Diamond,
    Circle,
    Cross,
}
