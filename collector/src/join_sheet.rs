//! The sheet of paper for whoever goes to an office: its join code, also as a QR code, and the steps.
//!
//! One HTML file with a page for each office; no scripts, nothing fetched. It holds secrets: it is written by the
//! command line alone, for its owner alone, and no page of the collector shows it.

use suar_wire::join_code::JoinCode;

use crate::calendar::TimeZone;
use crate::qr::{Qr, TooLong};
use crate::report::{Language, Paper, escaped, moment};

const PAGE: &str = include_str!("join_sheet/page.html");
const STYLE: &str = include_str!("join_sheet/style.css");

/// What one office's page says.
#[derive(Debug)]
pub struct Sheet {
    pub code: JoinCode,
    pub site_name: String,
    /// Village, district and regency.
    pub place: String,
    pub time_zone: TimeZone,
    pub expires_ms: i64,
    /// How many machines may join with the code.
    pub uses: u32,
}

/// All pages, one sheet of paper each.
pub fn render(sheets: &[Sheet], paper: Paper) -> Result<String, TooLong> {
    let (width, height) = paper.size_mm();
    let mut file = format!(
        "<!DOCTYPE html>\n<html lang=\"id\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Suar: lembar pemasangan / installation sheet</title>\n<style>\n\
         @page {{ size: {width}mm {height}mm; margin: 12mm 14mm; }}\n{STYLE}</style>\n</head>\n<body>\n"
    );
    for sheet in sheets {
        file.push_str(&page(sheet)?);
    }
    file.push_str("</body>\n</html>\n");
    Ok(file)
}

fn page(sheet: &Sheet) -> Result<String, TooLong> {
    let typed = sheet.code.to_string();
    let groups: Vec<String> = typed.split('-').map(|group| format!("<span>{group}</span>")).collect();
    // Never later than it is good, so the seconds are left out.
    let until_s = sheet.expires_ms.div_euclid(60_000) * 60;
    let until = |language| moment(until_s, sheet.time_zone, language);
    let english_machines =
        if sheet.uses == 1 { "one machine".to_owned() } else { format!("{} machines", sheet.uses) };
    let fields = [
        ("{{site_name}}", escaped(&sheet.site_name)),
        ("{{site}}", escaped(sheet.code.site.as_str())),
        ("{{place}}", escaped(&sheet.place)),
        ("{{server}}", escaped(&sheet.code.address)),
        ("{{groups}}", groups.join("<wbr>")),
        ("{{qr}}", Qr::of(&typed)?.svg("kode gabung sebagai kode QR / the join code as a QR code")),
        ("{{until_id}}", until(Language::Id)),
        ("{{until_en}}", until(Language::En)),
        ("{{machines_id}}", format!("{} komputer", sheet.uses)),
        ("{{machines_en}}", english_machines),
    ];
    // From the left, so that a name that looks like a field stays a name.
    let mut text = String::new();
    let mut rest = PAGE;
    while let Some(at) = rest.find("{{") {
        let (name, value) = fields
            .iter()
            .find(|(name, _)| rest[at..].starts_with(name))
            .expect("the page names known fields");
        text.push_str(&rest[..at]);
        text.push_str(value);
        rest = &rest[at + name.len()..];
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Set to renew the golden file; then look at the difference.
    const RENEW: &str = "SUAR_RENEW";

    fn sheet() -> Sheet {
        Sheet {
            code: JoinCode {
                address: "suar.example.go.id:8443".to_owned(),
                fingerprint: [7; 16],
                site: "19.02.02.2009".parse().expect("a code"),
                secret: [9; 10],
            },
            site_name: "Kantor Desa Suak Gual".to_owned(),
            place: "Desa Suak Gual, Kecamatan Selat Nasik, Kabupaten Belitung".to_owned(),
            time_zone: TimeZone::Wib,
            expires_ms: 1_796_972_645_123,
            uses: 1,
        }
    }

    #[test]
    fn the_sheet_is_the_golden_one() {
        let html = render(&[sheet()], Paper::A4).expect("it fits");
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/join-sheet.html");
        if std::env::var_os(RENEW).is_some() {
            std::fs::write(file, &html).expect("the golden file can be written");
        }
        let golden = std::fs::read_to_string(file).unwrap_or_default();
        assert!(html == golden, "the sheet changed; renew {file} with {RENEW}=1");
    }

    #[test]
    fn a_page_for_each_office_says_for_how_long_and_how_many() {
        let two = [sheet(), Sheet { uses: 3, time_zone: TimeZone::Wit, ..sheet() }];
        let html = render(&two, Paper::F4).expect("it fits");
        assert!(html.contains("size: 215mm 330mm") && html.matches("<svg").count() == 2);
        for said in ["1 komputer", "one machine", "3 komputer", "3 machines", "WIB", "WIT"] {
            assert!(html.contains(said), "{said:?} is missing");
        }
        let letters: String = html.split("<div class=\"code\">").nth(1).expect("a code").to_owned();
        let letters = letters.split("</div>").next().expect("its end").replace("<wbr>", "-");
        let letters = letters.replace("<span>", "").replace("</span>", "");
        assert_eq!(letters.trim().parse(), Ok(sheet().code));
    }

    #[test]
    fn a_name_from_outside_changes_nothing_of_the_page() {
        let odd = Sheet { site_name: "<b>{{server}}".to_owned(), ..sheet() };
        let html = render(&[odd], Paper::A4).expect("it fits");
        assert!(html.contains("&lt;b&gt;{{server}}") && !html.contains("<b>{{"));
    }
}
