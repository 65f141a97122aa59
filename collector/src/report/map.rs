//! The islands of a report as shapes on a plane, marked by their standing.
//!
//! Outlines are indicative, and far too many for a page: points closer together than a printer shows are
//! left out.

use std::collections::HashMap;

use serde_json::Value;

use super::Language;
use super::compose::island_mark;
use super::document::Mark;
use super::words::island_words;
use crate::assessment::Assessment;
use crate::coverage::{IslandStanding, SiteCoverage};
use crate::region::{Outlines, Region};
use crate::registry::Point;

/// Width of every map in its own unit; the height follows.
pub(super) const WIDTH: f32 = 1_000.0;
/// Taller or flatter maps do not fit on a page.
const HEIGHT_MIN: f32 = 450.0;
const HEIGHT_MAX: f32 = 1_000.0;
/// Least distance between two points of an outline, in the map's unit: 0.1 mm on a page.
const STEP_MIN: f32 = 0.7;
/// Sea around the outermost places, degrees.
const MARGIN_DEGREES: f64 = 0.06;
/// Least width of a view, degrees: about 20 km.
const VIEW_MIN_DEGREES: f64 = 0.2;
/// More numbers than this would cover each other.
const NUMBERED_MAX: usize = 60;

#[derive(Debug)]
pub(super) struct Map {
    /// What it shows, for those who hear it.
    pub title: String,
    pub caption: String,
    pub height: f32,
    pub land: Vec<Land>,
    pub places: Vec<Place>,
    pub legend: Vec<(Mark, String)>,
}

/// One polygon with its holes, as closed rings.
#[derive(Debug)]
pub(super) struct Land {
    pub mark: Option<Mark>,
    pub rings: Vec<Vec<(f32, f32)>>,
}

/// A symbol, with its island's number in the table.
#[derive(Debug)]
pub(super) struct Place {
    pub at: (f32, f32),
    pub mark: Mark,
    pub number: Option<usize>,
}

/// `None` when the region has no outlines to draw.
pub(super) fn draw(assessment: &Assessment, region: &Region, language: Language) -> Option<Map> {
    let outlines: Value = serde_json::from_str(region.outlines(Outlines::Islands)).ok()?;
    let features = outlines["features"].as_array().filter(|features| !features.is_empty())?;
    let view = View::of(assessment, region, features)?;
    let standings: HashMap<&str, Mark> = assessment
        .islands
        .iter()
        .map(|island| (island.code.as_str(), island_mark(island.standing)))
        .chain(assessment.outside.iter().map(|island| (island.code.as_str(), Mark::Outside)))
        .collect();
    let mut land = Vec::new();
    for feature in features {
        let mark = feature["properties"]["code"].as_str().and_then(|code| standings.get(code)).copied();
        for polygon in polygons(&feature["geometry"]) {
            let rings: Vec<Vec<(f32, f32)>> = polygon.iter().filter_map(|ring| view.ring(ring)).collect();
            if !rings.is_empty() {
                land.push(Land { mark, rings });
            }
        }
    }
    let mut places = offices_of_islands(assessment, region, &view);
    places.extend(assessment.outside.iter().filter_map(|island| {
        let at = view.place(region.island(&island.code)?.point)?;
        Some(Place { at, mark: Mark::Outside, number: None })
    }));
    let title = language.pick("Peta pulau menurut penilaian", "Map of the islands by standing").to_owned();
    let caption = language.pick(
        "Nomor pada peta adalah nomor di tabel Pulau. Garis pantai bersifat indikatif.",
        "Numbers on the map are those of the table of islands. Coastlines are indicative.",
    );
    Some(Map {
        title,
        caption: caption.to_owned(),
        height: view.height,
        land,
        places,
        legend: legend(language),
    })
}

fn legend(language: Language) -> Vec<(Mark, String)> {
    let mut legend: Vec<(Mark, String)> = IslandStanding::ALL
        .iter()
        .map(|standing| (island_mark(*standing), island_words(*standing, language).to_owned()))
        .collect();
    let outside = language.pick("berpenghuni, tanpa kantor terdaftar", "populated, no registered office");
    legend.push((Mark::Outside, outside.to_owned()));
    legend
}

/// A symbol for each island in the middle of its offices.
fn offices_of_islands(assessment: &Assessment, region: &Region, view: &View) -> Vec<Place> {
    let mut sums: HashMap<&str, (f64, f64, u32)> = HashMap::new();
    for site in &assessment.sites {
        if let Some(point) = point_of(site, region) {
            let sum = sums.entry(site.site.island.as_str()).or_default();
            *sum = (sum.0 + point.latitude, sum.1 + point.longitude, sum.2 + 1);
        }
    }
    let numbered = assessment.islands.len() <= NUMBERED_MAX;
    let mut places = Vec::new();
    for (at, island) in assessment.islands.iter().enumerate() {
        let Some((latitude, longitude, count)) = sums.get(island.code.as_str()) else { continue };
        let count = f64::from(*count);
        let middle = Point { latitude: latitude / count, longitude: longitude / count };
        if let Some(on_map) = view.place(middle) {
            let number = numbered.then_some(at + 1);
            places.push(Place { at: on_map, mark: island_mark(island.standing), number });
        }
    }
    places
}

fn point_of(site: &SiteCoverage, region: &Region) -> Option<Point> {
    site.site.point.or_else(|| region.village(&site.site.village).map(|village| village.point))
}

/// What part of the world the map shows.
struct View {
    west: f64,
    north: f64,
    /// Map units a degree.
    scale: f64,
    /// How much narrower a degree of longitude is here.
    narrowing: f64,
    height: f32,
}

impl View {
    /// The whole region for a province, else the offices of the scope and what lies around them.
    fn of(assessment: &Assessment, region: &Region, features: &[Value]) -> Option<Self> {
        let mut points: Vec<Point> = if assessment.scope.code == region.code() {
            features
                .iter()
                .flat_map(|feature| polygons(&feature["geometry"]))
                .flatten()
                .filter_map(|ring| ring.as_array())
                .flatten()
                .filter_map(point)
                .collect()
        } else {
            assessment.sites.iter().filter_map(|site| point_of(site, region)).collect()
        };
        points.extend(
            assessment.outside.iter().filter_map(|island| region.island(&island.code)).map(|i| i.point),
        );
        points.retain(|point| region.contains(*point));
        let over = |of: fn(&Point) -> f64| {
            points.iter().map(of).fold(None, |bounds: Option<(f64, f64)>, value| {
                Some(bounds.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
            })
        };
        let (south, north) = widened(over(|point| point.latitude)?);
        let (west, east) = widened(over(|point| point.longitude)?);
        let narrowing = ((south + north) / 2.0).to_radians().cos();
        let wide = (east - west) * narrowing;
        let tall = north - south;
        let height = (tall / wide * f64::from(WIDTH)).clamp(f64::from(HEIGHT_MIN), f64::from(HEIGHT_MAX));
        let scale = (f64::from(WIDTH) / wide).min(height / tall);
        // What is left over on one side becomes sea on both.
        let west = west - (f64::from(WIDTH) / scale - wide) / 2.0 / narrowing;
        let north = north + (height / scale - tall) / 2.0;
        Some(Self { west, north, scale, narrowing, height: height as f32 })
    }

    fn on_map(&self, point: Point) -> (f32, f32) {
        let x = (point.longitude - self.west) * self.narrowing * self.scale;
        let y = (self.north - point.latitude) * self.scale;
        (tenths(x), tenths(y))
    }

    fn place(&self, point: Point) -> Option<(f32, f32)> {
        let (x, y) = self.on_map(point);
        ((0.0..=WIDTH).contains(&x) && (0.0..=self.height).contains(&y)).then_some((x, y))
    }

    /// A closed ring, or `None` when it lies outside the map or is too small to be seen.
    fn ring(&self, ring: &Value) -> Option<Vec<(f32, f32)>> {
        let mut kept: Vec<(f32, f32)> = Vec::new();
        let (mut inside, mut extent) = (false, 0.0_f32);
        for point in ring.as_array()?.iter().filter_map(point) {
            let (x, y) = self.on_map(point);
            inside |= (0.0..=WIDTH).contains(&x) && (0.0..=self.height).contains(&y);
            let Some(&(last_x, last_y)) = kept.last() else {
                kept.push((x, y));
                continue;
            };
            let (first_x, first_y) = kept[0];
            extent = extent.max((x - first_x).abs() + (y - first_y).abs());
            if (x - last_x).abs() + (y - last_y).abs() >= STEP_MIN {
                kept.push((x, y));
            }
        }
        (inside && extent >= STEP_MIN && kept.len() >= 3).then_some(kept)
    }
}

fn widened((low, high): (f64, f64)) -> (f64, f64) {
    let missing = (VIEW_MIN_DEGREES - (high - low)).max(0.0) / 2.0 + MARGIN_DEGREES;
    (low - missing, high + missing)
}

/// One decimal is below what a printer shows, and keeps the file small.
fn tenths(value: f64) -> f32 {
    ((value * 10.0).round() / 10.0) as f32
}

/// Rings of each polygon of a GeoJSON geometry.
fn polygons(geometry: &Value) -> Vec<&Vec<Value>> {
    let coordinates = &geometry["coordinates"];
    match geometry["type"].as_str() {
        Some("Polygon") => coordinates.as_array().into_iter().collect(),
        Some("MultiPolygon") => {
            coordinates.as_array().into_iter().flatten().filter_map(Value::as_array).collect()
        }
        _ => Vec::new(),
    }
}

fn point(value: &Value) -> Option<Point> {
    Some(Point { longitude: value.get(0)?.as_f64()?, latitude: value.get(1)?.as_f64()? })
}
