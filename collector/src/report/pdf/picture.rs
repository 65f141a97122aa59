//! Maps, charts and the symbols of standings on paper.

use super::super::document::{Chart, Mark, Symbol};
use super::super::map::{Map, WIDTH};
use super::face::{Weight, plain};
use super::flow::{Flow, Ink, Stroke};

/// A map is no taller than this.
const MAP_HEIGHT_MAX: f32 = 330.0;
const CHART_HEIGHT: f32 = 120.0;
const CHART_LEFT: f32 = 34.0;
const SMALL: f32 = 7.5;

pub(super) fn map(flow: &mut Flow<'_>, map: &Map) {
    let scale = (flow.content_width() / WIDTH).min(MAP_HEIGHT_MAX / map.height);
    let (width, height) = (WIDTH * scale, map.height * scale);
    flow.y += 8.0;
    flow.need(height + 40.0);
    let (left, top) = (flow.left() + (flow.content_width() - width) / 2.0, flow.y);
    let on_page = |(x, y): (f32, f32)| (left + x * scale, top + y * scale);
    flow.draw(rectangle((left, top), (width, height), Ink::Sea, Some((Ink::Line, 0.6))));
    flow.draw(Stroke::Cut { left, top, width, height });
    for land in &map.land {
        let rings = land.rings.iter().map(|ring| ring.iter().copied().map(on_page).collect()).collect();
        let fill = land.mark.map_or(Ink::Land, Ink::Pattern);
        flow.draw(Stroke::Shape { rings, fill, edge: Some((Ink::Soft, 0.3)) });
    }
    flow.draw(Stroke::Uncut);
    for place in &map.places {
        let (x, y) = on_page(place.at);
        symbol(flow, place.mark, (x, y), 3.6);
        if let Some(number) = place.number {
            let text = number.to_string();
            let wide = flow.face(Weight::Bold).width(&text, 8.0);
            // Numbers stay on the map and legible on any pattern.
            let x = if x + 6.0 + wide > left + width { x - 6.0 - wide } else { x + 6.0 };
            flow.draw(rectangle((x - 1.0, y - 4.5), (wide + 2.0, 9.0), Ink::White, None));
            flow.line_of_text(text, (x, y - 5.2), 8.0, Weight::Bold, Ink::Dark);
        }
    }
    flow.y += height + 5.0;
    legend(flow, map);
    flow.text(&map.caption, SMALL, Weight::Regular, Ink::Soft, 4.0);
}

fn legend(flow: &mut Flow<'_>, map: &Map) {
    let (mut x, right) = (flow.left(), flow.left() + flow.content_width());
    for (mark, words) in &map.legend {
        let wide = 26.0 + flow.face(Weight::Regular).width(words, SMALL) + 12.0;
        if x + wide > right && x > flow.left() {
            x = flow.left();
            flow.y += 13.0;
        }
        let top = flow.y;
        flow.draw(rectangle((x, top), (22.0, 9.5), Ink::Pattern(*mark), Some((Ink::Soft, 0.4))));
        symbol(flow, *mark, (x + 11.0, top + 4.75), 3.2);
        flow.line_of_text(plain(words), (x + 26.0, top + 0.6), SMALL, Weight::Regular, Ink::Dark);
        x += wide;
    }
    flow.y += 14.0;
}

pub(super) fn symbol(flow: &mut Flow<'_>, mark: Mark, (x, y): (f32, f32), size: f32) {
    let ring = match mark.symbol() {
        Symbol::Triangle => vec![(x, y - size), (x + size, y + size), (x - size, y + size)],
        Symbol::Diamond => vec![(x, y - size), (x + size, y), (x, y + size), (x - size, y)],
        Symbol::Circle => (0..24)
            .map(|at| {
                let (sin, cos) = (at as f32 * std::f32::consts::TAU / 24.0).sin_cos();
                (x + cos * size * 0.9, y + sin * size * 0.9)
            })
            .collect(),
        Symbol::Cross => {
            let arm = size * 0.7;
            for lean in [1.0, -1.0] {
                let (from, to) = ((x - arm, y - arm * lean), (x + arm, y + arm * lean));
                flow.draw(Stroke::Line { from, to, width: 0.9, ink: Ink::Soft, dashed: false });
            }
            return;
        }
    };
    flow.draw(Stroke::Shape { rings: vec![ring], fill: Ink::Plain(mark), edge: Some((Ink::Dark, 0.5)) });
}

pub(super) fn chart(flow: &mut Flow<'_>, chart: &Chart) {
    flow.need(CHART_HEIGHT + 50.0);
    let (left, top) = (flow.left() + CHART_LEFT, flow.y + 8.0);
    let right = flow.left() + flow.content_width();
    let bottom = top + CHART_HEIGHT;
    let y_of = |share: f64| bottom - CHART_HEIGHT * share as f32;
    let step = (right - left) / chart.bars.len().max(1) as f32;
    let wide = (step * 0.7).min(48.0);
    for (at, bar) in chart.bars.iter().enumerate() {
        let middle = left + step * (at as f32 + 0.5);
        if let Some(share) = bar.share {
            let y = y_of(share);
            flow.draw(rectangle((middle - wide / 2.0, y), (wide, bottom - y), Ink::Bar, None));
            // In a short bar the value would not fit; it stands above.
            let (text_top, ink) =
                if bottom - y > 30.0 { (y + 14.0, Ink::White) } else { (y - 11.0, Ink::Dark) };
            let x = middle - flow.face(Weight::Bold).width(&bar.value, SMALL) / 2.0;
            flow.line_of_text(bar.value.clone(), (x, text_top), SMALL, Weight::Bold, ink);
        }
        let x = middle - flow.face(Weight::Regular).width(&bar.label, SMALL) / 2.0;
        flow.line_of_text(bar.label.clone(), (x, bottom + 3.0), SMALL, Weight::Regular, Ink::Dark);
    }
    for (from, to) in [((left, top), (left, bottom)), ((left, bottom), (right, bottom))] {
        flow.draw(Stroke::Line { from, to, width: 0.7, ink: Ink::Dark, dashed: false });
    }
    for (at, (share, words)) in chart.lines.iter().enumerate() {
        let y = y_of(*share);
        flow.draw(Stroke::Line {
            from: (left, y),
            to: (right, y),
            width: 0.7,
            ink: Ink::Threshold,
            dashed: true,
        });
        // The upper threshold has its words above the line and the lower one below: they may be close.
        beside_axis(flow, words, left, if at == 0 { y - 8.0 } else { y - 0.5 });
    }
    beside_axis(flow, "0%", left, bottom - 7.0);
    flow.y = bottom + 16.0;
    flow.text(&chart.caption, SMALL, Weight::Regular, Ink::Soft, 6.0);
}

fn beside_axis(flow: &mut Flow<'_>, words: &str, axis: f32, top: f32) {
    let x = axis - 4.0 - flow.face(Weight::Regular).width(words, SMALL);
    flow.line_of_text(words.to_owned(), (x, top), SMALL, Weight::Regular, Ink::Dark);
}

fn rectangle(
    (left, top): (f32, f32),
    (width, height): (f32, f32),
    fill: Ink,
    edge: Option<(Ink, f32)>,
) -> Stroke {
    let (right, bottom) = (left + width, top + height);
    Stroke::Shape {
        rings: vec![vec![(left, top), (right, top), (right, bottom), (left, bottom)]],
        fill,
        edge,
    }
}
