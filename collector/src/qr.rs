//! A text as a QR code: for a terminal, and as SVG for paper. Where its dark squares are is the crate's work.

use qrcodegen::{QrCode, QrCodeEcc, Version};

/// Light squares that readers need around a code.
const QUIET: i32 = 4;
/// White and black by number: themes give the first sixteen colours of a terminal any look they like.
const WHITE_ON_BLACK: &str = "\x1b[38;5;231;48;5;16m";
const PLAIN: &str = "\x1b[0m";

#[derive(Debug, thiserror::Error)]
#[error("{letters} letters are too long for a QR code")]
pub struct TooLong {
    letters: usize,
}

pub struct Qr(QrCode);

impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A join code has a secret, and this is one.
        write!(f, "Qr({} squares wide)", self.0.size())
    }
}

impl Qr {
    /// Survives a fold or a drop of coffee on 15 % of it, or more where that costs no size.
    pub fn of(text: &str) -> Result<Self, TooLong> {
        let segments = qrcodegen::QrSegment::make_segments(text);
        QrCode::encode_segments_advanced(&segments, QrCodeEcc::Medium, Version::MIN, Version::MAX, None, true)
            .map(Self)
            .map_err(|_| TooLong { letters: text.chars().count() })
    }

    /// Squares on a side, the quiet zone with them.
    fn side(&self) -> i32 {
        self.0.size() + 2 * QUIET
    }

    /// Counted from the corner of the quiet zone, which is light like everything outside.
    fn is_dark(&self, x: i32, y: i32) -> bool {
        self.0.get_module(x - QUIET, y - QUIET)
    }

    /// Two rows of squares in a line of half blocks. Light squares are drawn and dark ones left out, in colours of
    /// its own: so it looks the same on a dark and on a light background, and right on a dark one without colours.
    pub fn terminal(&self) -> String {
        let side = self.side();
        let mut text = String::new();
        for y in (0..side).step_by(2) {
            text.push_str(WHITE_ON_BLACK);
            for x in 0..side {
                // Half a row may be left over below: the quiet zone goes on there.
                text.push(match (self.is_dark(x, y), self.is_dark(x, y + 1)) {
                    (false, false) => '█',
                    (false, true) => '▀',
                    (true, false) => '▄',
                    (true, true) => ' ',
                });
            }
            text.push_str(PLAIN);
            text.push('\n');
        }
        text
    }

    /// An `<svg>` whose unit is a square, as wide as it is put on the page.
    pub fn svg(&self, label: &str) -> String {
        let side = self.side();
        let mut path = String::new();
        for y in 0..side {
            for x in (0..side).filter(|x| self.is_dark(*x, y)) {
                path.push_str(&format!("M{x} {y}h1v1h-1z"));
            }
        }
        format!(
            "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" role=\"img\" \
             aria-label=\"{}\">\n<rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\n\
             <path d=\"{path}\" fill=\"#000\"/>\n</svg>",
            crate::report::escaped(label)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long as a join code with a long address is.
    const TEXT: &str = "SUAR1-0123456789ABCDEFGHJKMNPQRSTVWXYZ-\
        ABCDEFGHJKMNPQRSTVWXYZABCDEFGHJKMNPQRSTVWXYZABCDEFGHJKMNPQRSTVWXYZABCDEFGHJKMNPQRSTVWXYZABCDEFGHJKMNPQRSTVWXYZ";
    const PIXELS: usize = 5;

    /// What a reader of somebody else's makes of a picture of `side` squares.
    fn read(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
        let pixels = side * PIXELS;
        let shade = |x: usize, y: usize| if is_dark(x / PIXELS, y / PIXELS) { 0 } else { 255 };
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(pixels, pixels, shade);
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1, "codes found");
        grids[0].decode().expect("it can be read").1
    }

    #[test]
    fn another_reader_finds_the_text_in_the_half_blocks_of_a_terminal() {
        let qr = Qr::of(TEXT).expect("a code");
        let drawn = qr.terminal();
        let rows: Vec<Vec<char>> = drawn
            .lines()
            .map(|line| {
                let line = line.strip_prefix(WHITE_ON_BLACK).expect("colours of its own");
                line.strip_suffix(PLAIN).expect("and nobody else's afterwards").chars().collect()
            })
            .collect();
        let side = rows[0].len();
        assert!(rows.iter().all(|row| row.len() == side) && rows.len() == side.div_ceil(2));
        assert!(side <= 80, "{side} columns do not fit a terminal");
        let is_dark = |x: usize, y: usize| match rows.get(y / 2).map_or('█', |row| row[x]) {
            '█' => false,
            '▀' => !y.is_multiple_of(2),
            '▄' => y.is_multiple_of(2),
            ' ' => true,
            other => panic!("{other:?} is no half block"),
        };
        assert_eq!(read(side, is_dark), TEXT);
    }

    #[test]
    fn another_reader_finds_the_text_in_the_svg() {
        let svg = Qr::of(TEXT).expect("a code").svg("\"kode\"");
        assert!(svg.contains("aria-label=\"&quot;kode&quot;\""), "{svg}");
        let side = svg.split("viewBox=\"0 0 ").nth(1).and_then(|rest| rest.split(' ').next());
        let side: usize = side.expect("a view box").parse().expect("a number");
        let path = svg.split("<path d=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a path");
        let dark: std::collections::BTreeSet<(usize, usize)> = path
            .split('M')
            .skip(1)
            .map(|square| {
                let place = square.strip_suffix("h1v1h-1z").expect("a square");
                let (x, y) = place.split_once(' ').expect("two numbers");
                (x.parse().expect("a number"), y.parse().expect("a number"))
            })
            .collect();
        assert_eq!(read(side, |x, y| dark.contains(&(x, y))), TEXT);
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused_and_the_code_is_in_no_debug_print() {
        assert!(Qr::of(&"A".repeat(8_000)).is_err_and(|error| error.to_string().starts_with("8000 letters")));
        assert_eq!(format!("{:?}", Qr::of("A").expect("a code")), "Qr(21 squares wide)");
    }
}
