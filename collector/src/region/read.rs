//! Reads a region from its CSV files, and names file and row of what is wrong.

use std::collections::HashMap;

use super::{District, Island, MARGIN_DEGREES, Regency, Region, Village, VillageKind};
use crate::registry::Point;

/// The texts of a region's files.
#[derive(Debug, Clone, Copy)]
pub struct RegionFiles<'a> {
    pub code: &'a str,
    pub name: &'a str,
    /// Who counted the people and when, in Indonesian and English.
    pub population_source: [&'a str; 2],
    pub regencies: &'a str,
    pub districts: &'a str,
    pub villages: &'a str,
    pub islands: &'a str,
    /// Usual names of islands with a village seat.
    pub usual_names: &'a str,
    pub island_outlines: &'a str,
    pub regency_outlines: &'a str,
    pub district_outlines: &'a str,
    pub village_outlines: &'a str,
}

/// What is wrong with a region's file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("region file {file}{}: {problem}", of_row(*.row))]
pub struct RegionError {
    pub file: &'static str,
    /// Counted as an editor does: the header is row 1. Zero when the whole file is meant.
    pub row: u64,
    pub problem: String,
}

fn of_row(row: u64) -> String {
    if row == 0 { String::new() } else { format!(", row {row}") }
}

/// One row with its column names.
pub(super) struct Row<'a> {
    file: &'static str,
    row: u64,
    header: &'a csv::StringRecord,
    fields: &'a csv::StringRecord,
}

impl Row<'_> {
    fn wrong(&self, problem: String) -> RegionError {
        RegionError { file: self.file, row: self.row, problem }
    }

    pub(super) fn text(&self, column: &str) -> Result<&str, RegionError> {
        self.header
            .iter()
            .position(|name| name == column)
            .and_then(|at| self.fields.get(at))
            .map(str::trim)
            .ok_or_else(|| self.wrong(format!("there is no column {column}")))
    }

    fn number<T: std::str::FromStr>(&self, column: &str) -> Result<T, RegionError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| self.wrong(format!("{column}: a number, found {text:?}")))
    }

    fn optional<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>, RegionError> {
        if self.text(column)?.is_empty() { Ok(None) } else { self.number(column).map(Some) }
    }

    fn point(&self) -> Result<Point, RegionError> {
        Ok(Point { latitude: self.number("lat")?, longitude: self.number("lon")? })
    }
}

pub(super) fn rows<T>(
    file: &'static str,
    text: &str,
    mut read: impl FnMut(&Row<'_>) -> Result<T, RegionError>,
) -> Result<Vec<T>, RegionError> {
    let broken = |row, error: csv::Error| RegionError { file, row, problem: error.to_string() };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| broken(1, error))?.clone();
    (2..)
        .zip(reader.records())
        .map(|(row, fields)| {
            let fields = fields.map_err(|error| broken(row, error))?;
            read(&Row { file, row, header: &header, fields: &fields })
        })
        .collect()
}

impl Region {
    /// Reads a region; the first mistake is told with its file and row.
    pub fn read(files: &RegionFiles<'_>) -> Result<Self, RegionError> {
        let mut seen = Seen::default();
        let mut regencies = rows("regencies", files.regencies, |row| {
            seen.once(row, "kemendagri_code", "")?;
            let code = row.text("kemendagri_code")?;
            if code.strip_prefix(files.code).is_none_or(|rest| !rest.starts_with('.')) {
                return Err(row.wrong(format!("kemendagri_code {code} is not in province {}", files.code)));
            }
            Ok(Regency {
                code: code.to_owned(),
                bps_code: row.text("bps_code")?.to_owned(),
                name: row.text("name")?.to_owned(),
                population: row.number("population")?,
            })
        })?;
        regencies.sort_by(|a, b| a.code.cmp(&b.code));
        let mut seen = Seen::default();
        let mut districts = rows("districts", files.districts, |row| {
            seen.once(row, "code", "")?;
            let regency_code = row.text("regency_code")?.to_owned();
            if !regencies.iter().any(|regency| regency.code == regency_code) {
                return Err(row.wrong(format!("regency_code {regency_code:?} is in no regency file")));
            }
            Ok(District {
                code: row.text("code")?.to_owned(),
                name: row.text("name")?.to_owned(),
                regency_code,
            })
        })?;
        districts.sort_by(|a, b| a.code.cmp(&b.code));
        let usual: HashMap<String, Vec<String>> = rows("usual names", files.usual_names, |row| {
            // A remark in brackets says where a name is used; it is no part of it.
            let plain = |name: &str| name.split('(').next().unwrap_or_default().trim().to_owned();
            let names = row.text("island_usual_names")?.split(';').map(plain);
            Ok((row.text("island_code")?.to_owned(), names.filter(|name| !name.is_empty()).collect()))
        })?
        .into_iter()
        .collect();
        let mut seen = Seen::default();
        let mut islands = rows("islands", files.islands, |row| {
            seen.once(row, "code", "")?;
            read_island(row, &usual)
        })?;
        islands.sort_by(|a, b| a.code.cmp(&b.code));
        let island_at = index(islands.iter().map(|island| &island.code));
        let district_at = index(districts.iter().map(|district| &district.code));
        let mut seen = Seen::default();
        let mut villages = rows("villages", files.villages, |row| {
            let village = read_village(row)?;
            seen.once(row, "code", &village.island_code)?;
            if !district_at.contains_key(&village.district_code) {
                return Err(
                    row.wrong(format!("district_code {:?} is in no district file", village.district_code))
                );
            }
            if !island_at.contains_key(&village.island_code) {
                return Err(row.wrong(format!("island_code {:?} is in no island file", village.island_code)));
            }
            Ok(village)
        })?;
        villages.sort_by(|a, b| a.code.cmp(&b.code));
        let village_at = index(villages.iter().map(|village| &village.code));
        let points = villages.iter().map(|v| v.point).chain(islands.iter().map(|i| i.point));
        let bounds = bounds(points).ok_or(RegionError {
            file: "villages",
            row: 0,
            problem: "not one village and not one island".to_owned(),
        })?;
        let outlines =
            [files.island_outlines, files.regency_outlines, files.district_outlines, files.village_outlines];
        Ok(Self {
            code: files.code.to_owned(),
            name: files.name.to_owned(),
            population_source: files.population_source.map(str::to_owned),
            regencies,
            districts,
            villages,
            islands,
            district_at,
            village_at,
            island_at,
            bounds,
            outlines: outlines.map(str::to_owned),
        })
    }
}

fn read_village(row: &Row<'_>) -> Result<Village, RegionError> {
    let kind = match row.text("kind")? {
        "desa" => VillageKind::Desa,
        "kelurahan" => VillageKind::Kelurahan,
        other => return Err(row.wrong(format!("kind: desa or kelurahan, found {other:?}"))),
    };
    let village = Village {
        code: row.text("code")?.to_owned(),
        name: row.text("name")?.to_owned(),
        kind,
        district_code: row.text("district_code")?.to_owned(),
        regency_code: row.text("regency_code")?.to_owned(),
        island_code: row.text("island_code")?.to_owned(),
        point: row.point()?,
    };
    if !village.code.starts_with(&village.district_code) {
        return Err(row.wrong(format!("code {} is not in district {}", village.code, village.district_code)));
    }
    Ok(village)
}

fn read_island(row: &Row<'_>, usual: &HashMap<String, Vec<String>>) -> Result<Island, RegionError> {
    let code = row.text("code")?.to_owned();
    let host = row.text("host_village_code")?;
    let populated = match row.text("populated")? {
        "1" => true,
        "0" => false,
        other => return Err(row.wrong(format!("populated: 0 or 1, found {other:?}"))),
    };
    Ok(Island {
        name: row.text("name")?.to_owned(),
        usual_names: usual.get(&code).cloned().unwrap_or_default(),
        code,
        regency_code: row.text("regency_code")?.to_owned(),
        point: row.point()?,
        populated,
        area_km2: row.optional("area_km2_listed")?,
        host_village: (!host.is_empty()).then(|| host.to_owned()),
        village_seats: row.number("village_seats_on_island")?,
    })
}

/// Codes of a file so far: in which row each stands, and on which island.
#[derive(Default)]
struct Seen(HashMap<String, (u64, String)>);

impl Seen {
    fn once(&mut self, row: &Row<'_>, column: &str, island: &str) -> Result<(), RegionError> {
        let code = row.text(column)?;
        let Some((before, other)) = self.0.insert(code.to_owned(), (row.row, island.to_owned())) else {
            return Ok(());
        };
        Err(row.wrong(if other == island {
            format!("{column} {code} stands in row {before} already")
        } else {
            format!(
                "village {code} is on island {island} here and on {other} in row {before}; it has one seat"
            )
        }))
    }
}

fn index<'a>(codes: impl Iterator<Item = &'a String>) -> HashMap<String, usize> {
    codes.enumerate().map(|(at, code)| (code.clone(), at)).collect()
}

fn bounds(points: impl Iterator<Item = Point>) -> Option<(Point, Point)> {
    points
        .map(|point| (point, point))
        .reduce(|(low, high), (point, _)| {
            let low = Point {
                latitude: low.latitude.min(point.latitude),
                longitude: low.longitude.min(point.longitude),
            };
            let high = Point {
                latitude: high.latitude.max(point.latitude),
                longitude: high.longitude.max(point.longitude),
            };
            (low, high)
        })
        .map(|(low, high)| {
            let moved = |point: Point, by: f64| Point {
                latitude: point.latitude + by,
                longitude: point.longitude + by,
            };
            (moved(low, -MARGIN_DEGREES), moved(high, MARGIN_DEGREES))
        })
}
