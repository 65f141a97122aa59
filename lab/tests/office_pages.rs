//! The pages that offices print: they say what the programs say, in the same words.

use std::path::{Path, PathBuf};

const PAGES: [&str; 6] = [
    "memasang-windows.html",
    "memasang-debian.html",
    "memasang-openwrt.html",
    "terputus.html",
    "istilah.html",
    "privasi.html",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the lab lies in the workspace").to_owned()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// One line, so that a sentence may be broken where the page is.
fn page(file: &str) -> String {
    read(file).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What `suar-agent check` says of each state, in both languages, as its golden text has it.
fn sentences() -> Vec<String> {
    const BEGINNINGS: [&str; 8] = [
        "TERPUTUS",
        "NO CONNECTION",
        "Yang harus dilakukan",
        "What to do",
        "Tidak ada yang perlu dilakukan di sini:",
        "Nothing to do here:",
        "Sambungan internet",
        "The internet connection",
    ];
    let golden = read("agent/tests/golden/check.txt");
    let found = golden.lines().filter(|line| BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)));
    found.map(str::to_owned).collect()
}

#[test]
fn the_page_of_causes_has_every_sentence_that_a_check_can_end_with() {
    let page = page("docs/office/terputus.html");
    let sentences = sentences();
    assert!(sentences.len() >= 20, "the golden text has only {sentences:?}");
    for sentence in sentences {
        assert!(page.contains(&sentence), "{sentence:?} is not on the page");
    }
}

#[test]
fn the_sheet_with_the_code_names_causes_and_remedies_as_a_check_does() {
    let sheet = page("collector/src/join_sheet/page.html");
    for sentence in sentences() {
        // The sheet has them without the words that every line begins with.
        let said =
            sentence.split_once(": ").map_or(sentence.as_str(), |(_, said)| said).trim_end_matches('.');
        let is_of_a_cause = !sentence.starts_with("Tidak ada")
            && !sentence.starts_with("Nothing")
            && !sentence.contains("tanggal dan jam")
            && !sentence.contains("date and time")
            && sentence.contains(": ");
        assert!(!is_of_a_cause || sheet.contains(said), "{said:?} is not on the sheet");
    }
}

#[test]
fn every_picture_is_there_and_every_page_has_both_languages_and_fetches_nothing() {
    for file in PAGES {
        let page = page(&format!("docs/office/{file}"));
        for picture in page.split("<img src=\"").skip(1) {
            let name = picture.split('"').next().expect("a name");
            let picture = read(&format!("docs/office/{name}"));
            assert!(picture.starts_with("<svg") && picture.contains("</text>"), "{name} in {file}");
        }
        assert!(page.contains("<html lang=\"id\">") && page.contains("lang=\"en\">"), "{file}");
        assert!(!page.contains("://") && !page.contains("<script"), "{file} fetches something");
        let listed = read("docs/office/README.md").contains(file);
        assert!(listed, "{file} is not in the list of pages");
    }
}

#[test]
fn the_privacy_notice_on_the_wall_promises_what_the_documentation_promises() {
    let (wall, notice) = (page("docs/office/privasi.html"), page("docs/privacy.md"));
    // What is never sent is a promise word by word.
    for never in [
        "user names, the computer's name, lists of programs, files, sites visited, Wi-Fi names",
        "serial numbers",
    ] {
        assert!(wall.contains(never) && notice.contains(never), "{never:?}");
    }
    let promise = |text: &str| {
        let start = text.to_lowercase().find("nama pengguna, nama komputer").expect("the promise");
        text[start..].split('.').next().expect("its end").to_lowercase()
    };
    assert_eq!(promise(&wall), promise(&notice));
}
