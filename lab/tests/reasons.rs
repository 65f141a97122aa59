//! Whoever is turned away is told why, it is counted by that reason, and `docs/operations.md` says what it means:
//! the words of the code are those of the document.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use suar_collector::bandwidth::{Full, NO_DATAGRAMS};
use suar_collector::clock::SetAside;
use suar_collector::ingest::{ConnectionFate, RejectReason};
use suar_wire::RefusalReason;
use suar_wire::joining::JoinRefusal;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the lab lies in the workspace").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn document() -> String {
    read(&root().join("docs/operations.md"))
}

/// What stands between backticks in a text.
fn marked(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn words<T: Copy>(all: &[T], label: impl Fn(T) -> &'static str) -> BTreeSet<String> {
    all.iter().map(|one| label(*one).to_owned()).collect()
}

/// The words in the column of reasons of the table whose head begins like this.
fn table(head: &str) -> BTreeSet<String> {
    let text = document();
    let (_, rest) = text.split_once(head).unwrap_or_else(|| panic!("no table {head:?}"));
    let column = head.split('|').position(|title| title.trim() == "reason").expect("a column of reasons");
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| marked(row.split('|').nth(column).unwrap_or_default())).collect()
}

#[test]
fn the_tables_name_every_reason_of_the_code_and_no_other() {
    let mut pushes = words(&RejectReason::ALL, RejectReason::label);
    pushes.insert("ok".to_owned());
    assert_eq!(table("| status | reason | meaning | what to do |"), pushes);
    let text = document();
    let tables = text.split("| reason | meaning |\n").skip(1).map(|rest| {
        let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
        rows.flat_map(|row| marked(row.split('|').nth(1).unwrap_or_default())).collect::<BTreeSet<_>>()
    });
    let records = [words(RefusalReason::ALL, RefusalReason::label), words(&SetAside::ALL, SetAside::label)];
    assert_eq!(tables.collect::<Vec<_>>(), records);
}

#[test]
fn every_refusal_of_a_join_a_reader_a_test_or_a_connection_stands_in_the_document() {
    let mut said = words(JoinRefusal::ALL, JoinRefusal::label);
    said.extend(words(&ConnectionFate::ALL, ConnectionFate::label));
    said.extend(words(&Full::ALL, Full::label));
    said.insert(NO_DATAGRAMS.to_owned());
    let http = root().join("collector/src/http");
    let files = ["auth.rs", "body.rs", "join.rs", "plan.rs", "remote_read.rs", "../history/limits.rs"];
    let mut sources: Vec<PathBuf> =
        files.iter().map(|file| http.join(file)).filter(|file| file.exists()).collect();
    for entry in fs::read_dir(http.join("remote_read")).expect("a directory") {
        sources.push(entry.expect("an entry").path());
    }
    let found: BTreeSet<String> = sources.iter().flat_map(|file| literal_reasons(&read(file))).collect();
    assert!(
        found.len() > 10,
        "the sources say otherwise what they refuse; this test watches nothing: {found:?}"
    );
    said.extend(found);
    let missing: Vec<_> = said.difference(&marked(&document())).cloned().collect();
    assert!(missing.is_empty(), "docs/operations.md does not say what these mean: {missing:?}");
}

/// Words that stand as they are in `Refusal::new(status, "word", ...)`, in counters, and in labels of an enum.
fn literal_reasons(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let second = |rest: &str| {
        let mut arguments = rest.split([',', ')']).skip(1).take(2).map(str::trim);
        arguments.find_map(|argument| Some(argument.strip_prefix('"')?.strip_suffix('"')?.to_owned()))
    };
    let calls = ["Refusal::new(", "read_answered("]
        .iter()
        .flat_map(|call| source.split(call).skip(1))
        .filter_map(second);
    let labels =
        source.lines().filter(|line| line.contains("=> \"") && line.contains("Self::")).filter_map(|line| {
            line.split_once("=> \"").and_then(|(_, rest)| rest.split('"').next()).map(str::to_owned)
        });
    calls.chain(labels).collect()
}
