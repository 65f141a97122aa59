//! The workbook's parts, as a spreadsheet program reads them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use suar_wire::{Purpose, Step};

use super::super::sample::{quarter, sites};
use super::super::tests::made;
use super::super::{Format, Language};
use crate::assessment::Assessment;
use crate::coverage::MonthData;

fn parts(assessment: &Assessment, language: Language) -> BTreeMap<String, String> {
    let bytes = made(assessment, Format::Xlsx, language);
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip file");
    (0..archive.len())
        .map(|at| {
            let mut part = archive.by_index(at).expect("a part");
            let mut text = String::new();
            part.read_to_string(&mut text).expect("XML");
            (part.name().expect("UTF-8").into_owned(), text)
        })
        .collect()
}

/// The sheet of this name.
fn sheet<'a>(parts: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    let workbook = &parts["xl/workbook.xml"];
    let before = workbook.split(&format!("<sheet name=\"{name}\"")).next().expect("its names");
    assert_ne!(before.len(), workbook.len(), "no sheet {name}");
    let number = before.matches("<sheet name=").count() + 1;
    &parts[&format!("xl/worksheets/sheet{number}.xml")]
}

fn cell<'a>(sheet: &'a str, at: &str) -> &'a str {
    let rest = sheet.split(&format!("<c r=\"{at}\"")).nth(1).unwrap_or_else(|| panic!("no cell {at}"));
    rest.split("</c>").next().expect("its end")
}

fn number(cell: &str) -> f64 {
    let value = cell.split("<v>").nth(1).and_then(|rest| rest.split("</v>").next()).expect("a value");
    value.parse().expect("a number")
}

#[test]
fn numbers_per_cents_dates_and_lengths_are_typed_and_names_are_texts() {
    let assessment = quarter(sites(20), None);
    let parts = parts(&assessment, Language::Id);
    let offices = sheet(&parts, "Kantor");
    let at = assessment.sites.iter().position(|site| site.availability.is_some()).expect("one observed");
    let (site, row) = (&assessment.sites[at], at + 2);
    let name = cell(offices, &format!("B{row}"));
    assert!(name.contains("t=\"s\""), "{name}");
    let availability = cell(offices, &format!("O{row}"));
    assert!(!availability.contains("t="), "{availability}");
    let exact = site.availability.expect("it was observed").as_f64();
    assert!((0.0..0.000_1).contains(&(exact - number(availability))), "cut, not rounded");
    let up = cell(offices, &format!("U{row}"));
    assert_eq!((number(up) * 86_400.0).round() as u64, site.up_s);
    let outages = sheet(&parts, "Gangguan");
    let first = super::super::compose::longest_first(&assessment)[0];
    let serial = (first.1.start_s + first.0.site.time_zone.offset_s()) as f64 / 86_400.0 + 25_569.0;
    assert!((number(cell(outages, "C2")) - serial).abs() < 1e-6);
}

#[test]
fn every_table_has_a_frozen_head_a_filter_and_repeats_it_in_print() {
    for (language, names) in [
        (
            Language::Id,
            ["Pulau", "Kabupaten dan kota", "Kecamatan", "Kantor", "Gangguan", "Belum dapat dinilai"],
        ),
        (Language::En, ["Islands", "Regencies", "Districts", "Offices", "Outages", "Not judged yet"]),
    ] {
        let parts = parts(&quarter(sites(20), None), language);
        for name in names {
            let sheet = sheet(&parts, name);
            assert!(sheet.contains("state=\"frozen\""), "{name}");
            assert!(sheet.contains("<autoFilter ref=\"A1:"), "{name}");
            assert!(sheet.contains("<cols>"), "{name}");
        }
        assert!(parts["xl/workbook.xml"].matches("_xlnm.Print_Titles").count() >= names.len());
    }
}

#[test]
fn what_monitoring_used_is_told_month_by_month_in_whole_bytes_and_only_where_somebody_told_it() {
    let mut offices = sites(3);
    offices[1].allowance_mib = Some(20);
    let code = offices[1].code.clone();
    let mut assessment = quarter(offices, None);
    let names = |assessment: &Assessment| parts(assessment, Language::Id)["xl/workbook.xml"].clone();
    assert!(!names(&assessment).contains("Data pemantauan"));
    let month = |month: &str, paid_bytes, step| MonthData {
        month: month.parse().expect("a month"),
        paid_bytes,
        by_purpose: [(Purpose::Push, paid_bytes)].into(),
        step,
    };
    let months = vec![month("2026-07", 8_250_001, Step::Full), month("2026-08", 19_900_000, Step::Frugal)];
    assessment.data.insert(code, months);
    let parts = parts(&assessment, Language::Id);
    let data = sheet(&parts, "Data pemantauan");
    let cells = ["C2", "D2", "E2", "C3", "D3", "F3"].map(|at| number(cell(data, at)));
    // 1 July and 1 August 2026 as spreadsheets count days; shares of what should be small are cut upwards.
    assert_eq!(cells, [46_204.0, 8_250_001.0, 20_971_520.0, 46_235.0, 19_900_000.0, 0.949]);
    let strings = &parts["xl/sharedStrings.xml"];
    for words in ["mengukur lebih jarang", "uji kecepatan (bita)", "kiriman rekaman (bita)"] {
        assert!(strings.contains(words), "{words}");
    }
    // After seven columns: echo, DNS, online check, collector, push.
    assert_eq!(["H2", "L2", "L3"].map(|at| number(cell(data, at))), [0.0, 8_250_001.0, 19_900_000.0]);
}

#[test]
fn a_name_like_a_formula_is_a_text() {
    let mut hostile = sites(2);
    hostile[0].name = "=HYPERLINK(\"http://evil\")\u{1}</v>".to_owned();
    let parts = parts(&quarter(hostile, None), Language::En);
    assert!(parts.values().all(|part| !part.contains("<f>")), "no formula anywhere");
    let strings = &parts["xl/sharedStrings.xml"];
    assert!(strings.contains("=HYPERLINK(\"http://evil\") &lt;/v&gt;"), "{strings}");
}

#[test]
fn the_creation_date_is_the_reports_and_nothing_else_tells_the_time() {
    let parts = parts(&quarter(sites(2), None), Language::Id);
    let core = &parts["docProps/core.xml"];
    assert_eq!(core.matches("2026-10-05T01:07:00Z").count(), 2, "{core}");
}
