//! The sheet a report is printed on: its size, its letter head, and who signs. All blank by default.

use std::str::FromStr;

use serde::Deserialize;

/// Lines of a letter head.
const HEAD_LINES_MAX: usize = 6;
/// Longest line of a letter head or a signature, in characters.
const LINE_CHARS_MAX: usize = 100;

/// Size of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paper {
    #[default]
    A4,
    /// Folio, as Indonesian offices print on: 215 x 330 mm.
    F4,
}

impl Paper {
    /// Width and height, millimetres.
    pub fn size_mm(self) -> (f32, f32) {
        match self {
            Self::A4 => (210.0, 297.0),
            Self::F4 => (215.0, 330.0),
        }
    }
}

impl FromStr for Paper {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "a4" => Ok(Self::A4),
            "f4" => Ok(Self::F4),
            _ => Err(format!("paper is a4 or f4, found {text:?}")),
        }
    }
}

/// What an office puts around a report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Letter {
    /// Lines above everything, centred; the first is set larger.
    pub head: Vec<String>,
    /// Where it is signed, before the date, e.g. `Pangkalpinang`.
    pub place: String,
    /// Of the one who signs, e.g. `Kepala Dinas Komunikasi dan Informatika`.
    pub role: String,
    pub name: String,
    /// E.g. `NIP 19700101 199503 1 001`.
    pub number: String,
}

impl Letter {
    pub(super) fn is_signed(&self) -> bool {
        [&self.place, &self.role, &self.name, &self.number].iter().any(|line| !line.is_empty())
    }

    /// Reads a letter from TOML; `file` is named in what is wrong.
    pub fn parse(text: &str, file: &str) -> Result<Self, String> {
        let letter: Self =
            toml::from_str(text).map_err(|error| format!("{file}: {}", error.to_string().trim_end()))?;
        if letter.head.len() > HEAD_LINES_MAX {
            let found = letter.head.len();
            return Err(format!("{file}: head: at most {HEAD_LINES_MAX} lines, found {found}"));
        }
        let lines = [&letter.place, &letter.role, &letter.name, &letter.number];
        let long = letter.head.iter().chain(lines).find(|line| line.chars().count() > LINE_CHARS_MAX);
        if let Some(long) = long {
            let start: String = long.chars().take(20).collect();
            return Err(format!(
                "{file}: a line has at most {LINE_CHARS_MAX} characters; {start:?}... is longer"
            ));
        }
        Ok(letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_and_a_wrong_one_is_told_in_one_sentence() {
        let letter = Letter::parse("head = [\"PEMERINTAH KABUPATEN\"]\nplace = \"Manggar\"", "surat.toml");
        assert!(letter.is_ok_and(|letter| letter.is_signed() && letter.head.len() == 1));
        assert!(Letter::parse("", "surat.toml").is_ok_and(|letter| letter == Letter::default()));
        let long = format!("name = \"{}\"", "x".repeat(101));
        let problem = Letter::parse(&long, "surat.toml").expect_err("too long");
        assert!(problem.starts_with("surat.toml: a line has at most 100"), "{problem}");
        assert!(Letter::parse("kop = 1", "surat.toml").is_err_and(|error| error.contains("surat.toml")));
        let example = Letter::parse(include_str!("../../../deploy/examples/letter.toml"), "letter.toml");
        assert!(example.is_ok_and(|letter| letter.head.len() == 3 && !letter.number.is_empty()));
        assert_eq!("F4".parse(), Ok(Paper::F4));
        assert!("letter".parse::<Paper>().is_err());
    }
}
