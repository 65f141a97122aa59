//! The PDF as its readers get it: pages, texts in order, and the same bytes again.

use std::io::Write;
use std::process::{Command, Stdio};

use super::super::sample::{empty_quarter, month, quarter, report, sites};
use super::super::tests::HOSTILE;
use super::super::{Format, Language, Letter, Paper};
use crate::assessment::Assessment;

fn made(assessment: &Assessment, letter: &Letter, paper: Paper, language: Language) -> Vec<u8> {
    report(assessment, letter, paper).render(Format::Pdf, language).expect("a PDF")
}

/// What a reader can copy out of the file; `None` where poppler-utils is not installed.
fn text(pdf: &[u8]) -> Option<String> {
    let program = Command::new("pdftotext")
        .args(["-layout", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut program) = program else {
        assert!(std::env::var_os("CI").is_none(), "pdftotext is not installed");
        eprintln!(
            "NOT CHECKED: pdftotext (poppler-utils) is not installed, the PDF's text was not read back"
        );
        return None;
    };
    let mut input = program.stdin.take().expect("piped");
    let pdf = pdf.to_vec();
    let feeder = std::thread::spawn(move || input.write_all(&pdf));
    let output = program.wait_with_output().expect("it ends");
    feeder.join().expect("no panic").expect("it reads all");
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

fn letter() -> Letter {
    Letter {
        head: vec!["PEMERINTAH KABUPATEN CONTOH".to_owned(), "Jalan Contoh 1".to_owned()],
        place: "Pangkalpinang".to_owned(),
        role: "Kepala Dinas".to_owned(),
        name: "Nama Contoh".to_owned(),
        number: "NIP 0".to_owned(),
    }
}

#[test]
fn the_same_quarter_gives_the_same_file() {
    let (once, again) = (quarter(sites(30), None), quarter(sites(30), None));
    let blank = Letter::default();
    for language in [Language::Id, Language::En] {
        let first = made(&once, &blank, Paper::A4, language);
        assert!(first.starts_with(b"%PDF-"));
        assert_eq!(first, made(&again, &blank, Paper::A4, language));
    }
    assert_ne!(made(&once, &blank, Paper::A4, Language::Id), made(&once, &blank, Paper::F4, Language::Id));
}

#[test]
fn pages_are_counted_heads_are_repeated_and_the_letter_is_there() {
    let assessment = quarter(sites(120), None);
    let pdf = made(&assessment, &letter(), Paper::A4, Language::Id);
    let Some(text) = text(&pdf) else { return };
    let pages: Vec<&str> = text.trim_end_matches('\u{c}').split('\u{c}').collect();
    for (at, page) in pages.iter().enumerate() {
        assert!(page.contains(&format!("Halaman {} dari {}", at + 1, pages.len())), "page {}", at + 1);
    }
    assert!(pages[0].contains("PEMERINTAH KABUPATEN CONTOH"));
    assert!(pages.last().expect("pages").contains("Pangkalpinang, 5 Oktober 2026"));
    assert!(pages.last().expect("pages").contains("Nama Contoh"));
    let with_rows = pages.iter().filter(|page| page.matches("Kantor Desa").count() > 10);
    for page in with_rows {
        let head = page.lines().find(|line| line.contains("Kantor")).expect("a head");
        assert!(!head.contains("Kantor Desa"), "a page of rows begins with its head: {head}");
    }
    for site in &assessment.sites {
        assert!(text.contains(site.site.code.as_str()), "{}", site.site.code);
    }
    assert!(text.contains(&assessment.input_sha256));
}

#[test]
fn a_village_fits_on_one_page_in_both_languages_and_papers() {
    let all = sites(40);
    for village in all.iter().map(|site| site.village.as_str()) {
        let assessment = quarter(all.clone(), Some(village));
        for (paper, language) in [(Paper::A4, Language::Id), (Paper::F4, Language::En)] {
            let pdf = made(&assessment, &Letter::default(), paper, language);
            let Some(text) = text(&pdf) else { return };
            let of_one = language.pick("Halaman 1 dari 1", "Page 1 of 1");
            assert!(text.contains(of_one), "{village}: {text}");
            assert!(text.contains(&assessment.input_sha256[..20]));
        }
    }
}

#[test]
fn a_blank_letter_prints_no_head_and_no_signature() {
    let assessment = quarter(sites(4), None);
    let pdf = made(&assessment, &Letter::default(), Paper::F4, Language::En);
    let Some(text) = text(&pdf) else { return };
    let first = text.lines().find(|line| !line.trim().is_empty()).expect("a line");
    assert!(first.contains("Internet access of offices"), "{first}");
    assert!(text.contains("Page 1 of"));
    assert!(!text.contains("5 October 2026\n\n\n"));
}

#[test]
fn a_quarter_without_a_record_says_so() {
    let pdf = made(&empty_quarter(sites(8)), &Letter::default(), Paper::A4, Language::Id);
    let nothing = made(&quarter(Vec::new(), None), &Letter::default(), Paper::A4, Language::Id);
    let Some(text_of_empty) = text(&pdf) else { return };
    assert!(text_of_empty.contains("Tidak ada data pada periode ini"));
    assert!(text(&nothing).expect("installed").contains("Belum ada kantor terdaftar"));
}

#[test]
fn hostile_and_unknown_characters_neither_break_nor_escape_the_file() {
    let mut hostile = sites(3);
    hostile[0].name = HOSTILE.to_owned();
    hostile[1].name = "漢字🚢".repeat(30);
    hostile[2].name = "W".repeat(120);
    let pdf = made(&quarter(hostile, None), &Letter::default(), Paper::A4, Language::Id);
    let Some(text) = text(&pdf) else { return };
    assert!(text.contains("alert(1)"));
    assert!(!text.contains('\u{202e}'));
}

#[test]
fn a_month_and_the_whole_province_are_laid_out_in_both_languages_and_papers() {
    let province = quarter(sites(393), None);
    let month = month(sites(20));
    for (paper, name) in [(Paper::A4, "a4"), (Paper::F4, "f4")] {
        for (language, suffix) in [(Language::Id, "id"), (Language::En, "en")] {
            let whole = made(&province, &letter(), paper, language);
            let short = made(&month, &Letter::default(), paper, language);
            if let Ok(directory) = std::env::var("SUAR_REPORT_DIR") {
                for (what, pdf) in [("province", &whole), ("month", &short)] {
                    std::fs::write(format!("{directory}/{what}-{name}-{suffix}.pdf"), pdf).expect("written");
                }
            }
        }
    }
}
