//! The rules of ARCHITECTURE.md about who may know whom, held against the source text.

use std::fs;
use std::path::{Path, PathBuf};

/// A line of code with its place; comments and the tests at a file's end are left out.
struct Line {
    place: String,
    code: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the lab lies in the workspace").to_owned()
}

/// Rust files below `directory` whose path inside it satisfies `wanted`, e.g. `store/inbox.rs`.
fn lines(directory: &str, wanted: impl Fn(&str) -> bool) -> Vec<Line> {
    let top = root().join(directory);
    let mut files = Vec::new();
    collect(&top, &mut files);
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let inside =
            file.strip_prefix(&top).expect("it was found below").to_string_lossy().replace('\\', "/");
        let is_test = inside.ends_with("tests.rs") || inside.contains("tests/");
        if is_test || !wanted(&inside) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        for (number, line) in code_lines(&text) {
            found.push(Line { place: format!("{directory}/{inside}:{number}"), code: line });
        }
    }
    found
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Numbered lines without `//` comments, up to the tests of the file.
fn code_lines(text: &str) -> Vec<(usize, String)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default().to_owned()))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect()
}

/// Fails with every line that says one of the words.
fn never(rule: &str, lines: &[Line], words: &[&str]) {
    assert!(!lines.is_empty(), "{rule}: no source was found; the rule watches nothing");
    let breaches: Vec<String> = lines
        .iter()
        .filter(|line| words.iter().any(|word| line.code.contains(word)))
        .map(|line| format!("  {}: {}", line.place, line.code.trim()))
        .collect();
    assert!(breaches.is_empty(), "{rule}\n{}", breaches.join("\n"));
}

/// `module.rs`, `module/...`, and files of the module named for a system.
fn of(module: &'static str) -> impl Fn(&str) -> bool {
    move |path| path == format!("{module}.rs") || path.starts_with(&format!("{module}/"))
}

#[test]
fn probes_know_neither_spool_nor_uplink() {
    never(
        "a probe returns data and keeps none",
        &lines("agent/src", of("probe")),
        &["crate::spool", "crate::uplink", "super::spool", "super::uplink"],
    );
}

#[test]
fn the_spool_keeps_opaque_bytes() {
    never(
        "the spool does not look into records",
        &lines("agent/src", of("spool")),
        &[
            "suar_wire::record",
            "suar_wire::Record",
            "suar_wire::Body",
            "decode_record",
            "encode_record",
            "columns",
        ],
    );
}

#[test]
fn only_the_store_has_sql() {
    let elsewhere = lines("collector/src", |path| !of("store")(path));
    never(
        "SQL lives in collector/src/store",
        &elsewhere,
        &["rusqlite", "SELECT ", "INSERT ", "UPDATE ", "DELETE FROM", "CREATE TABLE", "PRAGMA "],
    );
    never("the agent has no database", &lines("agent/src", |_| true), &["rusqlite", "SELECT "]);
}

#[test]
fn only_the_exposition_has_metric_names() {
    let lines = lines("collector/src", |path| !of("exposition")(path));
    // Names of our own crates are no metric names.
    let breaches: Vec<String> = lines
        .iter()
        .filter(|line| {
            let without_crates = ["suar_wire", "suar_collector", "suar_agent"]
                .iter()
                .fold(line.code.clone(), |code, name| code.replace(name, ""));
            without_crates.contains("\"suar_") || without_crates.contains("suar_site_")
        })
        .map(|line| format!("  {}: {}", line.place, line.code.trim()))
        .collect();
    assert!(breaches.is_empty(), "metric names live in exposition\n{}", breaches.join("\n"));
}

#[test]
fn the_plain_count_shares_nothing_with_what_it_checks() {
    never(
        "what a report is held against is counted without the collector",
        &lines("lab/src", of("plain")),
        &["suar_collector"],
    );
}

#[test]
fn coverage_has_no_clock_and_no_input_or_output() {
    never(
        "coverage is pure: what it needs is an argument",
        &lines("collector/src", of("coverage")),
        &[
            "std::time",
            "SystemTime",
            "Instant",
            "Timestamp::now",
            "Zoned::now",
            "std::fs",
            "std::net",
            "tokio",
        ],
    );
}

#[test]
fn a_report_sees_coverage_results_and_never_the_store() {
    never(
        "a report is made of coverage results",
        &lines("collector/src", of("report")),
        &["crate::store", "rusqlite", "SystemTime", "Timestamp::now", "std::net"],
    );
}

#[test]
fn summaries_and_the_exposition_are_pure() {
    for module in ["summary", "exposition"] {
        let mut lines = lines("collector/src", of(module));
        // The record as it is kept is a plain type that the store defines; its tables are another matter.
        for line in &mut lines {
            line.code = line.code.replace("crate::store::StoredRecord", "");
        }
        never(
            "what turns values into values touches neither clock nor disk nor network",
            &lines,
            &["SystemTime", "Instant::now", "Timestamp::now", "std::fs", "std::net::Tcp", "crate::store"],
        );
    }
}

#[test]
fn history_is_made_of_values_and_reads_nothing_itself() {
    never(
        "history takes records and summaries from whoever reads them",
        &lines("collector/src", of("history")),
        &["SystemTime", "Instant::now", "now_ms()", "std::fs", "tokio", "store::Reader", "axum", "prost"],
    );
}

#[test]
fn the_verdict_and_the_schedule_are_pure() {
    for module in ["verdict", "schedule"] {
        never(
            "what the agent decides can be replayed from its records",
            &lines("agent/src", of(module)),
            &["SystemTime", "Instant::now", "std::fs", "tokio::", "std::net::Tcp", "std::net::Udp"],
        );
    }
}

#[test]
fn the_wire_has_no_input_no_output_and_no_clock() {
    never(
        "wire is what both sides agree on, nothing that does anything",
        &lines("wire/src", |_| true),
        &[
            "std::fs",
            "TcpStream",
            "UdpSocket",
            "TcpListener",
            "SystemTime",
            "Instant",
            "std::time",
            "tokio",
            "rand::",
        ],
    );
}

#[test]
fn the_two_programs_never_depend_on_each_other() {
    for (manifest, other) in [
        ("agent/Cargo.toml", "suar-collector"),
        ("collector/Cargo.toml", "suar-agent"),
        ("wire/Cargo.toml", "suar-agent"),
        ("wire/Cargo.toml", "suar-collector"),
        ("machine/Cargo.toml", "suar-"),
        ("agent/Cargo.toml", "suar-lab"),
        ("collector/Cargo.toml", "suar-lab"),
    ] {
        let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
        let declared = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        // `suar-agent` is also the name of a package itself, in quotes.
        let depends = declared.into_iter().any(|line| line.trim_start().starts_with(other));
        assert!(!depends, "{manifest} depends on {other}");
    }
}

#[test]
fn what_is_specific_to_one_system_is_in_a_file_named_for_it() {
    let unnamed =
        |path: &str| !["_linux.rs", "_unix.rs", "_windows.rs"].iter().any(|ending| path.ends_with(ending));
    for directory in ["agent/src", "collector/src", "machine/src", "wire/src"] {
        never(
            "calls of one system stay in its file",
            &lines(directory, unnamed),
            &["libc::", "windows_sys::", "std::os::unix", "std::os::linux", "std::os::windows", "/proc/"],
        );
    }
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for directory in ["wire/src", "machine/src", "agent/src", "collector/src", "lab/src"] {
        let mut files = Vec::new();
        collect(&root().join(directory), &mut files);
        for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
            let text = fs::read_to_string(file).expect("a source file");
            assert!(text.starts_with("//! "), "{} does not start with its duty", file.display());
            assert!(!text.contains("(to be written)"), "{} is still to be written", file.display());
        }
    }
}

#[test]
fn the_rules_see_a_breach_and_leave_comments_and_tests_alone() {
    let text = "// std::fs in a comment\nuse std::fs; // why\n\n#[cfg(test)]\nmod tests { use std::net; }\n";
    assert_eq!(code_lines(text), vec![(2, "use std::fs; ".to_owned())]);
}

/// `docs/promises.md` names the tests that show what is promised: they have to be there.
#[test]
fn every_test_that_a_promise_names_exists() {
    let promises = fs::read_to_string(root().join("docs/promises.md")).expect("the page of promises");
    let named = promises.split('`').skip(1).step_by(2);
    let is_test = |name: &&str| {
        name.matches('_').count() > 1 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let named: Vec<&str> = named.filter(is_test).collect();
    assert!(named.len() > 50, "{} names were found", named.len());
    let mut files = Vec::new();
    for directory in ["agent", "collector", "wire", "lab"] {
        for part in ["src", "tests"] {
            collect(&root().join(directory).join(part), &mut files);
        }
    }
    collect(&root().join("machine/src"), &mut files);
    let sources: Vec<String> =
        files.iter().map(|file| fs::read_to_string(file).expect("a source file")).collect();
    let missing: Vec<&str> = named
        .into_iter()
        .filter(|name| !sources.iter().any(|source| source.contains(&format!("fn {name}("))))
        .collect();
    assert!(missing.is_empty(), "no test is called {}", missing.join(", "));
}
