//! The grid as a picture: a square for each line, its colour by the worst error.

use std::fmt::Write;

use suar_wire::bandwidth::Direction;

use super::table::worst;
use super::{Cell, KBPS, LOSS_PERCENT, RTT_MS, Run, Tool};

const CELL_WIDTH: usize = 74;
const CELL_HEIGHT: usize = 30;
const LEFT: usize = 110;
const TOP: usize = 64;
const GAP: usize = 40;

/// SVG.
pub fn picture(runs: &[Run]) -> String {
    let panel = LEFT + KBPS.len() * CELL_WIDTH + GAP;
    let height = TOP + RTT_MS.len() * LOSS_PERCENT.len() * CELL_HEIGHT + 50;
    let width = panel * Direction::ALL.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (number, direction) in Direction::ALL.iter().enumerate() {
        svg += &panel_of(runs, *direction, panel * number);
    }
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\">Worst error of the tests after the first; below it their median cost, \
         10 s at the line's rate = 1.</text>\n</svg>",
        height - 18
    );
    svg
}

fn panel_of(runs: &[Run], direction: Direction, x: usize) -> String {
    let left = x + LEFT;
    let mut svg = format!(
        "<text x=\"{left}\" y=\"24\" font-size=\"16\">{}</text>\n",
        match direction {
            Direction::Download => "Download",
            Direction::Upload => "Upload",
        }
    );
    for (column, kbps) in KBPS.iter().enumerate() {
        let middle = left + column * CELL_WIDTH + CELL_WIDTH / 2;
        let mbps = *kbps as f64 / 1_000.0;
        let _ = writeln!(svg, "<text x=\"{middle}\" y=\"50\" text-anchor=\"middle\">{mbps} Mbit/s</text>");
    }
    let rows = RTT_MS.iter().flat_map(|rtt_ms| LOSS_PERCENT.iter().map(move |loss| (*rtt_ms, *loss)));
    for (row, (rtt_ms, loss_percent)) in rows.enumerate() {
        let top = TOP + row * CELL_HEIGHT;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{rtt_ms} ms, {loss_percent} %</text>",
            left - 8,
            top + 19
        );
        for (column, kbps) in KBPS.iter().enumerate() {
            let cell = Cell { kbps: *kbps, rtt_ms, loss_percent };
            let found = worst(runs, cell, direction, &[Tool::Suar]);
            svg += &square(found, left + column * CELL_WIDTH, top);
        }
    }
    svg
}

fn square(found: Option<(Option<f64>, f64)>, x: usize, y: usize) -> String {
    let (colour, error, cost) = match found {
        None => ("#eeeeee", String::new(), String::new()),
        Some((None, cost)) => ("#d73027", "no rate".to_owned(), format!("{cost:.2}")),
        Some((Some(error), cost)) => {
            let colour = match error.abs() {
                off if off <= 0.03 => "#a6d96a",
                off if off <= 0.10 => "#d9ef8b",
                off if off <= 0.20 => "#fdae61",
                _ => "#f46d43",
            };
            (colour, format!("{:+.1} %", error * 100.0), format!("{cost:.2}"))
        }
    };
    let middle = x + CELL_WIDTH / 2;
    format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{colour}\"/>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{error}</text>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#444\">{cost}</text>\n",
        CELL_WIDTH - 2,
        CELL_HEIGHT - 2,
        y + 13,
        y + 25
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_its_square_in_both_directions() {
        let svg = picture(&[]);
        let squares = svg.matches("<rect x=").count();
        assert_eq!(squares, 2 * KBPS.len() * RTT_MS.len() * LOSS_PERCENT.len());
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }
}
