//! From top to bottom and from page to page.

use super::super::document::Mark;
use super::super::paper::Paper;
use super::face::{Face, Faces, Weight, plain};

const MM: f32 = 72.0 / 25.4;
/// Wider on the left: reports are filed.
const LEFT_MM: f32 = 20.0;
const RIGHT_MM: f32 = 15.0;
const TOP_MM: f32 = 16.0;
const BOTTOM_MM: f32 = 18.0;
/// From one line to the next, in sizes of the letters.
pub(super) const LEADING: f32 = 1.32;
/// What must fit below a heading, or it starts on the next page.
const BELOW_HEADING: f32 = 70.0;
const FOOTER: f32 = 8.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ink {
    Dark,
    Soft,
    White,
    Line,
    Head,
    Land,
    Sea,
    Bar,
    Threshold,
    /// The pattern of a standing.
    Pattern(Mark),
    /// Its colour alone.
    Plain(Mark),
}

/// A mark on the paper.
#[derive(Debug)]
pub(super) enum Stroke {
    Text {
        x: f32,
        baseline: f32,
        size: f32,
        weight: Weight,
        ink: Ink,
        text: String,
    },
    /// Closed rings, filled even-odd.
    Shape {
        rings: Vec<Vec<(f32, f32)>>,
        fill: Ink,
        edge: Option<(Ink, f32)>,
    },
    Line {
        from: (f32, f32),
        to: (f32, f32),
        width: f32,
        ink: Ink,
        dashed: bool,
    },
    /// What follows is cut to this rectangle, until `Uncut`.
    Cut {
        left: f32,
        top: f32,
        width: f32,
        height: f32,
    },
    Uncut,
}

#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) strokes: Vec<Stroke>,
    /// Headings that begin here, with their height: the outline of the file.
    pub(super) headings: Vec<(String, f32)>,
}

#[derive(Debug)]
pub(super) struct Pages {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) pages: Vec<Page>,
}

pub(super) struct Flow<'a> {
    faces: &'a Faces,
    width: f32,
    height: f32,
    pages: Vec<Page>,
    /// Where the next thing begins.
    pub(super) y: f32,
}

impl<'a> Flow<'a> {
    pub(super) fn new(faces: &'a Faces, paper: Paper) -> Self {
        let (width, height) = paper.size_mm();
        Self { faces, width: width * MM, height: height * MM, pages: vec![Page::default()], y: TOP_MM * MM }
    }

    pub(super) fn face(&self, weight: Weight) -> &'a Face {
        self.faces.of(weight)
    }

    pub(super) fn left(&self) -> f32 {
        LEFT_MM * MM
    }

    /// Of what is between the margins.
    pub(super) fn content_width(&self) -> f32 {
        self.width - (LEFT_MM + RIGHT_MM) * MM
    }

    fn bottom(&self) -> f32 {
        self.height - BOTTOM_MM * MM
    }

    pub(super) fn room(&self) -> f32 {
        self.bottom() - self.y
    }

    pub(super) fn next_page(&mut self) {
        self.pages.push(Page::default());
        self.y = TOP_MM * MM;
    }

    /// Starts the next page unless this much fits here.
    pub(super) fn need(&mut self, height: f32) {
        if self.room() < height && self.y > TOP_MM * MM {
            self.next_page();
        }
    }

    fn page(&mut self) -> &mut Page {
        self.pages.last_mut().expect("a flow begins with a page and never loses one")
    }

    pub(super) fn draw(&mut self, stroke: Stroke) {
        self.page().strokes.push(stroke);
    }

    pub(super) fn line_of_text(
        &mut self,
        text: String,
        (x, top): (f32, f32),
        size: f32,
        weight: Weight,
        ink: Ink,
    ) {
        self.draw(Stroke::Text { x, baseline: top + size, size, weight, ink, text });
    }

    pub(super) fn text(&mut self, text: &str, size: f32, weight: Weight, ink: Ink, after: f32) {
        let (left, width) = (self.left(), self.content_width());
        self.lines(text, (left, width), size, weight, ink);
        self.y += after;
    }

    fn lines(&mut self, text: &str, (left, width): (f32, f32), size: f32, weight: Weight, ink: Ink) {
        for line in self.face(weight).wrap(&plain(text), size, width) {
            self.need(size * LEADING);
            let top = self.y;
            self.line_of_text(line, (left, top), size, weight, ink);
            self.y += size * LEADING;
        }
    }

    /// `below` is the height of what must follow on the same page.
    pub(super) fn heading(&mut self, text: &str, size: f32, below: f32) {
        self.y += size * 0.9;
        self.need(size * LEADING + below.max(BELOW_HEADING));
        let y = self.y;
        self.page().headings.push((plain(text), y));
        self.text(text, size, Weight::Bold, Ink::Dark, 3.0);
    }

    pub(super) fn item(&mut self, text: &str, size: f32) {
        let indent = size;
        self.need(size * LEADING);
        let (left, top, width) = (self.left(), self.y, self.content_width());
        self.line_of_text("\u{2022}".to_owned(), (left, top), size, Weight::Regular, Ink::Dark);
        self.lines(text, (left + indent, width - indent), size, Weight::Regular, Ink::Dark);
        self.y += 1.5;
    }

    pub(super) fn centred(&mut self, text: &str, size: f32, weight: Weight) {
        let width = self.content_width();
        for line in self.face(weight).wrap(&plain(text), size, width) {
            let x = self.left() + (width - self.face(weight).width(&line, size)) / 2.0;
            let top = self.y;
            self.line_of_text(line, (x, top), size, weight, Ink::Dark);
            self.y += size * LEADING;
        }
    }

    /// Below a letter head.
    pub(super) fn double_rule(&mut self) {
        self.y += 4.0;
        for (down, width) in [(0.0, 1.6), (2.6, 0.6)] {
            let y = self.y + down;
            self.rule(y, width, Ink::Dark);
        }
        self.y += 16.0;
    }

    pub(super) fn rule(&mut self, y: f32, width: f32, ink: Ink) {
        let (left, right) = (self.left(), self.left() + self.content_width());
        self.draw(Stroke::Line { from: (left, y), to: (right, y), width, ink, dashed: false });
    }

    /// On the right, never torn apart by the end of a page.
    pub(super) fn signature(&mut self, above: &[&str], room: f32, below: &[&str], size: f32) {
        let width = self.content_width() * 0.45;
        let left = self.left() + self.content_width() - width;
        let lines = (above.len() + below.len() + 4) as f32;
        self.y += 22.0;
        self.need(lines * size * LEADING + room);
        for line in above.iter().filter(|line| !line.is_empty()) {
            self.lines(line, (left, width), size, Weight::Regular, Ink::Dark);
        }
        self.y += room;
        for (at, line) in below.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
            let weight = if at == 0 { Weight::Bold } else { Weight::Regular };
            self.lines(line, (left, width), size, weight, Ink::Dark);
        }
    }

    /// Every page with its number at the foot.
    pub(super) fn finish(mut self, number: impl Fn(usize, usize) -> String) -> Pages {
        let (count, y) = (self.pages.len(), self.height - 11.0 * MM);
        let right = self.left() + self.content_width();
        let face = self.faces.of(Weight::Regular);
        for (at, page) in self.pages.iter_mut().enumerate() {
            let text = number(at + 1, count);
            let x = right - face.width(&text, FOOTER);
            page.strokes.push(Stroke::Text {
                x,
                baseline: y,
                size: FOOTER,
                weight: Weight::Regular,
                ink: Ink::Soft,
                text,
            });
        }
        Pages { width: self.width, height: self.height, pages: self.pages }
    }
}
