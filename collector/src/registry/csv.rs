//! Sites from a CSV file: every mistake is told with its row and column, and nothing is taken halfway.
//!
//! The first row names the columns, in any order: [`super::fields::FIELDS`]. Only `village` must be
//! there; what else is missing or empty follows from the village or is the default. Commas or semicolons
//! separate, whichever the header uses; a byte order mark and decimal commas are tolerated, because
//! spreadsheets write them.

use std::collections::HashMap;
use std::fmt;

use super::Site;
use super::fields::{self, FIELDS};
use crate::region::Region;

/// Largest file, in bytes: a country of sites is a tenth of it.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most mistakes that are told; more of them are usually one mistake.
const PROBLEMS_MAX: usize = 50;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// As an editor counts: the header is row 1.
    pub row: u64,
    /// Empty when the whole row is meant.
    pub column: String,
    pub problem: String,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, column, problem } = self;
        if column.is_empty() {
            write!(f, "row {row}: {problem}")
        } else {
            write!(f, "row {row}, {column}: {problem}")
        }
    }
}

/// Why a file was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportError {
    /// At least one, ascending by row.
    pub problems: Vec<RowProblem>,
    /// More mistakes than are told.
    pub untold: usize,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            let lead = if at == 0 { "" } else { "\n" };
            write!(f, "{lead}{problem}")?;
        }
        if self.untold > 0 {
            write!(f, "\nand {} more", self.untold)?;
        }
        Ok(())
    }
}

impl std::error::Error for ImportError {}

/// Reads all sites of a file, or tells all mistakes.
pub fn read(text: &str, region: &Region) -> Result<Vec<Site>, ImportError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut problems = Vec::new();
    let mut sites = Vec::new();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(header) => columns(header, &mut problems),
        Err(error) => {
            problems.push(RowProblem { row: 1, column: String::new(), problem: error.to_string() });
            Vec::new()
        }
    };
    if problems.is_empty() {
        let mut first_rows: HashMap<String, u64> = HashMap::new();
        for record in reader.records() {
            match record {
                Err(error) => {
                    let row = error.position().map_or(0, csv::Position::line);
                    problems.push(RowProblem { row, column: String::new(), problem: error.to_string() });
                }
                Ok(record) if record.iter().all(str::is_empty) => {}
                Ok(record) => {
                    let row = record.position().map_or(0, csv::Position::line);
                    let told = problems.len();
                    let mut tell = |column: &str, problem: String| {
                        problems.push(RowProblem { row, column: column.to_owned(), problem });
                    };
                    let site = read_row(&columns, &record, region, &mut tell);
                    if let Some(site) = site {
                        if let Some(first) = first_rows.get(site.code.as_str()) {
                            tell(
                                "code",
                                format!("{} stands in row {first} already; a code is used once", site.code),
                            );
                        } else {
                            first_rows.insert(site.code.to_string(), row);
                        }
                        if problems.len() == told {
                            sites.push(site);
                        }
                    }
                }
            }
        }
        if problems.is_empty() && sites.is_empty() {
            problems.push(RowProblem {
                row: 2,
                column: String::new(),
                problem: "there is no site below the header".to_owned(),
            });
        }
    }
    if problems.is_empty() {
        return Ok(sites);
    }
    let untold = problems.len().saturating_sub(PROBLEMS_MAX);
    problems.truncate(PROBLEMS_MAX);
    Err(ImportError { problems, untold })
}

/// The header decides: it holds no text that could contain the other mark.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or_default();
    let count = |mark: char| header.matches(mark).count();
    if count(';') > count(',') { b';' } else { b',' }
}

/// The field of each column; an unknown, doubled or missing one is a mistake of row 1.
fn columns(header: &csv::StringRecord, problems: &mut Vec<RowProblem>) -> Vec<&'static str> {
    let mut columns: Vec<&'static str> = Vec::new();
    let mut tell = |column: &str, problem: String| {
        problems.push(RowProblem { row: 1, column: column.to_owned(), problem });
    };
    for name in header {
        match FIELDS.iter().find(|field| field.eq_ignore_ascii_case(name)) {
            None => tell(name, format!("there is no such column; columns are {}", FIELDS.join(", "))),
            Some(field) if columns.contains(field) => tell(name, "this column stands there twice".to_owned()),
            Some(field) => columns.push(field),
        }
    }
    if !columns.contains(&"village") {
        tell("village", "this column is missing; it holds the Kemendagri code of the village".to_owned());
    }
    columns
}

/// `None` when the row's village is unknown: then nothing else about it can be said.
fn read_row(
    columns: &[&'static str],
    record: &csv::StringRecord,
    region: &Region,
    tell: &mut impl FnMut(&str, String),
) -> Option<Site> {
    if record.len() != columns.len() {
        tell("", format!("{} cells, the header has {}", record.len(), columns.len()));
        return None;
    }
    let cell = |field: &str| {
        columns.iter().position(|column| *column == field).and_then(|at| record.get(at)).unwrap_or_default()
    };
    let village = cell("village");
    let code = if cell("code").is_empty() { village } else { cell("code") };
    let mut site = match fields::site_of_village(code, village, region) {
        Ok(site) => site,
        Err(problem) => {
            let column = if region.village(village).is_some() { "code" } else { "village" };
            tell(column, problem);
            return None;
        }
    };
    let mut sound = true;
    for field in columns.iter().filter(|field| !matches!(**field, "code" | "village")) {
        let text = cell(field);
        if text.is_empty() {
            continue;
        }
        if let Err(problem) = fields::set(&mut site, field, text, region) {
            tell(field, problem);
            sound = false;
        }
    }
    match (cell("latitude").is_empty(), cell("longitude").is_empty()) {
        (true, false) => tell("latitude", "a longitude stands there without a latitude".to_owned()),
        (false, true) => tell("longitude", "a latitude stands there without a longitude".to_owned()),
        _ if sound => {
            if let Err(problem) = fields::check(&site, region) {
                tell("latitude", problem);
            }
        }
        _ => {}
    }
    Some(site)
}

/// Sites as a file for programs that [`read`] takes back unchanged.
pub fn write(sites: &[Site]) -> String {
    written(csv::Writer::from_writer(Vec::new()), sites, fields::text_of)
}

/// The same as a spreadsheet in Indonesia opens it right: byte order mark, semicolons, decimal commas.
pub fn write_for_spreadsheets(sites: &[Site]) -> String {
    let writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(csv::Terminator::CRLF)
        .from_writer("\u{feff}".as_bytes().to_vec());
    written(writer, sites, |site, field| {
        let text = fields::text_of(site, field);
        if fields::DECIMAL_FIELDS.contains(&field) { text.replace('.', ",") } else { text }
    })
}

fn written(
    mut writer: csv::Writer<Vec<u8>>,
    sites: &[Site],
    text_of: impl Fn(&Site, &str) -> String,
) -> String {
    let rows = std::iter::once(FIELDS.map(str::to_owned))
        .chain(sites.iter().map(|site| FIELDS.map(|field| text_of(site, field))));
    for row in rows {
        writer.write_record(&row).expect("writing to memory does not fail and all rows are equally long");
    }
    let bytes = writer.into_inner().expect("writing to memory does not fail");
    String::from_utf8(bytes).expect("only text was written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::builtin;
    use crate::registry::LinkKind;

    fn import(text: &str) -> Result<Vec<Site>, ImportError> {
        read(text, builtin("19").expect("built in"))
    }

    fn mistakes(text: &str) -> String {
        import(text).expect_err("mistakes").to_string()
    }

    #[test]
    fn a_village_code_alone_makes_an_office() {
        let sites = import("village\n19.02.03.2001\n\n19.02.03.2002\n").expect("sound");
        assert_eq!(sites.len(), 2);
        assert_eq!(sites[1].code.as_str(), "19.02.03.2002");
    }

    #[test]
    fn a_spreadsheets_semicolons_byte_order_mark_and_decimal_commas_are_tolerated() {
        let text = "\u{feff}Code;Village;Latitude;Longitude;Link;Provider\r\na;19.02.03.2001;-2,84;107,42;geo_satellite;\"PT; Satu\"\r\n";
        let sites = import(text).expect("sound");
        assert_eq!(sites[0].point.map(|point| (point.latitude, point.longitude)), Some((-2.84, 107.42)));
        assert_eq!((sites[0].link, sites[0].provider.as_str()), (LinkKind::GeoSatellite, "PT; Satu"));
    }

    #[test]
    fn every_mistake_is_told_with_row_and_column_and_nothing_is_taken() {
        let text = "code,village,latitude,longitude,link,hours,allowance_mib\n\
                    a,19.02.03.2001,,,fiber,,\n\
                    b,19.99.99.2001,,,,,\n\
                    a,19.02.03.2002,,,,,\n\
                    c,19.02.03.2002,107.4,-2.8,,,\n\
                    d,19.02.03.2002,-6.2,106.8,laser,daily,lots\n\
                    e,19.02.03.2002,-2.8,,,,\n\
                    f g,19.02.03.2002,,,,,\n\
                    h,19.02.03.2002\n";
        let told = mistakes(text);
        for line in [
            "row 3, village: no village has the code \"19.99.99.2001\"",
            "row 4, code: a stands in row 2 already",
            "row 5, latitude: 107.4, -2.8 is outside",
            "; latitude and longitude look swapped",
            "row 6, link: one of fiber, radio",
            "row 6, hours: \"daily\" are no hours",
            "row 6, allowance_mib: whole MiB",
            "row 7, longitude: a latitude stands there without a longitude",
            "row 8, code: a site code has 1 to 40 characters",
            "row 9: 2 cells, the header has 7",
        ] {
            assert!(told.contains(line), "{line} in\n{told}");
        }
        assert!(!told.lines().any(|line| line.starts_with("row 2")), "{told}");
    }

    #[test]
    fn a_point_outside_the_province_is_told_with_its_bounds_and_a_swap_is_guessed() {
        let outside = mistakes("village,latitude,longitude\n19.02.03.2001,-6.2,106.8\n");
        assert!(
            outside.contains("row 2, latitude: -6.2, 106.8 is outside Kepulauan Bangka Belitung"),
            "{outside}"
        );
        assert!(!outside.contains("swapped"));
    }

    #[test]
    fn a_wrong_header_is_told_before_any_row() {
        let told = mistakes("kode,desa,village,village\na,b,c,d\n");
        assert!(told.starts_with("row 1, kode: there is no such column; columns are code, name"), "{told}");
        assert!(told.contains("row 1, village: this column stands there twice"), "{told}");
        assert!(mistakes("code\na\n").contains("row 1, village: this column is missing"));
        assert!(mistakes("village\n").contains("no site below the header"));
        assert!(mistakes("").contains("village"));
    }

    #[test]
    fn a_written_list_is_read_back_unchanged() {
        let text = "code,village,latitude,longitude,link,hours,power_hours,measured_from\n\
                    a,19.02.03.2001,-2.84,107.42,geo_satellite,always,mon-sun 18:00-06:00,2026-07-01\n";
        let sites = import(text).expect("sound");
        assert_eq!(import(&write(&sites)).as_ref(), Ok(&sites));
        let text = write_for_spreadsheets(&sites);
        assert!(text.starts_with("\u{feff}code;name;") && text.contains(";-2,84;107,42;"), "{text}");
        assert_eq!(import(&text), Ok(sites));
    }

    #[test]
    fn the_shipped_example_is_imported_without_a_mistake() {
        let sites = import(include_str!("../../../deploy/examples/sites.csv")).expect("sound");
        assert_eq!(sites.len(), 4);
        assert!(sites.iter().any(|site| site.power_hours.is_some()));
    }

    #[test]
    fn a_flood_of_mistakes_is_cut() {
        let text = format!("village\n{}", "x\n".repeat(200));
        let error = import(&text).expect_err("mistakes");
        assert_eq!((error.problems.len(), error.untold), (PROBLEMS_MAX, 150));
    }
}
