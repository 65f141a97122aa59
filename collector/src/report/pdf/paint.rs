//! Writes laid out pages down as a PDF file: the only place that knows the PDF library.

use std::collections::HashMap;

use krilla::color::rgb;
use krilla::destination::XyzDestination;
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Paint, Pattern, Stroke as Pen, StrokeDash};
use krilla::surface::Surface;
use krilla::{Document, SerializeSettings};

use super::super::document::Mark;
use super::super::{Language, Report};
use super::PdfError;
use super::face::Faces;
use super::flow::{Ink, Pages, Stroke};
use crate::calendar::date_of_day;

/// Side of a pattern's tile.
const TILE: f32 = 4.0;

pub(super) fn write(
    faces: &Faces,
    pages: &Pages,
    title: &str,
    report: &Report<'_>,
    language: Language,
) -> Result<Vec<u8>, PdfError> {
    let settings = SerializeSettings { enable_tagging: false, ..SerializeSettings::default() };
    let mut file = Document::new_with(settings);
    file.set_metadata(metadata(title, report, language));
    let mut outline = Outline::new();
    for (number, page) in pages.pages.iter().enumerate() {
        for (text, y) in &page.headings {
            let place = XyzDestination::new(number, Point::from_xy(0.0, *y));
            outline.push_child(OutlineNode::new(text.clone(), place));
        }
        let size = PageSettings::from_wh(pages.width, pages.height)
            .ok_or_else(|| PdfError("the paper has no size".to_owned()))?;
        let mut sheet = file.start_page_with(size);
        let mut surface = sheet.surface();
        let mut brush = Brush { patterns: HashMap::new() };
        page.strokes.iter().for_each(|stroke| brush.draw(&mut surface, faces, stroke));
        surface.finish();
        sheet.finish();
    }
    file.set_outline(outline);
    file.finish().map_err(|error| PdfError(error.to_string()))
}

/// Nothing in it tells when or where the file was really made: the same report has the same bytes.
fn metadata(title: &str, report: &Report<'_>, language: Language) -> Metadata {
    let made_s = report.generated_at_s;
    let date = date_of_day(made_s.div_euclid(86_400));
    let of_day_s = made_s.rem_euclid(86_400);
    let small = |number: i64| u8::try_from(number).unwrap_or_default();
    let made = DateTime::new(date.year().unsigned_abs())
        .month(date.month().unsigned_abs())
        .day(date.day().unsigned_abs())
        .hour(small(of_day_s / 3_600))
        .minute(small(of_day_s / 60 % 60))
        .second(small(of_day_s % 60));
    Metadata::new()
        .title(title.to_owned())
        .language(language.pick("id", "en").to_owned())
        .creator("Suar".to_owned())
        .producer("Suar".to_owned())
        .document_id(report.assessment.input_sha256.clone())
        .creation_date(made)
}

struct Brush {
    patterns: HashMap<Mark, Pattern>,
}

impl Brush {
    fn draw(&mut self, surface: &mut Surface<'_>, faces: &Faces, stroke: &Stroke) {
        match stroke {
            Stroke::Text { x, baseline, size, weight, ink, text } => {
                let face = faces.of(*weight);
                surface.set_stroke(None);
                let fill = self.fill(surface, *ink);
                surface.set_fill(Some(fill));
                let start = Point::from_xy(*x, *baseline);
                surface.draw_glyphs(start, &face.shape(text), face.font.clone(), text, *size, false);
            }
            Stroke::Shape { rings, fill, edge } => {
                let Some(path) = path(rings) else { return };
                let fill = self.fill(surface, *fill);
                surface.set_fill(Some(fill));
                surface.set_stroke(edge.map(|(ink, width)| pen(ink, width, false)));
                surface.draw_path(&path);
            }
            Stroke::Line { from, to, width, ink, dashed } => {
                let mut line = PathBuilder::new();
                line.move_to(from.0, from.1);
                line.line_to(to.0, to.1);
                let Some(line) = line.finish() else { return };
                surface.set_fill(None);
                surface.set_stroke(Some(pen(*ink, *width, *dashed)));
                surface.draw_path(&line);
            }
            Stroke::Cut { left, top, width, height } => {
                let mut cut = PathBuilder::new();
                if let Some(rect) = Rect::from_xywh(*left, *top, *width, *height) {
                    cut.push_rect(rect);
                }
                if let Some(cut) = cut.finish() {
                    surface.push_clip_path(&cut, &FillRule::NonZero);
                }
            }
            Stroke::Uncut => surface.pop(),
        }
    }

    fn fill(&mut self, surface: &mut Surface<'_>, ink: Ink) -> Fill {
        let paint: Paint = match ink {
            Ink::Pattern(mark) => {
                self.patterns.entry(mark).or_insert_with(|| pattern(surface, mark)).clone().into()
            }
            ink => colour(ink).into(),
        };
        Fill { paint, opacity: NormalizedF32::ONE, rule: FillRule::EvenOdd }
    }
}

fn colour(ink: Ink) -> rgb::Color {
    let [red, green, blue] = match ink {
        Ink::Dark => [0x16, 0x20, 0x2a],
        Ink::Soft => [0x44, 0x50, 0x5b],
        Ink::White => [0xff, 0xff, 0xff],
        Ink::Line => [0xc4, 0xcb, 0xd1],
        Ink::Head => [0xe3, 0xe6, 0xe8],
        Ink::Land => [0xe8, 0xe4, 0xda],
        Ink::Sea => [0xf3, 0xf7, 0xfa],
        Ink::Bar => [0x2f, 0x7f, 0xb8],
        Ink::Threshold => [0x9e, 0x1b, 0x1b],
        Ink::Pattern(mark) | Ink::Plain(mark) => mark.colour(),
    };
    rgb::Color::new(red, green, blue)
}

fn pen(ink: Ink, width: f32, dashed: bool) -> Pen {
    let dash = dashed.then(|| StrokeDash { array: vec![4.0, 2.5], offset: 0.0 });
    Pen { paint: colour(ink).into(), width, dash, ..Pen::default() }
}

fn path(rings: &[Vec<(f32, f32)>]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for ring in rings {
        for (at, (x, y)) in ring.iter().enumerate() {
            if at == 0 {
                path.move_to(*x, *y);
            } else {
                path.line_to(*x, *y);
            }
        }
        path.close();
    }
    path.finish()
}

/// Hatched, dotted, plain or ruled: apart on a grey printer too.
fn pattern(surface: &mut Surface<'_>, mark: Mark) -> Pattern {
    let mut builder = surface.stream_builder();
    let mut tile = builder.surface();
    let plain =
        |ink| Fill { paint: colour(ink).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero };
    let square = vec![(0.0, 0.0), (TILE, 0.0), (TILE, TILE), (0.0, TILE)];
    tile.set_fill(Some(plain(Ink::Plain(mark))));
    if let Some(square) = path(&[square]) {
        tile.draw_path(&square);
    }
    let lines: &[[(f32, f32); 2]] = match mark {
        Mark::Unreliable => &[
            [(0.0, TILE), (TILE, 0.0)],
            [(-1.0, 1.0), (1.0, -1.0)],
            [(TILE - 1.0, TILE + 1.0), (TILE + 1.0, TILE - 1.0)],
        ],
        Mark::Unknown => &[[(0.0, 2.0), (TILE, 2.0)]],
        Mark::Outside => &[[(2.0, 0.0), (2.0, TILE)]],
        Mark::Limited | Mark::Reliable => &[],
    };
    tile.set_fill(None);
    let ink = if mark == Mark::Unreliable { Ink::White } else { Ink::Soft };
    tile.set_stroke(Some(pen(ink, if mark == Mark::Unreliable { 0.7 } else { 0.4 }, false)));
    for [from, to] in lines {
        let mut line = PathBuilder::new();
        line.move_to(from.0, from.1);
        line.line_to(to.0, to.1);
        if let Some(line) = line.finish() {
            tile.draw_path(&line);
        }
    }
    if mark == Mark::Limited {
        tile.set_stroke(None);
        tile.set_fill(Some(plain(Ink::Dark)));
        if let Some(dot) = path(&[vec![(1.4, 1.4), (2.5, 1.4), (2.5, 2.5), (1.4, 2.5)]]) {
            tile.draw_path(&dot);
        }
    }
    tile.finish();
    Pattern { stream: builder.finish(), transform: Default::default(), width: TILE, height: TILE }
}
