//! Reports as a reader gets them, made of a sample quarter.

use suar_wire::{Cause, Purpose, Step};

use super::sample::{empty_quarter, month, quarter, region, report, sites};
use super::{Format, Language, Letter, Paper, Report};
use crate::assessment::Assessment;
use crate::coverage::{Counts, MonthData, Outage, Standing, sensitivity};
use crate::registry::Papers;

const FORMATS: [Format; 6] =
    [Format::Markdown, Format::Csv, Format::Json, Format::Xlsx, Format::Html, Format::Pdf];
/// What somebody could call an office to break a report.
pub(super) const HOSTILE: &str = "</td><script>alert(1)</script>\"'|*=1+1\u{7}\u{202e}&amp;";

pub(super) fn made(assessment: &Assessment, format: Format, language: Language) -> Vec<u8> {
    let letter = Letter::default();
    report(assessment, &letter, Paper::A4).render(format, language).expect("it is written")
}

pub(super) fn text(assessment: &Assessment, format: Format, language: Language) -> String {
    String::from_utf8(made(assessment, format, language)).expect("UTF-8")
}

#[test]
fn the_same_quarter_gives_the_same_bytes_in_every_format_and_language() {
    let (once, again) = (quarter(sites(30), None), quarter(sites(30), None));
    for format in FORMATS {
        for language in [Language::Id, Language::En] {
            assert_eq!(made(&once, format, language), made(&again, format, language), "{format:?}");
        }
    }
}

#[test]
fn a_quarter_without_a_record_says_so_in_every_format_for_reading() {
    let empty = empty_quarter(sites(8));
    let none = quarter(Vec::new(), None);
    for format in [Format::Markdown, Format::Html] {
        assert!(text(&empty, format, Language::Id).contains("Tidak ada data pada periode ini"));
        assert!(text(&empty, format, Language::En).contains("There are no data of this period"));
        assert!(text(&none, format, Language::Id).contains("Belum ada kantor terdaftar di wilayah ini"));
        assert!(text(&none, format, Language::En).contains("No office is registered here yet"));
    }
    made(&empty, Format::Xlsx, Language::Id);
    made(&none, Format::Xlsx, Language::Id);
}

#[test]
fn what_monitoring_used_stands_beside_what_it_may_use() {
    let mut offices = sites(3);
    offices[1].allowance_mib = Some(20);
    let code = offices[1].code.clone();
    let mut assessment = quarter(offices, None);
    assert!(!text(&assessment, Format::Markdown, Language::En).contains("Data used by monitoring"));
    let month = |text: &str, paid_bytes, step| MonthData {
        month: text.parse().expect("a month"),
        paid_bytes,
        by_purpose: [(Purpose::Echo, 50_000), (Purpose::Push, paid_bytes - 50_000)].into(),
        step,
    };
    let months = vec![month("2026-07", 8_250_000, Step::Full), month("2026-08", 19_900_000, Step::Frugal)];
    assessment.data.insert(code.clone(), months);
    let row = |language, heading: &str| {
        let page = text(&assessment, Format::Markdown, language);
        let section = page.split(heading).nth(1).unwrap_or_else(|| panic!("{heading} is missing in {page}"));
        let found = section.lines().find(|line| line.contains(&format!("| {code} |")));
        found.unwrap_or_else(|| panic!("no row in {section}")).to_owned()
    };
    let english = row(Language::En, "## Data used by monitoring");
    assert!(
        english.ends_with(&format!(
            "| {code} | 28.15 MB | 19.90 MB | August 2026 | 20.97 MB | 94.90% | measured less often |"
        )),
        "{english}"
    );
    let indonesian = row(Language::Id, "## Data yang dipakai pemantauan");
    assert!(
        indonesian.ends_with(&format!(
            "| {code} | 28,15 MB | 19,90 MB | Agustus 2026 | 20,97 MB | 94,90% | mengukur lebih jarang |"
        )),
        "{indonesian}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&text(&assessment, Format::Json, Language::Id)).expect("JSON");
    assert_eq!(json["data_use"][0]["allowance_bytes_a_month"], 20 * 1024 * 1024);
    assert_eq!(json["data_use"][0]["months"][1]["paid_bytes"], 19_900_000);
    let csv = text(&assessment, Format::Csv, Language::Id);
    let column = |name: &str| {
        let at = csv.lines().next().and_then(|head| head.split(',').position(|cell| cell == name));
        let row = csv.lines().find(|row| row.starts_with(&format!("{code},"))).expect("its row");
        row.split(',').nth(at.unwrap_or_else(|| panic!("no column {name}"))).expect("as long as its head")
    };
    let data = ["data_bytes", "data_most_bytes", "data_most_month", "data_allowance_bytes", "data_step"];
    assert_eq!(data.map(column), ["28150000", "19900000", "2026-08", "20971520", "frugal"]);
    let by_purpose = ["data_echo_bytes", "data_push_bytes", "data_bandwidth_bytes"].map(column);
    assert_eq!(by_purpose, ["100000", "28050000", "0"]);
    assert_eq!(json["data_use"][0]["months"][1]["paid_bytes_by_purpose"]["push"], 19_850_000);
}

#[test]
fn an_outage_that_offices_share_is_told_once_and_beside_each_of_its_offices() {
    const JULY_S: i64 = 1_783_040_400;
    let mut offices = sites(6);
    offices.iter_mut().take(5).for_each(|office| office.provider = "Bakti".to_owned());
    let mut assessment = quarter(offices, None);
    let monitored = assessment.sites.iter().filter(|site| site.standing != Standing::NotMonitored).count();
    assert_eq!(monitored, 6, "of this sample the seventh has no agent");
    for (at, coverage) in assessment.sites.iter_mut().enumerate() {
        let start_s = JULY_S + 60 * at as i64;
        let outage = Outage { start_s, end_s: JULY_S + 3_600, cause: Cause::Internet, seconds_down: 1_800 };
        coverage.site.island = format!("19.99.{at}");
        coverage.outages = if at < 4 { vec![outage] } else { Vec::new() };
    }
    let told = |language, heading: &str, words: &str| {
        let page = text(&assessment, Format::Markdown, language);
        let section = page.split(heading).nth(1).unwrap_or_else(|| panic!("{heading} is missing in {page}"));
        section.split("\n## ").next().expect("its end").matches(words).count()
    };
    let (id, en) = ("4 dari 5 kantor penyedia Bakti", "4 of 5 offices of provider Bakti");
    assert_eq!(told(Language::Id, "## Gangguan bersama", id), 1);
    assert_eq!(told(Language::Id, "## Gangguan terlama", id), 4);
    assert_eq!(told(Language::En, "## Shared outages", en), 1);
    assert_eq!(told(Language::En, "## Longest outages", en), 4);
    let json: serde_json::Value =
        serde_json::from_str(&text(&assessment, Format::Json, Language::Id)).expect("JSON");
    let event = &json["shared_outages"][0];
    assert_eq!((&event["provider"], &event["of_sites"]), (&"Bakti".into(), &5.into()));
    for format in [Format::Xlsx, Format::Pdf, Format::Html] {
        made(&assessment, format, Language::Id);
    }

    for coverage in &mut assessment.sites[..3] {
        coverage.site.island.clone_from(&assessment.islands[0].code);
    }
    let island = &assessment.islands[0].name;
    let all = assessment.sites[3..].iter_mut();
    all.for_each(|coverage| coverage.outages.clear());
    let page = text(&assessment, Format::Markdown, Language::Id);
    assert!(page.contains(&format!("| 3 dari 3 kantor di {island} |")), "{page}");

    assessment.sites[0].outages.clear();
    let page = text(&assessment, Format::Markdown, Language::Id);
    assert!(!page.contains("Gangguan bersama") && !page.contains("Bagian dari gangguan bersama"), "{page}");
}

#[test]
fn offices_that_are_not_judged_are_told_one_by_one_with_the_reason() {
    let assessment = quarter(sites(30), None);
    let missing = assessment.sites.iter().filter(|site| !site.standing.is_judged());
    let page = text(&assessment, Format::Markdown, Language::Id);
    let section = page.split("## Kantor yang belum dapat dinilai").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its end");
    let mut count = 0;
    for site in missing {
        assert!(section.contains(&format!("| {} |", site.site.code)), "{}", site.site.code);
        count += 1;
    }
    assert!(count >= 4);
    assert!(section.contains("belum ada pemantau di kantor ini"));
    assert!(section.contains("hari yang diperlukan"));
}

#[test]
fn a_hostile_name_stays_text_in_html() {
    let mut hostile = sites(4);
    hostile[0].name = HOSTILE.to_owned();
    hostile[1].provider = HOSTILE.to_owned();
    let assessment = quarter(hostile, None);
    let letter = Letter { head: vec![HOSTILE.to_owned()], name: HOSTILE.to_owned(), ..Letter::default() };
    let page = report(&assessment, &letter, Paper::A4).render(Format::Html, Language::Id).expect("written");
    let page = String::from_utf8(page).expect("UTF-8");
    assert!(!page.contains("<script"));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{7}'));
    assert!(page.contains("&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;|*=1+1"));
    let rows = |page: &str| page.matches("<tr>").count();
    assert_eq!(rows(&page), rows(&text(&quarter(sites(4), None), Format::Html, Language::Id)));
}

#[test]
fn no_report_shows_whom_to_call_or_a_contract() {
    let mut private = sites(4);
    private[0].papers =
        Papers { contact: "0812 RAHASIA".to_owned(), contract: "RAHASIA/1".to_owned(), ..Papers::default() };
    let village = private[0].village.clone();
    for scope in [None, Some(village.as_str())] {
        let assessment = quarter(private.clone(), scope);
        for format in [Format::Markdown, Format::Csv, Format::Json, Format::Html] {
            assert!(!text(&assessment, format, Language::Id).contains("RAHASIA"), "{format:?}");
        }
    }
}

#[test]
fn a_year_whose_holidays_nobody_told_is_named_in_the_summary() {
    let mut assessment = quarter(sites(4), None);
    assert_eq!(assessment.years_without_holidays, Vec::<i16>::new());
    assessment.years_without_holidays = vec![2027];
    let page = text(&assessment, Format::Markdown, Language::Id);
    assert!(page.contains("Hari libur tahun 2027 belum tercatat"), "{page}");
}

#[test]
fn the_method_names_hours_special_days_and_the_program() {
    let page = text(&quarter(sites(30), None), Format::Markdown, Language::Id);
    let method = page.split("### Jam kerja dan hari khusus").nth(1).expect("the section");
    assert!(method.contains("| Sen-Kam 08.00-16.00; Jum 08.00-11.30, 13.00-16.00 WIB |"), "{method}");
    assert!(
        method.contains("| 17 Agustus 2026 |") && method.contains("| seluruh Indonesia | libur |"),
        "{method}"
    );
    assert!(method.contains(&format!("Dibuat dengan Suar {}.", env!("CARGO_PKG_VERSION"))), "{method}");
}

#[test]
fn html_fetches_nothing_and_repeats_heads_in_print() {
    let assessment = quarter(sites(40), None);
    let page = text(&assessment, Format::Html, Language::Id);
    for never in ["http:", "https:", "src=", "href=", "<script", "@import"] {
        assert!(!page.to_lowercase().contains(never), "{never}");
    }
    assert!(page.contains("<html lang=\"id\">"));
    assert!(page.contains("thead { display: table-header-group; }"));
    assert!(page.contains("@page { size: 210mm 297mm;"));
    assert_eq!(page.matches("<table>").count(), page.matches("<thead>").count());
    let letter = Letter::default();
    let f4 = report(&assessment, &letter, Paper::F4).render(Format::Html, Language::En).expect("written");
    assert!(String::from_utf8(f4).expect("UTF-8").contains("@page { size: 215mm 330mm;"));
}

#[test]
fn a_status_is_words_and_a_shape_never_colour_alone() {
    let assessment = quarter(sites(40), None);
    let page = text(&assessment, Format::Html, Language::En);
    let map =
        page.split("<figure class=\"map\">").nth(1).expect("a map").split("</figure>").next().expect("end");
    for words in ["unreliable", "limited", "reliable", "not assessable", "no registered office"] {
        assert!(map.contains(words), "{words}");
    }
    let numbers = map.matches("<text").count();
    assert_eq!(numbers, assessment.islands.len());
    assert!(map.matches("<path d=\"M").count() > 100, "the islands are drawn");
}

#[test]
fn a_report_of_a_regency_and_one_of_a_month_are_made_too() {
    let regency = quarter(sites(60), Some("19.02"));
    assert_eq!(regency.scope.code, "19.02");
    assert!(text(&regency, Format::Html, Language::Id).contains("Ketersediaan menurut bulan"));
    let month = month(sites(20));
    let page = text(&month, Format::Html, Language::Id);
    assert!(page.contains("Ketersediaan menurut hari"));
    assert!(page.contains("3 Agustus 2026"));
}

#[test]
fn a_report_of_the_whole_province_names_every_office() {
    let all = sites(393);
    assert_eq!(all.len(), region().villages().len());
    let assessment = quarter(all, None);
    let page = text(&assessment, Format::Html, Language::Id);
    for site in &assessment.sites {
        assert!(page.contains(&format!("<td>{}</td>", site.site.code)), "{}", site.site.code);
    }
    if let Ok(directory) = std::env::var("SUAR_REPORT_DIR") {
        keep(&directory, &assessment);
    }
}

/// Writes every report for people's eyes, where asked for by SUAR_REPORT_DIR.
fn keep(directory: &str, assessment: &Assessment) {
    for (language, suffix) in [(Language::Id, "id"), (Language::En, "en")] {
        for format in FORMATS {
            let path = format!("{directory}/report-{suffix}.{}", format.extension());
            std::fs::write(path, made(assessment, format, language)).expect("a writable directory");
        }
    }
}

#[test]
fn a_report_that_compares_tells_every_office_of_both_periods_and_its_change() {
    let (now, before) = (quarter(sites(30), None), month(sites(30)));
    let letter = Letter::default();
    let report = Report { before: Some(&before), ..report(&now, &letter, Paper::A4) };
    let page = report.render(Format::Markdown, Language::Id).expect("it is written");
    let page = String::from_utf8(page).expect("UTF-8");
    let section = page.split("## Dibandingkan dengan Agustus 2026").nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("its end");
    for site in &now.sites {
        assert!(section.contains(&format!("| {} |", site.site.code)), "{}", site.site.code);
    }
    let json = report.render(Format::Json, Language::Id).expect("it is written");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let told = json["comparison"]["sites"].as_array().expect("offices");
    assert_eq!((told.len(), &json["comparison"]["period"]), (30, &"2026-08".into()));
    for (told, site) in told.iter().zip(&before.sites) {
        assert_eq!(told["standing_before"], site.standing.label());
        assert_eq!(told["availability_before"].is_null(), site.availability.is_none());
    }
    report.render(Format::Xlsx, Language::En).expect("it is written");
    report.render(Format::Pdf, Language::En).expect("it is written");
}

#[test]
fn other_thresholds_move_standings_only_where_they_should() {
    let assessment = quarter(sites(60), None);
    let [milder, used, stricter] = sensitivity(&assessment.sites, &assessment.rules);
    let mut counts = Counts::default();
    assessment.sites.iter().for_each(|site| counts.add(site));
    assert_eq!(used.offices.unreliable, counts.unreliable);
    assert_eq!(used.offices.limited, counts.limited);
    assert_eq!([milder.offices.judged, stricter.offices.judged], [counts.judged; 2]);
    assert!(
        milder.offices.unreliable <= counts.unreliable && counts.unreliable <= stricter.offices.unreliable
    );
    for island in &assessment.islands {
        assert_eq!(used.islands[&island.code], island.standing, "{}", island.code);
        assert!(stricter.islands[&island.code] <= milder.islands[&island.code], "{}", island.code);
    }
}
