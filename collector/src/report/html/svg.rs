//! Maps, charts and marks as SVG inside the page. A standing is a colour, a pattern or shape, and words.

use super::super::document::{Chart, Mark, Symbol};
use super::super::map::{Map, WIDTH};
use super::escaped;

const CHART_WIDTH: f64 = 900.0;
const CHART_HEIGHT: f64 = 300.0;
/// Room left, above and below the bars.
const LEFT: f64 = 60.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 30.0;

/// Fills that stay apart on a grey printer; defined once, used by every picture.
pub(super) fn patterns() -> String {
    let mut defs = String::from(
        "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>\n",
    );
    for mark in Mark::ALL {
        let lines = match mark {
            Mark::Unreliable => {
                "<path d=\"M0 8L8 0M-2 2L2 -2M6 10L10 6\" stroke=\"#fff\" stroke-width=\"1.4\"/>"
            }
            Mark::Limited => "<circle cx=\"4\" cy=\"4\" r=\"1.4\" fill=\"#16202a\"/>",
            Mark::Reliable => "",
            Mark::Unknown => "<path d=\"M0 4H8\" stroke=\"#8a949c\" stroke-width=\"1\"/>",
            Mark::Outside => "<path d=\"M4 0V8\" stroke=\"#a4adb4\" stroke-width=\"1\"/>",
        };
        defs.push_str(&format!(
            "<pattern id=\"p-{}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"8\" height=\"8\" fill=\"{}\"/>{lines}</pattern>\n",
            mark.key(),
            hex(mark.colour()),
        ));
    }
    defs.push_str("</defs></svg>\n");
    defs
}

pub(super) fn map(page: &mut String, map: &Map) {
    let title = escaped(&map.title);
    page.push_str(&format!(
        "<figure class=\"map\">\n<svg class=\"sea\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n",
        map.height
    ));
    for land in &map.land {
        let fill = land.mark.map_or("#e8e4da".to_owned(), |mark| format!("url(#p-{})", mark.key()));
        page.push_str("<path d=\"");
        for ring in &land.rings {
            for (at, (x, y)) in ring.iter().enumerate() {
                page.push_str(&format!("{}{x} {y}", if at == 0 { 'M' } else { 'L' }));
            }
            page.push('Z');
        }
        page.push_str(&format!(
            "\" fill=\"{fill}\" fill-rule=\"evenodd\" stroke=\"#44505b\" stroke-width=\".8\"/>\n"
        ));
    }
    for place in &map.places {
        page.push_str(&symbol(place.mark, place.at, 9.0));
        if let Some(number) = place.number {
            let (x, y) = place.at;
            page.push_str(&format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"20\" font-weight=\"bold\" stroke=\"#fff\" \
                 stroke-width=\"4\" paint-order=\"stroke\">{number}</text>\n",
                x + 13.0,
                y + 7.0
            ));
        }
    }
    page.push_str("</svg>\n<ul class=\"legend\">\n");
    for (mark, words) in &map.legend {
        page.push_str(&format!("<li>{} {}</li>\n", swatch(*mark), escaped(words)));
    }
    page.push_str(&format!("</ul>\n<figcaption>{}</figcaption>\n</figure>\n", escaped(&map.caption)));
}

/// A piece of the pattern with the symbol on it, as in a legend.
fn swatch(mark: Mark) -> String {
    format!(
        "<svg class=\"mark\" viewBox=\"0 0 48 24\" aria-hidden=\"true\">\
         <rect x=\".5\" y=\".5\" width=\"47\" height=\"23\" fill=\"url(#p-{})\" stroke=\"#44505b\"/>{}</svg>",
        mark.key(),
        symbol(mark, (24.0, 12.0), 8.0)
    )
}

pub(super) fn inline_symbol(mark: Mark) -> String {
    format!(
        "<svg class=\"mark\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">{}</svg>",
        symbol(mark, (12.0, 12.0), 9.0)
    )
}

fn symbol(mark: Mark, (x, y): (f32, f32), size: f32) -> String {
    let fill = hex(mark.colour());
    let style = format!("fill=\"{fill}\" stroke=\"#16202a\" stroke-width=\"1.6\"");
    let (left, right, top, bottom) = (x - size, x + size, y - size, y + size);
    match mark.symbol() {
        Symbol::Triangle => {
            format!("<path d=\"M{x:.1} {top:.1}L{right:.1} {bottom:.1}H{left:.1}Z\" {style}/>")
        }
        Symbol::Diamond => {
            format!(
                "<path d=\"M{x:.1} {top:.1}L{right:.1} {y:.1}L{x:.1} {bottom:.1}L{left:.1} {y:.1}Z\" {style}/>"
            )
        }
        Symbol::Circle => {
            format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" {style}/>", size * 0.9)
        }
        Symbol::Cross => {
            let arm = size * 0.6;
            format!(
                "<path d=\"M{:.1} {:.1}L{:.1} {:.1}M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#44505b\" stroke-width=\"2.4\"/>",
                x - arm,
                y - arm,
                x + arm,
                y + arm,
                x - arm,
                y + arm,
                x + arm,
                y - arm
            )
        }
    }
}

pub(super) fn chart(page: &mut String, chart: &Chart) {
    let caption = escaped(&chart.caption);
    let inner = CHART_HEIGHT - TOP - BOTTOM;
    let y_of = |share: f64| TOP + inner * (1.0 - share);
    page.push_str(&format!(
        "<figure>\n<svg viewBox=\"0 0 {CHART_WIDTH} {CHART_HEIGHT}\" role=\"img\" aria-label=\"{caption}\" font-size=\"13\" text-anchor=\"middle\">\n"
    ));
    let step = (CHART_WIDTH - LEFT) / chart.bars.len().max(1) as f64;
    let wide = (step * 0.7).min(70.0);
    for (at, bar) in chart.bars.iter().enumerate() {
        let middle = LEFT + step * (at as f64 + 0.5);
        if let Some(share) = bar.share {
            let y = y_of(share);
            let (left, high) = (middle - wide / 2.0, TOP + inner - y);
            page.push_str(&format!(
                "<rect x=\"{left:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\" fill=\"#2f7fb8\"/>\n"
            ));
            // In a short bar the value would not fit; it stands above.
            let (at, ink) = if high > 50.0 { (y + 34.0, "#fff") } else { (y - 6.0, "#16202a") };
            let value = escaped(&bar.value);
            page.push_str(&format!(
                "<text x=\"{middle:.1}\" y=\"{at:.1}\" fill=\"{ink}\" font-weight=\"bold\">{value}</text>\n"
            ));
        }
        page.push_str(&format!(
            "<text x=\"{middle:.1}\" y=\"{:.1}\">{}</text>\n",
            CHART_HEIGHT - 10.0,
            escaped(&bar.label)
        ));
    }
    let base = TOP + inner;
    page.push_str(&format!(
        "<path d=\"M{LEFT} {TOP}V{base}H{CHART_WIDTH}\" fill=\"none\" stroke=\"#16202a\"/>\n\
         <text x=\"{:.0}\" y=\"{base}\" text-anchor=\"end\">0%</text>\n",
        LEFT - 6.0
    ));
    for (at, (share, words)) in chart.lines.iter().enumerate() {
        let y = y_of(*share);
        // The upper threshold has its words above the line and the lower one below: they may be close.
        let text_y = if at == 0 { y - 2.0 } else { y + 12.0 };
        page.push_str(&format!(
            "<path d=\"M{LEFT} {y:.1}H{CHART_WIDTH}\" stroke=\"#9e1b1b\" stroke-dasharray=\"6 4\"/>\n\
             <text x=\"{:.0}\" y=\"{text_y:.1}\" text-anchor=\"end\">{}</text>\n",
            LEFT - 6.0,
            escaped(words)
        ));
    }
    page.push_str(&format!("</svg>\n<figcaption>{caption}</figcaption>\n</figure>\n"));
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
