//! The files of a region in a directory, for provinces that are not built in.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RegionError;
use super::read::{RegionFiles, rows};

/// Outlines of the villages of the largest province are smaller.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The texts of a region's files, as a directory holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionTexts {
    pub code: String,
    pub name: String,
    /// Who counted the people, and when.
    pub population_source: String,
    regencies: String,
    districts: String,
    villages: String,
    islands: String,
    usual_names: String,
    island_outlines: String,
    regency_outlines: String,
    district_outlines: String,
    village_outlines: String,
}

impl RegionTexts {
    /// Reads `province.csv` (code, name, population_source), `regencies.csv`, `districts.csv`, `villages.csv`,
    /// `islands.csv` and, where there are any, `usual-names.csv` and the outlines `*.geojson`.
    pub fn read(dir: &Path) -> Result<Self, RegionError> {
        let needed = |file: &'static str, name: &str| {
            text(dir, file, name)?.ok_or_else(|| RegionError {
                file,
                row: 0,
                problem: format!("{} is not there", dir.join(name).display()),
            })
        };
        let optional = |file: &'static str, name: &str| Ok(text(dir, file, name)?.unwrap_or_default());
        let province = needed("province", "province.csv")?;
        let names = rows("province", &province, |row| {
            Ok(["code", "name", "population_source"].map(|column| row.text(column).map(str::to_owned)))
        })?;
        let [names] = <[_; 1]>::try_from(names).map_err(|rows| RegionError {
            file: "province",
            row: 0,
            problem: format!("one row under the header, found {}", rows.len()),
        })?;
        let [code, name, population_source] = names;
        Ok(Self {
            code: code?,
            name: name?,
            population_source: population_source?,
            regencies: needed("regencies", "regencies.csv")?,
            districts: needed("districts", "districts.csv")?,
            villages: needed("villages", "villages.csv")?,
            islands: needed("islands", "islands.csv")?,
            usual_names: match optional("usual names", "usual-names.csv")? {
                none if none.is_empty() => "island_code,island_usual_names\n".to_owned(),
                names => names,
            },
            island_outlines: optional("island outlines", "islands.geojson")?,
            regency_outlines: optional("regency outlines", "regencies.geojson")?,
            district_outlines: optional("district outlines", "districts.geojson")?,
            village_outlines: optional("village outlines", "villages.geojson")?,
        })
    }

    pub fn files(&self) -> RegionFiles<'_> {
        RegionFiles {
            code: &self.code,
            name: &self.name,
            population_source: [&self.population_source; 2],
            regencies: &self.regencies,
            districts: &self.districts,
            villages: &self.villages,
            islands: &self.islands,
            usual_names: &self.usual_names,
            island_outlines: &self.island_outlines,
            regency_outlines: &self.regency_outlines,
            district_outlines: &self.district_outlines,
            village_outlines: &self.village_outlines,
        }
    }
}

/// `None` where there is no such file.
fn text(dir: &Path, file: &'static str, name: &str) -> Result<Option<String>, RegionError> {
    let path = dir.join(name);
    let wrong =
        |problem: String| RegionError { file, row: 0, problem: format!("{} {problem}", path.display()) };
    let size = match path.metadata() {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(format!("cannot be read: {error}"))),
    };
    if size > FILE_BYTES_MAX {
        return Err(wrong(format!("has {size} bytes; at most {FILE_BYTES_MAX} are read")));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    Ok(Some(text.trim_start_matches('\u{feff}').to_owned()))
}
