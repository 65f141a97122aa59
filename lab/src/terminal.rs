//! A terminal's screen as SVG: what a program printed, in the order it was printed. Lines that are too long are broken
//! where a terminal breaks them; half blocks are drawn as rectangles, so that a QR code can be read from the picture.

use std::fmt::Write;

/// Columns of the terminal: wider than at first, so that few sentences are broken.
const COLUMNS: usize = 100;
/// A letter's size on the picture.
const WIDTH: f64 = 8.0;
const HEIGHT: f64 = 18.0;
const EDGE: f64 = 14.0;
const TITLE_BAR: f64 = 28.0;

/// A command that was typed, and what it said.
#[derive(Debug)]
pub struct Shown {
    /// With its prompt.
    pub typed: String,
    pub said: String,
}

/// The picture; `about` is for those who cannot see it.
pub fn picture(about: &str, shown: &[Shown]) -> String {
    let mut lines = Vec::new();
    for Shown { typed, said } in shown {
        lines.extend(broken(typed).into_iter().map(|line| (line, true)));
        lines.extend(without_colours(said).lines().flat_map(broken).map(|line| (line, false)));
    }
    let width = COLUMNS as f64 * WIDTH + 2.0 * EDGE;
    let height = lines.len() as f64 * HEIGHT + 2.0 * EDGE + TITLE_BAR;
    let about = escaped(about);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{about}\">\n\
         <title>{about}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#10161c\"/>\n\
         <g fill=\"#5d6973\"><circle cx=\"18\" cy=\"16\" r=\"5\"/><circle cx=\"36\" cy=\"16\" r=\"5\"/><circle cx=\"54\" cy=\"16\" r=\"5\"/></g>\n\
         <g font-family=\"'Liberation Mono', 'DejaVu Sans Mono', Consolas, monospace\" font-size=\"13\" fill=\"#dfe6ec\" xml:space=\"preserve\">\n"
    );
    for (row, (line, typed)) in lines.iter().enumerate() {
        let top = TITLE_BAR + EDGE + row as f64 * HEIGHT;
        if line.contains(['█', '▀', '▄']) {
            svg.push_str(&blocks(line, top));
        } else if !line.trim().is_empty() {
            let ink = if *typed { " font-weight=\"bold\" fill=\"#8fd3ff\"" } else { "" };
            // The length, so that another font of the reader's does not move the columns.
            // Spaces at the start would be left out.
            let letters = line.trim_start();
            let left = EDGE + (line.chars().count() - letters.chars().count()) as f64 * WIDTH;
            let length = letters.chars().count() as f64 * WIDTH;
            writeln!(
                svg,
                "<text x=\"{left}\" y=\"{:.1}\" textLength=\"{length}\"{ink}>{}</text>",
                top + HEIGHT * 0.75,
                escaped(letters)
            )
            .expect("a string takes everything");
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Squares are as wide as they are high: half a line each.
fn blocks(line: &str, top: f64) -> String {
    let square = HEIGHT / 2.0;
    let mut path = String::new();
    for (column, block) in line.chars().enumerate() {
        let left = EDGE + column as f64 * square;
        let (down, high) = match block {
            '█' => (0.0, HEIGHT),
            '▀' => (0.0, square),
            '▄' => (square, square),
            _ => continue,
        };
        write!(path, "M{left} {}h{square}v{high}h-{square}z", top + down).expect("a string takes everything");
    }
    format!("<path d=\"{path}\" fill=\"#fff\" shape-rendering=\"crispEdges\"/>\n")
}

fn broken(line: &str) -> Vec<String> {
    let letters: Vec<char> = line.chars().collect();
    if letters.is_empty() {
        return vec![String::new()];
    }
    letters.chunks(COLUMNS).map(|piece| piece.iter().collect()).collect()
}

/// Without the sequences that set colours.
fn without_colours(text: &str) -> String {
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, sequence)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = sequence.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(said: &str) -> String {
        picture("a \"check\"", &[Shown { typed: "$ suar-agent check".to_owned(), said: said.to_owned() }])
    }

    #[test]
    fn what_was_typed_stands_out_and_what_was_said_is_all_there() {
        let svg = shown("  + Router: <menjawab>\n\nselesai\n");
        assert!(svg.contains("fill=\"#8fd3ff\">$ suar-agent check</text>"), "{svg}");
        assert!(
            svg.contains("x=\"30\" y=\"73.5\" textLength=\"160\">+ Router: &lt;menjawab&gt;</text>")
                && svg.contains(">selesai</text>"),
            "{svg}"
        );
        assert!(svg.contains("aria-label=\"a &quot;check&quot;\""), "{svg}");
        assert_eq!(svg.matches("<text").count(), 3, "an empty line is no text");
    }

    #[test]
    fn a_long_line_is_broken_and_colours_are_left_out() {
        let svg = shown(&format!("\x1b[38;5;231;48;5;16m{}\x1b[0m\n", "x".repeat(COLUMNS + 3)));
        assert!(
            svg.contains(&format!(">{}</text>", "x".repeat(COLUMNS))) && svg.contains(">xxx</text>"),
            "{svg}"
        );
        assert!(!svg.contains("38;5"), "{svg}");
    }

    #[test]
    fn half_blocks_are_squares() {
        let svg = shown("█▀▄ ");
        let path = svg.split("<path d=\"").nth(1).expect("a path");
        assert_eq!(path.matches('M').count(), 3, "{svg}");
        assert!(path.starts_with("M14 60h9v18h-9z"), "{svg}");
    }
}
