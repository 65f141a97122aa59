//! The two weights of Liberation Sans: which glyph a character has, how wide it is, where lines break.

use std::collections::HashMap;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

use super::PdfError;

const REGULAR: &[u8] = include_bytes!("../../../fonts/LiberationSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../../fonts/LiberationSans-Bold.ttf");
/// Where a word may break, shown as a hyphen only there.
const SOFT_HYPHEN: char = '\u{ad}';
/// Drawn for a character that the font does not have; the text behind it stays what it was.
const REPLACEMENT: char = '?';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

pub(super) struct Faces {
    regular: Face,
    bold: Face,
}

pub(super) struct Face {
    pub(super) font: Font,
    /// Glyph and advance in ems.
    glyphs: HashMap<char, (u32, f32)>,
    replacement: (u32, f32),
}

impl Faces {
    pub(super) fn load() -> Result<Self, PdfError> {
        Ok(Self { regular: Face::load(REGULAR)?, bold: Face::load(BOLD)? })
    }

    pub(super) fn of(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }
}

impl Face {
    fn load(bytes: &'static [u8]) -> Result<Self, PdfError> {
        let broken = || PdfError("a font inside this program is broken".to_owned());
        let font = Font::new(bytes.into(), 0).ok_or_else(broken)?;
        let read = FontRef::new(bytes).map_err(|_| broken())?;
        let metrics = read.glyph_metrics(Size::unscaled(), LocationRef::default());
        let em = font.units_per_em();
        let glyphs: HashMap<char, (u32, f32)> = read
            .charmap()
            .mappings()
            .filter_map(|(code, glyph)| {
                let advance = metrics.advance_width(glyph)? / em;
                Some((char::from_u32(code)?, (glyph.to_u32(), advance)))
            })
            .collect();
        let replacement = *glyphs.get(&REPLACEMENT).ok_or_else(broken)?;
        Ok(Self { font, glyphs, replacement })
    }

    fn glyph(&self, c: char) -> (u32, f32) {
        self.glyphs.get(&c).copied().unwrap_or(self.replacement)
    }

    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.glyph(c).1).sum::<f32>() * size
    }

    pub(super) fn shape(&self, text: &str) -> Vec<KrillaGlyph> {
        text.char_indices()
            .map(|(at, c)| {
                let (glyph, advance) = self.glyph(c);
                KrillaGlyph::new(GlyphId::new(glyph), advance, 0.0, 0.0, 0.0, at..at + c.len_utf8(), None)
            })
            .collect()
    }

    /// The widest piece of a text that cannot be broken.
    pub(super) fn widest_piece(&self, text: &str, size: f32) -> f32 {
        let hyphen = |piece: &str, more: bool| {
            self.width(piece, size) + if more { self.width("-", size) } else { 0.0 }
        };
        text.split(' ')
            .flat_map(|word| {
                let pieces: Vec<&str> = word.split(SOFT_HYPHEN).collect();
                let last = pieces.len() - 1;
                pieces.into_iter().enumerate().map(move |(at, piece)| (piece, at < last))
            })
            .map(|(piece, more)| hyphen(piece, more))
            .fold(0.0, f32::max)
    }

    /// Lines no wider than `width`; a piece that is wider by itself is cut where it must be.
    pub(super) fn wrap(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let whole = word.replace(SOFT_HYPHEN, "");
            let lead = if line.is_empty() { "" } else { " " };
            if self.width(&line, size) + self.width(lead, size) + self.width(&whole, size) <= width {
                line.push_str(lead);
                line.push_str(&whole);
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            self.place_word(word, size, width, &mut lines, &mut line);
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// A word at the start of a line, broken at soft hyphens and, at worst, between characters.
    fn place_word(&self, word: &str, size: f32, width: f32, lines: &mut Vec<String>, line: &mut String) {
        let pieces: Vec<&str> = word.split(SOFT_HYPHEN).collect();
        for (at, piece) in pieces.iter().enumerate() {
            let hyphen = if at + 1 < pieces.len() { "-" } else { "" };
            if !line.is_empty()
                && self.width(line, size) + self.width(piece, size) + self.width(hyphen, size) > width
            {
                line.push('-');
                lines.push(std::mem::take(line));
            }
            for c in piece.chars() {
                if !line.is_empty() && self.width(line, size) + self.glyph(c).1 * size > width {
                    lines.push(std::mem::take(line));
                }
                line.push(c);
            }
        }
    }
}

/// A text from outside as it may stand on paper: no controls, nothing that turns the reading direction.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_never_wider_than_asked_and_no_character_is_lost() {
        let faces = Faces::load().expect("fonts");
        let face = faces.of(Weight::Regular);
        let text = "Kantor Desa keterse\u{ad}diaan Xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx dan 19.02.03.2001";
        for width in [20.0, 45.0, 80.0, 400.0] {
            let lines = face.wrap(text, 9.0, width);
            assert!(lines.iter().all(|line| face.width(line, 9.0) <= width + 3.0), "{width}: {lines:?}");
            let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text));
        }
        assert_eq!(face.wrap("", 9.0, 50.0), [""]);
    }

    #[test]
    fn indonesian_and_english_texts_have_all_their_glyphs() {
        let faces = Faces::load().expect("fonts");
        for c in ('!'..='~').chain("–“”éü·×".chars()) {
            assert!(faces.of(Weight::Regular).glyphs.contains_key(&c), "{c}");
            assert!(faces.of(Weight::Bold).glyphs.contains_key(&c), "{c}");
        }
    }
}
