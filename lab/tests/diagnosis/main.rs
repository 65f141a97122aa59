//! Every row of the decision table, brought about by a real fault at an office with a real agent: the verdict
//! is reached within two rounds, and so is the way back.

mod offices;
mod rows;

use std::collections::BTreeMap;

use suar_agent::verdict::Debounce;
use suar_lab::netns::can_run_here;
use suar_wire::Verdict;

use offices::{Course, ROUNDS, Seen};
use rows::{ROWS, Said, WELL};

#[test]
fn every_fault_is_called_by_its_name_within_two_rounds_and_forgotten_within_two() {
    if !can_run_here("the decision table by real faults") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let course = offices::run(directory.path()).unwrap_or_else(|error| panic!("no course: {error:#}"));
    let table = confusion_table(&course);
    println!("{table}");
    for office in &course.offices {
        let Seen { row, rounds } = office;
        let told = |from: i64| -> Vec<Option<Said>> {
            (from..from + ROUNDS).map(|slot| rounds.get(&slot).copied()).collect()
        };
        let always = |said: Said| vec![Some(said); ROUNDS as usize];
        assert_eq!(told(course.broken_from), always(row.expect), "{}, broken:\n{table}", row.name);
        assert_eq!(told(course.mended_from), always(WELL), "{}, mended:\n{table}", row.name);
        let before: Vec<&Said> = rounds.range(..course.broken_from).map(|(_, said)| said).collect();
        assert!(!before.is_empty() && before.iter().all(|said| **said == WELL), "{}: {before:?}", row.name);
        assert_eq!(shown_after(rounds, course.broken_from + ROUNDS), Some(row.expect.0), "{}", row.name);
        assert_eq!(shown_after(rounds, course.mended_from + ROUNDS), Some(Verdict::Up), "{}", row.name);
    }
}

/// The state that an agent shows once all rounds before `slot` have ended.
fn shown_after(rounds: &BTreeMap<i64, Said>, slot: i64) -> Option<Verdict> {
    let mut debounce = Debounce::default();
    rounds.range(..slot).for_each(|(_, (verdict, _))| {
        debounce.observe(*verdict);
    });
    debounce.shown()
}

/// How often the rounds in trouble said what: one line for each fault, one column for each answer.
fn confusion_table(course: &Course) -> String {
    let mut answers: Vec<String> = ROWS.iter().map(|row| label(row.expect)).collect();
    let mut counted: Vec<(&str, BTreeMap<String, u32>)> = Vec::new();
    for Seen { row, rounds } in &course.offices {
        let mut said = BTreeMap::new();
        for slot in course.broken_from..course.mended_from {
            let answer = rounds.get(&slot).map_or_else(|| "no round".to_owned(), |said| label(*said));
            *said.entry(answer.clone()).or_insert(0) += 1;
            answers.push(answer);
        }
        counted.push((row.name, said));
    }
    answers.sort();
    answers.dedup();
    let mut table = format!("{:28}", "");
    answers.iter().for_each(|answer| table += &format!(" {answer:>21}"));
    for (name, said) in counted {
        table += &format!("\n{name:28}");
        for answer in &answers {
            let count = said.get(answer).map_or_else(|| ".".to_owned(), u32::to_string);
            table += &format!(" {count:>21}");
        }
    }
    table
}

fn label((verdict, note): Said) -> String {
    match verdict.cause() {
        Some(cause) => cause.label().to_owned(),
        None if note == WELL.1 => "up".to_owned(),
        None => note.label().to_owned(),
    }
}
