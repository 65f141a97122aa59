//! A site's fields as text: one reader for CSV cells and for `site set CODE key=value`.

use suar_wire::SiteCode;

use super::{LinkKind, Papers, Point, Site, SiteKind};
use crate::calendar::OfficeHours;
use crate::region::Region;

/// Names of the fields, in the order of a CSV file.
pub const FIELDS: [&str; 21] = [
    "code",
    "name",
    "kind",
    "village",
    "island",
    "latitude",
    "longitude",
    "link",
    "provider",
    "time_zone",
    "hours",
    "power_hours",
    "allowance_mib",
    "metered",
    "subscribed_download_mbps",
    "subscribed_upload_mbps",
    "measured_from",
    "contract",
    "power_source",
    "power_stated",
    "contact",
];
/// Those with a decimal mark.
pub const DECIMAL_FIELDS: [&str; 4] =
    ["latitude", "longitude", "subscribed_download_mbps", "subscribed_upload_mbps"];
/// Longest name of a site or a provider, in characters.
const NAME_CHARS_MAX: usize = 120;
/// A month of 100 Mbit/s; more is a typing mistake.
const ALLOWANCE_MIB_MAX: u32 = 32_000_000;
/// No office has a faster line.
const SUBSCRIBED_MBPS_MAX: f64 = 10_000.0;

const KINDS: [(&str, SiteKind); 5] = [
    ("village_office", SiteKind::VillageOffice),
    ("school", SiteKind::School),
    ("health_post", SiteKind::HealthPost),
    ("hamlet", SiteKind::Hamlet),
    ("other", SiteKind::Other),
];
const LINKS: [(&str, LinkKind); 6] = [
    ("fiber", LinkKind::Fiber),
    ("radio", LinkKind::Radio),
    ("cellular", LinkKind::Cellular),
    ("leo_satellite", LinkKind::LeoSatellite),
    ("geo_satellite", LinkKind::GeoSatellite),
    ("unknown", LinkKind::Unknown),
];

/// A village's office with everything that follows from the village's code.
pub fn site_of_village(code: &str, village: &str, region: &Region) -> Result<Site, String> {
    let known = village_of(village, region)?;
    Ok(Site {
        code: code.parse::<SiteCode>().map_err(|error| error.to_string())?,
        name: known.office_name(),
        kind: SiteKind::VillageOffice,
        village: known.code.clone(),
        island: known.island_code.clone(),
        point: Some(known.point),
        link: LinkKind::Unknown,
        provider: String::new(),
        time_zone: region.time_zone(),
        hours: OfficeHours::standard(),
        power_hours: None,
        allowance_mib: None,
        metered: None,
        subscribed_download_kbps: None,
        subscribed_upload_kbps: None,
        measured_from: None,
        papers: Papers::default(),
    })
}

/// Sets one field from text; an empty text takes an optional field away. The error says what would be right.
pub fn set(site: &mut Site, field: &str, text: &str, region: &Region) -> Result<(), String> {
    let text = text.trim();
    match field {
        "code" if text == site.code.as_str() => {}
        "code" => return Err("the code of a site cannot change; add a new site".to_owned()),
        "name" if text.is_empty() => return Err("a site needs a name".to_owned()),
        "name" => site.name = short(text)?,
        "provider" => site.provider = short(text)?,
        "kind" => site.kind = one_of(&KINDS, text)?,
        "link" => site.link = one_of(&LINKS, text)?,
        "village" => {
            let known = village_of(text, region)?;
            site.village = known.code.clone();
            site.island = known.island_code.clone();
        }
        "island" => {
            let known = region.island(text).ok_or_else(|| {
                format!(
                    "no island has the code {text:?} in region {}; a code looks like 19.02.40114",
                    region.code()
                )
            })?;
            site.island = known.code.clone();
        }
        "latitude" => {
            let latitude = degrees(text)?;
            site.point = Some(Point { latitude, ..site.point.unwrap_or(Point { latitude, longitude: 0.0 }) });
        }
        "longitude" => {
            let longitude = degrees(text)?;
            site.point =
                Some(Point { longitude, ..site.point.unwrap_or(Point { latitude: 0.0, longitude }) });
        }
        "time_zone" => site.time_zone = text.parse()?,
        "hours" => {
            site.hours = text.parse().map_err(|error: crate::calendar::HoursError| error.to_string())?
        }
        "power_hours" => {
            let parse = |text: &str| text.parse::<OfficeHours>().map_err(|error| error.to_string());
            site.power_hours = optional(text, parse)?;
        }
        "allowance_mib" => site.allowance_mib = optional(text, allowance)?,
        "metered" => site.metered = optional(text, yes_or_no)?,
        "subscribed_download_mbps" => site.subscribed_download_kbps = optional(text, subscribed)?,
        "subscribed_upload_mbps" => site.subscribed_upload_kbps = optional(text, subscribed)?,
        "measured_from" => site.measured_from = optional(text, date)?,
        "contract" => site.papers.contract = short(text)?,
        "power_source" => site.papers.power_source = short(text)?,
        "power_stated" => site.papers.power_stated = optional(text, date)?,
        "contact" => site.papers.contact = short(text)?,
        other => return Err(format!("there is no field {other:?}; fields are {}", FIELDS.join(", "))),
    }
    Ok(())
}

/// What no field can say alone: whether the point lies in the province.
pub fn check(site: &Site, region: &Region) -> Result<(), String> {
    let Some(point) = site.point else { return Ok(()) };
    if region.contains(point) {
        return Ok(());
    }
    let (low, high) = region.bounds();
    let swapped = Point { latitude: point.longitude, longitude: point.latitude };
    let hint = if region.contains(swapped) { "; latitude and longitude look swapped" } else { "" };
    Err(format!(
        "{}, {} is outside {}: latitude {:.2} to {:.2}, longitude {:.2} to {:.2}{hint}",
        point.latitude,
        point.longitude,
        region.name(),
        low.latitude,
        high.latitude,
        low.longitude,
        high.longitude
    ))
}

/// The field as `set` reads it.
pub fn text_of(site: &Site, field: &str) -> String {
    let name_of = |names: &[(&str, LinkKind)]| {
        names.iter().find(|(_, link)| *link == site.link).map(|(name, _)| (*name).to_owned())
    };
    match field {
        "code" => site.code.to_string(),
        "name" => site.name.clone(),
        "kind" => KINDS
            .iter()
            .find(|(_, kind)| *kind == site.kind)
            .map(|(name, _)| (*name).to_owned())
            .unwrap_or_default(),
        "village" => site.village.clone(),
        "island" => site.island.clone(),
        "latitude" => site.point.map(|point| point.latitude.to_string()).unwrap_or_default(),
        "longitude" => site.point.map(|point| point.longitude.to_string()).unwrap_or_default(),
        "link" => name_of(&LINKS).unwrap_or_default(),
        "provider" => site.provider.clone(),
        "time_zone" => site.time_zone.label().to_lowercase(),
        "hours" => site.hours.to_string(),
        "power_hours" => site.power_hours.as_ref().map(ToString::to_string).unwrap_or_default(),
        "allowance_mib" => site.allowance_mib.map(|mib| mib.to_string()).unwrap_or_default(),
        "metered" => site.metered.map(|yes| if yes { "yes" } else { "no" }.to_owned()).unwrap_or_default(),
        "subscribed_download_mbps" => megabits(site.subscribed_download_kbps),
        "subscribed_upload_mbps" => megabits(site.subscribed_upload_kbps),
        "measured_from" => site.measured_from.map(|date| date.to_string()).unwrap_or_default(),
        "contract" => site.papers.contract.clone(),
        "power_source" => site.papers.power_source.clone(),
        "power_stated" => site.papers.power_stated.map(|date| date.to_string()).unwrap_or_default(),
        "contact" => site.papers.contact.clone(),
        _ => String::new(),
    }
}

fn village_of<'a>(code: &str, region: &'a Region) -> Result<&'a crate::region::Village, String> {
    region.village(code.trim()).ok_or_else(|| {
        let same_name: Vec<&str> = region
            .villages()
            .iter()
            .filter(|village| village.name.eq_ignore_ascii_case(code.trim()))
            .map(|village| village.code.as_str())
            .collect();
        let hint = if same_name.is_empty() {
            "a code looks like 19.02.03.2001".to_owned()
        } else {
            format!("the village of that name has the code {}", same_name.join(" or "))
        };
        format!("no village has the code {code:?} in region {}; {hint}", region.code())
    })
}

fn short(text: &str) -> Result<String, String> {
    let chars = text.chars().count();
    if chars > NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(format!("at most {NAME_CHARS_MAX} characters on one line, found {chars}"));
    }
    Ok(text.to_owned())
}

fn one_of<T: Copy>(names: &[(&str, T)], text: &str) -> Result<T, String> {
    names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, value)| *value).ok_or_else(|| {
        let right: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        format!("one of {}, found {text:?}", right.join(", "))
    })
}

/// A decimal comma is what Indonesian spreadsheets write. Both directions take 180, so that [`check`] sees
/// swapped ones and says so.
fn degrees(text: &str) -> Result<f64, String> {
    let value = text.replace(',', ".").parse::<f64>().ok().filter(|value| value.abs() <= 180.0);
    value.ok_or_else(|| format!("degrees like -2.84002, found {text:?}"))
}

fn optional<T>(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

fn allowance(text: &str) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|mib| (1..=ALLOWANCE_MIB_MAX).contains(mib))
        .ok_or_else(|| format!("whole MiB a month from 1 to {ALLOWANCE_MIB_MAX}, found {text:?}"))
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "ya" => Ok(true),
        "no" | "tidak" => Ok(false),
        _ => Err(format!("yes or no, or nothing to go by what the computers there say, found {text:?}")),
    }
}

/// A decimal comma is what Indonesian contracts write.
fn subscribed(text: &str) -> Result<u32, String> {
    let mbps = text.replace(',', ".").parse::<f64>().ok();
    mbps.filter(|mbps| (0.001..=SUBSCRIBED_MBPS_MAX).contains(mbps))
        .map(|mbps| (mbps * 1_000.0).round() as u32)
        .ok_or_else(|| format!("Mbit/s like 2 or 0.512, at most {SUBSCRIBED_MBPS_MAX}, found {text:?}"))
}

fn megabits(kbps: Option<u32>) -> String {
    kbps.map(|kbps| (f64::from(kbps) / 1_000.0).to_string()).unwrap_or_default()
}

fn date(text: &str) -> Result<jiff::civil::Date, String> {
    text.parse().map_err(|_| format!("a date like 2026-07-01, found {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::builtin;

    #[test]
    fn a_village_code_gives_the_office_its_name_island_and_point() {
        let region = builtin("19").expect("built in");
        let site = site_of_village("19.02.03.2002", "19.02.03.2002", region).expect("known");
        assert_eq!((site.name.as_str(), site.island.as_str()), ("Kantor Desa Petaling", "19.02.40114"));
        assert!(site.point.is_some());
        assert_eq!(check(&site, region), Ok(()));
    }

    #[test]
    fn a_field_reads_back_what_it_writes() {
        let region = builtin("19").expect("built in");
        let mut site = site_of_village("a", "19.02.03.2002", region).expect("known");
        let fields = [
            ("name", "Kantor Desa"),
            ("kind", "school"),
            ("link", "geo_satellite"),
            ("latitude", "-2.9"),
            ("longitude", "107.4"),
            ("hours", "mon-fri 08:00-12:00"),
            ("power_hours", "mon-sun 00:00-06:00,18:00-24:00"),
            ("allowance_mib", "500"),
            ("subscribed_download_mbps", "2"),
            ("subscribed_upload_mbps", "0.512"),
            ("metered", "yes"),
            ("measured_from", "2026-07-01"),
            ("time_zone", "wita"),
            ("contract", "027/12/2026"),
            ("power_source", "PLN ULP Tanjungpandan"),
            ("power_stated", "2026-05-04"),
            ("contact", "Ibu Contoh, 0812 0000 0000"),
        ];
        for (field, text) in fields {
            set(&mut site, field, text, region).unwrap_or_else(|error| panic!("{field}: {error}"));
            assert_eq!(text_of(&site, field), text);
        }
        set(&mut site, "power_hours", "", region).expect("optional");
        assert_eq!(site.power_hours, None);
    }

    #[test]
    fn a_name_in_the_place_of_a_code_is_answered_with_the_code() {
        let region = builtin("19").expect("built in");
        let error = site_of_village("a", "Suak Gual", region).expect_err("a name");
        assert!(error.contains("19.02.03.2003"), "{error}");
    }
}
